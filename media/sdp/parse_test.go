package sdp

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestBrokenDescriptionsAreRefusedWithAReason(t *testing.T) {
	for _, test := range []struct {
		name, text string
		status     int
	}{
		{"nothing", "", 400},
		{"a web page", "<html></html>", 400},
		{"a port too high", "v=0\nm=audio 65536 RTP/AVP 0\n", 400},
		{"a negative port", "v=0\nm=audio -1 RTP/AVP 0\n", 400},
		{"no port", "v=0\nm=audio\n", 400},
		{"a bad port count", "v=0\nm=audio 5000/x RTP/AVP 0\n", 400},
		{"too big", "v=0\ns=" + strings.Repeat("x", maxSize), 413},
		{"too many lines", "v=0\n" + strings.Repeat("a=b\n", maxLines), 413},
		{"too many streams", "v=0\n" + strings.Repeat("m=audio 0 RTP/AVP 0\n", maxMedia+1), 413},
		{"too many formats", "v=0\nm=audio 0 RTP/AVP" + strings.Repeat(" 0", maxFormat+1), 413},
	} {
		_, err := Parse([]byte(test.text))
		var e *Error
		if !errors.As(err, &e) || e.Status != test.status {
			t.Errorf("%s: got %v, want %d", test.name, err, test.status)
		}
	}
}

func TestOddDescriptionsAreRead(t *testing.T) {
	d := mustParse(t, "noise\n\r\nv=0\r\no=Joe's Phone 1 2 IN IP4 192.0.2.1\r\nz=0 0\r\nc=IN IP4 192.0.2.1\r\nm=AUDIO 5000/2 RTP/AVP 0 \r\ni=label\r\nc=IN IP4 192.0.2.2\r\nc=IN IP4 192.0.2.3\r\na=x:y\x00\x01z\r\nm=image 1 udptl t38")
	equal(t, "origin", d.Origin, Origin{"Joe's_Phone", "1", "2", "192.0.2.1"})
	equal(t, "m-lines", len(d.Media), 2)
	m := d.Media[0]
	equal(t, "kind, ports", m.Kind+" "+num(uint8(m.Ports)), "audio 2")
	equal(t, "first c= counts", m.Connection.Address, "192.0.2.2")
	x, _ := m.Attribute("X")
	equal(t, "control octets are gone", x, "yz")
	equal(t, "extra", d.Extra[0], Line{'z', "0 0"})
	for _, v := range wireViolations(d) {
		t.Error(v)
	}
	equal(t, "short o=", mustParse(t, "v=0\no=1 2 IN IP4 h\n").Origin, Origin{"-", "1", "2", "h"})
}

func TestCandidatesSurviveTheRoundTrip(t *testing.T) {
	for _, s := range []string{
		"1 1 UDP 1 192.0.2.7 6000 typ host",
		"842163049 1 UDP 1677729535 203.0.113.5 46154 typ srflx raddr 10.0.0.17 rport 46154 generation 0 network-cost 999",
		"2 2 TCP 2105524479 2001:db8::1 9 typ host tcptype active",
	} {
		c, ok := parseCandidate(s)
		if !ok || c.String() != s {
			t.Errorf("%s became %s, %t", s, c, ok)
		}
	}
	for _, s := range []string{
		"", "1 1 UDP 1 192.0.2.7", "1 0 UDP 1 192.0.2.7 6000 typ host", "1 1 UDP -1 192.0.2.7 6000 typ host",
		"1 1 UDP 1 192.0.2.7 66000 typ host", "1 1 UDP 1 192.0.2.7 6000 type host", "1 1 UDP 1 192.0.2.7 6000 typ host raddr 1.2.3.4 rport x",
	} {
		if c, ok := parseCandidate(s); ok {
			t.Errorf("%q was read as %s", s, c)
		}
	}
}

func FuzzParse(f *testing.F) {
	files, _ := filepath.Glob("testdata/offers/*.sdp")
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		d, err := Parse(text)
		if err != nil {
			return
		}
		for _, v := range wireViolations(d) {
			// What was read may hold lines in any order and of any type; only a
			// description that does not survive is wrong.
			if strings.HasPrefix(v, "what was written") || strings.HasPrefix(v, "written, read") {
				t.Error(v)
			}
		}
		for _, policy := range policies {
			exchange(t, policy, d)
		}
	})
}

// exchange answers an offer and takes it as an answer to ours.
func exchange(t interface{ Errorf(string, ...any) }, policy Security, d *Description) {
	caps, tr := gateway(policy)
	answer, agreed, err := Answer(caps, tr, d, "PCMU")
	if err == nil {
		for _, v := range violations(d, answer) {
			t.Errorf("%s: %s\noffer:\n%s\nanswer:\n%s", policy, v, d, answer)
		}
		caps.Last, caps.Remote = answer, d
		again, _, err := Answer(caps, tr, d, "PCMU")
		if err != nil || again.String() != answer.String() {
			t.Errorf("%s: the same offer got another answer: %v\n%s\n%s", policy, err, answer, again)
		}
		for _, v := range wireViolations(Offer(caps, tr)) {
			t.Errorf("%s: re-offer: %s", policy, v)
		}
	}
	if (err == nil) != (len(agreed.Streams) == 1) {
		t.Errorf("%s: %d streams and error %v", policy, len(agreed.Streams), err)
	}
	caps.Last, caps.Remote = nil, nil
	if agreed, err := Accept(caps, tr, Offer(caps, tr), d); err == nil && len(agreed.Streams) == 0 {
		t.Errorf("%s: an answer was accepted without a stream", policy)
	}
}
