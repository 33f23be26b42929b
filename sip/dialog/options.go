package dialog

import (
	"tandem/sip"
	"tandem/sip/transaction"
)

// Options asks whether the far end still knows the dialog, as [Session.Send] does.
func (s *Session) Options(headers ...sip.Header) {
	s.Send("OPTIONS", "", nil, headers...)
}

// optioned answers an OPTIONS in the dialog (RFC 3261 §11.2).
func (s *Session) optioned(tx *transaction.Server) {
	m := s.response(tx.Request(), 200, "")
	s.core.ability(m)
	m.Add("Accept", "application/sdp")
	s.respond(tx, m)
}
