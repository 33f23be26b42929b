package dialog

import (
	"errors"
	"slices"

	"tandem/sip"
	"tandem/sip/transaction"
)

var errNoAnswer = errors.New("the far end did not answer our offer")

// An incomingOffer waits for AnswerOffer or RejectOffer. Forks and crossing
// messages can bring several: they are told one after the other.
type incomingOffer struct {
	d      *dialog
	ev     Offer
	take   func(sdp []byte, headers []sip.Header)
	refuse func(status int, headers []sip.Header)
	limit  *alarm
}

// AnswerOffer answers the present [Offer]; nil repeats our present description.
func (s *Session) AnswerOffer(sdp []byte, headers ...sip.Header) {
	s.do(func() {
		if o := s.popOffer(); o != nil {
			if sdp == nil {
				sdp = o.d.oa.local
			}
			o.take(sdp, headers)
		}
	})
}

// RejectOffer refuses the present [Offer] by status, such as 488. An offer in an
// answer to our INVITE cannot be refused: the call is hung up.
func (s *Session) RejectOffer(status int, headers ...sip.Header) {
	s.do(func() {
		if status < 300 || status > 699 {
			status = 488
		}
		if o := s.popOffer(); o != nil {
			o.refuse(status, headers)
		}
	})
}

// addOffer tells the offer, or lets it wait until those before it are answered.
func (s *Session) addOffer(o *incomingOffer) {
	s.offers = append(s.offers, o)
	if len(s.offers) == 1 {
		s.showOffer()
	}
}

func (s *Session) showOffer() {
	o := s.offers[0]
	s.emit(o.ev)
	// Before the far end's transaction times out (64*T1), and with time to say so.
	o.limit = s.after(48*s.core.t1(), func() {
		s.withdrawOffer(o)
		o.refuse(488, nil)
	})
}

func (s *Session) popOffer() *incomingOffer {
	if len(s.offers) == 0 {
		return nil
	}
	o := s.offers[0]
	s.withdrawOffer(o)
	return o
}

// withdrawOffer takes the offer out of the queue and tells the next one.
func (s *Session) withdrawOffer(o *incomingOffer) {
	i := slices.Index(s.offers, o)
	if i < 0 {
		return
	}
	o.limit.stop()
	s.offers = slices.Delete(s.offers, i, i+1)
	if i == 0 && len(s.offers) > 0 && s.phase < ending {
		s.showOffer()
	}
}

// withdraw forgets the offers of a fork that is no more.
func (s *Session) withdraw(d *dialog) {
	for _, o := range slices.Clone(s.offers) {
		if o.d == d {
			s.withdrawOffer(o)
			o.refuse(481, nil)
		}
	}
}

// dropOffers refuses all offers at the end of the session.
func (s *Session) dropOffers(status int) {
	all := s.offers
	s.offers = nil
	for _, o := range all {
		o.limit.stop()
		o.refuse(status, nil)
	}
}

// offerInRequest tells an offer in an UPDATE or PRACK, which is answered in the 200.
func (s *Session) offerInRequest(d *dialog, tx *transaction.Server, sdp []byte) {
	req := tx.Request()
	same := d.oa.same(sdp)
	d.oa, _ = d.oa.begin(theirs, sdp)
	s.addOffer(&incomingOffer{
		d:  d,
		ev: Offer{SDP: sdp, Tag: d.remoteTag, Method: req.Method, Same: same, Message: req},
		take: func(answer []byte, headers []sip.Header) {
			d.oa = d.oa.answer(answer)
			m := s.refreshed(d, tx, headers)
			setSDP(m, answer)
			s.respond(tx, m)
		},
		refuse: func(status int, headers []sip.Header) {
			d.oa = d.oa.drop()
			s.refuse(tx, status, headers...)
		},
	})
}

// lateOffer tells the offer in a 2xx to our INVITE, which is answered in the ACK.
func (s *Session) lateOffer(k *call, d *dialog, m *sip.Message, sdp []byte) {
	d.oa, _ = d.oa.begin(theirs, sdp)
	k.setAck(d.remoteTag, nil)
	s.addOffer(&incomingOffer{
		d:  d,
		ev: Offer{SDP: sdp, Tag: d.remoteTag, Method: "INVITE", Message: m},
		take: func(answer []byte, _ []sip.Header) {
			if answer == nil {
				s.hangUp(LocalBye, nil)
				return
			}
			d.oa = d.oa.answer(answer)
			s.acknowledge(k, d, answer)
		},
		refuse: func(int, []sip.Header) { s.hangUp(LocalBye, nil) }, // bye sends the ACK first
	})
}
