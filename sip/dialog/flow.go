package dialog

import (
	"time"

	"tandem/sip/flow"
)

// A watch waits for the death of one flow, for all sessions on it: one
// goroutine for each connection in use, none for a session.
type watch struct {
	sessions map[*Session]struct{}
	stop     chan struct{} // closed when the last session has left
}

func (c *Core) watchLocked(f *flow.Flow, s *Session) {
	w := c.watches[f]
	if w == nil {
		w = &watch{sessions: make(map[*Session]struct{}), stop: make(chan struct{})}
		c.watches[f] = w
		c.watchers.Go(func() { c.watch(f, w) })
	}
	w.sessions[s] = struct{}{}
}

func (c *Core) unwatchLocked(f *flow.Flow, s *Session) {
	w := c.watches[f]
	if w == nil {
		return
	}
	delete(w.sessions, s)
	if len(w.sessions) == 0 {
		delete(c.watches, f)
		close(w.stop)
	}
}

// watch tells the sessions when their flow dies.
func (c *Core) watch(f *flow.Flow, w *watch) {
	select {
	case <-w.stop:
		return
	case <-f.Done():
	}
	c.mu.Lock()
	if c.watches[f] == w {
		delete(c.watches, f) // who comes now is told by a watch of its own
	}
	all := make([]*Session, 0, len(w.sessions))
	for s := range w.sessions {
		all = append(all, s)
	}
	c.mu.Unlock()
	for _, s := range all {
		s.do(func() { s.flowDied(f) })
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
	c := s.core
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return
	}
	c.unwatchLocked(s.flow, s)
	c.watchLocked(f, s)
	c.mu.Unlock()
	s.flow = f
	s.flowless.stop()
	if !s.ownURI {
		s.contact = c.contactFor(f)
	}
}

// adopt takes the flow on which the far end comes back after its connection was lost.
func (s *Session) adopt(f *flow.Flow) {
	if f != s.flow && dead(s.flow) {
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
