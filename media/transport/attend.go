package transport

import (
	"sync"
	"sync/atomic"
	"time"

	"tandem/media"
)

// A Loop is a worker's loop that also takes over what other goroutines have for
// it: the packets of a session that does not live in this package.
type Loop interface {
	media.Loop
	// Attend has f called on the loop soon after each call of wake; many calls may
	// become one. wake never blocks and may be called from anywhere until stop; when
	// stop returns, f is not running and will not run. stop must not be called from f.
	Attend(f func(now time.Time)) (wake, stop func())
}

var _ Loop = (*clock)(nil)

// LoopBeside returns the loop of the worker that runs beside, the other end of the
// same call, or of the idlest one. It is valid until the engine is closed.
func (e *Engine) LoopBeside(beside media.Loop) (Loop, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.started {
		return nil, errNotStarted
	}
	return &e.workerFor(beside).clock, nil
}

// attendance is one registered function of Attend.
type attendance struct {
	due atomic.Bool

	mu      sync.Mutex // held while f runs
	stopped bool
	f       func(now time.Time)
}

// Attend implements [Loop].
func (c *clock) Attend(f func(now time.Time)) (wake, stop func()) {
	a := &attendance{f: f}
	c.mu.Lock()
	c.attends = append(c.attends[:len(c.attends):len(c.attends)], a)
	c.mu.Unlock()
	wake = func() {
		if a.due.CompareAndSwap(false, true) {
			c.called.Store(true)
			c.wake()
		}
	}
	return wake, func() {
		a.due.Store(true) // no further wake-up reaches the worker
		a.mu.Lock()
		a.stopped = true
		a.mu.Unlock()
		c.leave(a)
	}
}

func (c *clock) leave(a *attendance) {
	c.mu.Lock()
	defer c.mu.Unlock()
	kept := make([]*attendance, 0, len(c.attends))
	for _, o := range c.attends {
		if o != a {
			kept = append(kept, o)
		}
	}
	c.attends = kept
}

// attend calls those that were woken. It is called by the worker only.
func (c *clock) attend(now time.Time) {
	if !c.called.CompareAndSwap(true, false) {
		return
	}
	c.mu.Lock()
	all := c.attends
	c.mu.Unlock()
	for _, a := range all {
		if !a.due.Load() {
			continue
		}
		a.mu.Lock()
		if !a.stopped {
			a.due.Store(false)
			a.f(now)
		}
		a.mu.Unlock()
	}
}
