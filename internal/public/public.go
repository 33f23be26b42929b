// Package public tells addresses of the Internet from those of one's own network,
// where nobody outside may make the gateway connect to.
package public

import (
	"net/netip"
	"slices"
)

// special are networks that nobody on the Internet is in, besides those netip knows.
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

// Is reports whether an address belongs to the Internet.
func Is(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	if !a.IsGlobalUnicast() || a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() || a.IsMulticast() {
		return false
	}
	return !slices.ContainsFunc(special(), func(p netip.Prefix) bool { return p.Contains(a) })
}
