package sipua_test

import (
	"strings"
	"testing"

	"tandem/leg/sipua"
	"tandem/sip"
	"tandem/sip/auth"
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

func TestAllContactsRingAndTheOthersAreToldWhoAnswered(t *testing.T) {
	r := newRig(t, devices("100", "200"))
	a, desk, mobile := r.phone("100", "udp"), r.phone("200", "udp"), r.phone("200", "tcp")
	a.mustRegister()
	desk.mustRegister("Call-ID", "desk")
	mobile.mustRegister("Call-ID", "mobile")
	out := a.dial("200")
	first, second := desk.rings(), mobile.rings()
	first.Progress(180, nil, false)
	second.answer()
	wait[dialog.Answered](out)
	c := wait[dialog.Cancelled](first)
	if len(c.Reasons) != 1 || c.Reasons[0].Protocol != "SIP" || c.Reasons[0].Cause != 200 {
		t.Errorf("reasons of the CANCEL %v, want SIP 200", c.Reasons)
	}
	if n := r.Devices()[1].Calls; n != 1 {
		t.Errorf("%d calls, want 1 for both contacts", n)
	}
	second.Bye()
	wait[dialog.Ended](out)
	r.until("no calls", func() bool { return r.Devices()[0].Calls == 0 && r.Devices()[1].Calls == 0 })
}

func TestADeviceWithoutCallWaitingIsBusy(t *testing.T) {
	conf := devices("100", "200", "300")
	conf.Devices[1].MaxCalls = 1
	r := newRig(t, conf)
	a, b, c := r.phone("100", "udp"), r.phone("200", "udp"), r.phone("300", "udp")
	for _, p := range []*phone{a, b, c} {
		p.mustRegister()
	}
	up := a.dial("200")
	in := b.rings()
	in.answer()
	wait[dialog.Answered](up)
	second := c.dial("200")
	if no := wait[dialog.Refused](second); no.Status != 486 {
		t.Errorf("refused with %d, want 486", no.Status)
	}
	select {
	case <-b.calls:
		t.Error("the busy phone rang")
	default:
	}
	up.Bye()
	wait[dialog.Ended](in)
}

// What a device does at the other machines of a cluster counts, too: it is busy.
func TestCallsElsewhereCount(t *testing.T) {
	conf := devices("100", "200", "300")
	conf.Devices[1].MaxCalls = 2
	away := map[string]int{"200": 2}
	r := newRig(t, conf, func(c *sipua.Connector) { c.Elsewhere = func(name string) int { return away[name] } })
	a, b := r.phone("100", "udp"), r.phone("200", "udp")
	a.mustRegister()
	b.mustRegister()
	if no := wait[dialog.Refused](a.dial("200")); no.Status != 486 {
		t.Errorf("refused with %d, want 486", no.Status)
	}
}

func TestIdentityTowardsDevices(t *testing.T) {
	for _, row := range []struct {
		name    string
		device  sipua.Device // that calls
		from    string       // its From
		more    []string
		want    string
		private bool
	}{
		{"the device's name", sipua.Device{}, "", nil, `<sip:100@127.0.0.1>`, false},
		{"a caller cannot be somebody else", sipua.Device{CallerID: "+12025550147"}, `"Ann" <sip:boss@127.0.0.1>`, nil, `"Ann" <sip:+12025550147@127.0.0.1>`, false},
		{"the configured name", sipua.Device{Display: "Front Desk"}, `"Ann" <sip:100@127.0.0.1>`, nil, `"Front Desk" <sip:100@127.0.0.1>`, false},
		{"withheld", sipua.Device{}, "", []string{"Privacy", "id"}, `"Anonymous" <sip:anonymous@anonymous.invalid>`, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			conf := devices("100", "200")
			conf.Devices[0].CallerID, conf.Devices[0].Display = row.device.CallerID, row.device.Display
			r := newRig(t, conf)
			a, b := r.phone("100", "udp"), r.phone("200", "udp")
			b.mustRegister()
			if row.from != "" {
				row.more = append(row.more, "From", row.from)
			}
			out := a.dial("200", row.more...)
			in := b.rings()
			req := in.Request()
			if got, _, _ := strings.Cut(req.Get("From"), ";tag"); got != row.want {
				t.Errorf("From %s, want %s", got, row.want)
			}
			if req.Has("P-Asserted-Identity") == row.private || (req.Get("Privacy") == "id") != row.private {
				t.Errorf("P-Asserted-Identity %q, Privacy %q", req.Get("P-Asserted-Identity"), req.Get("Privacy"))
			}
			out.Cancel()
			wait[dialog.Cancelled](in)
		})
	}
}

