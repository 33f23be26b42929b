// Package call is the gateway's back-to-back user agent: it joins two legs into
// one call. Start reading at [Call.Run]; the rules are in state.go, and what a
// leg must do is written at [Leg].
package call

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"tandem/internal/mailbox"
)

// A Call is two legs and the bridge between them: the A-leg that came in, and
// the B-leg that routing found for it.
//
// One goroutine, the one in Run, owns the call: it alone reads the legs' events,
// steps the state and starts or stops the bridge. Others look through Snapshot
// and ask through post.
type Call struct {
	ID      string
	Request Request
	*Switch // what it needs of the gateway

	turned *Ended // there was no room for it when it came; nil: there was
	phase  atomic.Uint32
	inbox  mailbox.Box[any]
	rings  time.Duration // originated here: how long the A-leg may ring before it answers; 0: it called us
	payer  *string       // who spends on the B-leg; nil while it leads nowhere out. Guarded by the Switch's mu
	public atomic.Pointer[Record]

	// Owned by Run.
	legs   [3]Leg // by Side
	to     []Destination
	now    Destination       // the one that is being tried
	bridge Bridge            // nil while the media is apart
	joined [2]string         // IDs of the legs that the bridge joins
	late   map[string]uint64 // packets of each leg, by its ID, that bridges which are gone found too late
	asker  func(Leg, error)
	behalf Info     // of the leg that transferred or forwarded the call; zero when it goes where the A-leg wants
	muted  []string // IDs of legs that the other side is not to hear
	paid   bool     // the Guard has let this attempt pass
	held   hold     // B's answer, while it waits for the store
	record Record
	stale  bool // the record is newer than what is public
	log    *slog.Logger
	old    sync.WaitGroup // legs that were let go and have not ended yet
}

// Phase returns how far the call has come. It is safe for concurrent use.
func (c *Call) Phase() Phase { return Phase(c.phase.Load()) }

// Snapshot returns the call's record as it stands. It is safe for concurrent use.
func (c *Call) Snapshot() Record { return *c.public.Load() }

// Hangup ends the call as an administrator does. It does not wait.
func (c *Call) Hangup(why Cause) {
	c.inbox.Post(hangup{Ended{Cause: why, Text: "ended by an administrator"}})
}

// Run carries the call to its end and returns why it ended. When it returns,
// all legs and the bridge are gone. Cancelling ctx hangs up.
func (c *Call) Run(ctx context.Context) Cause {
	legCtx := context.WithoutCancel(ctx) // legs outlive ctx by the hang-up
	c.log = c.Log.With("call", c.ID)
	c.begin()
	defer c.finish()

	alarm := time.NewTimer(DefaultAnswerLimit)
	defer alarm.Stop()
	stop := ctx.Done()
	s := begin()
	s.takes = c.Request.Takes != ""
	if c.rings > 0 {
		s.up = true // the caller talks to us already, once it has picked up
		if c.turned == nil {
			c.turned = c.picksUp(ctx)
		}
		s.gone[A] = c.legs[A] == nil
	}
	s, todo := c.first(s)
	for {
		s, todo = c.carryOut(legCtx, s, todo, alarm), nil
		if s.phase == Over {
			c.abandon(s)
			return s.end.Cause
		}
		if c.stale { // all that has changed since it last waited
			c.publish()
		}
		at, what, happened := c.next(s, alarm, &stop)
		if !happened {
			continue
		}
		if what == nil { // a leg closed its channel without a last word
			what = Ended{Cause: ProtocolError, Text: "the leg ended without a reason"}
		}
		if _, over := what.(Ended); over {
			c.noteMedia()
			c.release(at) // a fork may have legs that are still letting go
		}
		s, todo = c.step(s, at, what)
	}
}

