package sipua_test

import (
	"strings"
	"testing"

	"tandem/call"
	"tandem/leg/sipua"
	"tandem/sip"
	"tandem/sip/dialog"
	"tandem/sip/flow"
)

func TestCallForwardingOfAPhoneIsFollowedByTheDialPlan(t *testing.T) {
	for _, row := range []struct {
		name    string
		contact string
		ignore  bool
		to      string // what the dial plan is asked for; "" when it is not followed
	}{
		{"to another device", "<sip:300@127.0.0.1>", false, "300"},
		{"to a number", "<tel:+12025550147>", false, "+12025550147"},
		{"to a foreign address, which stays one", "<sip:eve@198.51.100.7>", false, "eve@198.51.100.7"},
		{"switched off", "<sip:300@127.0.0.1>", true, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			conf := devices("100", "200", "300")
			conf.Devices[1].NoForward = row.ignore
			r := newRig(t, conf)
			a, b, c := r.phone("100", "udp"), r.phone("200", "udp"), r.phone("300", "udp")
			b.mustRegister()
			c.mustRegister()
			if row.to != "" {
				r.routes(func(q call.Request) ([]call.Destination, error) {
					if q.To == row.to {
						return []call.Destination{{Connector: sipua.Name, Target: "300", To: q.To}}, nil
					}
					return []call.Destination{{Connector: sipua.Name, Target: q.To, To: q.To}}, nil
				})
			}
			out := a.dial("200")
			b.rings().Reject(302, "", sip.Header{Name: "Contact", Value: row.contact})
			if row.to == "" {
				if no := wait[dialog.Refused](out); no.Status != 480 {
					t.Errorf("refused with %d, want 480", no.Status)
				}
				return
			}
			c.rings().answer()
			wait[dialog.Answered](out)
			if q := r.request(1); q.To != row.to || q.Via != "200" {
				t.Errorf("routed %+v, want %s on behalf of 200", q, row.to)
			}
			out.Bye()
			wait[dialog.Ended](out)
		})
	}
}

func TestRemotePartyIDForPhonesThatWantIt(t *testing.T) {
	for _, row := range []struct {
		name string
		more []string
		want string
	}{
		{"shown", nil, `<sip:100@127.0.0.1>;party=calling;privacy=off;screen=yes`},
		{"withheld", []string{"Privacy", "id"}, `"Anonymous" <sip:anonymous@anonymous.invalid>;party=calling;privacy=full;screen=yes`},
	} {
		t.Run(row.name, func(t *testing.T) {
			conf := devices("100", "200")
			conf.Devices[1].RPID = true
			r := newRig(t, conf)
			a, b := r.phone("100", "udp"), r.phone("200", "udp")
			b.mustRegister()
			out := a.dial("200", row.more...)
			in := b.rings()
			if got := in.Request().Get("Remote-Party-ID"); got != row.want {
				t.Errorf("Remote-Party-ID %s, want %s", got, row.want)
			}
			out.Cancel()
			wait[dialog.Cancelled](in)
		})
	}
}

// Our INVITE is too long for UDP (RFC 3261 §18.1.1); a server that has only UDP
// gets it all the same.
func TestTheInviteGoesOverTCPWhereTheTrunkTakesIt(t *testing.T) {
	for _, row := range []struct {
		name   string
		tcp    bool
		server string // parameters
		want   string
	}{
		{"it does", true, "", "tcp"},
		{"it does not", false, "", "udp"},
		{"UDP was asked for", true, ";transport=udp", "udp"},
	} {
		t.Run(row.name, func(t *testing.T) {
			conf := devices("100")
			r := newRig(t, conf)
			pbx, a := r.phone("pbx", "udp"), r.phone("100", "udp")
			if row.tcp {
				if _, err := pbx.net.Listen(flow.Listen{Network: "tcp", Addr: pbx.hostPort()}); err != nil {
					t.Skip("the port is taken for TCP: ", err)
				}
			}
			conf.Trunks = []sipua.Trunk{{Name: "pbx", Server: pbx.hostPort() + row.server}}
			if err := r.Apply(conf); err != nil {
				t.Fatal(err)
			}
			r.routes(toTrunk)
			out := a.dial("+15550001111")
			in := pbx.rings()
			if via := in.Request().Get("Via"); !strings.HasPrefix(via, "SIP/2.0/"+strings.ToUpper(row.want)) {
				t.Errorf("Via %s, want %s", via, row.want)
			}
			in.answer()
			wait[dialog.Answered](out)
			out.Bye()
			wait[dialog.Ended](in)
		})
	}
}
