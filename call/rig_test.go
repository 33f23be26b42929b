package call

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tandem/media"
)

// fakeLeg is a leg whose far end is the test.
type fakeLeg struct {
	id     string
	byeFor time.Duration // how long the far end takes to let go
	asked  chan Event    // what the call asked for
	events chan Event
	once   sync.Once
	mu     sync.Mutex // orders what is said with the end
	media  media.Session
	onDo   func(Event) // nil does nothing
}

func newFakeLeg(id string, byeFor time.Duration) *fakeLeg {
	return &fakeLeg{id: id, byeFor: byeFor, asked: make(chan Event, 16), events: make(chan Event, 16), media: fakeMedia{}}
}

func (l *fakeLeg) Info() Info           { return Info{ID: l.id, Connector: "fake", Via: l.id} }
func (l *fakeLeg) Media() media.Session { return l.media }
func (l *fakeLeg) Events() <-chan Event { return l.events }
func (l *fakeLeg) Do(ev Event) {
	if l.onDo != nil {
		l.onDo(ev)
	}
	l.asked <- ev
	if e, ok := ev.(Ended); ok {
		time.AfterFunc(l.byeFor, func() { l.end(e.Cause) })
	}
}

func (l *fakeLeg) end(c Cause) {
	l.once.Do(func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.events <- Ended{Cause: c}
		close(l.events)
	})
}

func (l *fakeLeg) say(ev Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events <- ev
}

type fakeMedia struct{}

func (fakeMedia) Sources() []media.Source  { return nil }
func (fakeMedia) Sinks() []media.Sink      { return nil }
func (fakeMedia) Changed() <-chan struct{} { return nil }
func (fakeMedia) Loop() media.Loop         { return nil }
func (fakeMedia) Stats() media.Stats       { return media.Stats{} }
func (fakeMedia) String() string           { return "fake" }

// exchange is a Router and a Dialer: "a" dials leg a; "ab" tries a, then b;
// "(ab)" rings both at once.
type exchange map[string]*fakeLeg

func (x exchange) Route(r Request) (to []Destination, err error) {
	one := func(c rune) Destination {
		return Destination{Connector: "fake", To: string(c), Within: 30 * time.Second}
	}
	if in, ok := strings.CutPrefix(r.To, "("); ok {
		d := Destination{Within: 30 * time.Second}
		for _, c := range strings.TrimSuffix(in, ")") {
			d.Parallel = append(d.Parallel, one(c))
		}
		return []Destination{d}, nil
	}
	for _, c := range r.To {
		to = append(to, one(c))
	}
	return to, nil
}

func (x exchange) Dial(_ context.Context, d Destination, _ Request) (Leg, error) {
	if l := x[d.To]; l != nil {
		return l, nil
	}
	return nil, ErrNoRoute
}

// rig is a switch whose far ends are the test.
type rig struct {
	*testing.T
	sw     *Switch
	x      exchange
	mu     sync.Mutex
	joins  []string // what the bridges did, in order
	begun  []Record
	closed []Record
}

type fakeBridge struct {
	r     *rig
	muted *[2]bool
}

func (b fakeBridge) Mute(side Side, on bool) error { b.muted[side] = on; return nil }
func (b fakeBridge) Muted() (isA, isB bool)        { return b.muted[A], b.muted[B] }

func (b fakeBridge) Ringback(on bool) {
	if on {
		b.r.log("ringback")
		return
	}
	b.r.log("through")
}
func (b fakeBridge) Close()         { b.r.log("closed") }
func (b fakeBridge) String() string { return "fake bridge" }

func (r *rig) log(s string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.joins = append(r.joins, s)
}

func (r *rig) Began(rec Record) { r.begun = append(r.begun, rec) }
func (r *rig) Ended(rec Record) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = append(r.closed, rec)
}

func newRig(t *testing.T, x exchange) *rig {
	r := &rig{T: t, x: x}
	r.sw = &Switch{
		Router: x, Dialers: map[string]Dialer{"fake": x}, Log: slog.New(slog.DiscardHandler), Recorder: r,
		Join: func(_, _ media.Session, _ bool, _ *slog.Logger) Bridge {
			r.log("joined")
			return fakeBridge{r, new([2]bool)}
		},
	}
	return r
}

// start runs a call from a to the given number.
func start(t *testing.T, a *fakeLeg, to string, x exchange) *rig {
	r := newRig(t, x)
	r.call(t.Context(), a, to)
	return r
}

func (r *rig) call(ctx context.Context, a *fakeLeg, to string) {
	r.sw.Incoming(ctx, Request{From: a.id, To: to}, a)
	synctest.Wait()
}

func (r *rig) want(l *fakeLeg, ev Event) {
	r.Helper()
	synctest.Wait()
	select {
	case got := <-l.asked:
		if got != ev {
			r.Fatalf("leg %s was asked for %#v, want %#v", l.id, got, ev)
		}
	default:
		r.Fatalf("leg %s was asked for nothing, want %#v", l.id, ev)
	}
}

func (r *rig) wantEnd(c Cause) Record {
	r.Helper()
	r.sw.Wait()
	if n := len(r.closed); n == 0 || r.closed[n-1].Cause != c {
		r.Fatalf("records %v, want one that ends with %q", r.closed, c)
	}
	return r.closed[len(r.closed)-1]
}

func (r *rig) wantMedia(want ...string) {
	r.Helper()
	synctest.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	if !slices.Equal(r.joins, want) {
		r.Errorf("the media did %v, want %v", r.joins, want)
	}
}

func ended(c Cause) Ended { return Ended{Cause: c} }
