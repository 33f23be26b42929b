package wire

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

const options = "OPTIONS sip:a@b;lr SIP/2.0\r\nv: SIP/2.0/UDP h;branch=z9hG4bK1, SIP/2.0/UDP \"x\";branch=z9hG4bK2\r\nf: \"a, <b>\" <sip:x@y;p=1>;tag=t1\r\nt: <sip:z@w>\r\ni: id\r\nCSeq: 7 OPTIONS\r\nRoute: sip:1.2.3.4:443;transport=udp;lr=lr\r\nSubject: folded\r\n line\r\nl: 4\r\n\r\nbody"

func TestAMessageIsReadVerbatim(t *testing.T) {
	m, err := Parse([]byte(options))
	if err != nil {
		t.Fatal(err)
	}
	for got, want := range map[string]string{
		m.URI: "sip:a@b;lr", m.FromTag(): "t1", m.ToTag(): "", m.CallID(): "id", m.Branch(): "z9hG4bK1", string(m.Body): "body",
		m.Get("Subject"): "folded line", Param(m.Get("From"), "p"): "", Display(m.Get("From")): "a, <b>",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if n, method := m.CSeq(); n != 7 || method != "OPTIONS" {
		t.Errorf("CSeq %d %s", n, method)
	}
	if len(m.List("Via")) != 2 {
		t.Errorf("Via %q", m.List("Via"))
	}
}

func TestURIsCompareAsGoogleDoes(t *testing.T) {
	for _, row := range []struct {
		a, b string
		same bool
	}{
		{"sip:ABC.x:5060;lr;uri-econt=AB", "sip:abc.x:5060;uri-econt=AB;lr", true},
		{"sip:h;lr=lr", "sip:h;lr", true},
		{"sip:h;transport=TLS", "sip:h;transport=tls", true},
		{"sip:h;uri-econt=AB", "sip:h;uri-econt=ab", false},
		{"sip:U@h", "sip:u@h", false},
		{"sip:h:5060", "sip:h", false},
		{"sip:h;lr", "sip:h", false},
	} {
		if got := SameURI(row.a, row.b); got != row.same {
			t.Errorf("%s and %s: %v", row.a, row.b, got)
		}
	}
}

func TestAStreamIsCutIntoFrames(t *testing.T) {
	for name, source := range map[string]io.Reader{
		"at once":      strings.NewReader(options + "\r\n\r\n" + options + "\r\n" + options),
		"byte by byte": iotest.OneByteReader(strings.NewReader(options + options + options)),
	} {
		r, messages, pings, pongs := NewReader(source), 0, 0, 0
		for {
			f, err := r.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			switch {
			case f.Ping:
				pings++
			case f.Pong:
				pongs++
			case string(f.Raw) == options:
				messages++
			}
		}
		if messages != 3 || name == "at once" && (pings != 1 || pongs != 1) {
			t.Errorf("%s: %d messages, %d pings, %d pongs", name, messages, pings, pongs)
		}
	}
}

func TestBrokenStreamsEndWithAReason(t *testing.T) {
	for name, text := range map[string]string{
		"no length":       "OPTIONS sip:a SIP/2.0\r\nVia: x\r\n\r\n",
		"negative length": "OPTIONS sip:a SIP/2.0\r\nContent-Length: -1\r\n\r\n",
		"huge length":     "OPTIONS sip:a SIP/2.0\r\nContent-Length: 999999\r\n\r\n",
		"bare LF":         "OPTIONS sip:a SIP/2.0\nContent-Length: 0\n\n",
		"cut":             options[:len(options)-1],
		"long line":       "OPTIONS sip:" + strings.Repeat("a", 9000) + " SIP/2.0\r\n\r\n",
		"endless headers": "OPTIONS sip:a SIP/2.0\r\n" + strings.Repeat("X: y\r\n", 20000),
	} {
		if _, err := NewReader(strings.NewReader(text)).Next(); err == nil || errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRedact(t *testing.T) {
	for in, want := range map[string]string{
		`Authorization: Bearer token="ya29.x", username="me"`: `Authorization: Bearer token=[redacted], username="me"`,
		`Bearer username="me",realm="r",token="ya29.x"`:       `Bearer username="me",realm="r",token=[redacted]`,
		"Authorization: Bearer ya29.x\r\nTo: a":               "Authorization: Bearer [redacted]\r\nTo: a",
		`Digest response="abc", uri="x"`:                      `Digest response=[redacted], uri="x"`,
	} {
		if got := Redact(in); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(options))
	f.Add([]byte("SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP h\r\nFrom: <sip:a>\r\nTo: <sip:b>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n\r\n"))
	f.Fuzz(func(_ *testing.T, raw []byte) {
		_, _ = NewReader(strings.NewReader(string(raw))).Next()
		_ = Headers(raw).Branch()
		m, err := Parse(raw)
		if err != nil {
			return
		}
		for _, h := range m.Headers {
			InBrackets(h.Value)
			Display(h.Value)
			Param(h.Value, "tag")
			SameURI(h.Value, "sip:a")
		}
		_, _ = m.Summary(), m.Branch()
		_ = m.List("Via")
	})
}