func TestWhoMayCall(t *testing.T) {
	for _, row := range []struct {
		name   string
		guests bool
		pass   string
		more   []string
		status int // 0: the call goes through
		via    string
	}{
		{"a device by its password, without a registration", false, "secret-of-100", nil, 0, "100"},
		{"a wrong password", false, "wrong", nil, 401, ""},
		{"a stranger", false, "", []string{"From", "<sip:eve@evil.example>"}, 401, ""},
		{"a guest", true, "", []string{"From", "<sip:eve@evil.example>"}, 0, ""},
		{"a guest who says it is one of us", true, "", []string{"From", "<sip:100@127.0.0.1>"}, 401, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			conf := devices("100", "200")
			conf.Guests = row.guests
			r := newRig(t, conf)
			a, b := r.phone("100", "udp"), r.phone("200", "udp")
			b.mustRegister()
			a.auth.Password = auth.Secret(row.pass)
			if row.pass == "" {
				a.auth.Realms = nil
			}
			out := a.dial("200", row.more...)
			if row.status != 0 {
				if no := wait[dialog.Refused](out); no.Status != row.status {
					t.Errorf("refused with %d, want %d", no.Status, row.status)
				}
				return
			}
			in := b.rings()
			if q := r.request(0); q.Via != row.via || q.Registered != (row.via != "") {
				t.Errorf("request %+v", q)
			}
			out.Cancel()
			wait[dialog.Cancelled](in)
		})
	}
}

func TestOffersThatCannotBeTaken(t *testing.T) {
	for _, row := range []struct {
		name, sdp string
		status    int
	}{
		{"broken", "what is this", 400},
		{"no codec in common", strings.ReplaceAll(strings.ReplaceAll(offer, "0 8 101", "3"), "a=rtpmap:3 GSM/8000\r\n", ""), 488},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := newRig(t, devices("100", "200"))
			a := r.phone("100", "udp")
			a.sdp = row.sdp
			out := a.dial("200")
			no := wait[dialog.Refused](out)
			if no.Status != row.status || !strings.HasPrefix(no.Message.Get("Warning"), "399 tandem ") {
				t.Errorf("refused with %d, Warning %q; want %d", no.Status, no.Message.Get("Warning"), row.status)
			}
			r.until("no calls", func() bool { return r.Devices()[0].Calls == 0 })
		})
	}
}

func TestALateOfferIsAnsweredInTheACK(t *testing.T) {
	r := newRig(t, devices("100", "200"))
	a, b := r.phone("100", "udp"), r.phone("200", "udp")
	b.mustRegister()
	a.sdp = ""
	out := a.dial("200")
	in := b.rings()
	in.answer()
	o := wait[dialog.Offer](out)
	if !strings.Contains(string(o.SDP), "m=audio") {
		t.Errorf("offer %s", o.SDP)
	}
	out.AnswerOffer([]byte(offer))
	wait[dialog.Acked](in)
	out.Bye()
	wait[dialog.Ended](in)
}

func TestHoldIsAnsweredByTheGateway(t *testing.T) {
	r := newRig(t, devices("100", "200"))
	a, b := r.phone("100", "udp"), r.phone("200", "udp")
	b.mustRegister()
	out := a.dial("200")
	in := b.rings()
	in.answer()
	wait[dialog.Answered](out)
	hold := strings.Replace(strings.Replace(offer, "o=- 1 1", "o=- 1 2", 1), "a=rtpmap:0", "a=sendonly\r\na=rtpmap:0", 1)
	out.Reinvite([]byte(hold))
	if ok := wait[dialog.OfferAnswered](out); !strings.Contains(string(ok.SDP), "a=recvonly") {
		t.Errorf("answer to a hold:\n%s", ok.SDP)
	}
	out.Reinvite([]byte(strings.Replace(offer, "o=- 1 1", "o=- 1 3", 1)))
	if ok := wait[dialog.OfferAnswered](out); strings.Contains(string(ok.SDP), "a=recvonly") {
		t.Errorf("answer to a resume:\n%s", ok.SDP)
	}
	out.Bye()
	wait[dialog.Ended](in)
}

func TestABlindTransferReachesAnotherDevice(t *testing.T) {
	r := newRig(t, devices("100", "200", "300"))
	a, b, c := r.phone("100", "udp"), r.phone("200", "udp"), r.phone("300", "udp")
	for _, p := range []*phone{a, b, c} {
		p.mustRegister()
	}
	out := a.dial("200")
	in := b.rings()
	in.answer()
	wait[dialog.Answered](out)
	wait[dialog.Acked](in)
	in.Refer(sip.Address{URI: sip.URI{Scheme: "sip", User: "300", Host: "127.0.0.1"}})
	if ok := wait[dialog.RequestAnswered](in); ok.Status != 202 {
		t.Fatalf("REFER: %d", ok.Status)
	}
	third := c.rings()
	third.answer()
	for {
		if n := wait[dialog.Notify](in); n.Done {
			if n.Status != 200 {
				t.Errorf("the transfer ended with %d", n.Status)
			}
			break
		}
	}
	wait[dialog.Acked](third)
	wait[dialog.Ended](in)
	out.Bye()
	wait[dialog.Ended](third)
}

func TestACallIsPickedUpByReplaces(t *testing.T) {
	r := newRig(t, devices("100", "200", "300"))
	a, b, c := r.phone("100", "udp"), r.phone("200", "udp"), r.phone("300", "udp")
	for _, p := range []*phone{a, b, c} {
		p.mustRegister()
	}
	out := a.dial("200")
	in := b.rings()
	in.answer()
	wait[dialog.Answered](out)
	wait[dialog.Acked](in)
	took := c.dial("200", "Replaces", in.ID().Replaces().String())
	wait[dialog.Answered](took)
	wait[dialog.Ended](in)
	out.Bye()
	wait[dialog.Ended](took)
}
