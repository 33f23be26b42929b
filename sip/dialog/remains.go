package dialog

import (
	"bytes"
	"sync/atomic"

	"tandem/sip"
	"tandem/sip/flow"
	"tandem/sip/transaction"
)

// An ear is what the transaction of our INVITE tells its events. The transaction
// lives on for 32 s after the first 2xx, longer than many a call, and would keep the
// whole session for it. When that ends, the ear hears for what remains of it.
type ear struct {
	of      atomic.Pointer[hearing]
	remains *remains // set before of becomes nil; nil when nothing can come any more
}

// hearing is a session and its INVITE.
type hearing struct {
	s *Session
	k *call
}

// heard takes an event of the transaction, which tells one at a time.
func (e *ear) heard(ev transaction.Event) {
	h := e.of.Load()
	if h == nil {
		if h = e.remains.revive(e); h == nil {
			return
		}
		e.of.Store(h)
	}
	h.s.do(func() { h.s.called(h.k, ev) })
}

// handOver lets the INVITE's transaction forget the session, which is over.
func (s *Session) handOver() {
	k := s.call
	if k == nil {
		return
	}
	if !k.final || len(k.acks) > 0 { // a 2xx may still come
		k.ear.remains = s.remaining(k)
	}
	k.ear.of.Store(nil)
}

// remains are what it takes to do right by a 2xx that comes to our INVITE after the
// session has ended: one that is repeated gets its ACK again, and one of another fork
// gets an ACK and a BYE (RFC 3261 §13.2.2.4). Messages are kept in wire form: as
// such they take a third of the room.
type remains struct {
	core     *Core
	flow     *flow.Flow
	decorate func(*sip.Message)
	contact  string
	key      sessionKey
	invite   []byte   // what dialogs are made of
	acks     [][]byte // each names its fork in To
	counted  map[string]uint32
}

func (s *Session) remaining(k *call) *remains {
	m := sip.NewRequest("INVITE", k.req.URI)
	m.Headers = make([]sip.Header, 0, 8)
	for _, h := range k.req.Headers {
		switch h.Name {
		case "Via", "From", "To", "Call-ID", "CSeq", "Max-Forwards", "Authorization", "Proxy-Authorization":
			m.Headers = append(m.Headers, h)
		}
	}
	r := &remains{core: s.core, flow: s.flow, decorate: s.decorate, contact: s.contact, key: s.key, invite: wire(m)}
	for _, a := range k.acks {
		if a.ack != nil {
			ack := a.ack.Clone()
			ack.Prepend("Via", k.req.Get("Via")) // whatever; it gets its own when it is sent
			r.acks = append(r.acks, wire(ack))
		}
	}
	for _, all := range [...][]*dialog{s.dialogs, s.lost} {
		for _, d := range all {
			if _, known := k.ack(d.remoteTag); !known && d.localSeq > k.seq {
				if r.counted == nil {
					r.counted = make(map[string]uint32)
				}
				r.counted[d.remoteTag] = d.localSeq
			}
		}
	}
	return r
}

// wire is m in wire form, in no more room than it takes.
func wire(m *sip.Message) []byte {
	var room [1500]byte
	return bytes.Clone(m.Append(room[:0]))
}

// revive makes a session that is over, with its INVITE. It returns nil when there is
// nothing to be done.
func (r *remains) revive(e *ear) *hearing {
	if r == nil {
		return nil
	}
	m, err := sip.Parse(r.invite)
	if err != nil {
		r.core.logger().Error("an INVITE of ours cannot be read again", "err", err)
		return nil
	}
	seq, _ := m.CSeq()
	k := &call{req: m, seq: seq.Seq, final: true, ear: e}
	for _, b := range r.acks {
		if ack, err := sip.Parse(b); err == nil {
			ack.Del("Via")
			k.setAck(tagOf(ack, "To"), ack)
		}
	}
	s := &Session{
		core: r.core, outgoing: true, invite: m, key: r.key, flow: r.flow, phase: over, won: true, decorate: r.decorate,
		contact: r.contact, call: k, counted: r.counted, log: r.core.logger().With("call_id", r.key.callID),
	}
	s.publish()
	return &hearing{s, k}
}

// An echo is what the transaction of a re-INVITE of ours tells its events, for the same
// reason as an [ear]. What may come late is a 2xx that is repeated: it gets its ACK again.
type echo struct {
	of   atomic.Pointer[echoing]
	core *Core
	flow *flow.Flow
	ack  []byte // set before of becomes nil
}

// echoing is a session and its re-INVITE.
type echoing struct {
	s *Session
	r *reinvite
}

// maxEchoes bounds what a session remembers of its re-INVITEs. Those before are of
// transactions that have ended, or keep the session until they do.
const maxEchoes = 2

// listen makes the ear of the next transaction of r.
func (s *Session) listen(r *reinvite) *echo {
	e := &echo{core: s.core, flow: s.flow}
	e.of.Store(&echoing{s, r})
	if len(s.echoes) == maxEchoes {
		s.echoes = append(s.echoes[:0], s.echoes[1:]...)
	}
	s.echoes = append(s.echoes, e)
	return e
}

// heard takes an event of the transaction, which tells one at a time.
func (e *echo) heard(ev transaction.Event) {
	if h := e.of.Load(); h != nil {
		h.s.do(func() { h.s.reinviteAnswered(h.r, ev) })
		return
	}
	if e.ack == nil || ev.Response == nil || ev.Response.Status/100 != 2 {
		return
	}
	ack, err := sip.Parse(e.ack)
	if err != nil {
		e.core.logger().Error("an ACK of ours cannot be read again", "err", err)
		return
	}
	ack.Del("Via") // it gets its own
	if err := e.core.Transactions.Send(e.flow, ack); err != nil {
		e.core.logger().Debug("sip ACK not sent", "err", err)
	}
}

// letEchoesGo lets the transactions of our re-INVITEs forget the session, which is over;
// but for one without a final answer, whose first 2xx needs the dialog.
func (s *Session) letEchoesGo() {
	for _, e := range s.echoes {
		switch r := e.of.Load().r; {
		case r.ack != nil:
			ack := r.ack.Clone()
			ack.Prepend("Via", r.sent.Get("Via")) // whatever; it is read again
			e.ack = wire(ack)
			e.of.Store(nil)
		case r.final: // refused: the transaction has acknowledged it
			e.of.Store(nil)
		}
	}
	s.echoes = nil
}
