package sipua_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"tandem/call"
	"tandem/leg/sipua"
	"tandem/sip"
	"tandem/sip/dialog"
	"tandem/sip/transaction"
	"tandem/token"
)

// toTrunk sends every call over the trunk named "pbx".
func toTrunk(q call.Request) ([]call.Destination, error) {
	return []call.Destination{{Connector: sipua.Name, Target: "pbx", To: q.To}}, nil
}

func (p *phone) hostPort() string { return p.flow.Local().String() }

func TestACallGoesOutOverAStaticTrunk(t *testing.T) {
	for _, row := range []struct {
		name   string
		change func(*sipua.Trunk)
		more   []string // headers of the phone's INVITE
		uri    string   // user of the Request-URI
		from   string
		pai    string
	}{
		{"digits only, nothing asserted", func(*sipua.Trunk) {}, nil, "15550001111", `<sip:12025550147@127.0.0.1>`, ""},
		{"with plus", func(t *sipua.Trunk) { t.Plus = true }, nil, "+15550001111", `<sip:+12025550147@127.0.0.1>`, ""},
		{
			"a fixed caller ID and domain", func(t *sipua.Trunk) { t.CallerID, t.Domain = "+12025550199", "carrier.example" }, nil, "15550001111",
			`<sip:12025550199@carrier.example>`, "",
		},
		{
			"a private caller towards a trusted trunk", func(t *sipua.Trunk) { t.Trusted = true },
			[]string{"Privacy", "id"},
			"15550001111",
			`"Anonymous" <sip:anonymous@anonymous.invalid>`, `<sip:12025550147@127.0.0.1>`,
		},
		{
			"a private caller towards others", func(*sipua.Trunk) {},
			[]string{"Privacy", "id"},
			"15550001111",
			`"Anonymous" <sip:anonymous@anonymous.invalid>`, "",
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			conf := devices("100")
			conf.Devices[0].CallerID = "+12025550147"
			r := newRig(t, conf)
			pbx, a := r.phone("pbx", "udp"), r.phone("100", "udp")
			trunk := sipua.Trunk{Name: "pbx", Server: pbx.hostPort()}
			row.change(&trunk)
			conf.Trunks = []sipua.Trunk{trunk}
			if err := r.Apply(conf); err != nil {
				t.Fatal(err)
			}
			r.routes(toTrunk)
			out := a.dial("+15550001111", row.more...)
			in := pbx.rings()
			req := in.Request()
			if req.URI.User != row.uri {
				t.Errorf("Request-URI %s, want user %s", req.URI, row.uri)
			}
			if from, _, _ := strings.Cut(req.Get("From"), ";tag"); from != row.from {
				t.Errorf("From %s, want %s", from, row.from)
			}
			if got := req.Get("P-Asserted-Identity"); got != row.pai {
				t.Errorf("P-Asserted-Identity %q, want %q", got, row.pai)
			}
			if private := row.more != nil; private != (req.Get("Privacy") == "id") {
				t.Errorf("Privacy %q", req.Get("Privacy"))
			}
			if req.Get("Max-Forwards") != "69" {
				t.Errorf("Max-Forwards %s, want one less than 70", req.Get("Max-Forwards"))
			}
			in.answer()
			wait[dialog.Answered](out)
			in.Bye()
			wait[dialog.Ended](out)
		})
	}
}

func TestACallComesInOverATrunk(t *testing.T) {
	for _, row := range []struct {
		name string
		conf sipua.Trunk
		more []string
		want call.Request
	}{
		{
			"a number in From",
			sipua.Trunk{},
			[]string{"From", `"Ann" <sip:+12025550147@pbx.example>`},
			call.Request{From: "+12025550147", FromName: "Ann"},
		},
		{"a name in From", sipua.Trunk{}, []string{"From", `<sip:ann@pbx.example>`}, call.Request{From: "ann@pbx.example"}},
		{
			"an asserted identity of one we do not trust",
			sipua.Trunk{},
			[]string{"From", `<sip:ann@pbx.example>`, "P-Asserted-Identity", "<sip:+1900@x>"},
			call.Request{From: "ann@pbx.example"},
		},
		{
			"an asserted identity",
			sipua.Trunk{Trusted: true},
			[]string{"From", `"Anonymous" <sip:anonymous@anonymous.invalid>`, "Privacy", "id", "P-Asserted-Identity", `"Bob" <sip:+12025550147@pbx>`},
			call.Request{From: "+12025550147", FromName: "Bob", Private: true},
		},
		{"anonymous", sipua.Trunk{}, []string{"From", `"Anonymous" <sip:anonymous@anonymous.invalid>`}, call.Request{Private: true}},
	} {
		t.Run(row.name, func(t *testing.T) {
			conf := devices("100")
			row.conf.Name, row.conf.Server, row.conf.Peers = "pbx", "192.0.2.1", []string{"127.0.0.0/8"}
			conf.Trunks = []sipua.Trunk{row.conf}
			r := newRig(t, conf)
			pbx, a := r.phone("pbx", "udp"), r.phone("100", "udp")
			a.mustRegister()
			out := pbx.dial("100", row.more...)
			in := a.rings()
			in.answer()
			wait[dialog.Answered](out)
			out.Bye()
			wait[dialog.Ended](in)
			q := r.request(0)
			if q.Via != "pbx" || q.Registered || q.To != "100" || q.From != row.want.From || q.FromName != row.want.FromName || q.Private != row.want.Private {
				t.Errorf("request %+v, want %+v", q, row.want)
			}
			if len(q.Codecs) != 2 || q.Codecs[0] != "PCMU" || q.Hops != 70 {
				t.Errorf("codecs %v, hops %d", q.Codecs, q.Hops)
			}
		})
	}
}

