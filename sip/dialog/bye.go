package dialog

import (
	"tandem/sip"
	"tandem/sip/transaction"
)

// Bye hangs up. Headers, such as a [Reason]'s, are added to the BYE. Before the answer
// it is Close. Ended comes within 32 s.
func (s *Session) Bye(headers ...sip.Header) { s.Close(headers...) }

// Close ends the session in the way its state asks for: CANCEL, a 480 answer, or BYE.
// Ended comes within 32 s.
func (s *Session) Close(headers ...sip.Header) {
	s.do(func() { s.hangUp(LocalBye, headers) })
}

// hangUp begins the end.
func (s *Session) hangUp(cause Cause, headers []sip.Header) {
	if cause != LocalBye && cause != LocalCancel && s.phase < ending {
		s.emit(Ending{Cause: cause, Err: s.causeErr})
	}
	switch s.phase {
	case calling:
		s.giveUp(cause, headers)
	case ringing:
		s.reject(480, "", headers)
	case answered, confirmed:
		s.leave(cause, headers)
	}
}

// leave ends an answered session. A callee must not send the BYE before it has
// the ACK (RFC 3261 §15).
func (s *Session) leave(cause Cause, headers []sip.Header) {
	s.phase, s.cause, s.byeHeaders = ending, cause, headers
	s.stopTimer()
	s.dropOffers(487)
	if dead(s.flow) {
		s.finish(Ended{Cause: s.cause, Err: s.causeErr})
		return
	}
	s.deadline = s.after(s.core.patience(), func() {
		s.byeNow()
		s.finish(Ended{Cause: s.cause, Err: s.causeErr})
	})
	if s.okay == nil || !s.okay.initial {
		s.byeNow()
	}
}

// byeNow sends the BYE that ends the session, once.
func (s *Session) byeNow() {
	if s.phase != ending || s.byeSent || s.d == nil {
		return
	}
	s.byeSent = true
	s.bye(s.d, s.byeHeaders, func(resp *sip.Message, err error) {
		e := Ended{Cause: s.cause, Err: s.causeErr, Message: resp}
		if resp != nil {
			e.Status = resp.Status
		}
		if e.Err == nil {
			e.Err = err
		}
		s.finish(e)
	})
}

// bye sends a BYE in any dialog, behind the ACK that a late offer may have kept back.
func (s *Session) bye(d *dialog, headers []sip.Header, done func(*sip.Message, error)) {
	if k := s.call; k != nil {
		if ack, known := k.ack(d.remoteTag); known && ack == nil {
			s.acknowledge(k, d, nil)
		}
	}
	s.request(d, "BYE", func(m *sip.Message) { addAll(m, headers) }, done)
}

// discard acknowledges and hangs up a 2xx that nobody wants: of a fork that
// lost, or one that crossed our CANCEL.
func (s *Session) discard(k *call, m *sip.Message) {
	d := s.fork(tagOf(m, "To"))
	if d == nil {
		d = s.lostFork(k, m)
	}
	d.state = d.confirm(m)
	s.acknowledge(k, d, nil)
	crossed := s.phase == ending && !s.won
	s.bye(d, s.byeHeaders, func(*sip.Message, error) {
		if crossed {
			s.finish(Ended{Cause: s.cause, Err: s.causeErr, Message: m})
		}
	})
}

// broken hangs up on a far end that does not keep to the protocol.
func (s *Session) broken(err error) {
	s.causeErr = err
	s.hangUp(Broken, nil)
}

// byed takes a BYE of the far end.
func (s *Session) byed(d *dialog, tx *transaction.Server) {
	req := tx.Request()
	s.respond(tx, s.response(req, 200, ""))
	e := Ended{Cause: RemoteBye, Reasons: Reasons(req), Message: req}
	switch s.phase {
	case ending:
		e.Cause = s.cause
	case ringing: // the caller may end an early dialog in this way, too
		s.answerInvite(487, "", nil)
	case calling:
		if len(s.dialogs) > 1 {
			s.forget(d)
			return
		}
		s.call.client.Cancel(s.cancelWith...)
	}
	s.finish(e)
}

// finish ends the session: Ended is told, all timers stop, nothing is left unanswered.
func (s *Session) finish(e Ended) {
	if s.phase == over {
		return
	}
	s.dropOffers(487)
	s.dropRequests()
	if s.server != nil {
		s.answerInvite(503, "", nil)
	}
	s.emit(e)
	s.phase = over
	for _, a := range []*alarm{s.deadline, s.flowless, s.hold, s.unheard, s.silence, s.callee.ring, s.callee.limit, s.outbox.hold} {
		a.stop()
	}
	s.stopTimer()
	s.stopWaiting()
	if s.okay != nil {
		s.okay.repeat.stop()
		s.okay = nil
	}
	s.unwatchFlow()
	s.core.remove(s)
	s.handOver()
	s.letEchoesGo()
	s.log.Debug("sip session ended", "cause", e.Cause, "status", e.Status, "err", e.Err)
}
