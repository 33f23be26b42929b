package dialog

import "tandem/sip"

// Cancel gives up an outgoing call. If its answer crosses the CANCEL, it is acknowledged
// and hung up by BYE. After the answer Cancel is Bye. Ended comes within 32 s.
func (s *Session) Cancel(headers ...sip.Header) {
	s.do(func() {
		if s.outgoing {
			s.hangUp(LocalBye, headers)
		}
	})
}

// giveUp cancels our INVITE. The transaction layer waits for a provisional
// response, copies the Route headers and answers nothing for us: the call is
// over with the INVITE's final response, 487 or other, or after 64*T1 without
// one (RFC 3261 §9.1).
func (s *Session) giveUp(cause Cause, headers []sip.Header) {
	if cause == LocalBye {
		cause = LocalCancel
	}
	s.phase, s.cause, s.byeHeaders = ending, cause, headers
	s.dropOffers(487)
	if dead(s.flow) {
		s.finish(Ended{Cause: s.cause, Err: s.causeErr})
		return
	}
	all := append(append([]sip.Header(nil), s.cancelWith...), headers...)
	s.call.client.Cancel(all...)
	s.deadline = s.after(s.core.patience(), func() { s.finish(Ended{Cause: s.cause, Err: s.causeErr}) })
}

// cancelled takes the caller's CANCEL, which the transaction layer has answered.
// If our final answer crossed it, it has no effect (RFC 3261 §9.2).
func (s *Session) cancelled(m *sip.Message) {
	if s.phase != ringing || s.server == nil {
		return
	}
	s.answerInvite(487, "", nil)
	reasons := Reasons(m)
	s.emit(Cancelled{Reasons: reasons, Message: m})
	s.finish(Ended{Cause: RemoteCancel, Status: 487, Reasons: reasons, Message: m})
}
