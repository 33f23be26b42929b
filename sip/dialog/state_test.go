package dialog

import (
	"strings"
	"testing"

	"tandem/sip"
)

func message(t *testing.T, lines ...string) *sip.Message {
	t.Helper()
	m, err := sip.Parse([]byte(strings.Join(lines, "\r\n") + "\r\n\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func inviteWith(t *testing.T, lines ...string) *sip.Message {
	return message(t, append([]string{
		"INVITE sip:+12025550147@web.example SIP/2.0", "Via: SIP/2.0/TCP h;branch=z9hG4bK1", "Max-Forwards: 70",
		"From: \"A\" <sip:a%3D@web.example>;tag=fa", "To: <sip:b@web.example>", "Call-ID: c1", "CSeq: 8732 INVITE",
	}, lines...)...)
}

func responseWith(t *testing.T, lines ...string) *sip.Message {
	return message(t, append([]string{
		"SIP/2.0 183 Session Progress", "Via: SIP/2.0/TCP h;branch=z9hG4bK1",
		"From: \"A\" <sip:a=@web.example>;tag=fa", "To: <sip:b@web.example>;tag=tb", "Call-ID: c1", "CSeq: 8732 INVITE",
	}, lines...)...)
}

func TestRoutesOfADialog(t *testing.T) {
	loose := []string{"<sip:p1.example;lr;x=1>", "<sip:p2.example;lr>"}
	for _, c := range []struct {
		name   string
		caller bool
		rr     string
		uri    string
		routes []string
	}{
		{"the caller reverses the Record-Route (GV-C14)", true, strings.Join(loose, ", "), "sip:far@192.0.2.7;ob", []string{loose[1], loose[0]}},
		{"the callee does not (GV-C18)", false, strings.Join(loose, ", "), "sip:far@192.0.2.7;ob", loose},
		{"no Record-Route, no Route", true, "", "sip:far@192.0.2.7;ob", nil},
		{
			"a strict router becomes the Request-URI, the target goes last", false, "<sip:p1.example>, <sip:p2.example;lr>", "sip:p1.example",
			[]string{"<sip:p2.example;lr>", "<sip:far@192.0.2.7;ob>"},
		},
		{"a strict router alone", true, "<sip:p1.example;method=INVITE>", "sip:p1.example", []string{"<sip:far@192.0.2.7;ob>"}},
		{"lr=lr without angle brackets, a browser's quirk", true, "sip:p1.example;lr=lr", "sip:far@192.0.2.7;ob", []string{"sip:p1.example;lr=lr"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			lines := []string{"Contact: <sip:far@192.0.2.7;ob>"}
			if c.rr != "" {
				lines = append(lines, "Record-Route: "+c.rr)
			}
			d := calleeState(inviteWith(t, lines...), "mine")
			if c.caller {
				d = callerState(inviteWith(t), responseWith(t, lines...))
			}
			m, _ := d.request("BYE")
			if got := m.URI.String(); got != c.uri {
				t.Errorf("Request-URI %s, want %s", got, c.uri)
			}
			if got := strings.Join(m.Values("Route"), " | "); got != strings.Join(c.routes, " | ") {
				t.Errorf("Route %s, want %s", got, strings.Join(c.routes, " | "))
			}
		})
	}
}

func TestAddressesAreKeptByteForByte(t *testing.T) {
	d := callerState(inviteWith(t), responseWith(t, "Contact: <sip:x@ACZQQLQO:5060;transport=udp;uri-econt=ab%3D>"))
	m, d := d.request("PRACK")
	for name, want := range map[string]string{
		"From": `"A" <sip:a%3D@web.example>;tag=fa`, "To": "<sip:b@web.example>;tag=tb", "Call-ID": "c1", "CSeq": "8733 PRACK",
	} {
		if got := m.Get(name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	if got := m.URI.String(); got != "sip:x@ACZQQLQO:5060;transport=udp;uri-econt=ab%3D" {
		t.Errorf("Request-URI %s", got)
	}
	if got := d.ack(8732).Get("CSeq"); got != "8732 ACK" {
		t.Errorf("ACK has CSeq %s, want the INVITE's number (GV-C14)", got)
	}
	if m, _ := d.request("BYE"); m.Get("CSeq") != "8734 BYE" {
		t.Errorf("BYE has CSeq %s", m.Get("CSeq"))
	}
}

func TestCalleeDialog(t *testing.T) {
	d := calleeState(inviteWith(t, "Contact: <sip:far@192.0.2.7>"), "mine")
	if want := (ID{"c1", "mine", "fa"}); d.id() != want {
		t.Errorf("id %+v, want %+v", d.id(), want)
	}
	if _, ok := d.receive(8732); ok {
		t.Error("the INVITE's own CSeq was taken again")
	}
	d, ok := d.receive(8740)
	if _, late := d.receive(8739); !ok || late {
		t.Error("a gap must be taken, and what comes late after it not")
	}
	m, _ := d.request("BYE")
	if m.Get("CSeq") != "1 BYE" || m.Get("From") != "<sip:b@web.example>;tag=mine" {
		t.Errorf("BYE %s", m)
	}
}

func TestTheTargetIsRefreshedAndTheRoutesAreNot(t *testing.T) {
	d := callerState(inviteWith(t), responseWith(t, "Contact: <sip:one@h>", "Record-Route: <sip:p;lr>"))
	d = d.refresh(responseWith(t, "Contact: <sip:two@h>", "Record-Route: <sip:q;lr>"))
	m, _ := d.request("INFO")
	if m.URI.String() != "sip:two@h" || m.Get("Route") != "<sip:p;lr>" {
		t.Errorf("INFO to %s by %s", m.URI, m.Get("Route"))
	}
	if d = d.refresh(responseWith(t)); d.target.String() != "sip:two@h" {
		t.Error("a message without Contact changed the target")
	}
}
