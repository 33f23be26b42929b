package sipua_test

import (
	"testing"

	"tandem/leg/sipua"
	"tandem/sip/dialog"
)

// TestAnInviteFitsIntoADatagram keeps INVITEs to telephones on UDP below the 1,300
// bytes of RFC 3261 section 18.1.1: longer ones come in fragments, which many home
// routers drop. Everything is offered that a telephone is offered by default.
func TestAnInviteFitsIntoADatagram(t *testing.T) {
	conf := devices("100", "200")
	conf.Domains, conf.Realm = []string{"tandem.example.com"}, "tandem"
	conf.Devices[0].CallerID, conf.Devices[0].Display = "+12025550123", "Reception desk"
	for _, c := range []struct {
		name    string
		encrypt sipua.Encryption
		most    int
	}{
		{"the best that the telephone takes", sipua.Optional, 1300},
		{"keys in the SDP", sipua.SDES, 1300},
		{"DTLS", sipua.DTLS, 1300},
		{"plain RTP", sipua.Off, 1100},
	} {
		t.Run(c.name, func(t *testing.T) {
			conf.Devices[1].Encrypt = c.encrypt
			r := newRig(t, conf)
			a, b := r.phone("100", "udp"), r.phone("200", "udp")
			a.mustRegister()
			b.mustRegister()
			out := a.dial("200")
			in := b.rings()
			invite := in.Request().Append(nil) // with the received and rport of the far end's stack
			t.Logf("%d bytes", len(invite))
			if len(invite) >= c.most {
				t.Errorf("the INVITE has %d bytes, want fewer than %d:\n%s", len(invite), c.most, invite)
			}
			in.Reject(486, "")
			wait[dialog.Ended](out)
		})
	}
}