// carryOut does all there is to do, and what follows from that.
func (c *Call) carryOut(ctx context.Context, s state, todo []any, alarm *time.Timer) state {
	for len(todo) > 0 {
		do := todo[0]
		todo = todo[1:]
		if failed := c.do(ctx, do, alarm); failed != nil {
			var more []any
			s, more = c.step(s, B, failed)
			todo = append(more, todo...)
		}
	}
	return s
}

// next waits for what happens next. happened is false when it was nothing for the state
// machine; what is nil when a leg closed its channel. stop becomes nil once it was heard.
func (c *Call) next(s state, alarm *time.Timer, stop *<-chan struct{}) (at Side, what any, happened bool) {
	select {
	case what = <-c.events(A, s):
		return A, what, true
	case what = <-c.events(B, s):
		return B, what, !c.holds(what, s)
	case <-c.held.stored:
		return B, c.unhold(), true
	case <-c.held.expired():
		return B, c.unhold(), true
	case what = <-c.events(X, s):
		return X, what, true
	case <-c.inbox.Ready():
		msg, ok := c.inbox.Take()
		if ok {
			at, what = c.request(msg)
		}
		return at, what, what != nil
	case <-alarm.C:
		return A, timedOut{}, true
	case <-*stop:
		*stop = nil
		return A, stopping{}, true
	}
}

// first does what the A-leg wants: reach a destination, or take another leg's place.
func (c *Call) first(s state) (state, []any) {
	switch {
	case c.turned != nil:
		s.gone[B] = true
		return c.step(s, A, hangup{*c.turned})
	case c.Request.Takes != "":
		return s, []any{fetch{c.Request.Takes}}
	}
	return s, []any{route{c.Request.To}}
}

// step moves the state and notes what a record wants to know.
func (c *Call) step(s state, at Side, what any) (state, []any) {
	s.left, s.stop, s.mute = len(c.to), c.now.Stop, c.now.NoEarly
	next, todo := s.step(at, what)
	if t, ok := what.(Transfer); ok && !t.Wish && !t.Leave && next.phase == Dialing { // who leaves at once, too, says what A wants
		c.behalf = talker(c.legs[at])
	}
	c.note(at, what, s, next)
	if next.phase != s.phase {
		c.log.Info("call phase", next.phaseLine(s.phase)...)
		c.phase.Store(uint32(next.phase))
		if next.phase >= Ending {
			c.charge(c, nil)
		}
		c.stale = true
	}
	return next, todo
}

// do carries out one action; what it returns happened at B because of it.
func (c *Call) do(ctx context.Context, do any, alarm *time.Timer) any {
	switch do := do.(type) {
	case tell:
		c.tell(do)
	case route:
		if err := c.route(do.to); err != nil {
			return refused{endedBy(err)}
		}
		return c.dialNext(ctx, alarm)
	case hunt:
		c.release(B)
		return c.dialNext(ctx, alarm)
	case forward:
		c.release(B)
		if err := c.forwarded(do.to); err != nil {
			return refused{endedBy(err)}
		}
		return c.dialNext(ctx, alarm)
	case join:
		c.join(false)
	case ring:
		c.join(true)
	case unjoin:
		c.unjoin()
	case letGo:
		if l := c.legs[B]; l != nil {
			l.Do(Ended{Cause: NoAnswer})
		}
		c.release(B)
	case park:
		c.legs = [3]Leg{A: c.legs[do.side.other()], X: c.legs[do.side]}
	case unpark:
		c.legs[B], c.legs[X] = c.legs[X], nil
		c.noteMedia()
	case swapIn:
		c.legs = [3]Leg{A: c.legs[do.side.other()], B: c.legs[X], X: c.legs[do.side]}
		c.noteMedia()
	case fetch:
		c.fetch(do.leg)
	case giveAway:
		c.giveAway(do.side)
	case timer:
		alarm.Reset(do.d)
	}
	return nil
}

