package flow

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"

	"tandem/sip"
)

// ErrNotResolvable is Resolve's error for hosts that nobody is asked about: names
// under .invalid, and the opaque hosts of Google Voice, which are a whole DNS
// label of 63 characters (GV-C8). They are reached by the flow they came on.
var ErrNotResolvable = errors.New("the host is opaque, it is reached by its flow and never looked up")

// A Resolver finds where a SIP URI's host is (RFC 3263). Fill in its fields and
// do not change them after that. It is safe for concurrent use.
type Resolver struct {
	Servers  []string // DNS servers, host:port; none are the system's, and hosts files count too
	Networks []string // that we speak, in order of preference; none are udp, tcp, tls
	IPv6     bool     // prefer IPv6 addresses

	dns dnsClient
}

// hop is what is known of a far end on the way to its addresses.
type hop struct {
	net  network
	host string
	port int
}

// Resolve returns the targets of a URI in the order in which they are to be tried,
// at least one if the error is nil. Their ServerName is the URI's host, which is
// what a certificate must name (RFC 5922 §4), whatever the DNS said.
func (r *Resolver) Resolve(ctx context.Context, uri sip.URI) ([]Target, error) {
	host := uri.Host
	if maddr, ok := uri.Params.Get("maddr"); ok && maddr != "" {
		host = maddr
	}
	targets, err := r.resolve(ctx, uri, strings.Trim(host, "[]"))
	if err != nil {
		return nil, fmt.Errorf("resolve %s: %w", host, err)
	}
	return targets, nil
}

func (r *Resolver) resolve(ctx context.Context, uri sip.URI, host string) ([]Target, error) {
	fixed, n, err := r.transport(uri)
	if err != nil {
		return nil, err
	}
	if addr, err := netip.ParseAddr(host); err == nil {
		return []Target{target(hop{n, host, port(uri.Port, n)}, addr, host)}, nil
	}
	if opaque(host) {
		return nil, ErrNotResolvable
	}
	hops := []hop{{n, host, port(uri.Port, n)}}
	if uri.Port == 0 {
		found, err := r.services(ctx, host, uri.Secure(), fixed, n)
		if err != nil {
			return nil, err
		}
		if len(found) > 0 {
			hops = found
		}
	}
	return r.addresses(ctx, hops, host)
}

// transport is what the URI says of the transport, or what it stands for without
// (RFC 3263 §4.1).
func (r *Resolver) transport(uri sip.URI) (fixed bool, n network, err error) {
	name, fixed := uri.Params.Get("transport")
	if !fixed {
		if uri.Secure() {
			return false, tlsNet, nil
		}
		return false, r.preferred()[0], nil
	}
	n, err = parseNetwork(strings.ToLower(name))
	if err != nil {
		return fixed, n, err
	}
	if uri.Secure() {
		switch n {
		case tcp:
			n = tlsNet
		case ws:
			n = wss
		case udp:
			return fixed, n, errors.New("sips does not go over UDP")
		}
	}
	return fixed, n, nil
}

// preferred are the networks we speak, in order.
func (r *Resolver) preferred() []network {
	var ns []network
	for _, s := range r.Networks {
		if n, err := parseNetwork(s); err == nil {
			ns = append(ns, n)
		}
	}
	if len(ns) == 0 {
		return []network{udp, tcp, tlsNet}
	}
	return ns
}

func (r *Resolver) speaks(n network) bool {
	for _, p := range r.preferred() {
		if p == n {
			return true
		}
	}
	return false
}

// opaque reports whether a host is never looked up.
func opaque(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	first, _, _ := strings.Cut(host, ".")
	return host == "" || host == "invalid" || strings.HasSuffix(host, ".invalid") || len(first) >= 63
}

func port(given int, n network) int {
	if given != 0 {
		return given
	}
	return int(networks[n].port)
}

func target(h hop, a netip.Addr, name string) Target {
	return Target{
		Network: networks[h.net].name, Addr: netip.AddrPortFrom(a.Unmap(), uint16(h.port)),
		Host: name, Port: h.port, ServerName: name,
	}
}

// addresses looks up the hops' addresses. A hop without any is left out; it is an
// error if none is left.
func (r *Resolver) addresses(ctx context.Context, hops []hop, name string) ([]Target, error) {
	var targets []Target
	var last error
	for _, h := range hops {
		addrs, err := r.hostAddrs(ctx, h.host)
		if err != nil {
			last = err
			continue
		}
		for _, a := range addrs {
			targets = append(targets, target(h, a, name))
		}
	}
	if len(targets) == 0 {
		if last == nil {
			last = fmt.Errorf("%s has no address", name)
		}
		return nil, last
	}
	return targets, nil
}

// hostAddrs returns the addresses of a host, the preferred family first.
func (r *Resolver) hostAddrs(ctx context.Context, host string) ([]netip.Addr, error) {
	if a, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{a}, nil
	}
	if len(r.Servers) == 0 {
		addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		return r.sorted(addrs), err
	}
	addrs, err := r.dns.addrs(ctx, r.Servers, host)
	return r.sorted(addrs), err
}

// sorted puts the preferred family first and keeps the order otherwise.
func (r *Resolver) sorted(addrs []netip.Addr) []netip.Addr {
	out := make([]netip.Addr, 0, len(addrs))
	for _, first := range []bool{true, false} {
		for _, a := range addrs {
			if (a.Unmap().Is6() == r.IPv6) == first {
				out = append(out, a.Unmap())
			}
		}
	}
	return out
}
