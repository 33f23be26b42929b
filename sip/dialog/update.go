package dialog

import (
	"math/rand/v2"

	"tandem/sip"
	"tandem/sip/transaction"
)

// Update offers sdp in an UPDATE (RFC 3311), before or after the answer; nil makes an
// UPDATE without SDP, which refreshes session timer and Contact. After the
// answer it becomes a re-INVITE if the far end does not know UPDATE. It waits
// for its turn as Reinvite does. OfferAnswered or OfferRefused follows.
func (s *Session) Update(sdp []byte, headers ...sip.Header) {
	s.do(func() { s.want(&wish{sdp: sdp, update: true, bare: sdp == nil, headers: headers}) })
}

func (s *Session) sendUpdate(w *wish) {
	d := s.d
	if !w.bare {
		d.oa, _ = d.oa.begin(ours, w.sdp)
	}
	s.updating = true
	s.request(d, "UPDATE", func(m *sip.Message) {
		if s.phase == confirmed {
			s.askTimer(m)
		}
		addAll(m, w.headers)
		if !w.bare {
			setSDP(m, w.sdp)
		}
	}, func(m *sip.Message, err error) {
		s.updating = false
		s.updateAnswered(d, w, m, err)
	})
}

func (s *Session) updateAnswered(d *dialog, w *wish, m *sip.Message, err error) {
	if m == nil || m.Status >= 300 {
		if !w.bare {
			d.oa = d.oa.drop()
		}
		s.wishFailed(w, m, err)
		return
	}
	d.state = d.refresh(m)
	d.learn(m)
	if s.phase >= ending {
		return
	}
	if s.phase == confirmed {
		s.agree(m)
	}
	sdp := sdpOf(m)
	if !w.bare && sdp == nil {
		d.oa = d.oa.drop()
		s.emit(OfferRefused{Status: m.Status, Reason: errNoAnswer.Error(), Message: m})
		return
	}
	if w.bare {
		sdp = nil
	} else {
		d.oa = d.oa.answer(sdp)
	}
	if !w.refresh {
		s.emit(OfferAnswered{SDP: sdp, Message: m})
	}
}

// updated takes an UPDATE (RFC 3311 §5.2).
func (s *Session) updated(d *dialog, tx *transaction.Server) {
	req := tx.Request()
	sdp := sdpOf(req)
	if _, _, tooSmall := s.timer.answer(req); tooSmall {
		s.refuse(tx, 422, sip.Header{Name: "Min-SE", Value: seconds(s.timer.min())})
		return
	}
	if sdp == nil && len(req.Body) > 0 {
		s.refuse(tx, 415, sip.Header{Name: "Accept", Value: "application/sdp"})
		return
	}
	if sdp == nil {
		s.respond(tx, s.refreshed(d, tx, nil))
		return
	}
	switch {
	case d.oa.turn == theirs || s.peerInvite != nil:
		s.refuse(tx, 500, retryAfter(rand.IntN(11)))
	case d.oa.turn == ours || s.reinvite != nil || s.okay != nil && s.okay.offered:
		s.refuse(tx, 491)
	default:
		s.offerInRequest(d, tx, sdp)
	}
}

// refreshed builds the 200 to a re-INVITE, UPDATE or PRACK: all but the last refresh the
// target, and the session timer.
func (s *Session) refreshed(d *dialog, tx *transaction.Server, headers []sip.Header) *sip.Message {
	req := tx.Request()
	if req.Method == "PRACK" {
		return s.response(req, 200, "", headers...)
	}
	d.state = d.refresh(req)
	m := s.establishing(req, 200, "", headers...)
	if s.phase != confirmed {
		return m
	}
	c, header, _ := s.timer.answer(req)
	if header != "" {
		m.Add("Session-Expires", header)
		if req.Option("Supported", "timer") {
			m.Add("Require", "timer")
		}
	}
	s.setContract(c)
	return m
}
