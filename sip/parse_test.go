package sip

import (
	"strings"
	"testing"
)

func BenchmarkParse(b *testing.B) {
	invite := golden(b, "gv-invite.sip")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(invite); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCheck(b *testing.B) {
	m, err := Parse(golden(b, "gv-invite.sip"))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := Check(m); err != nil {
			b.Fatal(err)
		}
	}
}

func TestParseAllocatesFourTimes(t *testing.T) {
	invite := golden(t, "gv-invite.sip")
	allocs := testing.AllocsPerRun(100, func() { Parse(invite) })
	if allocs > 4 {
		t.Errorf("%v allocations, want at most 4: text, message, headers, body", allocs)
	}
}

func TestGoogleInvite(t *testing.T) {
	m, code := status(golden(t, "gv-invite.sip"))
	equal(t, "status", code, 0)
	equal(t, "URI", m.URI.String(), "sip:me@192.0.2.10:38250;transport=tls")
	equal(t, "Via", len(m.Values("Via")), 3)
	contacts, err := m.Contacts()
	equal(t, "error", err, nil)
	equal(t, "opaque host (GV-C8)", len(contacts[0].URI.Host), 63)
	equal(t, "100rel", m.Option("Supported", "100rel"), true)
	writesBack(t, m)

	// GV-C18: the answer has all three Via.
	answer := NewResponse(m, 180, "")
	equal(t, "Via", strings.Join(answer.Values("Via"), ","), strings.Join(m.Values("Via"), ","))
	equal(t, "reason", answer.Reason, "Ringing")
}

// good is a message that the rows of TestSmuggling spoil.
const good = "OPTIONS sip:a@example.com SIP/2.0\r\n" +
	"Via: SIP/2.0/TCP host.example.com;branch=z9hG4bK1\r\n" +
	"From: <sip:b@example.com>;tag=1\r\nTo: <sip:a@example.com>\r\n" +
	"Call-ID: 1\r\nCSeq: 1 OPTIONS\r\nContent-Length: 4\r\n\r\nbody"

func TestSmuggling(t *testing.T) {
	for _, row := range []struct {
		what, old, new string
		status         int
	}{
		{"nothing spoiled", "", "", 0},
		{"two different lengths", "Content-Length: 4", "Content-Length: 4\r\nContent-Length: 0", 400},
		{"two equal lengths", "Content-Length: 4", "Content-Length: 4\r\nl: 4", 400},
		{"a list of lengths", "Content-Length: 4", "Content-Length: 4, 4", 400},
		{"a length in words", "Content-Length: 4", "Content-Length: four", 400},
		{"a signed length", "Content-Length: 4", "Content-Length: +4", 400},
		{"a hexadecimal length", "Content-Length: 4", "Content-Length: 0x4", 400},
		{"an empty length", "Content-Length: 4", "Content-Length:", 400},
		{"a length of 2**32+4", "Content-Length: 4", "Content-Length: 4294967300", 400},
		{"a length of 2**64+4", "Content-Length: 4", "Content-Length: 18446744073709551620", 400},
		{"a length of a gigabyte", "Content-Length: 4", "Content-Length: 1073741824", 513},
		{"a space before the colon is allowed", "Content-Length: 4", "Content-Length \t: 4", 0},
		{"a folded length", "Content-Length: 4", "Content-Length:\r\n 4", 0},
		{"a length continued by a fold", "Content-Length: 4", "Content-Length: 4\r\n 2", 400},
		{"a space in a header name", "Call-ID:", "Call ID:", 400},
		{"a control character in a header name", "Call-ID:", "Call-\x01ID:", 400},
		{"an empty header name", "Call-ID: 1", ": x\r\nCall-ID: 1", 400},
		{"a line without colon", "Call-ID: 1", "Call-ID: 1\r\nnonsense", 400},
		{"a bare LF", "Call-ID: 1\r\n", "Call-ID: 1\n", 400},
		{"a bare CR", "Call-ID: 1", "Call-ID: 1\rX: 2", 400},
		{"a NUL", "Call-ID: 1", "Call-ID: 1\x002", 400},
		{"a NUL in quotes", "From: ", "From: \"a\x00\" ", 400},
		{"a NUL as a quoted pair", "From: ", "From: \"a\\\x00\" ", 0},
		{"a NUL behind a backslash outside quotes", "From: ", "From: a\\\x00 ", 400},
		{"a second Call-ID", "Call-ID: 1", "Call-ID: 1\r\ni: 2", 400},
		{"a CSeq of 2**32", "CSeq: 1 ", "CSeq: 4294967296 ", 400},
		{"a CSeq of 2**32-1", "CSeq: 1 ", "CSeq: 4294967295 ", 0},
		{"a port of 65536", "host.example.com", "host.example.com:65536", 400},
		{"two @ in a URI", "sip:a@example.com SIP", "sip:a@b@example.com SIP", 400},
		{"HTTP", "SIP/2.0\r\nVia", "HTTP/1.1\r\nVia", -1},
	} {
		text := strings.Replace(good, row.old, row.new, 1)
		if _, code := status([]byte(text)); code != row.status {
			_, err := Parse([]byte(text))
			t.Errorf("%s: answered %d, want %d (%v)", row.what, code, row.status, err)
		}
	}
}

