package dialog

import (
	"errors"
	"strconv"
	"time"

	"tandem/sip"
	"tandem/sip/transaction"
)

// A request is one of ours in a dialog, other than INVITE and ACK.
type request struct {
	d     *dialog
	tries int
	done  func(resp *sip.Message, err error)
}

// inDialog builds a request with what each method wants in it.
func (s *Session) inDialog(d *dialog, method string) *sip.Message {
	m, next := d.request(method)
	d.state = next
	switch method {
	case "INVITE", "UPDATE", "REFER", "NOTIFY", "SUBSCRIBE":
		if s.contact != "" {
			m.Add("Contact", s.ownContact())
		}
	}
	if method == "INVITE" || method == "UPDATE" {
		s.core.ability(m)
	}
	if s.core.UserAgent != "" {
		m.Add("User-Agent", s.core.UserAgent)
	}
	return m
}

// request sends a request in the dialog. Done is called with its final response, or the
// error there was instead. A challenge is answered first.
func (s *Session) request(d *dialog, method string, fill func(*sip.Message), done func(*sip.Message, error)) {
	m := s.inDialog(d, method)
	fill(m)
	s.transmit(&request{d: d, done: done}, m)
}

func (s *Session) transmit(r *request, m *sip.Message) {
	if s.decorate != nil {
		s.decorate(m)
	}
	s.core.Transactions.Request(s.flow, m, func(e transaction.Event) {
		s.do(func() { s.responded(r, m, e) })
	})
}

func (s *Session) responded(r *request, sent *sip.Message, e transaction.Event) {
	m := e.Response
	if m == nil {
		r.done(nil, e.Err)
		return
	}
	if m.Status < 200 {
		return
	}
	next := s.authorized(sent, m, r.tries)
	if next == nil {
		r.done(m, nil)
		return
	}
	r.tries++
	r.d.localSeq++
	renew(next, sent, r.d.localSeq)
	s.transmit(r, next)
}

// lostDialog ends the session if the answer to a request says that the far end
// has lost it (RFC 3261 §12.2.1.2, RFC 5057), and reports whether it did. A
// dead flow is another matter: see flowDied.
func (s *Session) lostDialog(method string, m *sip.Message, err error) bool {
	if method == "NOTIFY" || method == "PRACK" || s.phase >= ending {
		return false
	}
	switch {
	case m != nil && m.Status == 481:
		if s.phase != confirmed {
			return false
		}
		s.finish(Ended{Cause: Gone, Status: m.Status, Message: m})
	case m != nil && m.Status == 408:
		s.hangUp(Gone, nil)
	case m == nil && errors.Is(err, transaction.ErrTimeout):
		s.causeErr = err
		s.hangUp(NoAnswer, nil)
	default:
		return false
	}
	return true
}

// outbox keeps our requests in order: one is under way, the others wait. Two
// under way could overtake each other on UDP, and the late one would be refused.
type outbox struct {
	queue []queued
	busy  bool
	hold  *alarm
}

type queued struct {
	method string
	fill   func(*sip.Message)
	done   func(*sip.Message, error)
	tries  int
}

const outboxLimit = 64

var (
	errFull  = errors.New("too many requests wait for the far end")
	errEnded = errors.New("the session has ended")
)

// Send sends a request in the dialog, such as MESSAGE or INFO. One is under way at a
// time, so that they arrive in order; 64 may wait, and what is more fails.
// RequestAnswered follows, unless the session ends first.
func (s *Session) Send(method, contentType string, body []byte, headers ...sip.Header) {
	s.do(func() {
		s.subscribed = s.subscribed || method == "SUBSCRIBE"
		s.enqueue(method, func(m *sip.Message) {
			addAll(m, headers)
			if contentType != "" {
				m.Set("Content-Type", contentType)
				m.Body = body
			}
		}, s.answeredTo(method))
	})
}

// answeredTo tells the answer to a request.
func (s *Session) answeredTo(method string) func(*sip.Message, error) {
	return func(m *sip.Message, err error) {
		e := RequestAnswered{Method: method, Err: err, Message: m}
		if m != nil {
			e.Status, e.Reason = m.Status, m.Reason
		}
		s.emit(e)
	}
}

func (s *Session) enqueue(method string, fill func(*sip.Message), done func(*sip.Message, error)) {
	if s.phase >= ending {
		done(nil, errEnded)
		return
	}
	if len(s.outbox.queue) >= outboxLimit {
		s.core.stats.dropped.Add(1)
		done(nil, errFull)
		return
	}
	s.outbox.queue = append(s.outbox.queue, queued{method: method, fill: fill, done: done})
}

// pumpOutbox sends the next request of the queue.
func (s *Session) pumpOutbox() {
	b := &s.outbox
	if b.busy || b.hold.running() || len(b.queue) == 0 || s.d == nil || s.phase >= ending || dead(s.flow) {
		return
	}
	q := b.queue[0]
	b.queue = b.queue[1:]
	b.busy = true
	s.request(s.d, q.method, q.fill, func(m *sip.Message, err error) {
		b.busy = false
		if m != nil && m.Status == 500 && q.tries < maxTries && s.phase < ending {
			// It was overtaken by another request, or came upon one.
			if n, err := strconv.Atoi(firstToken(m.Get("Retry-After"))); err == nil && n >= 0 && n <= 10 {
				q.tries++
				b.queue = append([]queued{q}, b.queue...)
				b.hold = s.after(time.Duration(n)*time.Second+10*time.Millisecond, func() {})
				return
			}
		}
		q.done(m, err)
		s.lostDialog(q.method, m, err)
	})
}
