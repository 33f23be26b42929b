package gvoice

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"tandem/sim/wire"
)

// Call is one call through the edge, in either direction. One goroutine runs
// its script and handles everything that reaches it, in order.
type Call struct {
	srv     *Server
	id      string
	account *account
	inbox   chan event
	done    chan struct{}
	free    atomic.Bool // the account may place its next call: our last word is on its way
	legs    []*leg      // guarded by srv.mu; never shrinks

	// Owned by the call's goroutine.
	timers []*timer
	over   bool
	winner *leg // the answered one
	script func()

	mu     sync.Mutex // guards report
	report Report
}

// event is something a call must handle: a message for one of its legs, or a
// command.
type event struct {
	leg  *leg
	conn *conn
	m    *wire.Message
	do   func()
}

type timer struct {
	at time.Time
	do func() // nil: stopped
}

// inboxSize bounds what may wait for a call; more is dropped and counted.
const inboxSize = 128

func (s *Server) newCall(a *account, direction, number string) *Call {
	c := &Call{srv: s, account: a, inbox: make(chan event, inboxSize), done: make(chan struct{})}
	s.mu.Lock()
	defer s.mu.Unlock()
	c.id = fmt.Sprintf("call-%d", s.counters["calls"]+1)
	s.counters["calls"]++
	c.report = Report{ID: c.id, Direction: direction, Account: a.Number, Number: number, Phase: PhaseSetup, Started: time.Now()}
	if len(s.calls) >= maxCalls { // at most maxActive of them still run
		ended := 0
		s.calls = slices.DeleteFunc(s.calls, func(old *Call) bool {
			if ended < maxCalls/2 && old.isOver() {
				ended++
				return true
			}
			return false
		})
	}
	return c
}

// start shows the call to the world and runs its script.
func (c *Call) start(script func()) {
	s := c.srv
	c.script = script
	s.mu.Lock()
	s.calls = append(s.calls, c)
	s.notifyLocked()
	s.mu.Unlock()
	s.work.Go(c.run)
}

func (c *Call) run() {
	defer close(c.done)
	c.script()
	c.end("edge", "")
	for _, l := range c.legList() {
		l.session.close()
	}
}

// active counts the account's calls that have not ended, and all that still take
// room: one whose BYE was answered waits for its script to notice.
func (s *Server) active(a *account) (own, all int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.calls {
		if c.isOver() {
			continue
		}
		all++
		if c.account == a && !c.free.Load() {
			own++
		}
	}
	return own, all
}

func (s *Server) full(a *account) bool {
	limit := s.cfg.Options.ConcurrentCalls
	own, all := s.active(a)
	return limit > 0 && own >= limit || all >= maxActive
}

// addLeg makes a leg findable by its Call-ID; false means the Call-ID is taken.
// Legs of calls that ended long ago are forgotten here.
func (c *Call) addLeg(l *leg) bool {
	s := c.srv
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, taken := s.legs[l.callID]; taken {
		return false
	}
	if len(s.legs) >= 2*maxCalls {
		for id, old := range s.legs {
			if old.call.isOver() {
				delete(s.legs, id)
			}
		}
	}
	s.legs[l.callID] = l
	c.legs = append(c.legs, l)
	return true
}

func (c *Call) isOver() bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

func (c *Call) legList() []*leg {
	c.srv.mu.Lock()
	defer c.srv.mu.Unlock()
	return slices.Clone(c.legs)
}

// post hands an event to the call; false means the call is over or too far
// behind.
func (c *Call) post(e event) bool {
	if c.isOver() {
		return false
	}
	select {
	case c.inbox <- e:
		return true
	default:
		c.srv.mu.Lock()
		c.srv.counters["events dropped"]++
		c.srv.mu.Unlock()
		return false
	}
}

// after runs do in the call's goroutine once d has passed.
func (c *Call) after(d time.Duration, do func()) *timer {
	t := &timer{time.Now().Add(d), do}
	c.timers = append(c.timers, t)
	return t
}

func (t *timer) stop() {
	if t != nil {
		t.do = nil
	}
}

const forever = time.Duration(-1)