func TestResponsesAndACKAreNotAnswered(t *testing.T) {
	ack := strings.ReplaceAll(good, "OPTIONS", "ACK")
	_, code := status([]byte(strings.Replace(ack, "Call-ID: 1\r\n", "", 1)))
	equal(t, "ACK without Call-ID", code, -1)
	_, code = status([]byte(strings.Replace(ack, "Call-ID: 1\r\n", "Call-ID: 1\n", 1)))
	equal(t, "ACK with a bare LF", code, -1)
}

func TestLimits(t *testing.T) {
	for _, row := range []struct{ what, text string }{
		{"headers", strings.Replace(good, "Content-Length", strings.Repeat("X: y\r\n", 256)+"Content-Length", 1)},
		{"Via", strings.Replace(good, "Call-ID", "Via: a"+strings.Repeat(",a", 70)+"\r\nCall-ID", 1)},
		{"line", strings.Replace(good, "Call-ID", "X: "+strings.Repeat("y", 8<<10)+"\r\nCall-ID", 1)},
		{"fold", strings.Replace(good, "Call-ID", "X: y"+strings.Repeat("\r\n yyyyyyy", 1<<10)+"\r\nCall-ID", 1)},
		{"message", good + strings.Repeat("x", 64<<10)},
	} {
		m, code := status([]byte(row.text))
		equal(t, row.what, code, 513)
		if m == nil || m.Get("Call-ID") == "" {
			t.Errorf("%s: no headers to answer with", row.what)
		}
	}
}

func TestNothingWrittenAddsAHeader(t *testing.T) {
	m := NewRequest("MESSAGE", URI{Scheme: "sip", User: "a\r\nEvil: 1", Host: "example.com"})
	m.Add("Subject", "x\r\nEvil: 1")
	m.Add("Evil: 1\r\nX", "y")
	m.Body = []byte("hi")
	got := string(m.Append(nil))
	want := "MESSAGE sip:a%0D%0AEvil:%201@example.com SIP/2.0\r\nSubject: x  Evil: 1\r\nContent-Length: 2\r\n\r\nhi"
	equal(t, "wire", got, want)
}

func FuzzParse(f *testing.F) {
	f.Add(golden(f, "gv-invite.sip"))
	for _, archive := range []string{"rfc4475.txtar", "rfc5118.txtar"} {
		for _, b := range torture(f, archive) {
			f.Add(b)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, code := status(b)
		if m == nil {
			return
		}
		_ = m.String()
		for _, name := range []string{"Via", "Contact", "Route", "Subject"} {
			m.Values(name)
			m.Clone().RemoveFirst(name)
		}
		m.Contacts()
		if code == 0 {
			writesBack(t, m)
		}
	})
}
