package transaction

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"time"

	"tandem/sip"
	"tandem/sip/flow"
)

// trying100 is how long an INVITE may stay unanswered before the layer sends 100
// itself (RFC 3261 §17.2.1).
const trying100 = 200 * time.Millisecond

// A Server is a server transaction as its user sees it. It is safe for concurrent
// use.
type Server struct {
	tx  *serverTx
	req *sip.Message
}

// Request is the request. It must not be changed.
func (s *Server) Request() *sip.Message { return s.req }

// Flow is the flow it came on, which is where responses go.
func (s *Server) Flow() *flow.Flow { return s.tx.flow }

// Respond sends a response, which must not be changed afterwards; a missing To tag
// is added (RFC 3261 §8.2.6.2). The layer
// repeats it as RFC 3261 §17.2 asks, with one exception: 2xx to an INVITE are
// repeated by the caller, through Respond, until the ACK comes (RFC 6026). The
// error is ErrFinal after a final response, or the flow's.
func (s *Server) Respond(m *sip.Message) error {
	tx := s.tx
	tx.mu.Lock()
	defer tx.unlock()
	if tx.state == accepted && m.Status/100 == 2 {
		return tx.flow.Send(m)
	}
	if tx.state.final() {
		return fmt.Errorf("respond %d: %w", m.Status, ErrFinal)
	}
	if m.Status > 100 {
		tagged(m)
		if tx.invite { // a CANCEL's answer wants it
			tx.to = strings.Clone(m.Get("To")) // without the rest of the message
		}
	}
	err := tx.send(m)
	if m.Status < 200 {
		tx.provisional()
	} else {
		tx.final(m.Status)
	}
	return err
}

// OnCancel has fn called, once, when a CANCEL comes before the final response; at
// once if it has come. The CANCEL is answered already. The INVITE still needs its
// final response, 487 as a rule.
func (s *Server) OnCancel(fn func(cancel *sip.Message)) {
	tx := s.tx
	tx.mu.Lock()
	defer tx.unlock()
	tx.onCancel = fn
	tx.tellCancel()
}

// OnEnd has fn called, once, when the transaction is over: with nil in the normal
// course, ErrTimeout if the far end did not acknowledge (timer H), or the flow's
// cause of death.
func (s *Server) OnEnd(fn func(error)) {
	tx := s.tx
	tx.mu.Lock()
	defer tx.unlock()
	tx.onEnd = fn
	tx.tellEnd()
}

// A serverTx is a server transaction. It outlives the request, which it lets go
// of with the final response: 32 s of finished transactions must cost little.
type serverTx struct {
	l        *Layer
	flow     *flow.Flow
	id       identity
	invite   bool
	link     flow.Link
	stranger bool // counts against its source's cap

	mu       sync.Mutex // guards what follows
	state    state
	alarm    alarm
	handle   *Server // until the final response
	last     []byte  // the response to repeat; only on UDP
	to       string  // To of the last response
	cancel   *sip.Message
	onCancel func(*sip.Message)
	onEnd    func(error)
	err      error // why it is over
	calls    calls
}

func newServerTx(l *Layer, f *flow.Flow, m *sip.Message, id identity, stranger bool) *serverTx {
	tx := &serverTx{l: l, flow: f, id: id, invite: m.Method == "INVITE", stranger: stranger}
	tx.handle = &Server{tx, m}
	return tx
}

// unlock lets go of mu after making the calls that are due.
func (tx *serverTx) unlock() { tx.calls.unlock(&tx.mu) }

// start hands the request to the layer's user.
func (tx *serverTx) start() {
	h := tx.handle
	if tx.l.OnRequest == nil {
		h.Respond(reply(h.req, 501))
		return
	}
	tx.mu.Lock()
	tx.calls.busy = true
	tx.mu.Unlock()
	tx.l.OnRequest(h)
	tx.mu.Lock()
	tx.calls.busy = false
	if tx.invite && tx.state == trying {
		tx.alarm.set(tx.l, trying100, tx.onTimer)
	}
	tx.unlock()
}

// send sends m and keeps it if it may have to be repeated.
func (tx *serverTx) send(m *sip.Message) error {
	if tx.flow.Reliable() {
		return tx.flow.Send(m)
	}
	b := tx.l.encode(m)
	defer tx.l.recycle(b)
	if !tx.invite || m.Status/100 != 2 {
		tx.last = bytes.Clone(*b)
	}
	return tx.flow.SendBytes(*b)
}

func (tx *serverTx) provisional() {
	if tx.state == trying {
		tx.state = proceeding
		tx.alarm.stop()
	}
}

