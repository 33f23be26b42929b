package phone

import (
	"context"
	"fmt"
	"strings"
	"time"

	"tandem/sim/wire"
)

// read handles all messages in the order they come.
func (p *Phone) read() {
	for {
		raw, err := p.link.next()
		if err != nil {
			p.cancel()
			return
		}
		if raw == nil {
			continue
		}
		m, err := wire.Parse(raw)
		if err != nil {
			p.log.Info("unreadable message", "user", p.cfg.User, "error", err)
			p.ladder.Add(wire.Event{Peer: p.cfg.Server, Summary: "unreadable", Note: err.Error(), Raw: string(raw)})
			continue
		}
		p.ladder.Message(p.cfg.Server, false, m)
		if m.Method == "" {
			p.response(m)
			continue
		}
		p.request(m)
	}
}

// send writes a message and records it.
func (p *Phone) send(raw []byte) {
	m, err := wire.Parse(raw)
	if err != nil {
		p.log.Error("the phone made a message its own parser refuses", "error", err, "message", string(raw))
		return
	}
	p.ladder.Message(p.cfg.Server, true, m)
	if err := p.link.send(raw); err != nil {
		p.log.Info("not sent", "user", p.cfg.User, "message", m.Summary(), "error", err)
	}
}

func key(branch, method string) string { return branch + " " + method }

// response hands an answer to the request it belongs to. A 200 to an INVITE
// that comes again gets its ACK again.
func (p *Phone) response(m *wire.Message) {
	_, method := m.CSeq()
	p.mu.Lock()
	ch := p.waiting[key(m.Branch(), method)]
	c := p.calls[m.CallID()]
	p.mu.Unlock()
	if ch != nil {
		select {
		case ch <- m:
		default: // 32 unread answers: the request is past caring
		}
		return
	}
	if c != nil && method == "INVITE" && m.Status >= 200 {
		c.ackAgain(m)
	}
}

// transact sends a request and waits for its final answer; provisional ones go
// to progress, which may be nil. On UDP it retransmits (RFC 3261 section 17.1).
func (p *Phone) transact(ctx context.Context, raw []byte, progress func(*wire.Message)) (*wire.Message, error) {
	m, err := wire.Parse(raw)
	if err != nil {
		return nil, fmt.Errorf("phone %s: %w", p.cfg.User, err)
	}
	id, answers := key(m.Branch(), m.Method), make(chan *wire.Message, 32)
	p.mu.Lock()
	p.waiting[id] = answers
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		delete(p.waiting, id)
		p.mu.Unlock()
	}()
	p.send(raw)
	gap, limit := p.cfg.T1, time.Now().Add(64*p.cfg.T1)
	repeat := time.NewTimer(gap)
	defer repeat.Stop()
	proceeding := false
	for {
		select {
		case a := <-answers:
			if a.Status >= 200 {
				return a, nil
			}
			proceeding = true
			if progress != nil {
				progress(a)
			}
		case <-repeat.C:
			if m.Method == "INVITE" && proceeding {
				continue
			}
			if time.Now().After(limit) {
				return nil, fmt.Errorf("phone %s: %s: no answer in %v", p.cfg.User, m.Summary(), 64*p.cfg.T1)
			}
			if p.cfg.Network == "udp" {
				p.send(raw)
			}
			gap = min(2*gap, 8*p.cfg.T1)
			repeat.Reset(gap)
		case <-ctx.Done():
			return nil, fmt.Errorf("phone %s: %s: %w", p.cfg.User, m.Summary(), ctx.Err())
		case <-p.ctx.Done():
			return nil, fmt.Errorf("phone %s: %s: the phone is closed", p.cfg.User, m.Summary())
		}
	}
}

// authorized is transact with one answer to one challenge. build makes the
// request anew each time: the second try has a new branch and CSeq.
func (p *Phone) authorized(ctx context.Context, build func(credentials wire.Header) []byte, progress func(*wire.Message)) (*wire.Message, error) {
	raw := build(wire.Header{})
	m, err := p.transact(ctx, raw, progress)
	if err != nil || m.Status != 401 && m.Status != 407 {
		return m, err
	}
	request, err := wire.Parse(raw)
	if err != nil {
		return nil, err
	}
	if request.Method == "INVITE" {
		p.ackRefusal(request, m)
	}
	credentials, err := p.credentials(request, m)
	if err != nil {
		return m, err
	}
	return p.transact(ctx, build(credentials), progress)
}

// ackRefusal acknowledges a final answer of 300 and more, in the INVITE's own
// transaction (RFC 3261 section 17.1.1.3).
func (p *Phone) ackRefusal(invite, answer *wire.Message) {
	seq, _ := invite.CSeq()
	p.send(wire.Request("ACK", invite.URI).Add("Via", invite.Get("Via")).Each("Route", invite.All("Route")).Add("Max-Forwards", "70").
		Add("From", invite.Get("From")).Add("To", answer.Get("To")).Add("Call-ID", invite.CallID()).
		Add("CSeq", fmt.Sprintf("%d ACK", seq)).End())
}

// maxAnswered bounds the memory for retransmitted requests.
const maxAnswered = 256

// reply answers a request and remembers the answer for its retransmissions.
func (p *Phone) reply(m *wire.Message, status int, tag string, fill func(*wire.Builder) []byte) {
	to := m.Get("To")
	if m.ToTag() == "" && status != 100 {
		to += ";tag=" + tag
	}
	w := wire.Response(status, "").Each("Via", m.All("Via")).Each("Record-Route", m.All("Record-Route")).
		Add("From", m.Get("From")).Add("To", to).Add("Call-ID", m.CallID()).Add("CSeq", m.Get("CSeq"))
	var raw []byte
	if fill == nil {
		raw = w.End()
	} else {
		raw = fill(w)
	}
	id := key(m.Branch(), m.Method)
	p.mu.Lock()
	if _, again := p.answered[id]; !again {
		p.order = append(p.order, id)
	}
	p.answered[id] = raw
	if len(p.order) > maxAnswered {
		delete(p.answered, p.order[0])
		p.order = p.order[1:]
	}
	p.mu.Unlock()
	p.send(raw)
}

// request handles a request; a retransmission gets the last answer again.
func (p *Phone) request(m *wire.Message) {
	p.mu.Lock()
	last := p.answered[key(m.Branch(), m.Method)]
	c := p.calls[m.CallID()]
	p.mu.Unlock()
	switch {
	case last != nil && m.Method != "ACK":
		p.send(last)
	case m.Method == "INVITE" && m.ToTag() == "":
		p.ring(m)
	case c != nil:
		c.request(m)
	case m.Method == "ACK":
	case m.Method == "NOTIFY":
		p.mu.Lock()
		p.notices = append(p.notices, string(m.Body))
		p.mu.Unlock()
		p.reply(m, 200, wire.Token(8), nil)
	case m.Method == "OPTIONS":
		p.reply(m, 200, wire.Token(8), func(w *wire.Builder) []byte { return w.Add("Allow", allow).End() })
	default:
		p.reply(m, 481, wire.Token(8), nil)
	}
}

const allow = "INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, UPDATE, PRACK, REFER, NOTIFY"

func (p *Phone) via() string {
	return fmt.Sprintf("SIP/2.0/%s %s;branch=%s;rport", strings.ToUpper(p.cfg.Network), p.link.local(), wire.NewBranch())
}