// tell passes an event to a leg, unless it is a key that the bridge acts on.
func (c *Call) tell(do tell) {
	if d, ok := do.ev.(Digit); ok {
		if k, ok := c.bridge.(Keypad); ok && k.Key(do.side.other(), d.Key) {
			return
		}
	}
	l := c.legs[do.side]
	if l == nil {
		return
	}
	if _, up := do.ev.(Answered); up && c.stale {
		c.publish() // who hears of the answer may ask for one of the legs at once
	}
	l.Do(do.ev)
}

func (c *Call) route(to string) error {
	if to != c.Request.To { // somebody transferred the call: there is no URI that came with it
		c.Request.URI = "sip:" + to
	}
	c.Request.To, c.paid = to, false
	var err error
	c.to, err = c.Router.Route(c.asked())
	if err == nil && len(c.to) == 0 {
		err = ErrNoRoute
	}
	if err != nil {
		c.log.Info("no route", "to", to, "err", err)
	}
	return err
}

// dialNext dials the first destination that is left.
func (c *Call) dialNext(ctx context.Context, alarm *time.Timer) any {
	if len(c.to) == 0 {
		return refused{Ended{Cause: NoRoute}}
	}
	c.now, c.to = c.to[0], c.to[1:]
	c.record.Tag = c.now.Tag
	l, err := c.dial(ctx, c.now)
	if err != nil {
		c.log.Warn("cannot dial", "connector", c.now.Connector, "target", c.now.Target, "to", c.now.To, "err", err)
		return refused{endedBy(err)}
	}
	c.legs[B] = l
	c.noteMedia() // whoever looks sees where the call goes, while it rings
	within := c.now.Within
	if within <= 0 {
		within = DefaultAnswerLimit
	}
	alarm.Reset(within)
	c.log.Info("dialling", "b", l.Info(), "within", within)
	return nil
}

func (c *Call) dial(ctx context.Context, d Destination) (Leg, error) {
	if len(d.Parallel) > 0 {
		return c.dialAll(ctx, d.Parallel)
	}
	dialer := c.Dialers[d.Connector]
	if dialer == nil {
		return nil, errors.New("the dial plan names the connector " + d.Connector + ", which is not configured")
	}
	if err := c.admit(d); err != nil {
		return nil, err
	}
	return dialer.Dial(ctx, d, c.Request)
}

// dialAll rings several destinations at once; those that cannot be dialled are left out.
func (c *Call) dialAll(ctx context.Context, to []Destination) (Leg, error) {
	var legs []Leg
	var first error
	for _, d := range to {
		l, err := c.dial(ctx, d)
		if err != nil {
			first = errors.Join(first, err)
			continue
		}
		legs = append(legs, l)
	}
	switch len(legs) {
	case 0:
		return nil, first
	case 1:
		return legs[0], nil
	}
	return Fork(legs), nil
}

// join starts the bridge, or tells the running one whether to play ringback.
func (c *Call) join(ringback bool) {
	a, b := c.legs[A].Media(), c.legs[B].Media()
	if c.bridge == nil && a != nil && b != nil {
		c.bridge = c.Join(a, b, c.Phase() < Active, c.log)
		if len(c.muted) > 0 {
			c.hush()
		}
		c.joined = [2]string{c.legs[A].Info().ID, c.legs[B].Info().ID}
	}
	if c.bridge == nil {
		return
	}
	c.bridge.Ringback(ringback)
	c.record.Path = c.bridge.String()
	c.noteMedia()
	c.log.Info("media joined", "path", c.record.Path, "ringback", ringback)
}

func (c *Call) unjoin() {
	if c.bridge == nil {
		return
	}
	c.record.Path = c.bridge.String()
	c.noteMedia()
	c.keepLate()
	c.bridge.Close()
	c.bridge = nil
}

func (c *Call) events(side Side, s state) <-chan Event {
	if side == B && c.held.what != nil {
		return nil
	}
	if l := c.legs[side]; l != nil && !s.gone[side] {
		return l.Events()
	}
	return nil
}
