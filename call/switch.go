package call

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"tandem/internal/crew"
	"tandem/media"
)

// A Bridge moves media between two sessions until Close; when Close returns,
// no packet moves any more.
type Bridge interface {
	// Ringback plays ringback to the first session while the second is silent.
	Ringback(on bool)
	Close()
	// String prints the pipeline in one line.
	String() string
}

// A LateCounter is a Bridge that knows how many packets of each leg came after they
// were due, and were not heard: it has the jitter buffers, and the legs do not.
type LateCounter interface {
	Late() (ofA, ofB uint64)
}

// A Keypad is a Bridge that some keys of a leg control: in a meeting *6 mutes and
// *8 changes the layout. Key reports whether the bridge took the key; what it did
// not take goes on to the other leg.
type Keypad interface {
	Key(from Side, key rune) bool
}

// A Switch routes incoming legs and runs their calls. It owns every live call.
type Switch struct {
	Router  Router
	Dialers map[string]Dialer // by connector
	// Join joins the media of two legs; early says that b has not answered yet. What
	// the bridge logs carries the call's ID when it goes to log.
	Join      func(a, b media.Session, early bool, log *slog.Logger) Bridge
	Recorder  Recorder  // may be nil
	Admission Admission // may be nil
	Guard     Guard     // may be nil
	// Watch sees every change of every call, from the call's goroutine: it must not
	// block. nil sees nothing.
	Watch    func(Running)
	Log      *slog.Logger
	Node     string
	MaxCalls int // 0 is no limit

	crew crew.Crew // the goroutines of calls, and of legs they let go

	mu       sync.Mutex // guards what follows
	live     map[*Call]struct{}
	spending map[string]int // calls that lead out and do not end yet, by payer
	ended    map[Cause]uint64
	none     *sync.Cond // live has become empty; a WaitGroup would not allow a new call during Wait
}

// Incoming takes over leg a and runs its call; it does not wait for it. Past
// MaxCalls, or when Admission says so, the leg is refused with Congestion, and that
// is recorded too.
func (s *Switch) Incoming(ctx context.Context, r Request, a Leg) {
	if m := a.Media(); m != nil {
		r.Loop = m.Loop()
	}
	s.start(ctx, &Call{ID: NewID(), Request: r, Switch: s}, a)
}

// start takes over leg a and runs its call.
func (s *Switch) start(ctx context.Context, c *Call, a Leg) {
	c.legs[A] = a
	c.public.Store(&Record{ID: c.ID, From: c.Request.From, To: c.Request.To, Began: time.Now()})
	s.mu.Lock()
	s.initLocked()
	if s.MaxCalls > 0 && len(s.live) >= s.MaxCalls {
		c.turned = &Ended{Cause: Congestion, Text: "the limit of concurrent calls is reached"}
	}
	s.live[c] = struct{}{}
	s.mu.Unlock()
	done := c.admitted()
	s.crew.Go(func() {
		why := c.Run(ctx)
		done()
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.live, c)
		s.ended[why]++
		if len(s.live) == 0 {
			s.none.Broadcast()
		}
	})
}

func (s *Switch) initLocked() {
	if s.live == nil {
		s.live, s.spending = make(map[*Call]struct{}), make(map[string]int)
		s.ended, s.none = make(map[Cause]uint64), sync.NewCond(&s.mu)
	}
}

// Wait returns when no call is left.
func (s *Switch) Wait() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.initLocked()
	for len(s.live) > 0 {
		s.none.Wait()
	}
}

// Live returns the records of the running calls, oldest first.
func (s *Switch) Live() []Record {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]Record, 0, len(s.live))
	for c := range s.live {
		out = append(out, c.Snapshot())
	}
	slices.SortFunc(out, func(a, b Record) int { return a.Began.Compare(b.Began) })
	return out
}

// Count returns how many calls run now, and how many have ended by cause.
func (s *Switch) Count() (live int, ended map[Cause]uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ended = make(map[Cause]uint64, len(s.ended))
	for c, n := range s.ended {
		ended[c] = n
	}
	return len(s.live), ended
}

// Phases returns the phase of every running call.
func (s *Switch) Phases() []Phase {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]Phase, 0, len(s.live))
	for c := range s.live {
		out = append(out, c.Phase())
	}
	return out
}

// Hangup ends the call named id as an administrator does; false when there is none.
func (s *Switch) Hangup(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.live {
		if c.ID == id {
			c.Hangup(NormalClearing)
			return true
		}
	}
	return false
}

func sortCalls(all []*Call) {
	slices.SortFunc(all, func(a, b *Call) int { return a.public.Load().Began.Compare(b.public.Load().Began) })
}

// find returns the call one of whose legs is named id.
func (s *Switch) find(id string) *Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.live {
		r := c.Snapshot()
		if r.A.ID == id || r.B.ID == id || slices.Contains(strings.Split(r.B.ID, "+"), id) {
			return c
		}
	}
	return nil
}

// NewID returns a name for a call or leg: it sorts by time and is unique
// without coordination between nodes.
func NewID() string {
	var b [12]byte
	ms := time.Now().UnixMilli()
	for i := range 6 {
		b[i] = byte(ms >> (8 * (5 - i)))
	}
	_, _ = rand.Read(b[6:]) // never fails (crypto/rand)
	return hex.EncodeToString(b[:])
}
