package webhook

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"syscall"
	"time"
)

// errPrivate is why a hook does not reach an address.
var errPrivate = errors.New("the address is one of a private network; webhooks go there only when allow_private is set")

// special are networks that no public program is in, besides those netip knows.
func special() []netip.Prefix {
	return []netip.Prefix{
		netip.MustParsePrefix("0.0.0.0/8"),       // this network (RFC 1122)
		netip.MustParsePrefix("100.64.0.0/10"),   // carriers' NAT (RFC 6598)
		netip.MustParsePrefix("192.0.0.0/24"),    // protocol assignments (RFC 6890)
		netip.MustParsePrefix("192.0.2.0/24"),    // documentation (RFC 5737)
		netip.MustParsePrefix("192.88.99.0/24"),  // 6to4 relays (RFC 7526)
		netip.MustParsePrefix("198.18.0.0/15"),   // benchmarks (RFC 2544)
		netip.MustParsePrefix("198.51.100.0/24"), // documentation
		netip.MustParsePrefix("203.0.113.0/24"),  // documentation
		netip.MustParsePrefix("240.0.0.0/4"),     // reserved
		netip.MustParsePrefix("64:ff9b::/96"),    // NAT64: an IPv4 address in disguise (RFC 6052)
		netip.MustParsePrefix("64:ff9b:1::/48"),  // local NAT64 (RFC 8215)
		netip.MustParsePrefix("2001::/32"),       // Teredo
		netip.MustParsePrefix("2001:db8::/32"),   // documentation
		netip.MustParsePrefix("2002::/16"),       // 6to4: an IPv4 address in disguise
		netip.MustParsePrefix("fec0::/10"),       // site-local, deprecated
	}
}

// public reports whether an address belongs to the Internet.
func public(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	if !a.IsGlobalUnicast() || a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() || a.IsMulticast() {
		return false
	}
	return !slices.ContainsFunc(special(), func(p netip.Prefix) bool { return p.Contains(a) })
}

// newClient makes a client that follows no redirection, and with public that reaches
// no address of the own network: it looks at the address that a name resolved to in
// the moment of connecting, so that no other answer of the DNS can come in between.
func newClient(onlyPublic bool) *http.Client {
	d := &net.Dialer{Timeout: 5 * time.Second}
	if onlyPublic {
		d.Control = func(_, address string, _ syscall.RawConn) error {
			to, err := netip.ParseAddrPort(address)
			if err != nil {
				return fmt.Errorf("%w (%s)", errPrivate, address)
			}
			if !public(to.Addr()) {
				return fmt.Errorf("%w (%s)", errPrivate, to.Addr())
			}
			return nil
		}
	}
	return &http.Client{
		Timeout:       tryTime,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			Proxy: nil, DialContext: d.DialContext, TLSHandshakeTimeout: 5 * time.Second, ResponseHeaderTimeout: tryTime,
			MaxIdleConnsPerHost: 1, IdleConnTimeout: 30 * time.Second, MaxResponseHeaderBytes: 16 << 10, DisableCompression: true,
		},
	}
}
