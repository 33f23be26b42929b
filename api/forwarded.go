package api

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// source is the address a request came from: that of the connection, or, when that is a
// trusted proxy's, the one that the proxy says (RFC 7239, or X-Forwarded-For). Of several
// the last counts that is no trusted proxy: what stands before it, anybody could have sent.
func (s *Server) source(r *http.Request) string {
	from := hostOf(r.RemoteAddr)
	if !s.trusts(from) {
		return from
	}
	for _, hop := range slices.Backward(forwarded(r.Header)) {
		addr, ok := forwardedAddr(hop)
		if !ok {
			return from // what cannot be read, and all before it, says nothing
		}
		if from = addr; !s.trusts(addr) {
			return from
		}
	}
	return from
}

func (s *Server) trusts(address string) bool {
	a, err := netip.ParseAddr(address)
	return err == nil && slices.ContainsFunc(s.Proxies, func(p netip.Prefix) bool { return p.Contains(a.Unmap()) })
}

const maxHops = 32

// forwarded are the hops that proxies wrote, the farthest first.
func forwarded(h http.Header) (hops []string) {
	if values := h.Values("Forwarded"); len(values) > 0 {
		for _, element := range strings.Split(strings.Join(values, ","), ",") {
			hop := ""
			for pair := range strings.SplitSeq(element, ";") {
				if name, v, ok := strings.Cut(strings.TrimSpace(pair), "="); ok && strings.EqualFold(name, "for") {
					hop = strings.Trim(v, `"`)
				}
			}
			hops = append(hops, hop)
		}
	} else if values := h.Values("X-Forwarded-For"); len(values) > 0 {
		hops = strings.Split(strings.Join(values, ","), ",")
	}
	return hops[max(0, len(hops)-maxHops):]
}

// forwardedAddr reads an address, with or without a port.
func forwardedAddr(hop string) (string, bool) {
	hop = strings.TrimSpace(hop)
	if ap, err := netip.ParseAddrPort(hop); err == nil {
		return ap.Addr().Unmap().String(), true
	}
	a, err := netip.ParseAddr(strings.Trim(hop, "[]"))
	if err != nil {
		return "", false
	}
	return a.Unmap().WithZone("").String(), true
}
