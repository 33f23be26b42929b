package flow

import (
	"container/list"
	"net/netip"
	"sync"
)

// places counts accepted connections and keeps the caps. When all places are
// taken, the connection that has been silent for longest gives way: a flood of
// silent connections must not keep a good one out (goals R-7). Connections that
// have shown a valid message are never evicted.
type places struct {
	max, maxPerAddr int

	mu      sync.Mutex // guards what follows
	taken   int
	silent  list.List // of *place, oldest first
	perAddr map[netip.Addr]*addrPlaces
}

type addrPlaces struct {
	taken  int
	silent list.List
}

// A place is one accepted connection's.
type place struct {
	p       *places
	key     netip.Addr
	evict   func() // closes the connection
	all, of *list.Element
	gone    bool
	evicted bool
}

func newPlaces(maxAll, maxPerAddr int) *places {
	return &places{max: maxAll, maxPerAddr: maxPerAddr, perAddr: make(map[netip.Addr]*addrPlaces)}
}

// take returns a place for a connection from addr, nil if there is none. evicted
// is the connection that has to go for it, if any; the caller closes it.
func (p *places) take(addr netip.Addr, evict func()) (got, evicted *place) {
	key := sourceOf(addr)
	p.mu.Lock()
	defer p.mu.Unlock()
	a := p.perAddr[key]
	if a == nil {
		a = new(addrPlaces)
		p.perAddr[key] = a
	}
	switch {
	case a.taken >= p.maxPerAddr:
		evicted = oldest(&a.silent)
	case p.taken >= p.max:
		evicted = oldest(&p.silent)
	}
	if full := a.taken >= p.maxPerAddr || p.taken >= p.max; full && evicted == nil {
		return nil, nil
	}
	if evicted != nil {
		evicted.evicted = true
		p.freeLocked(evicted)
		p.perAddr[key] = a // freeing may have dropped it
	}
	got = &place{p: p, key: key, evict: evict}
	got.all, got.of = p.silent.PushBack(got), a.silent.PushBack(got)
	p.taken++
	a.taken++
	return got, evicted
}

func oldest(l *list.List) *place {
	if e := l.Front(); e != nil {
		return e.Value.(*place)
	}
	return nil
}

// evictOldest makes room when the system has none. It reports false if there is
// nobody to evict.
func (p *places) evictOldest() bool {
	p.mu.Lock()
	x := oldest(&p.silent)
	if x != nil {
		x.evicted = true
		p.freeLocked(x)
	}
	p.mu.Unlock()
	if x != nil {
		x.evict()
	}
	return x != nil
}

// prove makes a connection safe from eviction.
func (x *place) prove() {
	x.p.mu.Lock()
	defer x.p.mu.Unlock()
	x.unlistLocked()
}

func (x *place) unlistLocked() {
	if x.all == nil {
		return
	}
	x.p.silent.Remove(x.all)
	x.p.perAddr[x.key].silent.Remove(x.of)
	x.all, x.of = nil, nil
}

// wasEvicted reports whether the connection had to give way.
func (x *place) wasEvicted() bool {
	if x == nil {
		return false
	}
	x.p.mu.Lock()
	defer x.p.mu.Unlock()
	return x.evicted
}

// free gives the place back. It may be called twice.
func (x *place) free() {
	x.p.mu.Lock()
	defer x.p.mu.Unlock()
	x.p.freeLocked(x)
}

func (p *places) freeLocked(x *place) {
	if x.gone {
		return
	}
	x.unlistLocked()
	x.gone = true
	p.taken--
	a := p.perAddr[x.key]
	if a.taken--; a.taken == 0 {
		delete(p.perAddr, x.key)
	}
}
