// Package invite makes a call.Leg of a SIP session and its media session: what
// the legs of phones, trunks and Google Voice have in common. Start reading at
// [Leg.run]; offers and answers are in media.go, endings in end.go.
package invite

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"tandem/call"
	"tandem/internal/crew"
	"tandem/internal/mailbox"
	"tandem/media"
	"tandem/media/transport"
	"tandem/sip"
	"tandem/sip/dialog"
	"tandem/sip/flow"
)

// A Stack is what the legs of one SIP user agent share. It owns their goroutines.
type Stack struct {
	Core   *dialog.Core
	Engine *transport.Engine
	Log    *slog.Logger
	// Dialogs is told which SIP dialog a leg has, before its INVITE goes out; it must
	// not block. nil does nothing.
	Dialogs func(leg, callID string)

	make func(transport.Options) (path, error) // instead of Engine, in tests of virtual time

	legs sync.Map // *dialog.Session -> *Leg
	run  crew.Crew

	mu    sync.Mutex    // guards what follows
	fewer chan struct{} // gets a value when a leg is gone; nil until Settle
}

// Options say how one leg behaves.
type Options struct {
	Info  call.Info
	Media transport.Options

	// Alias turns the target of a REFER into what the dial plan understands; nil
	// refuses transfers.
	Alias func(sip.URI) string
	// Forward follows a 3xx of the far end, by the dial plan; else it is a refusal.
	Forward bool
	// DigitType is the body type of an INFO that carries a key when the far end
	// agreed to no telephone-event: dtmf.TypeRelay or dtmf.TypePlain; "" sends none.
	DigitType string
	// CauseOf may know better than [call.CauseOfSIP] why the far end refused; nil
	// and false fall back to it.
	CauseOf func(m *sip.Message) (call.Cause, bool)
	// OnEnd is called once, on the leg's goroutine, before its last event.
	OnEnd func(call.Ended)
}

// A Leg is one SIP call leg. Its signalling belongs to one goroutine, run;
// everything else posts to it.
type Leg struct {
	opt    Options
	stack  *Stack
	media  path
	events chan call.Event
	box    mailbox.Box[any] // dialog events, call.Events asked for, media events
	log    *slog.Logger

	// Owned by run.
	session  *dialog.Session // nil when the INVITE could not be sent
	incoming bool
	reliable bool   // the caller supports 100rel
	offer    []byte // the caller's; nil for a late offer
	answer   []byte // ours to offer, once made
	early    bool   // the far end has described its early media
	fork     string // whose description is in force, while the far end rings
	answered bool
	accepted bool          // our 200 is out
	refer    *dialog.Refer // the transfer in progress
	told     bool          // the far end knows how its transfer went
	end      *call.Ended   // why we are ending; the first reason counts
	quiet    bool          // nothing comes from the far end
	over     bool          // the session has ended

	gone atomic.Bool // the call knows that the leg has ended; the session may still wait for the answer to its BYE
}

var _ call.Leg = (*Leg)(nil)

// Out makes an outgoing leg. inv needs its Flow and Request; offer, callback and
// Call-ID are the leg's business. It does not wait for the network.
func (s *Stack) Out(ctx context.Context, opt Options, inv dialog.Invite) (*Leg, error) {
	l, err := s.newLeg(opt)
	if err != nil {
		return nil, err
	}
	s.run.Go(func() {
		if err := l.invite(inv); err != nil {
			l.refused(err)
			return
		}
		l.run(ctx)
	})
	return l, nil
}

// In makes a leg of an incoming session that has not been answered, and of its
// offer. The error is an *sdp.Error when the offer cannot be used; the session is
// then the caller's business.
func (s *Stack) In(ctx context.Context, opt Options, in *dialog.Session, offer Offer) (*Leg, error) {
	req := in.Request()
	if err := offer.check(opt.Media.Capabilities); err != nil {
		return nil, err
	}
	l, err := s.newLeg(opt)
	if err != nil {
		return nil, err
	}
	l.session, l.incoming = in, true
	l.reliable = req.Option("Supported", "100rel") || req.Option("Require", "100rel")
	if len(offer.body) > 0 {
		l.offer = offer.body
	}
	s.legs.Store(in, l)
	s.tell(l, req)
	in.On(l.post)
	s.run.Go(func() {
		l.run(ctx)
	})
	return l, nil
}

// tell says which dialog the leg has.
func (s *Stack) tell(l *Leg, invite *sip.Message) {
	if s.Dialogs != nil {
		s.Dialogs(l.opt.Info.ID, invite.CallID())
	}
}

func (s *Stack) newLeg(opt Options) (*Leg, error) {
	if opt.Info.ID == "" {
		opt.Info.ID = call.NewID()
	}
	opt.Media.Name = opt.Info.ID
	m, err := s.path(opt.Media)
	if err != nil {
		return nil, call.Refusal(call.Congestion, fmt.Errorf("make the media session: %w", err))
	}
	l := &Leg{opt: opt, stack: s, media: m, events: make(chan call.Event, 16), log: s.Log.With("leg", opt.Info)}
	m.OnEvent(func(e transport.Event) { l.box.Post(e) })
	return l, nil
}

func (s *Stack) path(opt transport.Options) (path, error) {
	if s.make != nil {
		return s.make(opt)
	}
	return s.Engine.NewSession(opt)
}

// LegOf returns the ID of the leg that session belongs to.
func (s *Stack) LegOf(session *dialog.Session) (string, bool) {
	if l, ok := s.legs.Load(session); ok && !l.(*Leg).gone.Load() {
		return l.(*Leg).opt.Info.ID, true
	}
	return "", false
}

