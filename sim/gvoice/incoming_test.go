package gvoice

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"tandem/sim/wire"
)

// respond answers an INVITE of the edge as a client should: all Via, both
// Record-Route, Contact and a tag.
func (c *client) respond(m *wire.Message, status int, body string) string {
	to := m.Get("To")
	if m.ToTag() == "" {
		to += ";tag=calleetag"
	}
	w := wire.Response(status, "").Each("Via", m.All("Via")).Each("Record-Route", m.All("Record-Route")).
		Add("To", to).Add("From", m.Get("From")).Add("Call-ID", m.CallID()).Add("CSeq", m.Get("CSeq")).
		Add("Contact", "<sip:gv12025550123@192.0.2.10:38250;transport=TLS>")
	return string(w.Body("application/sdp", body))
}

// answerSDP is the description of the trace's 200.
func (c *client) answerSDP() string {
	c.media = newMedia(c.t)
	c.vars["UFRAG"], c.vars["PWD"] = c.media.ufrag, c.media.pwd
	return c.fill("offer-seed.sdp", "")
}

func place(t *testing.T, s *Server, in Incoming) *Call {
	t.Helper()
	in.To, in.From = testAccount.Number, or(in.From, "+12025550147")
	call, err := s.PlaceCall(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	return call
}

// uasDialog is a request of the called client: the route set is not reversed.
func (c *client) uasDialog(method string, invite *wire.Message, extra string) string {
	contact, _ := wire.InBrackets(invite.Get("Contact"))
	c.seq++
	w := wire.Request(method, contact).Add("Via", "SIP/2.0/TLS 192.0.2.10:38250;rport;branch="+wire.NewBranch()).
		Each("Route", invite.All("Record-Route")).Add("From", invite.Get("To")+";tag=calleetag").Add("To", invite.Get("From")).
		Add("Call-ID", invite.CallID()).Add("CSeq", fmt.Sprintf("%d %s", c.seq, method))
	if k, v, ok := strings.Cut(extra, ": "); ok {
		w.Add(k, v)
	}
	return string(w.End())
}

func TestGVS26TheIncomingInviteIsThatOfTheTrace(t *testing.T) {
	c := registered(t, nil)
	c.register("register-asterisk.sip")
	place(t, c.s, Incoming{})
	m := c.recv()
	if m.URI != "sip:s@192.0.2.10:5061;transport=TLS;line=abcdefg" {
		t.Errorf("Request-URI %s: want the registered Contact verbatim", m.URI)
	}
	var names []string
	for _, h := range m.Headers {
		names = append(names, h.Name)
	}
	want := "Via Via Via Max-Forwards Record-Route Record-Route Contact To From Call-ID CSeq Allow Supported Privacy P-Asserted-Identity P-Called-Party-ID Content-Type Content-Length"
	if got := strings.Join(names, " "); got != want {
		t.Errorf("headers %s\nwant    %s", got, want)
	}
	if m.Get("From") != `"caller" <sip:+12025550147@216.239.32.1:5060>;tag=`+m.FromTag() || m.Get("P-Asserted-Identity") != `"caller" <sip:+12025550147@216.239.32.1>` {
		t.Errorf("identity %s, %s", m.Get("From"), m.Get("P-Asserted-Identity"))
	}
	if rr := m.All("Record-Route"); rr[0] != "<sip:64.9.243.172:5061;lr;transport=tls>" || !strings.Contains(rr[1], "lr;transport=udp;uri-econt=") {
		t.Errorf("Record-Route %q: want the plain one first", rr)
	}
	if to, _ := wire.InBrackets(m.Get("To")); to != c.vars["IDENTITY"] {
		t.Errorf("To %s", to)
	}
}

func TestGVS32TheOfferHasTheShapeOfTheTrace(t *testing.T) {
	c := registered(t, nil)
	place(t, c.s, Incoming{})
	var keys []string
	for line := range strings.SplitSeq(strings.TrimSpace(string(c.recv().Body)), "\r\n") {
		k, _, _ := strings.Cut(line, ":")
		keys = append(keys, strings.Fields(k)[0])
	}
	want := "v=0 o=- s=SIP c=IN t=0 a=ice-lite a=ice-pwd a=ice-ufrag a=group a=fingerprint a=setup m=audio a=rtpmap a=rtpmap a=rtcp-mux a=candidate a=candidate a=sendrecv"
	if got := strings.Join(keys, " "); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestGVS26DisplayNameVariants(t *testing.T) {
	for _, row := range []struct {
		display  DisplayName
		withheld Withheld
		from     string
		asserted string
	}{
		{NameOnly, "", `"Ann" <sip:+12025550147@216.239.32.1:5060>`, `"Ann" <sip:+12025550147@216.239.32.1>`},
		{NumberAsName, "", `"+12025550147" <sip:+12025550147@216.239.32.1:5060>`, `"+12025550147" <sip:+12025550147@216.239.32.1>`},
		{NumberAtHost, "", `"+12025550147@216.239.32.1" <sip:+12025550147@216.239.32.1:5060>`, `"+12025550147@216.239.32.1" <sip:+12025550147@216.239.32.1>`},
		{NoDisplayName, "", `<sip:+12025550147@216.239.32.1:5060>`, `<sip:+12025550147@216.239.32.1>`},
		{NumberWithheld, WithheldAnonymous, `"Anonymous" <sip:anonymous@anonymous.invalid>`, ""},
		{NumberWithheld, WithheldEmptyUser, `<sip:216.239.32.1:5060>`, ""},
		{NumberWithheld, WithheldUnavailable, `"Unavailable" <sip:unavailable@unknown.invalid>`, ""},
	} {
		from, asserted, _ := callerIdentity(Incoming{From: "+12025550147", Name: "Ann", Display: row.display}, row.withheld)
		if from != row.from || asserted != row.asserted {
			t.Errorf("%q %q: got %s, %s", row.display, row.withheld, from, asserted)
		}
	}
}

func TestGVS30AnIncomingCallIsAnsweredAndMeasured(t *testing.T) {
	c := registered(t, nil)
	call := place(t, c.s, Incoming{Talk: Person{Tone: 440, DTMF: "1"}})
	m := c.recv()
	c.send(c.respond(m, 180, ""))
	sdp := c.answerSDP()
	c.send(c.respond(m, 200, sdp))
	if ack := c.recv(); ack.Method != "ACK" || ack.ToTag() != "calleetag" {
		t.Fatalf("got %s", ack.Summary())
	}
	c.media.sound(m.Body, 900)
	c.media.until("key and tone, both ways", func() bool {
		h := c.media.heard()
		return h.DTMF == "1" && math.Abs(h.Tone-440) <= 5 && math.Abs(call.Report().Legs[0].Media.Received.Tone-900) <= 5
	})
	call.HangUp()
	bye := c.recv()
	if bye.Method != "BYE" {
		t.Fatalf("got %s", bye.Summary())
	}
	c.send(answerTo(bye, 200, bye.All("Via")))
	r, err := call.Wait(soon(t))
	if err != nil {
		t.Fatal(err)
	}
	if r.Ringing.IsZero() || r.Outcome != "answered" || math.Abs(r.Legs[0].Media.Received.Tone-900) > 5 {
		t.Errorf("%+v", r)
	}
	if h := c.media.heard(); h.DTMF != "1" || math.Abs(h.Tone-440) > 5 {
		t.Errorf("the client heard %+v", h)
	}
}

func TestGVS30RefusalsOfTheCallee(t *testing.T) {
	for _, status := range []int{486, 480, 603} {
		c := registered(t, nil)
		call := place(t, c.s, Incoming{})
		m := c.recv()
		c.send(c.respond(m, status, ""))
		if ack := c.recv(); ack.Method != "ACK" || ack.Branch() != m.Branch() {
			t.Errorf("got %s", ack.Summary())
		}
		if r, err := call.Wait(soon(t)); err != nil || r.Outcome != fmt.Sprintf("refused %d", status) {
			t.Errorf("%s, %v", r.Outcome, err)
		}
	}
}

func TestGVS26AnAnswerThatLostItsHopsIsDropped(t *testing.T) {
	c := registered(t, nil)
	call := place(t, c.s, Incoming{CancelAfter: 300 * time.Millisecond})
	m := c.recv()
	right := c.respond(m, 180, "")
	c.send(drop(right, "Record-Route: "))
	c.send(strings.Replace(right, m.All("Via")[1], m.All("Via")[2], 1))
	if cancel := c.recv(); cancel.Method != "CANCEL" {
		t.Fatalf("got %s", cancel.Summary())
	}
	if !call.Report().Ringing.IsZero() {
		t.Error("the edge took an answer that real hops would not carry")
	}
	c.refused("GV-S26")
	c.refused("GV-S25")
}
