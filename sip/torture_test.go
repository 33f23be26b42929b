package sip

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

// One row per message of RFC 4475. Where the RFC leaves a choice between refusing
// and repairing, the row says which one it is.
var rfc4475 = []struct {
	name, section string
	status        int // of Parse and Check: 0 accepted, -1 dropped without an answer
	look          func(t *testing.T, m *Message)
}{
	{"wsinv", "3.1.1.1", 0, func(t *testing.T, m *Message) {
		equal(t, "To", address(t, m, "To"), "<sip:vivekg@chair-dnrc.example.com>;tag=1918181833n")
		equal(t, "From", address(t, m, "From"), `"J Rosen \\\"" <sip:jdrosen@example.com>;tag=98asjd8`)
		equal(t, "Via", strings.Join(m.Values("Via"), "|"), "SIP  /   2.0 /UDP 192.0.2.2;branch=390skdjuw|"+
			"SIP  / 2.0  / TCP     spindle.example.com   ; branch  =   z9hG4bK9ikj8|SIP  /    2.0   / UDP  192.168.255.111   ; branch= z9hG4bK30239")
		via, _ := m.Via()
		equal(t, "top Via", via.String(), "SIP/2.0/UDP 192.0.2.2;branch=390skdjuw")
		equal(t, "Contact", address(t, m, "Contact"), `"Quoted string \"\"" <sip:jdrosen@example.com>;newparam=newvalue;secondparam;q=0.33`)
		cseq, _ := m.CSeq()
		equal(t, "CSeq", cseq, CSeq{9, "INVITE"})
		equal(t, "folded", m.Get("newfangledheader"), "newfangled value continued newfangled value")
		equal(t, "Subject", m.Has("Subject") && m.Get("s") == "", true)
		equal(t, "body", len(m.Body), 150)
	}},
	{"intmeth", "3.1.1.2", 0, func(t *testing.T, m *Message) {
		equal(t, "method", m.Method, "!interesting-Method0123456789_*+`.%indeed'~")
		equal(t, "user", m.URI.User, "1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*")
		equal(t, "password", m.URI.Password, "&it+has=1,weird!*pas$wo~d_too.(doesn't-it)")
		to, _ := m.To()
		equal(t, "display", to.Display, "BEL:\a NUL:\x00 DEL:\x7f")
		from, _ := m.From()
		equal(t, "tag", from.Tag(), "_token~1'+`*%!-.")
	}},
	{"esc01", "3.1.1.3", 0, func(t *testing.T, m *Message) {
		equal(t, "user", Unescape(m.URI.User), "sips:user@example.com")
		to, _ := m.To()
		equal(t, "equal", to.URI.Equal(URI{Scheme: "sip", User: "user", Host: "example.com"}), true)
		contacts, _ := m.Contacts()
		equal(t, "lr", contacts[0].URI.Params.Has("lr"), true)
		value, _ := contacts[0].URI.Params.Get("name")
		equal(t, "name", Unescape(value), "value%41") // escapes are undone once
	}},
	{"escnull", "3.1.1.4", 0, func(t *testing.T, m *Message) {
		contacts, _ := m.Contacts()
		equal(t, "contacts", len(contacts), 2)
		equal(t, "different", contacts[0].URI.Equal(contacts[1].URI), false)
	}},
	{"esc02", "3.1.1.5", 0, func(t *testing.T, m *Message) {
		equal(t, "method is not unescaped", m.Method, "RE%47IST%45R")
		equal(t, "nor is the header's name", len(m.Values("Contact")), 2)
		to, _ := m.To()
		equal(t, "nor the display name", to.Display, "%Z%45")
	}},
	{"lwsdisp", "3.1.1.6", 0, func(t *testing.T, m *Message) {
		equal(t, "From", address(t, m, "From"), `"caller" <sip:caller@example.com>;tag=323`)
	}},
	{"longreq", "3.1.1.7", 0, func(t *testing.T, m *Message) {
		equal(t, "Via", len(m.Values("Via")), 34)
		equal(t, "body", len(m.Body), 150)
	}},
	{"dblreq", "3.1.1.8", 0, func(t *testing.T, m *Message) {
		equal(t, "the rest of the datagram is ignored", len(m.Body), 0)
		equal(t, "method", m.Method, "REGISTER")
	}},
	{"semiuri", "3.1.1.9", 0, func(t *testing.T, m *Message) {
		equal(t, "user", Unescape(m.URI.User), "user;par=u@example.net")
		equal(t, "host", m.URI.Host, "example.com")
		equal(t, "Accept", len(m.Values("Accept")), 6)
	}},
	{"transports", "3.1.1.10", 0, func(t *testing.T, m *Message) {
		equal(t, "Via", len(m.Values("Via")), 5)
	}},
	{"mpart01", "3.1.1.11", 0, func(t *testing.T, m *Message) {
		equal(t, "binary body", bytes.Contains(m.Body, []byte("\r\n\r\n\x00\xff\x00")), true)
		equal(t, "whole body", bytes.HasSuffix(m.Body, []byte("--7a9cbec02ceef655--\r\n")), true)
	}},
	{"unreason", "3.1.1.12", 0, func(t *testing.T, m *Message) {
		equal(t, "reason", strings.HasPrefix(m.Reason, "= 2**3 * 5**2 но сто"), true)
	}},
	{"noreason", "3.1.1.13", 0, func(t *testing.T, m *Message) { equal(t, "reason", m.Reason, "") }},

	{"badinv01", "3.1.2.1", 400, nil},
	{"clerr", "3.1.2.2", 400, nil},
	{"ncl", "3.1.2.3", 400, nil},
	{"scalar02", "3.1.2.4", 400, nil},
	{"scalarlg", "3.1.2.5", -1, nil},
	{"quotbal", "3.1.2.6", 400, nil},
	{"ltgtruri", "3.1.2.7", 400, nil},
	{"lwsruri", "3.1.2.8", 400, nil},
	{"lwsstart", "3.1.2.9", 400, nil},
	{"trws", "3.1.2.10", 400, nil},
	{"escruri", "3.1.2.11", 400, nil},
	{"baddate", "3.1.2.12", 0, nil}, // the RFC would not refuse it for a Date that nobody reads
	{"regbadct", "3.1.2.13", 400, nil},
	{"badaspec", "3.1.2.14", 400, nil},
	{"baddn", "3.1.2.15", 400, nil},
	{"badvers", "3.1.2.16", 505, nil},
	{"mismatch01", "3.1.2.17", 400, nil},
	{"mismatch02", "3.1.2.18", 400, nil},
	{"bigcode", "3.1.2.19", -1, nil},

	{"badbranch", "3.2.1", 400, nil},

	{"insuf", "3.3.1", 400, nil},
	{"unkscm", "3.3.2", 416, nil},
	{"novelsc", "3.3.3", 416, nil},
	{"unksm2", "3.3.4", 400, nil},
	{"bext01", "3.3.5", 0, func(t *testing.T, m *Message) { // the user agent answers 420 with these
		equal(t, "Unsupported", strings.Join(m.Unsupported("100rel", "path"), ","), "nothingSupportsThis,nothingSupportsThisEither")
	}},
	{"invut", "3.3.6", 0, func(t *testing.T, m *Message) { // the user agent answers 415
		equal(t, "Content-Type", m.Get("c"), "application/unknownformat")
	}},
	{"regaut01", "3.3.7", 0, nil}, // the registrar challenges: sip/auth TestUnknownSchemeIsChallenged
	{"multi01", "3.3.8", 400, nil},
	{"mcl01", "3.3.9", 400, nil},
	{"bcast", "3.3.10", 0, func(t *testing.T, m *Message) { // the transaction layer finds no transaction
		equal(t, "Via", len(m.Values("Via")), 2)
	}},
	{"zeromf", "3.3.11", 0, nil}, // a user agent that is the target answers as always
	{"cparam01", "3.3.12", 0, func(t *testing.T, m *Message) {
		equal(t, "Contact", address(t, m, "Contact"), "<sip:+19725552222@gw1.example.net>;unknownparam")
	}},
	{"cparam02", "3.3.13", 0, func(t *testing.T, m *Message) {
		equal(t, "Contact", address(t, m, "Contact"), "<sip:+19725552222@gw1.example.net;unknownparam>")
	}},
	{"regescrt", "3.3.14", 0, func(t *testing.T, m *Message) {
		equal(t, "Contact", address(t, m, "Contact"), "<sip:user@example.com?Route=%3Csip:sip.example.com%3E>")
	}},
	{"sdp01", "3.3.15", 0, func(t *testing.T, m *Message) { // the user agent answers 406
		equal(t, "Accept", m.Option("Accept", "application/sdp"), false)
	}},
	{"inv2543", "3.4.1", 0, func(t *testing.T, m *Message) { // RFC 2543: no branch, tag, Max-Forwards, Content-Length
		equal(t, "body", bytes.HasPrefix(m.Body, []byte("v=0\r\n")), true)
	}},
}

