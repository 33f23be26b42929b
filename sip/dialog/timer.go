package dialog

import (
	"errors"
	"time"

	"tandem/sip"
)

var errExpired = errors.New("the session was not refreshed in time")

// askTimer adds Session-Expires and Min-SE to a request of ours (RFC 4028 §7.1).
func (s *Session) askTimer(m *sip.Message) {
	e, ok := s.timer.ask(s.contract, s.floor)
	s.asked = e
	if !ok || m.Has("Session-Expires") {
		return
	}
	m.Add("Session-Expires", e.String())
	if least := max(s.timer.min(), s.floor); least > minExpires {
		m.Add("Min-SE", seconds(least))
	}
	if !m.Option("Supported", "timer") {
		m.Add("Supported", "timer")
	}
}

// agree takes the session timer from a 2xx to a request of ours.
func (s *Session) agree(m *sip.Message) {
	s.setContract(s.timer.agreed(s.asked, m))
}

// setContract starts the session timer anew.
func (s *Session) setContract(c contract) {
	s.stopTimer()
	s.contract = c
	if c.interval <= 0 {
		return
	}
	if c.weRefresh {
		s.refreshAt = s.after(c.refreshAt(), func() { s.refreshDue = true })
	}
	s.expireAt = s.after(c.expireAt(), func() {
		s.causeErr = errExpired
		s.hangUp(SessionExpired, []sip.Header{Reason{Protocol: "SIP", Cause: 408, Text: "Session expired"}.Header()})
	})
}

func (s *Session) stopTimer() {
	s.refreshAt.stop()
	s.expireAt.stop()
	s.refreshDue = false
}

// refreshFailed tries once more in the time that is left; expireAt goes on.
func (s *Session) refreshFailed() {
	wait := max(s.contract.interval/8, time.Second)
	s.refreshAt = s.after(wait, func() { s.refreshDue = true })
}
