package flow

import (
	"net/netip"
	"strings"
	"testing"

	"tandem/sip"
)

// FuzzFixVia: whatever Via a request has, afterwards its first element tells where
// the request came from, and the others are as they were.
func FuzzFixVia(f *testing.F) {
	for _, via := range []string{
		"SIP/2.0/UDP a.example.com;branch=z9hG4bK1", "SIP/2.0/UDP a;rport;branch=z9hG4bK1, SIP/2.0/TCP b",
		"SIP/2.0/UDP [2001:db8::1]:5060;rport=7;received=192.0.2.9", `SIP/2.0/TLS a;x="\",;rport";branch=1,SIP/2.0/UDP b`,
		"SIP / 2.0 / UDP a : 5060 ;RPORT; branch=1", "SIP/2.0/UDP a;rportx;rport",
	} {
		f.Add(via)
	}
	f.Fuzz(func(t *testing.T, via string) {
		m := options("1")
		m.Set("Via", via)
		m, err := sip.Parse(m.Append(nil))
		if err != nil || sip.Check(m) != nil {
			return
		}
		before := m.Values("Via")
		fixVia(m, newFlow(nil, udp, netip.AddrPort{}, netip.MustParseAddrPort("198.51.100.7:40000")))
		after := m.Values("Via")
		if len(after) != len(before) || strings.Join(after[1:], ",") != strings.Join(before[1:], ",") {
			t.Fatalf("%q became %q", before, after)
		}
		v, err := m.Via()
		if err != nil {
			t.Fatalf("%q became %q: %v", before, after, err)
		}
		received, _ := v.Params.Get("received")
		if received != "198.51.100.7" && v.Host != "198.51.100.7" {
			t.Errorf("%q became %q", before, after)
		}
		if rport, ok := v.Params.Get("rport"); ok && rport != "40000" {
			t.Errorf("%q became %q", before, after)
		}
	})
}

// FuzzWebSocketFrame: frames end, and no byte is handled twice.
func FuzzWebSocketFrame(f *testing.F) {
	one := options("1").Append(nil)
	f.Add(one)
	f.Add(append(append([]byte("\r\n"), one...), one...))
	f.Add([]byte("\r\n\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		for n := 0; len(b) > 0 && n < maxPerFrame; n++ {
			fr := sip.Limits{}.ParseFrame(b)
			end := frameEnd(fr, b)
			if end <= 0 || end > len(b) {
				t.Fatalf("a frame of %d bytes ends at %d", len(b), end)
			}
			b = b[end:]
		}
	})
}
