package gvoice

import (
	"math"
	"strings"
	"testing"
	"time"

	"tandem/sim/wire"
)

const answersAt1000Hz = "12025550100"

func registered(t *testing.T, change func(*Config)) *client {
	t.Helper()
	c := dial(t, newEdge(t, change), "obihai.telephony.goog")
	c.register("register-seed.sip")
	return c
}

func (c *client) lastCall() *Call {
	c.t.Helper()
	calls := c.s.Calls()
	if len(calls) == 0 {
		c.t.Fatal("the edge saw no call")
	}
	return calls[len(calls)-1]
}

func TestGVS15AnInviteGoogleWouldDropGetsNoAnswer(t *testing.T) {
	c := registered(t, nil)
	for name, edit := range map[string]func(string) string{
		"no Route":        func(m string) string { return drop(m, "Route: ") },
		"routes reversed": func(m string) string { return swap(m, c.routes[0], c.routes[1]) },
		"visible proxy": func(m string) string {
			return strings.Replace(m, "Route: ", "Route: <sip:obihai.telephony.goog:5061;transport=tls;lr>\r\nRoute: ", 1)
		},
		"no identity": func(m string) string { return drop(m, "P-Preferred-Identity: ") },
		"plain identity": func(m string) string {
			return strings.Replace(m, c.vars["IDENTITY"], "sip:gv12025550123@obihai.sip.google.com", 1)
		},
		"econt lower case": func(m string) string {
			i := strings.Index(m, "uri-econt=")
			return m[:i] + strings.ToLower(m[i:i+39]) + m[i+39:]
		},
	} {
		c.seq += 10
		if c.media == nil {
			c.media = newMedia(t)
		}
		c.vars["NUMBER"], c.vars["CALLID"], c.vars["UFRAG"], c.vars["PWD"] = answersAt1000Hz, wire.Token(16), "abcd", c.media.pwd
		c.send(edit(c.fill("invite-seed.sip", c.fill("offer-seed.sdp", ""))))
		c.silence("GV-S15")
		if len(c.s.Calls()) != 0 {
			t.Errorf("%s: a call was made", name)
		}
	}
	other := dial(t, c.s, "obihai.telephony.goog")
	for k, v := range c.vars {
		other.vars[k] = v
	}
	other.invite("invite-seed.sip", "offer-seed.sdp", answersAt1000Hz)
	other.silence("GV-S15") // the right INVITE on another connection
}

func at(domain string) profile {
	p, _ := profileAt(domain)
	return p
}

