package api

import (
	"crypto/tls"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"tandem/identity"
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

// A cookie is kept to TLS when the browser came by it, and only a trusted proxy can say so.
func TestCookiesAreKeptToTLSBehindAProxy(t *testing.T) {
	s := &Server{Proxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}
	for _, tt := range []struct {
		name, remote string
		header       http.Header
		want         bool
	}{
		{"plain", "192.0.2.1:9", nil, false},
		{"a stranger says https", "192.0.2.1:9", http.Header{"X-Forwarded-Proto": {"https"}}, false},
		{"a stranger says https, RFC 7239", "192.0.2.1:9", http.Header{"Forwarded": {"for=1.2.3.4;proto=https"}}, false},
		{"a proxy says https", "10.0.0.1:9", http.Header{"X-Forwarded-Proto": {"https"}, "X-Forwarded-For": {"192.0.2.1"}}, true},
		{"a proxy says http", "10.0.0.1:9", http.Header{"X-Forwarded-Proto": {"http"}}, false},
		{"a proxy says nothing", "10.0.0.1:9", http.Header{"X-Forwarded-For": {"192.0.2.1"}}, false},
		{"RFC 7239", "10.0.0.1:9", http.Header{"Forwarded": {`for=192.0.2.1;proto="HTTPS"`}}, true},
		{"what the client wrote does not count", "10.0.0.1:9", http.Header{"Forwarded": {"for=1.2.3.4;proto=https, for=192.0.2.1;proto=http"}}, false},
		{"two proxies, TLS at the first", "10.0.0.1:9", http.Header{"Forwarded": {"for=192.0.2.1;proto=https, for=10.0.0.2;proto=http"}}, true},
		{"two proxies, TLS between them only", "10.0.0.1:9", http.Header{"Forwarded": {"for=192.0.2.1;proto=http, for=10.0.0.2;proto=https"}}, false},
		{"two proxies that add", "10.0.0.1:9", http.Header{"X-Forwarded-Proto": {"https, http"}, "X-Forwarded-For": {"192.0.2.1, 10.0.0.2"}}, true},
	} {
		if got := s.Encrypted(&http.Request{RemoteAddr: tt.remote, Header: tt.header}); got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
	if !s.Encrypted(&http.Request{RemoteAddr: "192.0.2.1:9", TLS: new(tls.ConnectionState)}) {
		t.Error("TLS here is not seen")
	}
	r := newRig(t)
	r.server.Proxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	r.as(identity.Viewer)
	for proto, want := range map[string]bool{"https": true, "http": false} {
		c := &client{rig: r}
		a := c.do("POST", "/session", map[string]string{"user": "the viewer", "password": password}, "X-Forwarded-Proto", proto).want(t, 200)
		if got := strings.Contains(a.header.Get("Set-Cookie"), "; Secure"); got != want {
			t.Errorf("%s: %s", proto, a.header.Get("Set-Cookie"))
		}
	}
}

func FuzzForwarded(f *testing.F) {
	f.Add(`for="[2001:db8::7]:4711";proto=https, for=10.0.0.9`, "1.2.3.4, x")
	s := &Server{Proxies: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}}
	f.Fuzz(func(t *testing.T, a, b string) {
		got := s.source(&http.Request{RemoteAddr: "10.0.0.1:1", Header: http.Header{"Forwarded": {a}, "X-Forwarded-For": {b}}})
		s.Encrypted(&http.Request{RemoteAddr: "10.0.0.1:1", Header: http.Header{"Forwarded": {a}, "X-Forwarded-Proto": {b}}})
		if _, err := netip.ParseAddr(got); err != nil {
			t.Errorf("%q is no address", got)
		}
	})
}
