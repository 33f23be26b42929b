package transport

import (
	"sync"
	"sync/atomic"
	"time"

	"tandem/media"
)

// granularity is the shortest period of a tick.
const granularity = 10 * time.Millisecond

// maxBehind is how many missed ticks of one period are made up for after a stall;
// more would only burst into the far end's jitter buffer (GV-C23).
const maxBehind = 5

// clock is a worker's part that does work at fixed intervals. Ticks of one period
// fall on the same instants, so the work of many calls runs back to back.
type clock struct {
	start  time.Time
	wake   func()
	called atomic.Bool // somebody waits in attends

	mu      sync.Mutex    // guards what follows
	ticks   []*tick       // replaced, never changed in place
	next    time.Time     // the earliest due; zero without ticks
	attends []*attendance // replaced, never changed in place
}

var _ media.Loop = (*clock)(nil)

// tick is one registered function.
type tick struct {
	period time.Duration
	due    time.Time // owned by the worker

	mu      sync.Mutex // held while f runs
	stopped bool
	f       func(now time.Time) (more bool)
}

func (c *clock) init(start time.Time, wake func()) { c.start, c.wake = start, wake }

// Every implements [media.Loop].
func (c *clock) Every(d time.Duration, f func(now time.Time)) (stop func()) {
	return c.while(d, func(now time.Time) bool { f(now); return true })
}

// while calls f every d until it returns false or stop is called.
func (c *clock) while(d time.Duration, f func(now time.Time) bool) (stop func()) {
	d = max(d.Round(granularity), granularity)
	now := time.Now()
	t := &tick{period: d, f: f, due: c.start.Add((now.Sub(c.start)/d + 1) * d)}
	c.mu.Lock()
	c.ticks = append(c.ticks[:len(c.ticks):len(c.ticks)], t)
	earlier := c.next.IsZero() || t.due.Before(c.next)
	if earlier {
		c.next = t.due
	}
	c.mu.Unlock()
	if earlier { // else the worker wakes in time
		c.wake()
	}
	return func() {
		t.mu.Lock()
		t.stopped = true
		t.mu.Unlock()
		c.remove(t)
	}
}

func (c *clock) remove(t *tick) {
	c.mu.Lock()
	defer c.mu.Unlock()
	kept := make([]*tick, 0, len(c.ticks))
	for _, o := range c.ticks {
		if o != t {
			kept = append(kept, o)
		}
	}
	c.ticks = kept
}

// timeout is how long to wait for packets, in milliseconds; -1 for ever.
func (c *clock) timeout(now time.Time) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.ticks) == 0 {
		return -1
	}
	wait := c.next.Sub(now)
	if wait <= 0 {
		return 0
	}
	return int((wait + time.Millisecond - 1) / time.Millisecond)
}

// tick does what is due. It is called by the worker only.
func (c *clock) tick(now time.Time) {
	c.attend(now)
	c.mu.Lock()
	ticks, next := c.ticks, c.next
	c.mu.Unlock()
	if len(ticks) == 0 || now.Before(next) {
		return
	}
	for _, t := range ticks {
		c.run(t, now)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.next = time.Time{}
	for _, t := range c.ticks { // some may have come or gone meanwhile
		if c.next.IsZero() || t.due.Before(c.next) {
			c.next = t.due
		}
	}
}

// run calls t as often as it is due.
func (c *clock) run(t *tick, now time.Time) {
	if behind := now.Sub(t.due) / t.period; behind > maxBehind {
		t.due = t.due.Add((behind - maxBehind) * t.period)
	}
	for !now.Before(t.due) {
		due := t.due
		t.due = due.Add(t.period)
		t.mu.Lock()
		more := !t.stopped && t.f(due)
		if !more {
			t.stopped = true
		}
		t.mu.Unlock()
		if !more {
			c.remove(t)
			return
		}
	}
}