func drop(m, prefix string) string {
	var kept []string
	for line := range strings.SplitSeq(m, "\r\n") {
		if !strings.HasPrefix(line, prefix) {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "\r\n")
}

func swap(m, a, b string) string {
	return strings.NewReplacer("Route: "+a, "Route: "+b, "Route: "+b, "Route: "+a).Replace(m)
}

func TestGVS15StrictSupportedIsAnOption(t *testing.T) {
	c := registered(t, func(c *Config) { c.Options.StrictSupported = true })
	c.invite("invite-asterisk.sip", "offer-asterisk.sdp", answersAt1000Hz)
	c.silence("GV-S15")
}

func TestGVS16RouteAndIdentityWithoutBracketsAreAccepted(t *testing.T) {
	c := registered(t, nil)
	c.invite("invite-browser.sip", "offer-seed.sdp", answersAt1000Hz)
	c.status(183)
}

func TestGVS31HeadersOfGooglesOwnClientsAreIgnored(t *testing.T) {
	c := registered(t, nil)
	text := c.invite("invite-browser.sip", "offer-seed.sdp", "1") // not a number: only to have a message
	c.status(404)
	text = strings.NewReplacer(":1@", ":"+answersAt1000Hz+"@", c.vars["BRANCH"], wire.NewBranch(), c.vars["CALLID"], wire.Token(16),
		"Max-Forwards", "X-Google-Client-Info: AAAA\r\nX-GV-PlaceCallContext: jspb="+strings.Repeat("A", 5500)+"\r\nMax-Forwards").Replace(text)
	c.send(text)
	c.status(183)
}

func TestGVS18EachEdgeWantsItsDialFormat(t *testing.T) {
	for _, row := range []struct{ dialled, domain, want string }{
		{"12025550147", "obihai.sip.google.com", "+12025550147"},
		{"011442079460000", "obihai.sip.google.com", "+442079460000"},
		{"+12025550147", "obihai.sip.google.com", ""},
		{"2025550147", "obihai.sip.google.com", ""},
		{"+12025550147", "voice.sip.google.com", "+12025550147"},
		{"12025550147", "voice.sip.google.com", ""},
		{"alice", "voice.sip.google.com", ""},
	} {
		if got, _ := at(row.domain).e164(row.dialled); got != row.want {
			t.Errorf("%s at %s: got %q, want %q", row.dialled, row.domain, got, row.want)
		}
	}
	c := registered(t, nil)
	c.invite("invite-seed.sip", "offer-seed.sdp", "+12025550147")
	c.status(404)
	c.refused("GV-S18")
}

func TestGVS19And21And39TheCallRunsAsInTheTrace(t *testing.T) {
	t.Parallel()
	c := registered(t, func(c *Config) { // it answers when media has come up, also on a slow machine
		c.People = []Person{{Number: "+12025550190", AnswerAfter: 3 * time.Second, Tone: 1000}}
	})
	c.invite("invite-seed.sip", "offer-seed.sdp", "12025550190")
	early := c.status(183)
	c.media.sound(early.Body, 620)
	rr := early.All("Record-Route")
	if len(rr) != 2 || !strings.Contains(rr[0], "uri-econt=") || rr[1] != "<sip:64.9.243.172:5061;lr;transport=tls>" {
		t.Errorf("Record-Route %q: want the encoded one first", rr)
	}
	if contact := early.Get("Contact"); !strings.HasPrefix(contact, "<sip:+12025550190@ACZQQLQO") || !strings.Contains(contact, ":5060;transport=udp;uri-econt=") {
		t.Errorf("Contact %s", contact)
	}
	ok := c.status(200)
	if ok.ToTag() != early.ToTag() || string(ok.Body) != string(early.Body) {
		t.Error("the 200 is not of the 183's dialog and description")
	}
	c.send(c.inDialog("ACK", ok, ""))
	c.media.until("1000 Hz from the far person", func() bool { return math.Abs(c.media.heard().Tone-1000) < 5 })
	if h := c.media.heard().Heard; len(h) == 0 || math.Abs(h[0].Frequency-440) > 10 {
		t.Errorf("early media: %+v, want 440 Hz first (GV-S39)", h)
	}
	c.send(c.inDialog("BYE", ok, ""))
	c.status(200)
	r, err := c.lastCall().Wait(soon(t))
	if err != nil {
		t.Fatal(err)
	}
	got := r.Legs[0].Media
	if r.Outcome != "answered" || r.EndedBy != "client" || got.Received.Lost != 0 || got.RTPBeforeAnswer == 0 || got.Pair == "" {
		t.Errorf("report %+v", r)
	}
	if math.Abs(got.Received.Tone-620) > 5 {
		t.Errorf("the edge heard %v Hz, want 620", got.Received.Tone)
	}
}

func TestFarPersonsDoWhatTheirNumberSays(t *testing.T) {
	c := registered(t, func(c *Config) { c.Options.ConcurrentCalls = -1 })
	for number, want := range map[string]int{"12025550102": 486, "12025550104": 603, "12025550111": 404} {
		c.invite("invite-seed.sip", "offer-seed.sdp", number)
		c.status(183)
		if m := c.recv(); m.Status != want {
			t.Errorf("%s: got %d, want %d", number, m.Status, want)
		}
	}
}

func TestGVS19RingingMayComeAfterSessionProgressWithoutEarlyMedia(t *testing.T) {
	c := registered(t, nil)
	_ = c.s.SetFault(Fault{Kind: RingAfter183, Delay: 50 * time.Millisecond})
	c.invite("invite-seed.sip", "offer-seed.sdp", answersAt1000Hz)
	c.media.sound(c.status(183).Body, 500)
	if m := c.status(180); len(m.Body) != 0 || len(m.All("Record-Route")) != 2 {
		t.Errorf("180 is %s", m.Raw)
	}
	if n := c.media.heard().Packets; n != 0 {
		t.Errorf("%d packets of early media", n)
	}
	c.status(200)
}

func TestGVS17ACancelWithoutRoutesIsIgnored(t *testing.T) {
	c := registered(t, nil)
	text := c.invite("invite-seed.sip", "offer-seed.sdp", "12025550103")
	c.status(183)
	c.status(180)
	head, _, _ := strings.Cut(text, "Content-Type:")
	cancel := strings.ReplaceAll(head, "INVITE", "CANCEL")
	cancel = strings.Replace(cancel, "Allow: ACK, CANCEL", "Allow: ACK, INVITE", 1) + "Content-Length: 0\r\n\r\n"
	c.send(drop(cancel, "Route: "))
	c.silence("GV-S17")
	c.send(cancel)
	if m := c.status(200); m.Get("CSeq") == "" || !strings.HasSuffix(m.Get("CSeq"), "CANCEL") {
		t.Errorf("got %s", m.Summary())
	}
	m := c.status(487)
	ack := strings.ReplaceAll(head, "INVITE sip", "ACK sip")
	c.send(strings.NewReplacer("INVITE\r\nContact", "ACK\r\nContact", "To: <sip:12025550103@obihai.sip.google.com>", "To: "+m.Get("To")).Replace(ack) + "Content-Length: 0\r\n\r\n")
	if r, err := c.lastCall().Wait(soon(t)); err != nil || r.Outcome != "cancelled by client" {
		t.Errorf("%+v, %v", r.Outcome, err)
	}
}

func TestGVS20ReliableAnswersWantTheirPRACK(t *testing.T) {
	t.Parallel()
	c := registered(t, func(c *Config) { c.Options.Reliable = true; c.Timing.T1 = 60 * time.Millisecond })
	c.invite("invite-seed.sip", "offer-seed.sdp", "12025550103")
	first := c.status(183)
	if first.Get("RSeq") != "1" || first.Get("Require") != "100rel" {
		t.Fatalf("got %s", first.Raw)
	}
	c.media.sound(first.Body, 500)
	c.again()
	cseq, _, _ := strings.Cut(first.Get("CSeq"), " ")
	c.send(c.inDialog("PRACK", first, "RAck: 9 "+cseq+" INVITE\r\n"))
	for m := c.recv(); m.Status != 481; m = c.recv() {
	}
	c.send(c.inDialog("PRACK", first, "RAck: 1 "+cseq+" INVITE\r\n"))
	var ok, ring *wire.Message
	for ok == nil || ring == nil {
		switch m := c.recv(); m.Status {
		case 200:
			ok = m
		case 180:
			ring = m
		}
	}
	if len(ok.All("Record-Route")) != 2 || ring.Get("RSeq") != "2" || len(ring.Body) != 0 {
		t.Errorf("PRACK answer %s\n180 %s", ok.Raw, ring.Raw)
	}
	for m := c.recv(); m.Status != 504; m = c.recv() { // the 180 is never acknowledged
	}
	c.refused("GV-S20")
}

func TestGVS22AWrongRouteInTheDialogIsDropped(t *testing.T) {
	for mode, want := range map[WrongRoute]int{WrongRouteDrop: 0, WrongRoute481: 481, WrongRouteAccept: 200} {
		c := registered(t, func(c *Config) { c.Options.WrongRoute = mode })
		c.invite("invite-seed.sip", "offer-seed.sdp", answersAt1000Hz)
		c.media.sound(c.status(183).Body, 500)
		ok := c.status(200)
		c.send(c.inDialog("ACK", ok, ""))
		rr := ok.All("Record-Route")
		c.send(swap(c.inDialog("INFO", ok, ""), rr[0], rr[1]))
		if want != 0 {
			c.status(want)
			continue
		}
		right := c.inDialog("INFO", ok, "")
		c.send(strings.Replace(right, "@ACZQQLQO", "@aczqqlqo", 1)) // lower case is fine (GV-S12)
		if m := c.status(200); m.Get("CSeq") == "" || !strings.Contains(right, "CSeq: "+m.Get("CSeq")) {
			t.Errorf("got %s %s", m.Summary(), m.Get("CSeq"))
		}
		c.refused("GV-S22")
	}
}

func TestGVS23AnACKMayHaveAnotherCSeq(t *testing.T) {
	c := registered(t, nil)
	c.invite("invite-seed.sip", "offer-seed.sdp", "12025550109")
	c.media.sound(c.status(183).Body, 500)
	ok := c.status(200)
	c.send(strings.Replace(c.inDialog("ACK", ok, ""), " ACK\r\n", "0 ACK\r\n", 1))
	if m := c.recv(); m.Method != "BYE" {
		t.Errorf("got %s, want the BYE of a person who hangs up at once", m.Summary())
	}
}

func TestGVS24TheSessionTimerIsTheCallersToRefresh(t *testing.T) {
	t.Parallel()
	c := registered(t, func(c *Config) { c.Options.SessionTimer = 3 * time.Second })
	c.invite("invite-asterisk.sip", "offer-asterisk.sdp", answersAt1000Hz)
	c.media.sound(c.status(183).Body, 500)
	ok := c.status(200)
	if ok.Get("Session-Expires") != "3;refresher=uac" || ok.Get("Require") != "timer" {
		t.Errorf("got %s", ok.Raw)
	}
	c.send(c.inDialog("ACK", ok, ""))
	c.send(c.inDialog("UPDATE", ok, "Supported: timer\r\n"))
	c.status(200)
	if m := c.recv(); m.Method != "BYE" {
		t.Errorf("got %s", m.Summary())
	}
	c.refused("GV-S24")
}

func TestGVS25ByeHasThreeViaAndRepeatsUntilTheyComeBack(t *testing.T) {
	c := registered(t, nil)
	c.invite("invite-seed.sip", "offer-seed.sdp", "12025550109")
	c.media.sound(c.status(183).Body, 500)
	ok := c.status(200)
	c.send(c.inDialog("ACK", ok, ""))
	bye := c.recv()
	vias, rr := bye.All("Via"), bye.All("Record-Route")
	if len(vias) != 3 || wire.Param(vias[1], "econt") == "" || bye.Get("CSeq") != "2 BYE" || rr[0] != "<sip:64.9.243.172:5061;lr;transport=tls>" {
		t.Errorf("BYE is %s", bye.Raw)
	}
	c.send(answerTo(bye, 200, vias[:1]))
	c.again() // its answer could not be routed
	c.refused("GV-S25")
	c.send(answerTo(bye, 200, vias))
	if r, err := c.lastCall().Wait(soon(t)); err != nil || r.EndedBy != "far end" {
		t.Errorf("%+v, %v", r.EndedBy, err)
	}
}

// answerTo is a client's answer to a request.
func answerTo(m *wire.Message, status int, vias []string) string {
	return string(wire.Response(status, "").Each("Via", vias).Add("To", m.Get("To")).Add("From", m.Get("From")).
		Add("Call-ID", m.CallID()).Add("CSeq", m.Get("CSeq")).End())
}

func TestSection20AsteriskIsAccepted(t *testing.T) {
	s := newEdge(t, nil)
	c := dial(t, s, "obihai.telephony.goog")
	c.register("register-asterisk.sip")
	c.invite("invite-asterisk.sip", "offer-asterisk.sdp", answersAt1000Hz)
	early := c.status(183)
	c.media.sound(early.Body, 700)
	ok := c.status(200)
	c.send(c.inDialog("ACK", ok, ""))
	c.media.until("the far person", func() bool { return math.Abs(c.media.heard().Tone-1000) < 5 })
	c.send(c.inDialog("BYE", ok, "Reason: Q.850;cause=16\r\n"))
	c.status(200)
}
