package sipua_test

import (
	"testing"

	"tandem/call"
	"tandem/leg/sipua"
	"tandem/sip/auth"
	"tandem/sip/dialog"
)

// scan lets a guest call a number that nobody has, and returns whether it was answered.
func scan(r *rig, p *phone) {
	r.Helper()
	out := p.dial("900442079460000", "From", "<sip:eve@evil.example>")
	if no := wait[dialog.Refused](out); no.Status != 404 {
		r.Errorf("refused with %d", no.Status)
	}
}

func TestAGuestWhoTriesNumbersIsShutOut(t *testing.T) {
	for _, row := range []struct {
		name  string
		allow []string
		out   int
	}{
		{"shut out", nil, 1},
		{"of another network", []string{"192.0.2.0/24"}, 1},
		{"of a network that is allowed", []string{"127.0.0.0/8"}, 0},
		{"at an address that is allowed", []string{"127.0.0.1"}, 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			conf := devices("100")
			conf.Guests, conf.Guard = true, sipua.Guard{Failures: 3, Allow: row.allow}
			r := newRig(t, conf)
			r.routes(func(call.Request) ([]call.Destination, error) { return nil, call.ErrNoRoute })
			eve := r.phone("eve", "udp")
			eve.auth.Password, eve.auth.Realms = auth.Secret(""), nil
			for range 3 {
				scan(r, eve)
			}
			r.until("the guard has counted", func() bool { return len(r.Blocked()) == row.out && (row.out == 0 || len(r.board.Active()) == 1) })
			if row.out == 0 {
				scan(r, eve)
				return
			}
			if b := r.Blocked()[0]; b.From != "127.0.0.1" || b.Failures != 3 {
				t.Errorf("got %+v", b)
			}
			conf.Guard.Allow = []string{"127.0.0.1"}
			if err := r.Apply(conf); err != nil {
				t.Fatal(err)
			}
			scan(r, eve) // pardoned
		})
	}
}

func TestTheAllowListIsChecked(t *testing.T) {
	conf := devices("100")
	conf.Guard.Allow = []string{"192.0.2.1", "2001:db8::/32", "office"}
	if err := conf.Validate(); err == nil || err.Error() != `guard.allow[2]: "office" is neither an address nor a network such as 192.0.2.0/24` {
		t.Errorf("got %v", err)
	}
}
