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

// Encrypted reports whether the browser sent the request by TLS: to this gateway, or to
// a trusted proxy that says so (RFC 7239, or X-Forwarded-Proto).
func (s *Server) Encrypted(r *http.Request) bool {
	if r.TLS != nil || s.Secure {
		return true
	}
	if !s.trusts(hostOf(r.RemoteAddr)) {
		return false
	}
	hops, protocols := forwarded(r.Header), protocols(r.Header)
	if len(protocols) == 0 {
		return false
	}
	// The one that counts belongs to the hop which is the browser's.
	at := len(protocols) - 1
	if len(hops) == len(protocols) {
		for ; at > 0; at-- {
			if addr, ok := forwardedAddr(hops[at]); !ok || !s.trusts(addr) {
				break
			}
		}
	}
	return strings.EqualFold(protocols[at], "https")
}

// protocols are what the hops of [forwarded] came by, as far as proxies wrote it.
func protocols(h http.Header) (all []string) {
	if values := h.Values("Forwarded"); len(values) > 0 {
		for _, element := range strings.Split(strings.Join(values, ","), ",") {
			all = append(all, parameter(element, "proto"))
		}
	} else if values := h.Values("X-Forwarded-Proto"); len(values) > 0 {
		for one := range strings.SplitSeq(strings.Join(values, ","), ",") {
			all = append(all, strings.TrimSpace(one))
		}
	}
	return all[max(0, len(all)-maxHops):]
}

// parameter is a value of one element of Forwarded, "" when it is not there.
func parameter(element, want string) (value string) {
	for pair := range strings.SplitSeq(element, ";") {
		if name, v, ok := strings.Cut(strings.TrimSpace(pair), "="); ok && strings.EqualFold(name, want) {
			value = strings.Trim(v, `"`)
		}
	}
	return value
}

const maxHops = 32

// forwarded are the hops that proxies wrote, the farthest first.
func forwarded(h http.Header) (hops []string) {
	if values := h.Values("Forwarded"); len(values) > 0 {
		for _, element := range strings.Split(strings.Join(values, ","), ",") {
			hops = append(hops, parameter(element, "for"))
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