// wait handles events until d has passed, until holds, or the call is over.
func (c *Call) wait(d time.Duration, until func() bool) {
	deadline := time.Now().Add(d)
	for !c.over && (until == nil || !until()) {
		next := time.Hour
		if d != forever {
			if next = time.Until(deadline); next <= 0 {
				return
			}
		}
		for _, t := range c.timers {
			next = min(next, time.Until(t.at))
		}
		alarm := time.NewTimer(max(next, 0))
		select {
		case <-c.srv.ctx.Done():
			c.end("edge", "the simulator was closed")
		case e := <-c.inbox:
			c.handle(e)
		case <-alarm.C:
			c.fire()
		}
		alarm.Stop()
	}
}

func (c *Call) fire() {
	now := time.Now()
	var due []*timer
	c.timers = slices.DeleteFunc(c.timers, func(t *timer) bool {
		if t.do == nil || !t.at.After(now) {
			due = append(due, t)
			return true
		}
		return false
	})
	for _, t := range due {
		if t.do != nil && !c.over {
			t.do()
		}
	}
}

func (c *Call) handle(e event) {
	switch {
	case e.do != nil:
		e.do()
	case e.m.Method == "":
		e.leg.response(e.m)
	case e.m.Method == "CANCEL":
		e.leg.cancelled(e.conn, e.m)
	default:
		e.leg.request(e.conn, e.m)
	}
}

// end marks the call as over; the first reason stays.
func (c *Call) end(by, outcome string) {
	c.over = true
	c.free.Store(true)
	c.update(func(r *Report) {
		if r.Phase == PhaseEnded {
			return
		}
		r.Phase, r.Ended, r.EndedBy = PhaseEnded, time.Now(), by
		r.Outcome = or(r.Outcome, outcome)
		c.srv.log.Info("call ended", "call", c.id, "by", by, "outcome", r.Outcome)
	})
}

func (c *Call) update(f func(r *Report)) {
	c.mu.Lock()
	f(&c.report)
	c.mu.Unlock()
	c.srv.mu.Lock()
	c.srv.notifyLocked()
	c.srv.mu.Unlock()
}

// ID names the call in the control endpoint.
func (c *Call) ID() string { return c.id }

// Done is closed when the call has ended and its media was measured.
func (c *Call) Done() <-chan struct{} { return c.done }

// Wait blocks until the call has ended and returns its report.
func (c *Call) Wait(ctx context.Context) (Report, error) {
	select {
	case <-c.done:
		return c.Report(), nil
	case <-ctx.Done():
		return c.Report(), fmt.Errorf("waiting for the end of %s: %w", c.id, ctx.Err())
	}
}

// WaitPhase blocks until the call has reached a phase (or is beyond it).
func (c *Call) WaitPhase(ctx context.Context, p Phase) error {
	order := []Phase{PhaseSetup, PhaseEarly, PhaseAnswered, PhaseEnded}
	return c.srv.waitFor(ctx, fmt.Sprintf("%s to be %s", c.id, p), func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return slices.Index(order, c.report.Phase) >= slices.Index(order, p)
	})
}

// Report is what the edge has seen of the call so far.
func (c *Call) Report() Report {
	c.mu.Lock()
	r := c.report
	c.mu.Unlock()
	var ids []string
	for _, l := range c.legList() {
		r.Legs = append(r.Legs, l.reported())
		ids = append(ids, l.callID)
	}
	if len(ids) > 0 {
		r.Ladder = c.srv.ladder.Events(ids...)
	}
	for _, f := range c.srv.Refusals() {
		if slices.Contains(ids, f.CallID) {
			r.Refusals = append(r.Refusals, f)
		}
	}
	return r
}

// HangUp makes the far person end the call (or give up, if it still rings).
func (c *Call) HangUp() { c.post(event{do: c.hangUp}) }

// SendDTMF makes the far person press keys.
func (c *Call) SendDTMF(digits string) {
	c.post(event{do: func() {
		if c.winner != nil {
			c.winner.session.dial(digits)
		}
	}})
}

// SetTone makes the far person sound a tone, or silence for 0.
func (c *Call) SetTone(frequency float64) {
	c.post(event{do: func() {
		if c.winner != nil {
			c.winner.session.talk(frequency, false)
		}
	}})
}

// Reinvite sends the client a re-INVITE with unchanged SDP (GV-C24).
func (c *Call) Reinvite() {
	c.post(event{do: func() {
		if c.winner != nil {
			c.winner.reinvite()
		}
	}})
}
