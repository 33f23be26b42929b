package dialog

import (
	"time"

	"tandem/sip/flow"
)

// A watch is told when the session's flow dies. While it is attached, a flow on
// UDP is not forgotten either.
type watch struct {
	flow.Link
	s    *Session
	flow *flow.Flow
}

// FlowEnded is called by the flow.
func (w *watch) FlowEnded(error) { w.s.do(func() { w.s.flowDied(w.flow) }) }

// watchFlow attaches the session to its flow. It may be dead already.
func (s *Session) watchFlow() {
	s.watch = &watch{s: s, flow: s.flow}
	if !s.flow.Attach(&s.watch.Link, s.watch) {
		s.flowDied(s.flow)
	}
}

func (s *Session) unwatchFlow() {
	if w := s.watch; w != nil {
		w.flow.Detach(&w.Link)
		s.watch = nil
	}
}

// flowDied ends the session, or gives it time to find another flow. Before the
// answer there is none: the INVITE's transaction died with the flow.
func (s *Session) flowDied(f *flow.Flow) {
	if s.flow != f || s.phase == over || s.flowless.running() {
		return
	}
	gone := Ended{Cause: FlowGone, Err: f.Err()}
	if s.phase == ending {
		gone.Cause = s.cause
	}
	if s.survive <= 0 || s.phase != confirmed && s.phase != answered {
		s.finish(gone)
		return
	}
	s.flowless = s.after(s.survive, func() { s.finish(gone) })
	s.emit(FlowLost{Err: f.Err(), Until: time.Now().Add(s.survive)})
}

// SurviveFlow says how long the session may live on without a flow once it is
// answered; 0, the default, ends it with the flow. Media is touched by neither.
func (s *Session) SurviveFlow(d time.Duration) { s.do(func() { s.survive = d }) }

// SetFlow moves the session to another flow: after a FlowLost, or before it
// comes to that. What waited is sent now. To give the far end the new Contact
// as well, call Update or Reinvite.
func (s *Session) SetFlow(f *flow.Flow) { s.do(func() { s.setFlow(f) }) }

func (s *Session) setFlow(f *flow.Flow) {
	if f == nil || f == s.flow || s.phase == over || dead(f) {
		return
	}
	s.unwatchFlow()
	s.flow = f
	s.flowless.stop()
	if !s.ownURI {
		s.contact = s.core.contactFor(f)
	}
	s.watchFlow()
}

// adopt takes the flow on which the far end comes back: after its connection was
// lost, or when a NAT on the way gave its UDP another port. Another address does
// not do: who knows the tags must not be able to pull a call away.
func (s *Session) adopt(f *flow.Flow) {
	moved := f.Network() == "udp" && s.flow.Network() == "udp" && f.Remote().Addr() == s.flow.Remote().Addr()
	if f != s.flow && (moved || dead(s.flow)) {
		s.setFlow(f)
	}
}

func dead(f *flow.Flow) bool {
	select {
	case <-f.Done():
		return true
	default:
		return false
	}
}

func (c *Core) contactFor(f *flow.Flow) string {
	if c.Contact == nil {
		return ""
	}
	return "<" + c.Contact(f).String() + ">"
}
