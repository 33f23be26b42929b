package dialog

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"tandem/sip"
	"tandem/sip/transaction"
)

// reliable takes a reliable provisional (RFC 3262 §4): each RSeq is acknowledged
// once, in order; repeated ones and those behind a gap are not taken in.
func (s *Session) reliable(k *call, d *dialog, m *sip.Message) {
	n, err := strconv.ParseUint(strings.TrimSpace(m.Get("RSeq")), 10, 32)
	rseq := uint32(n)
	if err != nil || rseq == 0 || d.rseq != 0 && rseq != d.rseq+1 {
		return
	}
	d.rseq, s.d = rseq, d
	d.state = d.confirm(m)
	e := Provisional{Status: m.Status, Tag: d.remoteTag, Reliable: true, Message: m}
	rack := m.Get("RSeq") + " " + m.Get("CSeq")
	sdp := sdpOf(m)
	if sdp != nil && d.oa.turn == settled && !d.oa.established() { // our INVITE had no offer: this is one
		d.oa, _ = d.oa.begin(theirs, sdp)
		s.emit(e)
		s.offerInProvisional(d, m, rack)
		return
	}
	if sdp != nil && d.oa.turn == ours {
		d.oa = d.oa.answer(sdp)
		e.SDP = sdp
	}
	s.prack(d, rack, nil)
	s.emit(e)
}

// offerInProvisional lets the answer to a late offer travel in the PRACK.
func (s *Session) offerInProvisional(d *dialog, m *sip.Message, rack string) {
	s.addOffer(&incomingOffer{
		d:  d,
		ev: Offer{SDP: d.oa.offer, Tag: d.remoteTag, Method: "INVITE", Message: m},
		take: func(sdp []byte, headers []sip.Header) {
			if sdp == nil { // there is nothing yet that could be repeated
				s.hangUp(LocalCancel, nil)
				return
			}
			d.oa = d.oa.answer(sdp)
			s.prack(d, rack, sdp, headers...)
		},
		refuse: func(int, []sip.Header) {
			if s.phase == calling {
				s.hangUp(LocalCancel, nil)
			}
		},
	})
}

func (s *Session) prack(d *dialog, rack string, sdp []byte, headers ...sip.Header) {
	s.request(d, "PRACK", func(m *sip.Message) {
		m.Add("RAck", rack)
		setSDP(m, sdp)
		addAll(m, headers)
	}, func(resp *sip.Message, err error) {
		if resp != nil && resp.Status < 300 || s.phase != calling || dead(s.flow) {
			return
		}
		// The fork does not know itself any more. The call goes on if there are others.
		s.log.Info("sip PRACK failed", "err", err)
		if len(s.dialogs) > 1 {
			s.forget(d)
			return
		}
		s.causeErr = err
		s.hangUp(Gone, nil)
	})
}

// A reliable is a reliable provisional of ours that waits for its PRACK.
type reliable struct {
	resp   *sip.Message
	rseq   uint32
	sdp    bool // it carries a description
	wait   time.Duration
	left   time.Duration
	repeat *alarm
}

func (s *Session) provisionReliably(m *sip.Message, withSDP bool) {
	c := &s.callee
	if c.rseq == 0 {
		c.rseq = 1 + uint32(rand.IntN(1<<16))
	} else {
		c.rseq++
	}
	m.Add("Require", "100rel")
	m.Add("RSeq", strconv.FormatUint(uint64(c.rseq), 10))
	r := &reliable{resp: m, rseq: c.rseq, sdp: withSDP, wait: s.core.t1(), left: 64 * s.core.t1()}
	c.waiting = r
	s.respond(s.server, m)
	s.repeatProvisional(r)
}

// repeatProvisional repeats at T1, 2*T1, 4*T1 … and gives the call up after 64*T1 (RFC 3262 §3).
func (s *Session) repeatProvisional(r *reliable) {
	wait := min(r.wait, r.left)
	r.repeat = s.after(wait, func() {
		if s.server == nil {
			return
		}
		if r.left -= wait; r.left <= 0 {
			s.answerInvite(504, "No PRACK", nil)
			s.finish(Ended{Cause: NoAck, Status: 504})
			return
		}
		r.wait *= 2
		if err := s.server.Respond(r.resp); err != nil {
			s.log.Debug("sip provisional not repeated", "err", err)
		}
		s.repeatProvisional(r)
	})
}

func (s *Session) stopWaiting() {
	if w := s.callee.waiting; w != nil {
		w.repeat.stop()
		s.callee.waiting = nil
	}
}

// pracked takes a PRACK. One that fits no provisional which waits gets 481.
func (s *Session) pracked(d *dialog, tx *transaction.Server) {
	req := tx.Request()
	w := s.callee.waiting
	if w == nil {
		w = s.callee.crossed
	}
	if w == nil || !w.acknowledgedBy(req, s.invite) {
		s.refuse(tx, 481)
		return
	}
	s.stopWaiting()
	s.callee.crossed = nil
	sdp := sdpOf(req)
	switch {
	case d.oa.turn == ours && w.sdp: // our provisional made the offer
		if sdp == nil {
			s.refuse(tx, 400)
			s.causeErr = errNoAnswer
			s.reject(500, "", nil)
			return
		}
		d.oa = d.oa.answer(sdp)
		s.respond(tx, s.response(req, 200, ""))
		s.emit(OfferAnswered{SDP: sdp, Message: req})
	case sdp != nil && d.oa.turn == settled:
		s.offerInRequest(d, tx, sdp)
	case sdp != nil:
		s.refuse(tx, 491)
	default:
		s.respond(tx, s.response(req, 200, ""))
	}
}

// acknowledgedBy compares a PRACK's RAck: RSeq, and CSeq of the INVITE.
func (r *reliable) acknowledgedBy(prack, invite *sip.Message) bool {
	f := strings.Fields(prack.Get("RAck"))
	seq, err := invite.CSeq()
	if err != nil || len(f) != 3 || f[2] != "INVITE" {
		return false
	}
	n, err1 := strconv.ParseUint(f[0], 10, 32)
	q, err2 := strconv.ParseUint(f[1], 10, 32)
	return err1 == nil && err2 == nil && uint32(n) == r.rseq && uint32(q) == seq.Seq
}
