package api

import (
	"net/http"
	"net/netip"
	"testing"
)

func TestOnlyTrustedProxiesSayWhereARequestCameFrom(t *testing.T) {
	s := &Server{Proxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128")}}
	for _, tt := range []struct{ name, remote, header, value, want string }{
		{"no proxy", "192.0.2.1:999", "X-Forwarded-For", "198.51.100.1", "192.0.2.1"},
		{"a proxy", "10.0.0.1:999", "X-Forwarded-For", "198.51.100.1", "198.51.100.1"},
		{"what the client wrote does not count", "10.0.0.1:999", "X-Forwarded-For", "1.2.3.4, 198.51.100.1", "198.51.100.1"},
		{"two proxies", "10.0.0.1:999", "X-Forwarded-For", "1.2.3.4, 198.51.100.1, 10.0.0.2", "198.51.100.1"},
		{"only proxies", "10.0.0.1:999", "X-Forwarded-For", "10.0.0.3, 10.0.0.2", "10.0.0.3"},
		{"nothing said", "10.0.0.1:999", "X-Nothing", "", "10.0.0.1"},
		{"nonsense", "10.0.0.1:999", "X-Forwarded-For", "1.2.3.4, <script>", "10.0.0.1"},
		{"RFC 7239", "[::1]:999", "Forwarded", `for="[2001:db8::7]:4711";proto=https, for=10.0.0.9`, "2001:db8::7"},
		{"RFC 7239, hidden", "[::1]:999", "Forwarded", "for=_hidden", "::1"},
		{"a mapped address", "[::ffff:10.0.0.1]:999", "X-Forwarded-For", "::ffff:198.51.100.1", "198.51.100.1"},
	} {
		r := &http.Request{RemoteAddr: tt.remote, Header: http.Header{tt.header: {tt.value}}}
		if got := s.source(r); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

func FuzzForwarded(f *testing.F) {
	f.Add(`for="[2001:db8::7]:4711";proto=https, for=10.0.0.9`, "1.2.3.4, x")
	s := &Server{Proxies: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}}
	f.Fuzz(func(t *testing.T, a, b string) {
		got := s.source(&http.Request{RemoteAddr: "10.0.0.1:1", Header: http.Header{"Forwarded": {a}, "X-Forwarded-For": {b}}})
		if _, err := netip.ParseAddr(got); err != nil {
			t.Errorf("%q is no address", got)
		}
	})
}
