package flow

import (
	"net/netip"
	"sync"
	"time"
)

// sourceTable is how many strangers, and how many trusted addresses, are remembered.
const sourceTable = 1 << 16

// bucket is a token bucket in the form of the generic cell rate algorithm: the
// time at which it will be full again, in nanoseconds of the admission's clock.
type bucket int64

// rate is a Budget in the bucket's terms.
type rate struct{ every, depth int64 }

func (b Budget) rate() rate {
	every := int64(time.Second) / int64(max(b.PerSecond, 1))
	return rate{every, every * int64(max(b.Burst-1, 0))}
}

func (b *bucket) take(now int64, r rate) bool {
	full := max(int64(*b), now)
	if full-now > r.depth {
		return false
	}
	*b = bucket(full + r.every)
	return true
}

// admission decides which sources are listened to. It is the first thing a
// datagram meets, so it must cost little.
type admission struct {
	free  []netip.Prefix // never limited
	start time.Time

	assured, stranger, surplus, total, known, sources rate

	mu        sync.Mutex // guards what follows
	surplusOf bucket     // of all strangers
	all       bucket     // of all that strangers get
	fresh     bucket     // of new sources
	strangers generations[netip.Addr, *source]
	trusted   generations[netip.Addr, *bucket]
}

type source struct{ assured, surplus bucket }

func newAdmission(b Budgets, free []netip.Prefix) *admission {
	return &admission{
		free: free, start: time.Now(),
		assured: b.Assured.rate(), stranger: b.Stranger.rate(), surplus: b.Surplus.rate(), total: b.All.rate(),
		known: b.Known.rate(), sources: b.Sources.rate(),
		strangers: newGenerations[netip.Addr, *source](sourceTable),
		trusted:   newGenerations[netip.Addr, *bucket](sourceTable),
	}
}

// sourceOf is what counts as one source: an IPv4 address, or an IPv6 /64, which
// is what one subscriber gets.
func sourceOf(a netip.Addr) netip.Addr {
	a = a.Unmap()
	if a.Is4() {
		return a
	}
	p, err := a.WithZone("").Prefix(64)
	if err != nil {
		return a
	}
	return p.Addr()
}

func (a *admission) isFree(addr netip.Addr) bool {
	for _, p := range a.free {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

// admit reports whether one more message of addr is looked at.
func (a *admission) admit(addr netip.Addr) bool {
	if a.isFree(addr) {
		return true
	}
	key := sourceOf(addr)
	now := int64(time.Since(a.start))
	a.mu.Lock()
	defer a.mu.Unlock()
	if k, ok := a.trusted.get(key); ok {
		return k.take(now, a.known)
	}
	s, ok := a.strangers.get(key)
	if !ok {
		if !a.fresh.take(now, a.sources) {
			return false
		}
		s = new(source)
		a.strangers.put(key, s)
	}
	if !s.assured.take(now, a.assured) && !(s.surplus.take(now, a.stranger) && a.surplusOf.take(now, a.surplus)) {
		return false
	}
	return a.all.take(now, a.total)
}

// trust lifts an address out of the strangers.
func (a *admission) trust(addr netip.Addr) {
	key := sourceOf(addr)
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, ok := a.trusted.get(key); !ok {
		a.trusted.put(key, new(bucket))
	}
}

// isTrusted reports whether addr needs no stranger's budget.
func (a *admission) isTrusted(addr netip.Addr) bool {
	if a.isFree(addr) {
		return true
	}
	key := sourceOf(addr)
	a.mu.Lock()
	defer a.mu.Unlock()
	_, ok := a.trusted.get(key)
	return ok
}
