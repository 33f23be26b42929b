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

	scratch []*tick // the ticks at hand; the worker's

	mu      sync.Mutex    // guards what follows
	beats   []*beat       // one for each period; there are three or four
	next    time.Time     // not later than the earliest due; zero without ticks
	attends []*attendance // replaced, never changed in place
}

// A beat is the ticks of one period. Thousands of calls come and go, so adding and
// removing a tick must not depend on how many there are.
type beat struct {
	period time.Duration
	due    time.Time // of the earliest tick
	ticks  []*tick
}

var _ media.Loop = (*clock)(nil)

// tick is one registered function.
type tick struct {
	beat *beat
	at   int       // index in beat.ticks, -1 when it is out; guarded by the clock's mu
	due  time.Time // owned by the worker

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
	t := &tick{f: f, due: c.after(now, d)}
	c.mu.Lock()
	c.addLocked(t, d)
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

// after is the first instant after now at which ticks of a period fall.
func (c *clock) after(now time.Time, period time.Duration) time.Time {
	return c.start.Add((now.Sub(c.start)/period + 1) * period)
}

func (c *clock) addLocked(t *tick, period time.Duration) {
	for _, b := range c.beats {
		if b.period == period {
			t.beat = b
		}
	}
	if t.beat == nil {
		t.beat = &beat{period: period}
		c.beats = append(c.beats, t.beat)
	}
	b := t.beat
	if len(b.ticks) == 0 || t.due.Before(b.due) {
		b.due = t.due
	}
	t.at = len(b.ticks)
	b.ticks = append(b.ticks, t)
}

// remove takes t out; the last tick of its beat takes its place.
func (c *clock) remove(t *tick) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t.at < 0 {
		return
	}
	b := t.beat
	last := b.ticks[len(b.ticks)-1]
	b.ticks[t.at], last.at = last, t.at
	b.ticks[len(b.ticks)-1] = nil
	b.ticks = b.ticks[:len(b.ticks)-1]
	t.at = -1
}

// timeout is how long to wait for packets, in milliseconds; -1 for ever.
func (c *clock) timeout(now time.Time) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.tickingLocked() {
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
	ticks := c.due(now)
	if len(ticks) == 0 {
		return
	}
	for _, t := range ticks {
		c.run(t, now)
	}
	clear(ticks)
}

// due returns the ticks of the beats that are due, and sets when to look again. The
// result is good until the next call.
func (c *clock) due(now time.Time) []*tick {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.scratch = c.scratch[:0]
	if now.Before(c.next) {
		return nil
	}
	c.next = time.Time{}
	for _, b := range c.beats {
		if len(b.ticks) == 0 {
			continue
		}
		if !now.Before(b.due) {
			c.scratch = append(c.scratch, b.ticks...)
			b.due = c.after(now, b.period)
		}
		if c.next.IsZero() || b.due.Before(c.next) {
			c.next = b.due
		}
	}
	return c.scratch
}

func (c *clock) tickingLocked() bool {
	for _, b := range c.beats {
		if len(b.ticks) > 0 {
			return true
		}
	}
	return false
}

// run calls t as often as it is due.
func (c *clock) run(t *tick, now time.Time) {
	period := t.beat.period
	if behind := now.Sub(t.due) / period; behind > maxBehind {
		t.due = t.due.Add((behind - maxBehind) * period)
	}
	for !now.Before(t.due) {
		due := t.due
		t.due = due.Add(period)
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
