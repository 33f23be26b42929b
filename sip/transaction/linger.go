package transaction

import (
	"sync"
	"time"
)

// lingerTick is how much longer than the RFC asks a transaction may linger, so that
// many of them end together.
const lingerTick = 50 * time.Millisecond

// A lingerer is a transaction that has done its work and only takes in what comes
// late. expire is the end of that (timers I, J, K, L and M).
type lingerer interface{ expire() }

// A linger holds the transactions that linger for the same time: those that began
// first end first, so a queue and one timer do. A timer for each would cost a
// goroutine each, and a place among the hundred thousand timers of 32 s of calls.
//
// What ends early stays in the queue until its time, and does nothing then.
type linger struct {
	l    *Layer
	wait time.Duration

	mu     sync.Mutex // guards what follows
	queue  []lingering
	timer  Timer
	set    bool // the timer runs
	closed bool
}

type lingering struct {
	until time.Time
	tx    lingerer
}

func (g *linger) add(tx lingerer) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return // Close ends it
	}
	g.queue = append(g.queue, lingering{time.Now().Add(g.wait), tx})
	if !g.set {
		g.setLocked(g.wait)
	}
}

func (g *linger) setLocked(d time.Duration) {
	g.set = true
	if g.timer == nil {
		g.timer = g.l.after(d, g.fire)
		return
	}
	g.timer.Reset(d)
}

// fire ends what is due.
func (g *linger) fire() {
	for _, e := range g.due(time.Now()) {
		e.tx.expire()
	}
}

// due takes out what has lingered long enough, and sets the timer for the next.
func (g *linger) due(now time.Time) []lingering {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.set = false
	n := 0
	for n < len(g.queue) && !g.queue[n].until.After(now) {
		n++
	}
	due := g.queue[:n:n]
	g.queue = g.queue[n:] // append moves the rest to a new array when this one is used up
	if len(g.queue) == 0 {
		g.queue = nil
		return due
	}
	if !g.closed {
		g.setLocked(max(g.queue[0].until.Sub(now), lingerTick))
	}
	return due
}

// close stops the timer. The transactions are ended by who calls it.
func (g *linger) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed, g.queue = true, nil
	if g.set {
		g.timer.Stop()
	}
}

// linger has tx end after d, which is one of the two times that transactions linger
// for. Its alarm has no more to do.
func (l *Layer) linger(a *alarm, d time.Duration, tx lingerer, fn func()) {
	switch {
	case l.AfterFunc != nil: // a clock of its own, which only tells when time is over
		a.set(l, d, fn)
	case d == l.long.wait:
		a.drop()
		l.long.add(tx)
	case d == l.short.wait:
		a.drop()
		l.short.add(tx)
	default:
		a.set(l, d, fn)
	}
}
