package flow

import (
	"cmp"
	"context"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// naptrServices are the NAPTR services of SIP (RFC 3263 §4.1, RFC 7118 §5.2).
var naptrServices = map[string]network{
	"SIP+D2U": udp, "SIP+D2T": tcp, "SIPS+D2T": tlsNet, "SIP+D2W": ws, "SIPS+D2W": wss,
}

// srvPrefixes are the SRV names for each network.
var srvPrefixes = [networkCount]string{
	udp: "_sip._udp.", tcp: "_sip._tcp.", tlsNet: "_sips._tcp.", ws: "_sip._ws.", wss: "_sips._ws.",
}

// services asks for NAPTR and SRV records (RFC 3263 §4.1, §4.2). No hops and no
// error mean that there are none: the host itself is then the only hop.
func (r *Resolver) services(ctx context.Context, host string, secure, fixed bool, n network) ([]hop, error) {
	if fixed {
		return r.srv(ctx, srvPrefixes[n]+host, n)
	}
	hops, err := r.naptr(ctx, host, secure)
	if err != nil || len(hops) > 0 {
		return hops, err
	}
	for _, n := range r.preferred() {
		if secure && !n.encrypted() {
			continue
		}
		found, err := r.srv(ctx, srvPrefixes[n]+host, n)
		if err != nil {
			return nil, err
		}
		hops = append(hops, found...)
	}
	return hops, nil
}

// naptr follows the NAPTR records that we can use, best first.
func (r *Resolver) naptr(ctx context.Context, host string, secure bool) ([]hop, error) {
	rrs, err := r.dns.ask(ctx, r.Servers, host, dns.TypeNAPTR)
	if err != nil {
		return nil, err
	}
	var records []*dns.NAPTR
	for _, rr := range rrs {
		n, ok := rr.(*dns.NAPTR)
		if !ok || !strings.EqualFold(n.Flags, "s") {
			continue
		}
		via, known := naptrServices[strings.ToUpper(n.Service)]
		if known && r.speaks(via) && (!secure || via.encrypted()) {
			records = append(records, n)
		}
	}
	slices.SortStableFunc(records, func(a, b *dns.NAPTR) int {
		return cmp.Or(cmp.Compare(a.Order, b.Order), cmp.Compare(a.Preference, b.Preference))
	})
	var hops []hop
	for _, n := range records {
		found, err := r.srv(ctx, n.Replacement, naptrServices[strings.ToUpper(n.Service)])
		if err != nil {
			return nil, err
		}
		hops = append(hops, found...)
	}
	return hops, nil
}

// srv returns the hops of an SRV name in the order of RFC 2782.
func (r *Resolver) srv(ctx context.Context, name string, n network) ([]hop, error) {
	rrs, err := r.dns.ask(ctx, r.Servers, name, dns.TypeSRV)
	if err != nil {
		return nil, err
	}
	var records []*dns.SRV
	for _, rr := range rrs {
		if s, ok := rr.(*dns.SRV); ok && s.Target != "." { // "." says: not here
			records = append(records, s)
		}
	}
	var hops []hop
	for _, s := range srvOrder(records, rand.IntN) {
		hops = append(hops, hop{n, strings.TrimSuffix(s.Target, "."), int(s.Port)})
	}
	return hops, nil
}

// srvOrder sorts by priority and shuffles each priority by weight (RFC 2782).
// intn(n) is a random number below n.
func srvOrder(in []*dns.SRV, intn func(int) int) []*dns.SRV {
	left := slices.Clone(in)
	slices.SortStableFunc(left, func(a, b *dns.SRV) int {
		// Records of weight 0 come first, so that they are chosen seldom but sometimes.
		return cmp.Or(cmp.Compare(a.Priority, b.Priority), cmp.Compare(min(a.Weight, 1), min(b.Weight, 1)))
	})
	out := make([]*dns.SRV, 0, len(left))
	for len(left) > 0 {
		i := pick(left, intn)
		out = append(out, left[i])
		left = slices.Delete(left, i, i+1)
	}
	return out
}

// pick chooses among the records of the first one's priority.
func pick(left []*dns.SRV, intn func(int) int) int {
	sum := 0
	for _, s := range left {
		if s.Priority == left[0].Priority {
			sum += int(s.Weight)
		}
	}
	at := intn(sum + 1)
	for i, s := range left {
		if at -= int(s.Weight); at <= 0 {
			return i
		}
	}
	return 0
}
