package sipua_test

import (
	"strings"
	"testing"

	"tandem/sip/dialog"
)

func TestAPhoneThatInsistsOnEncryptionIsAskedAgain(t *testing.T) {
	for _, row := range []struct {
		name, profile string
		refusals      int // at the first call; the second call knows
	}{
		{"keys in the description", "RTP/SAVP ", 3},
		{"DTLS", "UDP/TLS/RTP/SAVPF ", 1},
		{"DTLS without feedback", "UDP/TLS/RTP/SAVP ", 2},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := newRig(t, devices("100", "200"))
			a, b := r.phone("100", "udp"), r.phone("200", "udp")
			b.mustRegister()
			for _, refusals := range []int{row.refusals, 0} {
				out := a.dial("200")
				for range refusals {
					in := b.rings()
					if strings.Contains(string(in.Request().Body), " "+row.profile) {
						t.Fatalf("%s came before it was needed", row.profile)
					}
					in.Reject(488, "")
				}
				in := b.rings()
				if !strings.Contains(string(in.Request().Body), "m=audio ") || !strings.Contains(string(in.Request().Body), " "+row.profile) {
					t.Errorf("no %s in\n%s", row.profile, in.Request().Body)
				}
				in.Progress(180, nil, false)
				if p := wait[dialog.Provisional](out); p.Status != 180 && p.Status != 100 {
					t.Errorf("provisional %d", p.Status)
				}
				in.Reject(486, "")
				if no := wait[dialog.Refused](out); no.Status != 486 {
					t.Errorf("refused with %d, want 486", no.Status)
				}
			}
		})
	}
}

func TestAPhoneThatTakesNoMediaIsNotAskedForEver(t *testing.T) {
	r := newRig(t, devices("100", "200"))
	a, b := r.phone("100", "udp"), r.phone("200", "udp")
	b.mustRegister()
	out := a.dial("200")
	for range 4 {
		b.rings().Reject(488, "")
	}
	if no := wait[dialog.Refused](out); no.Status != 488 {
		t.Errorf("refused with %d, want 488", no.Status)
	}
}
