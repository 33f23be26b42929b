package sipua_test

import (
	"testing"

	"tandem/sip/dialog"
)

func TestAPhoneRegistersAndCallsAnother(t *testing.T) {
	for _, network := range []string{"udp", "tcp"} {
		t.Run(network, func(t *testing.T) {
			r := newRig(t, devices("100", "200"))
			a, b := r.phone("100", network), r.phone("200", network)
			a.mustRegister()
			b.mustRegister()
			out := a.dial("200")
			in := b.rings()
			in.Progress(180, nil, false)
			if p := wait[dialog.Provisional](out); p.Status != 180 && p.Status != 100 {
				t.Errorf("provisional %d", p.Status)
			}
			in.answer()
			wait[dialog.Acked](in)
			wait[dialog.Answered](out)
			out.Bye()
			if end := wait[dialog.Ended](in); end.Cause != dialog.RemoteBye {
				t.Errorf("ended %v", end.Cause)
			}
			q := r.request(0)
			if q.From != "100" || q.To != "200" || q.Via != "100" || !q.Registered {
				t.Errorf("request %+v", q)
			}
		})
	}
}
