package transaction

import (
	"strconv"

	"tandem/sip"
	"tandem/sip/flow"
)

// retryAfter is how many seconds a refused sender is asked to stay away.
const retryAfter = 10

// Receive takes a message from the Transport. It is its Handler.
func (l *Layer) Receive(f *flow.Flow, m *sip.Message) {
	l.init()
	if !m.IsRequest() {
		l.response(f, m)
		return
	}
	id, ok := identify(f, m)
	if !ok {
		return // Check has passed it, so this does not happen
	}
	switch m.Method {
	case "ACK":
		l.ack(f, m, id)
	case "CANCEL":
		l.cancel(f, m, id)
	default:
		l.request(f, m, id)
	}
}

// Malformed answers a broken request with the error's status, without a
// transaction. It is the Transport's Malformed. Broken responses and ACKs are
// dropped, and so is what cannot be answered.
func (l *Layer) Malformed(f *flow.Flow, m *sip.Message, fault *sip.ParseError) {
	l.init()
	if m == nil || !m.IsRequest() || m.Method == "ACK" || fault.Status == 0 {
		return
	}
	r := reply(m, fault.Status)
	r.Add("Warning", `399 tandem "`+quotable(fault.Reason)+`"`)
	f.Send(r)
}

func (l *Layer) response(f *flow.Flow, m *sip.Message) {
	via, err := m.Via()
	if err != nil {
		return
	}
	cseq, err := m.CSeq()
	if err != nil {
		return
	}
	if len(m.Values("Via")) > 1 { // it is somebody else's (RFC 3261 §8.1.3.3)
		l.count.StrayResponses.Add(1)
		return
	}
	if c := l.client(clientKey{via.Branch(), cseq.Method}); c != nil && (c.flow == f || !c.flow.Reliable() && !f.Reliable()) {
		c.receive(m)
		return
	}
	l.count.StrayResponses.Add(1)
	if m.Status/100 == 2 && cseq.Method == "INVITE" {
		l.stray(f, m)
	}
}

func (l *Layer) stray(f *flow.Flow, m *sip.Message) {
	if l.OnStray != nil {
		l.OnStray(f, m)
	}
}

func (l *Layer) ack(f *flow.Flow, m *sip.Message, id identity) {
	id.key.method = "INVITE"
	if tx := l.server(id.key); tx != nil && tx.acked() {
		return
	}
	l.stray(f, m)
}

// cancel answers a CANCEL (RFC 3261 §9.2).
func (l *Layer) cancel(f *flow.Flow, m *sip.Message, id identity) {
	if l.absorb(f, id) {
		return
	}
	ofKey := id.key
	ofKey.method = "INVITE"
	target := l.server(ofKey)
	tx := l.accept(f, m, id)
	if tx == nil {
		return
	}
	if target == nil {
		l.count.CancelUnmatched.Add(1)
		tx.handle.Respond(reply(m, 481))
		return
	}
	r := reply(m, 200)
	if to := target.lastTo(); to != "" {
		r.Set("To", to) // the same tag as the INVITE's responses have
	}
	tx.handle.Respond(r)
	target.cancelled(m)
}

func (l *Layer) request(f *flow.Flow, m *sip.Message, id identity) {
	if l.absorb(f, id) {
		return
	}
	id.addMerge(m)
	tx := l.accept(f, m, id)
	if tx == nil {
		return
	}
	if !l.merge(tx) {
		l.count.Merged.Add(1)
		tx.id.merge = mergeKey{} // it is the other one's
		tx.handle.Respond(reply(m, 482))
		return
	}
	tx.start()
}

// absorb takes care of a request that came before. On another connection it is
// only the same one while that is unanswered; afterwards nobody could get the
// answer, and it is taken for a new one.
func (l *Layer) absorb(f *flow.Flow, id identity) bool {
	tx := l.server(id.key)
	if tx == nil || f != tx.flow && f.Reliable() && tx.overtaken() {
		return false
	}
	l.count.Absorbed.Add(1)
	tx.again(f)
	return true
}

// accept makes a server transaction, or refuses it with 503 when there is no room.
func (l *Layer) accept(f *flow.Flow, m *sip.Message, id identity) *serverTx {
	stranger := !f.Trusted()
	if stranger && !l.strangers.take(f.Remote().Addr()) {
		l.count.StrangerLimited.Add(1)
		l.refuse(f, m)
		return nil
	}
	if !l.room() {
		if stranger {
			l.strangers.free(f.Remote().Addr())
		}
		l.count.Refused.Add(1)
		l.refuse(f, m)
		return nil
	}
	id.clone()
	tx := newServerTx(l, f, m, id, stranger)
	if !l.enter(tx) {
		tx.finished() // another reader was faster with the same request
		return nil
	}
	if !f.Attach(&tx.link, tx) {
		tx.FlowEnded(f.Err())
		return nil
	}
	l.count.Servers.Add(1)
	return tx
}

func (l *Layer) refuse(f *flow.Flow, m *sip.Message) {
	r := reply(m, 503)
	r.Set("Retry-After", strconv.Itoa(retryAfter))
	f.Send(r)
}
