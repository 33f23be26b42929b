package dialog

import (
	"errors"
	"time"

	"tandem/sip"
	"tandem/sip/transaction"
)

// acknowledge sends the ACK for the 2xx of a fork, and keeps it for repeated 2xx.
// It carries the INVITE's CSeq number (RFC 3261 §13.2.2.4, GV-C14).
func (s *Session) acknowledge(k *call, d *dialog, sdp []byte) {
	ack := s.newAck(d, k.seq, sdp)
	// Credentials of the INVITE belong to its ACK as well (RFC 3261 §22.1).
	for _, name := range []string{"Authorization", "Proxy-Authorization"} {
		if v := k.req.Get(name); v != "" && !ack.Has(name) {
			ack.Add(name, v)
		}
	}
	k.setAck(d.remoteTag, ack)
	s.sendAck(ack)
}

func (s *Session) newAck(d *dialog, seq uint32, sdp []byte) *sip.Message {
	ack := d.ack(seq)
	setSDP(ack, sdp)
	if s.decorate != nil {
		s.decorate(ack)
	}
	return ack
}

// sendAck sends an ACK, which is no transaction but has a branch of its own each
// time. A nil ack still waits for our answer.
func (s *Session) sendAck(ack *sip.Message) {
	if ack == nil {
		return
	}
	if err := s.core.Transactions.Send(s.flow, ack.Clone()); err != nil {
		s.log.Debug("sip ACK not sent", "err", err)
	}
}

// late takes a repeated 2xx whose transaction is gone.
func (s *Session) late(m *sip.Message) {
	seq, err := m.CSeq()
	if err != nil || seq.Method != "INVITE" {
		return
	}
	switch {
	case s.call != nil && seq.Seq == s.call.seq:
		s.accepted(s.call, m)
	case s.reinvite != nil && seq.Seq == s.reinvite.seq:
		s.sendAck(s.reinvite.ack)
	}
}

// An okay is a 2xx of ours to an INVITE. It is repeated until the ACK comes,
// also on reliable flows (RFC 3261 §13.3.1.4).
type okay struct {
	server  *transaction.Server
	resp    *sip.Message
	seq     uint32
	d       *dialog
	offered bool // the 2xx has our offer, the ACK the answer
	initial bool // not of a re-INVITE
	wait    time.Duration
	left    time.Duration
	repeat  *alarm
}

// sendOkay sends a 2xx and sees to the ACK.
func (s *Session) sendOkay(o *okay) {
	seq, _ := o.server.Request().CSeq()
	o.seq, o.wait, o.left = seq.Seq, s.core.t1(), 64*s.core.t1()
	s.okay = o
	s.respond(o.server, o.resp)
	s.repeatOkay(o)
}

func (s *Session) repeatOkay(o *okay) {
	wait := min(o.wait, o.left)
	o.repeat = s.after(wait, func() {
		if o.left -= wait; o.left <= 0 {
			s.unacked(o)
			return
		}
		o.wait = min(2*o.wait, s.core.t2())
		if err := o.server.Respond(o.resp); err != nil {
			s.log.Debug("sip 2xx not repeated", "err", err)
		}
		s.repeatOkay(o)
	})
}

// acked takes an ACK for a 2xx. Its CSeq should be the INVITE's; some callers
// count on with each PRACK (GV-S23), so a higher one will do.
func (s *Session) acked(m *sip.Message) {
	o := s.okay
	seq, err := m.CSeq()
	if o == nil || err != nil || seq.Seq < o.seq || tagOf(m, "From") != o.d.remoteTag {
		return
	}
	s.okay = nil
	o.repeat.stop()
	if s.phase == answered {
		s.phase = confirmed
	}
	if s.phase != confirmed {
		s.byeNow()
		return
	}
	sdp := sdpOf(m)
	if o.offered {
		if sdp == nil {
			s.broken(errors.New("the far end's ACK does not answer our offer"))
			return
		}
		o.d.oa = o.d.oa.answer(sdp)
	} else {
		sdp = nil
	}
	switch {
	case o.initial:
		s.emit(Acked{SDP: sdp, Message: m})
	case o.offered:
		s.emit(OfferAnswered{SDP: sdp, Message: m})
	}
}

// unacked gives up a session whose far end never took our 2xx: by BYE
// (RFC 3261 §13.3.1.4).
func (s *Session) unacked(o *okay) {
	if s.okay != o {
		return
	}
	s.okay = nil
	if s.phase == over {
		return
	}
	if s.phase == answered {
		s.phase = confirmed
	}
	s.hangUp(NoAck, nil)
	s.byeNow()
}