// serveRegister answers REGISTERs with a challenge for user, and gives the Contacts it took.
func (p *phone) serveRegister(t *testing.T, user string) (contacts chan sip.Address) {
	contacts = make(chan sip.Address, 8)
	serve := func(s *transaction.Server) {
		req := s.Request()
		if !strings.Contains(req.Get("Authorization"), `username="`+user+`"`) {
			m := sip.NewResponse(req, 401, "")
			m.Add("WWW-Authenticate", `Digest realm="carrier", nonce="n", algorithm=MD5, qop="auth"`)
			_ = s.Respond(m)
			return
		}
		m := sip.NewResponse(req, 200, "")
		m.Add("Contact", req.Get("Contact"))
		_ = s.Respond(m)
		cs, err := req.Contacts()
		if err != nil {
			t.Error(err)
		}
		contacts <- cs[0]
	}
	p.serve.Store(&serve)
	return contacts
}

func TestATrunkRegistersAndCallsGoBothWays(t *testing.T) {
	conf := devices("100")
	r := newRig(t, conf)
	carrier, a := r.phone("carrier", "udp"), r.phone("100", "udp")
	contacts := carrier.serveRegister(t, "me-auth")
	conf.Trunks = []sipua.Trunk{{
		Name: "pbx", Server: carrier.hostPort(), Domain: "carrier.example", Register: true, User: "me", AuthUser: "me-auth",
		Realm: "carrier", Password: token.Secret("pw"),
	}}
	if err := r.Apply(conf); err != nil {
		t.Fatal(err)
	}
	contact := <-contacts
	r.until("registered", func() bool { return r.Trunks()[0].State == "registered" })
	a.mustRegister()

	r.routes(toTrunk)
	out := a.dial("+15550001111")
	in := carrier.rings()
	if got := in.Request().URI.String(); got != "sip:15550001111@carrier.example" {
		t.Errorf("Request-URI %s", got)
	}
	if c, err := in.Request().Contacts(); err != nil || c[0].URI != contact.URI {
		t.Errorf("Contact %v of the call, %v of the registration", c, contact)
	}
	in.answer()
	wait[dialog.Answered](out)
	out.Bye()
	wait[dialog.Ended](in)

	r.routes(func(call.Request) ([]call.Destination, error) {
		return []call.Destination{{Connector: sipua.Name, Target: "100"}}, nil
	})
	back := sip.NewRequest("INVITE", contact.URI)
	back.Add("From", "<sip:+12025550147@carrier.example>")
	back.Add("To", "<sip:+12025550123@carrier.example>")
	c := &talk{t: t, events: make(chan dialog.Event, 64)}
	var err error
	if c.Session, err = carrier.core.Invite(dialog.Invite{Flow: carrier.flow, Request: back, SDP: []byte(offer), On: func(e dialog.Event) { c.events <- e }}); err != nil {
		t.Fatal(err)
	}
	in = a.rings()
	in.answer()
	wait[dialog.Answered](c)
	c.Bye()
	wait[dialog.Ended](in)
	if q := r.request(1); q.Via != "pbx" || q.To != "+12025550123" || q.From != "+12025550147" {
		t.Errorf("request %+v", q)
	}
	r.stop()
	if last := <-contacts; !strings.Contains(string(last.Params), "expires=0") {
		t.Errorf("the last REGISTER has the Contact %v, want it taken back", last)
	}
}

func TestATrunkThatDoesNotAnswerIsDownAndRefusesCalls(t *testing.T) {
	conf := devices("100")
	conf.Trunks = []sipua.Trunk{{Name: "pbx", Server: "127.0.0.1:1;transport=tcp", Qualify: time.Hour}}
	r := newRig(t, conf)
	a := r.phone("100", "udp")
	r.routes(toTrunk)
	r.until("down", func() bool { return r.Trunks()[0].State == "down" })
	out := a.dial("+15550001111")
	if no := wait[dialog.Refused](out); no.Status != 503 || no.Message.Get("Retry-After") == "" {
		t.Errorf("refused with %d, Retry-After %q", no.Status, no.Message.Get("Retry-After"))
	}
}

func TestTheNextServerOfATrunkIsTried(t *testing.T) {
	conf := devices("100")
	conf.Trunks = []sipua.Trunk{{Name: "dead", Server: "127.0.0.1:1;transport=tcp"}}
	r := newRig(t, conf)
	a, b := r.phone("100", "udp"), r.phone("pbx", "udp")
	conf.Trunks = append(conf.Trunks, sipua.Trunk{Name: "pbx", Server: b.hostPort()})
	if err := r.Apply(conf); err != nil {
		t.Fatal(err)
	}
	r.routes(func(q call.Request) ([]call.Destination, error) {
		return []call.Destination{{Connector: sipua.Name, Target: "dead", To: q.To}, {Connector: sipua.Name, Target: "pbx", To: q.To}}, nil
	})
	out := a.dial("+15550001111")
	in := b.rings()
	in.Reject(486, "")
	if no := wait[dialog.Refused](out); no.Status != 486 {
		t.Errorf("refused with %d", no.Status)
	}
	rec := r.record(0)
	if len(rec.Tried) == 0 || rec.Tried[0].Cause != call.Unavailable {
		t.Errorf("tried %s", fmt.Sprint(rec.Tried))
	}
}
