package sipua_test

import (
	"testing"

	"tandem/call"
	"tandem/leg/sipua"
	"tandem/sip/dialog"
)

// TestAPBXThatRegisteredLearnsTheDialledNumber is about what calls to a device are
// addressed to.
func TestAPBXThatRegisteredLearnsTheDialledNumber(t *testing.T) {
	for _, c := range []struct{ dial, to, user string }{
		{"number", "+12025550147", "12025550147"},
		{"number", "701", "701"},
		{"number", "200", "200"}, // by its name
		{"", "+12025550147", "200"},
		{"name", "701", "200"},
	} {
		t.Run(c.dial+" "+c.to, func(t *testing.T) {
			conf := devices("100", "200")
			conf.Devices[1].Dial = c.dial
			r := newRig(t, conf)
			r.routes(func(call.Request) ([]call.Destination, error) {
				return []call.Destination{{Connector: sipua.Name, Target: "200", To: c.to}}, nil
			})
			a, b := r.phone("100", "udp"), r.phone("200", "udp")
			a.mustRegister()
			b.mustRegister()
			out := a.dial("999")
			in := b.rings()
			to, err := in.Request().To()
			if err != nil {
				t.Fatal(err)
			}
			if uri := in.Request().URI; uri.User != c.user || uri.Host != "127.0.0.1" || to.URI.User != c.user {
				t.Errorf("the INVITE is for %s, To %s, want %s", uri, to.URI, c.user)
			}
			in.Reject(486, "")
			wait[dialog.Ended](out)
		})
	}
}
