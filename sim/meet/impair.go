package meet

import (
	"container/heap"
	"context"
	"math/rand/v2"
	"sync"
	"time"
)

// direction of packets, from the client's side.
type direction string

const (
	up   direction = "up"
	down direction = "down"
)

// impairment is what the network does to packets of one direction (MEET-S24).
type impairment struct {
	blocked bool
	loss    float64 // percent
	reorder float64 // percent, sent 40 ms late
	delay   time.Duration
	jitter  time.Duration // added, evenly distributed
	rate    int           // bit/s; 0: no limit
}

func (i impairment) none() bool { return i == impairment{} }

// way is the memory of one direction of a session: when the narrow part of the way
// is free again, and when its last packet arrives.
type way struct {
	mu   sync.Mutex // guards everything below
	free time.Time
	lost int
}

const (
	reorderDelay = 40 * time.Millisecond
	queueLimit   = 500 * time.Millisecond // of a narrow way; what comes on top is lost
	maxDelayed   = 20_000                 // packets
)

// delayLine keeps packets that are under way.
type delayLine struct {
	wake chan struct{}

	mu      sync.Mutex // guards everything below
	dice    *rand.Rand
	waiting delayed
	count   uint64
	dropped int
}

type delayedPacket struct {
	at      time.Time
	order   uint64
	deliver func()
}

func newDelayLine(seed uint64) *delayLine {
	return &delayLine{wake: make(chan struct{}, 1), dice: rand.New(rand.NewPCG(seed, seed))}
}

// pass lets a packet through at once, later or never.
func (l *delayLine) pass(i impairment, w *way, size int, deliver func()) {
	if i.none() {
		deliver()
		return
	}
	l.mu.Lock()
	lost := i.blocked || l.dice.Float64()*100 < i.loss
	delay := i.delay
	if i.jitter > 0 {
		delay += time.Duration(l.dice.Int64N(int64(i.jitter)))
	}
	if l.dice.Float64()*100 < i.reorder {
		delay += reorderDelay
	}
	l.mu.Unlock()
	queued, ok := w.queue(i.rate, size, time.Now())
	if lost || !ok {
		w.mu.Lock()
		w.lost++
		w.mu.Unlock()
		return
	}
	if delay += queued; delay <= 0 {
		deliver()
		return
	}
	l.hold(time.Now().Add(delay), deliver)
}

// queue is how long a packet waits for those before it; false if the queue is full.
func (w *way) queue(rate, size int, now time.Time) (time.Duration, bool) {
	if rate <= 0 {
		return 0, true
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.free.Before(now) {
		w.free = now
	}
	wait := w.free.Sub(now)
	if wait > queueLimit {
		return 0, false
	}
	w.free = w.free.Add(time.Duration(size*8) * time.Second / time.Duration(rate))
	return w.free.Sub(now), true
}

func (l *delayLine) hold(at time.Time, deliver func()) {
	l.mu.Lock()
	if len(l.waiting) >= maxDelayed {
		l.dropped++
		l.mu.Unlock()
		return
	}
	l.count++
	heap.Push(&l.waiting, delayedPacket{at, l.count, deliver})
	first := l.waiting[0].order == l.count
	l.mu.Unlock()
	if !first {
		return
	}
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// run delivers until ctx ends.
func (l *delayLine) run(ctx context.Context) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		timer.Reset(l.deliver(time.Now()))
		select {
		case <-ctx.Done():
			return
		case <-l.wake:
		case <-timer.C:
		}
	}
}

// deliver hands over what is due and says when the next is.
func (l *delayLine) deliver(now time.Time) time.Duration {
	for {
		l.mu.Lock()
		if len(l.waiting) == 0 {
			l.mu.Unlock()
			return time.Hour
		}
		if wait := l.waiting[0].at.Sub(now); wait > 0 {
			l.mu.Unlock()
			return wait
		}
		p := heap.Pop(&l.waiting).(delayedPacket)
		l.mu.Unlock()
		p.deliver()
	}
}

// delayed is a heap, soonest first.
type delayed []delayedPacket

func (d delayed) Len() int { return len(d) }

func (d delayed) Less(i, j int) bool {
	return d[i].at.Before(d[j].at) || d[i].at.Equal(d[j].at) && d[i].order < d[j].order
}

func (d delayed) Swap(i, j int) { d[i], d[j] = d[j], d[i] }

func (d *delayed) Push(v any) { *d = append(*d, v.(delayedPacket)) }

func (d *delayed) Pop() any {
	old := *d
	last := old[len(old)-1]
	old[len(old)-1] = delayedPacket{}
	*d = old[:len(old)-1]
	return last
}