func TestRFC4475Torture(t *testing.T) {
	messages := torture(t, "rfc4475.txtar")
	if len(messages) != len(rfc4475) {
		t.Errorf("%d messages, %d rows", len(messages), len(rfc4475))
	}
	for _, row := range rfc4475 {
		t.Run(row.name, func(t *testing.T) {
			m, code := status(messages[row.name])
			if code != row.status {
				_, err := Parse(messages[row.name])
				t.Fatalf("§%s: answered %d, want %d (%v)", row.section, code, row.status, err)
			}
			if row.look != nil {
				row.look(t, m)
			}
			if code == 0 {
				writesBack(t, m)
			}
		})
	}
}

// writesBack demands that what we write is read as the same message, but for raw
// bytes in a URI, which we escape.
func writesBack(t *testing.T, m *Message) {
	t.Helper()
	again, err := Parse(m.Append(nil))
	if err != nil {
		t.Fatalf("what we wrote is refused: %v", err)
	}
	m, again = m.Clone(), again.Clone()
	m.Del("Content-Length")
	again.Del("Content-Length")
	if m.String() != again.String() || !slices.Equal(m.Headers, again.Headers) {
		t.Errorf("not the same message:\n%s\n%s", m, again)
	}
}

func TestRFC5118Torture(t *testing.T) {
	messages := torture(t, "rfc5118.txtar")
	for _, row := range []struct {
		name       string
		status     int
		host       string // of the Request-URI
		port       int
		viaHost    string
		viaPort    int
		via, value string // a parameter of the topmost Via
	}{
		{"4.1-ipv6-good", 0, "2001:db8::10", 0, "2001:db8::9:1", 0, "", ""},
		{"4.2-ipv6-bad", 400, "", 0, "", 0, "", ""},
		{"4.3-port-ambiguous", 0, "2001:db8::10:5070", 0, "2001:db8::9:1", 0, "", ""},
		{"4.4-port-unambiguous", 0, "2001:db8::10", 5070, "2001:db8::9:1", 0, "", ""},
		{"4.5-via-received-with-delim", 0, "host.example.com", 0, "2001:db8::9:1", 6050, "received", "[2001:db8::9:255]"},
		{"4.5-via-received-no-delim", 0, "host.example.com", 0, "2001:db8::9:1", 6050, "received", "2001:db8::9:255"},
		{"4.6-ipv6-in-sdp", 0, "2001:db8::10", 0, "2001:db8::20", 0, "", ""},
		{"4.7-mult-ip-in-header", 0, "host.example.net", 0, "2001:db8::9:1", 6050, "", ""},
		{"4.8-mult-ip-in-sdp", 0, "2001:db8::10", 0, "2001:db8::9:1", 0, "", ""},
		{"4.9-ipv4-mapped-ipv6", 0, "example.com", 0, "::ffff:192.0.2.10", 19823, "", ""},
		{"4.10-abnf-bug-third-colon", 0, "2001:db8:::192.0.2.1", 0, "lab1.east.example.com", 0, "", ""},
		{"4.10-abnf-fixed", 0, "2001:db8::192.0.2.1", 0, "lab1.east.example.com", 0, "", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			m, code := status(messages[row.name])
			equal(t, "status", code, row.status)
			if code != 0 {
				return
			}
			via, err := m.Via()
			equal(t, "error", err, nil)
			equal(t, "host", m.URI.Host, row.host)
			equal(t, "port", m.URI.Port, row.port)
			equal(t, "sent-by", via.Host, row.viaHost)
			equal(t, "sent-by port", via.Port, row.viaPort)
			if row.via != "" {
				value, _ := via.Params.Get(row.via)
				equal(t, row.via, value, row.value)
			}
			writesBack(t, m)
		})
	}
}

func equal[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// address returns the one address of a header, written by us.
func address(t *testing.T, m *Message, name string) string {
	t.Helper()
	a, err := ParseAddress(m.Get(name))
	if err != nil {
		t.Fatal(err)
	}
	return a.String()
}
