package sipua

import (
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"
)

// A guard shuts out addresses that try passwords or numbers. It is pure but for its mutex:
// time is an argument.
type guard struct {
	mu      sync.Mutex // guards what follows
	sources map[netip.AddrPort]*offender
}

// An offender has failed at least once lately.
type offender struct {
	failures int
	since    time.Time
	until    time.Time // shut out until then
}

// Defaults of Guard.
const (
	guardWithin = 10 * time.Minute
	guardBlock  = 15 * time.Minute
)

// maxOffenders bounds what a flood of addresses can make us remember.
const maxOffenders = 8192

// failed counts a wrong password and returns how many there were lately, and
// whether this one shut the source out. Where known devices live behind the same
// address, only the port is counted: a neighbour's typing error silences no office.
func (g *guard) failed(conf Guard, from netip.AddrPort, shared bool, now time.Time) (n int, out bool) {
	limit, within, block := conf.Failures, orElse(conf.Within, guardWithin), orElse(conf.Block, guardBlock)
	if limit <= 0 {
		limit = 20
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	key := source(from)
	if shared {
		key = from
	}
	o := g.sources[key]
	if o == nil || now.Sub(o.since) > within {
		g.makeRoomLocked(now, within)
		o = &offender{since: now}
		g.sources[key] = o
	}
	o.failures++
	if o.failures >= limit && !conf.Off && !now.Before(o.until) && !conf.allows(from.Addr()) {
		o.until = now.Add(block)
		o.since = o.until // the count begins anew after it
		return o.failures, true
	}
	return o.failures, false
}

// blocked reports whether from is shut out.
func (g *guard) blocked(from netip.AddrPort, now time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.sources) == 0 {
		return false
	}
	for _, key := range [2]netip.AddrPort{source(from), from} {
		if o := g.sources[key]; o != nil && now.Before(o.until) {
			return true
		}
	}
	return false
}

// forgive forgets a source that proved who it is.
func (g *guard) forgive(from netip.AddrPort) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.sources, from)
}

// pardon lets those in that are allowed now.
func (g *guard) pardon(conf Guard) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for key := range g.sources {
		if conf.Off || conf.allows(key.Addr()) {
			delete(g.sources, key)
		}
	}
}

// A Blocked source gets no answer.
type Blocked struct {
	From     string    `json:"from"` // an address, a /64 of IPv6, or address and port behind which known devices live, too
	Failures int       `json:"failures"`
	Until    time.Time `json:"until"`
}

// list is who is shut out now, in the order of addresses.
func (g *guard) list(now time.Time) []Blocked {
	g.mu.Lock()
	defer g.mu.Unlock()
	all := []Blocked{}
	for key, o := range g.sources {
		if !now.Before(o.until) {
			continue
		}
		from := key.Addr().String()
		switch {
		case key.Port() != 0:
			from = key.String()
		case key.Addr().Is6():
			from += "/64"
		}
		all = append(all, Blocked{from, o.failures, o.until})
	}
	slices.SortFunc(all, func(a, b Blocked) int { return strings.Compare(a.From, b.From) })
	return all
}

// allows reports whether an address is never shut out.
func (g Guard) allows(a netip.Addr) bool {
	return slices.ContainsFunc(g.Allow, func(s string) bool {
		p, err := network(s)
		return err == nil && p.Contains(a.Unmap())
	})
}

// network reads an address or a network.
func network(s string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(s); err == nil {
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	return netip.ParsePrefix(s)
}

// sweep forgets what is over, and returns how many are shut out now.
func (g *guard) sweep(conf Guard, now time.Time) (blocked int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.sweepLocked(now, orElse(conf.Within, guardWithin))
	for _, o := range g.sources {
		if now.Before(o.until) {
			blocked++
		}
	}
	return blocked
}

func (g *guard) sweepLocked(now time.Time, within time.Duration) {
	for key, o := range g.sources {
		if !now.Before(o.until) && now.Sub(o.since) > within {
			delete(g.sources, key)
		}
	}
}

func (g *guard) makeRoomLocked(now time.Time, within time.Duration) {
	if g.sources == nil {
		g.sources = make(map[netip.AddrPort]*offender)
	}
	if len(g.sources) < maxOffenders {
		return
	}
	g.sweepLocked(now, within)
	for key, o := range g.sources { // still full: those that are not shut out give way
		if len(g.sources) < maxOffenders {
			return
		}
		if !now.Before(o.until) {
			delete(g.sources, key)
		}
	}
	for key := range g.sources { // all of them shut out: any one
		if len(g.sources) < maxOffenders {
			return
		}
		delete(g.sources, key)
	}
}

// source is an address as one attacker has it: IPv6 hands out whole /64s.
func source(a netip.AddrPort) netip.AddrPort {
	addr := a.Addr().Unmap()
	if addr.Is6() {
		p, _ := addr.Prefix(64)
		addr = p.Masked().Addr()
	}
	return netip.AddrPortFrom(addr, 0)
}