func (tx *serverTx) final(status int) {
	resend := !tx.flow.Reliable()
	patience := 64 * tx.l.t1
	had1xx := tx.state == proceeding
	tx.handle, tx.onCancel, tx.cancel = nil, nil, nil
	switch {
	case tx.invite && status < 300:
		tx.state, tx.last = accepted, nil
		tx.finished()
		tx.l.linger(&tx.alarm, patience, tx, tx.onTimer) // L
	case tx.invite:
		tx.state = completed
		tx.l.unmerge(tx)
		// A stranger's address may be forged: it gets one answer for one INVITE
		// (goals R-6). A true one that lost it sends the INVITE again, unless a 1xx has
		// stopped it from doing so.
		resend = resend && (!tx.stranger || had1xx)
		tx.alarm.begin(tx.l, resend, tx.l.t1, patience, tx.onTimer) // G and H
	default:
		tx.state = completed
		tx.l.unmerge(tx)
		tx.finished()
		if tx.flow.Reliable() {
			tx.end(nil)
			return
		}
		tx.flow.Detach(&tx.link)                         // its death changes nothing any more
		tx.l.linger(&tx.alarm, patience, tx, tx.onTimer) // J
	}
}

// again is called for a retransmission of the request, which on UDP may come from
// another port; the answer goes there (RFC 3581 §4).
func (tx *serverTx) again(f *flow.Flow) {
	tx.mu.Lock()
	defer tx.unlock()
	if (tx.state == proceeding || tx.state == completed) && tx.last != nil {
		tx.resend(f)
	}
}

func (tx *serverTx) resend(f *flow.Flow) {
	tx.l.count.Resent.Add(1)
	f.SendBytes(tx.last) // what is lost is repeated
}

// overtaken ends a transaction that was answered, other than by a 2xx to an
// INVITE, and reports whether it did.
func (tx *serverTx) overtaken() bool {
	tx.mu.Lock()
	defer tx.unlock()
	if tx.state != completed && tx.state != confirmed {
		return tx.state == over
	}
	tx.end(nil)
	return true
}

// acked takes an ACK. It reports false if it is the dialog's: the ACK for a 2xx.
func (tx *serverTx) acked() bool {
	tx.mu.Lock()
	defer tx.unlock()
	if tx.state == accepted || tx.state == over {
		return false
	}
	if tx.state != completed {
		return true
	}
	tx.state, tx.last = confirmed, nil
	tx.finished()
	if tx.flow.Reliable() {
		tx.end(nil)
		return true
	}
	tx.l.linger(&tx.alarm, tx.l.t4, tx, tx.onTimer) // I
	return true
}

func (tx *serverTx) cancelled(m *sip.Message) {
	tx.mu.Lock()
	defer tx.unlock()
	if !tx.state.final() {
		tx.cancel = m
		tx.tellCancel()
	}
}

func (tx *serverTx) tellCancel() {
	if fn, m := tx.onCancel, tx.cancel; fn != nil && m != nil {
		tx.onCancel, tx.cancel = nil, nil
		tx.calls.add(func() { fn(m) })
	}
}

func (tx *serverTx) tellEnd() {
	if fn, err := tx.onEnd, tx.err; fn != nil && tx.state == over {
		tx.onEnd = nil
		tx.calls.add(func() { fn(err) })
	}
}

func (tx *serverTx) lastTo() string {
	tx.mu.Lock()
	defer tx.unlock()
	return tx.to
}

// expire implements lingerer.
func (tx *serverTx) expire() {
	tx.mu.Lock()
	defer tx.unlock()
	if tx.state != over {
		tx.end(nil)
	}
}

func (tx *serverTx) onTimer() {
	tx.mu.Lock()
	defer tx.unlock()
	if !tx.alarm.fired() || tx.state == over {
		return
	}
	switch {
	case tx.state == trying:
		tx.send(sip.NewResponse(tx.handle.req, 100, ""))
		tx.provisional()
	case tx.state == completed && tx.invite:
		if tx.alarm.next(tx.l, 0, tx.l.t2, 64*tx.l.t1, tx.onTimer) {
			tx.resend(tx.flow)
			return
		}
		tx.l.count.Timeouts.Add(1)
		tx.end(fmt.Errorf("no ACK: %w", ErrTimeout))
	case tx.state.final():
		tx.end(nil)
	}
}

// FlowEnded is called when the flow has died.
func (tx *serverTx) FlowEnded(cause error) {
	tx.mu.Lock()
	defer tx.unlock()
	if tx.state != over {
		tx.end(cause)
	}
}

func (tx *serverTx) end(err error) {
	tx.state, tx.err = over, err
	tx.alarm.stop()
	tx.handle, tx.last, tx.onCancel, tx.cancel = nil, nil, nil, nil
	tx.finished()
	tx.l.unmerge(tx)
	tx.l.leave(tx)
	tx.flow.Detach(&tx.link)
	tx.tellEnd()
}

// finished takes the transaction off its source's cap.
func (tx *serverTx) finished() {
	if tx.stranger {
		tx.stranger = false
		tx.l.strangers.free(tx.flow.Remote().Addr())
	}
}