// Each calls f for every leg with a session. Legs may end meanwhile.
func (s *Stack) Each(f func(*Leg)) {
	s.legs.Range(func(_, l any) bool { f(l.(*Leg)); return true })
}

// Go runs f in a goroutine that Wait waits for, such as that of a leg made of
// several.
func (s *Stack) Go(f func()) { s.run.Go(f) }

// Wait returns when no leg of the stack is left.
func (s *Stack) Wait() { s.run.Wait() }

// Settle waits for the far ends of legs that have ended to take note of it, at most
// for the time given. A BYE may yet be lost, or be answered by a challenge.
func (s *Stack) Settle(within time.Duration) {
	s.mu.Lock()
	if s.fewer == nil {
		s.fewer = make(chan struct{}, 1)
	}
	fewer := s.fewer
	s.mu.Unlock()
	timer := time.NewTimer(within)
	defer timer.Stop()
	for s.any() {
		select {
		case <-fewer:
		case <-timer.C:
			return
		}
	}
}

func (s *Stack) any() (found bool) {
	s.legs.Range(func(_, _ any) bool { found = true; return false })
	return found
}

// forget takes out a leg whose session is over.
func (s *Stack) forget(session *dialog.Session) {
	s.legs.Delete(session)
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case s.fewer <- struct{}{}: // nil while nobody waits
	default:
	}
}

// Info implements call.Leg.
func (l *Leg) Info() call.Info { return l.opt.Info }

// Media implements call.Leg.
func (l *Leg) Media() media.Session { return l.media }

// Events implements call.Leg.
func (l *Leg) Events() <-chan call.Event { return l.events }

// Do implements call.Leg.
func (l *Leg) Do(ev call.Event) { l.box.Post(ev) }

// UseFlow moves the session to another connection, after its own was lost.
func (l *Leg) UseFlow(f *flow.Flow) { l.box.Post(f) }

// post takes the session's events. What the far end can send at will is dropped
// when it comes faster than the leg can follow.
func (l *Leg) post(ev dialog.Event) {
	switch ev.(type) {
	case dialog.Info, dialog.Notify, dialog.Request:
		l.box.Offer(ev)
	default:
		l.box.Post(ev)
	}
}

// run is the leg's life: it ends after the session has.
func (l *Leg) run(ctx context.Context) {
	gone := ctx.Done()
	for !l.over {
		select {
		case <-l.box.Ready():
			if what, ok := l.box.Take(); ok {
				l.handle(what)
			}
		case <-gone:
			gone = nil
			l.hangup(call.Ended{Cause: call.Shutdown})
		}
	}
}

func (l *Leg) handle(what any) {
	switch ev := what.(type) {
	case call.Event:
		if !l.gone.Load() {
			l.do(ev)
		}
	case dialog.Event:
		if l.gone.Load() {
			l.heardLate(ev)
		} else {
			l.heard(ev)
		}
	case transport.Event:
		if !l.gone.Load() {
			l.mediaEvent(ev)
		}
	case stillQuiet:
		l.giveUpOnQuiet()
	case bye:
		l.bye(call.TransferDone)
	case *flow.Flow:
		if l.session.Flow().Err() != nil {
			l.session.SetFlow(ev)
		}
	}
}

// do carries out what the call asks for.
func (l *Leg) do(ev call.Event) {
	switch ev := ev.(type) {
	case call.Progress:
		if l.incoming && !l.accepted && l.end == nil {
			l.progress(ev)
		}
	case call.Answered:
		if l.incoming && !l.accepted && l.end == nil {
			l.accept(ev)
		}
	case call.Digit:
		l.sendDigit(ev)
	case call.Transferred:
		l.transferred(ev.Cause)
	case call.Ended:
		l.hangup(ev)
	}
}

// heard takes what the far end did.
func (l *Leg) heard(ev dialog.Event) {
	switch ev := ev.(type) {
	case dialog.Provisional:
		l.provisional(ev)
	case dialog.Answered:
		l.theyAnswered(ev)
	case dialog.Refused:
		l.theyRefused(ev)
	case dialog.Acked:
		if ev.SDP != nil {
			l.setAnswer(ev.SDP)
		}
	case dialog.Offer:
		l.theirOffer(ev)
	case dialog.OfferAnswered:
		if ev.SDP != nil {
			l.setAnswer(ev.SDP)
		}
	case dialog.OfferRefused:
		l.media.Rollback()
	case dialog.Info:
		l.theirInfo(ev)
	case dialog.Refer:
		l.theirRefer(ev)
	case dialog.Request:
		ev.Respond(501, "")
	case dialog.FlowLost:
		l.log.Warn("signalling connection lost, the call goes on", "err", ev.Err, "until", ev.Until)
	case dialog.Ending:
		if l.end == nil {
			end := endOf(dialog.Ended{Cause: ev.Cause, Err: ev.Err})
			l.end = &end
		}
		l.leave()
	case dialog.Ended:
		l.theyEnded(ev)
	}
}

// heardLate takes what crosses our BYE.
func (l *Leg) heardLate(ev dialog.Event) {
	switch ev := ev.(type) {
	case dialog.Offer:
		l.session.RejectOffer(488)
	case dialog.Refer:
		ev.Reject(481, "")
	case dialog.Request:
		ev.Respond(481, "")
	case dialog.Ended:
		l.theyEnded(ev)
	}
}

func (l *Leg) emit(ev call.Event) { l.events <- ev }

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
