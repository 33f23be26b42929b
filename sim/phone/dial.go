package phone

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"tandem/sim/wire"
)

// Call dials a number (or a whole sip: URI). It returns as soon as the INVITE
// is on its way; the call goes on until it ends, whatever becomes of ctx.
func (p *Phone) Call(ctx context.Context, number string) (*Call, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return p.dial(number)
}

func (p *Phone) dial(number string, extra ...wire.Header) (*Call, error) {
	uri := number
	if !strings.HasPrefix(number, "sip:") && !strings.HasPrefix(number, "sips:") {
		uri = fmt.Sprintf("sip:%s@%s", number, p.cfg.Domain)
	}
	display := ""
	if p.cfg.Display != "" {
		display = `"` + p.cfg.Display + `" `
	}
	c, err := p.newCall(wire.Token(20), true, func(c *Call) {
		c.local, c.remote, c.target = fmt.Sprintf("%s<sip:%s@%s>", display, p.cfg.User, p.cfg.Domain), "<"+uri+">", uri
		c.from, c.offered = c.local, true
	})
	if err != nil {
		return nil, err
	}
	p.work.Go(func() { c.run(extra) })
	return c, nil
}

func (p *Phone) events() uint8 {
	if p.cfg.NoEvents {
		return 0
	}
	return 101
}

// run sends the INVITE and follows it to its end.
func (c *Call) run(extra []wire.Header) {
	p := c.phone
	kind, sdp := "", ""
	if !p.cfg.Late {
		kind, sdp = "application/sdp", c.sound.describe(p.cfg.Codecs, p.events(), "sendrecv")
	}
	m, err := p.authorized(p.ctx, func(credentials wire.Header) []byte {
		raw := c.requestRaw("INVITE", append(extra, credentials, wire.Header{Name: "Contact", Value: "<" + p.contact + ">"},
			wire.Header{Name: "Allow", Value: allow}, wire.Header{Name: "Supported", Value: c.supported()}), kind, sdp)
		c.remember(raw)
		return raw
	}, c.provisional)
	if err != nil {
		c.set(func() { c.reason = err.Error() })
		c.end("refusal")
		return
	}
	c.final(m)
}

func (c *Call) supported() string {
	if c.phone.cfg.Reliable {
		return "100rel, replaces"
	}
	return "replaces"
}

func (c *Call) remember(raw []byte) {
	if m, err := wire.Parse(raw); err == nil {
		c.set(func() { c.sentINV = m })
	}
}

// requestRaw builds a request inside the call's dialog, or the one that makes
// it. Empty extra headers are left out.
func (c *Call) requestRaw(method string, extra []wire.Header, contentType, body string) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seq++
	to := c.remote
	if c.remoteTag != "" {
		to += ";tag=" + c.remoteTag
	}
	w := wire.Request(method, c.target).Add("Via", c.phone.via()).Each("Route", c.routes).Add("Max-Forwards", "70").
		Add("From", c.local+";tag="+c.localTag).Add("To", to).Add("Call-ID", c.callID).Add("CSeq", fmt.Sprintf("%d %s", c.seq, method))
	for _, h := range extra {
		w.Add(h.Name, h.Value)
	}
	return w.Body(contentType, body)
}

// provisional takes a 1xx.
func (c *Call) provisional(m *wire.Message) {
	c.set(func() {
		c.progress = append(c.progress, m.Status)
		if m.Status == 100 {
			c.times.Trying = c.now()
			return
		}
		if c.phase == Setup {
			c.phase = Ringing
		}
		if m.Status == 180 && c.times.Ringing == 0 {
			c.times.Ringing = c.now()
		}
		if tag := m.ToTag(); tag != "" {
			c.remoteTag = tag
		}
	})
	if m.Status == 100 {
		return
	}
	if len(m.Body) > 0 && c.take(m) {
		c.set(func() {
			if c.times.Early == 0 {
				c.times.Early = c.now()
			}
		})
	}
	if m.Has("Require", "100rel") {
		c.learn(m)
		seq, _ := m.CSeq()
		rack := wire.Header{Name: "RAck", Value: fmt.Sprintf("%s %d INVITE", m.Get("RSeq"), seq)}
		c.phone.work.Go(func() { _, _ = c.transact(c.phone.ctx, "PRACK", []wire.Header{rack}, "", "") })
	}
}

// learn keeps target and route set of an answer to our INVITE (RFC 3261 section
// 12.1.2).
func (c *Call) learn(m *wire.Message) {
	routes := m.List("Record-Route")
	slices.Reverse(routes)
	c.set(func() {
		c.routes = routes
		if uri, _ := wire.InBrackets(m.Get("Contact")); uri != "" {
			c.target = uri
		}
		if tag := m.ToTag(); tag != "" {
			c.remoteTag = tag
		}
	})
}

// final takes the final answer to our INVITE.
func (c *Call) final(m *wire.Message) {
	c.mu.Lock()
	invite := c.sentINV
	c.mu.Unlock()
	if m.Status >= 300 {
		c.phone.ackRefusal(invite, m)
		c.set(func() { c.status, c.reason = m.Status, m.Reason })
		c.end("refusal")
		return
	}
	c.learn(m)
	taken := len(m.Body) > 0 && c.take(m)
	answer := ""
	if c.phone.cfg.Late && taken {
		c.sound.mu.Lock()
		codec, event := c.sound.codec, c.sound.in.Event
		c.sound.mu.Unlock()
		answer = c.sound.describe([]string{codec}, event, "sendrecv")
	}
	c.ack(m, answer)
	late := false
	c.set(func() {
		if late = c.phase == Ended; late {
			return
		}
		c.phase, c.status, c.reason, c.times.Answered = Answered, m.Status, m.Reason, c.now()
	})
	if late {
		_, _ = c.transact(c.phone.ctx, "BYE", nil, "", "")
	}
}

// ack acknowledges a 200 to our INVITE and remembers how; answer is for its offer, if it
// had one.
func (c *Call) ack(m *wire.Message, answer string) {
	seq, _ := m.CSeq()
	c.mu.Lock()
	raw := wire.Request("ACK", c.target).Add("Via", c.phone.via()).Each("Route", c.routes).Add("Max-Forwards", "70").
		Add("From", m.Get("From")).Add("To", m.Get("To")).Add("Call-ID", c.callID).Add("CSeq", fmt.Sprintf("%d ACK", seq)).
		Body("application/sdp", answer)
	c.lastACK = raw
	c.mu.Unlock()
	c.phone.send(raw)
}

// ackAgain answers a retransmitted final answer.
func (c *Call) ackAgain(m *wire.Message) {
	c.mu.Lock()
	raw, invite := c.lastACK, c.sentINV
	c.mu.Unlock()
	switch {
	case m.Status >= 300 && invite != nil:
		c.phone.ackRefusal(invite, m)
	case raw != nil:
		c.phone.send(raw)
	}
}

// take adopts the far end's description; false means there is no common codec.
func (c *Call) take(m *wire.Message) bool {
	r, err := parseSDP(m.Body)
	if err != nil {
		return false
	}
	codec := c.choose(r)
	if codec == "" {
		return false
	}
	c.sound.adopt(r, codec, !c.phone.cfg.NoEvents)
	c.set(func() {
		c.codec = codec
		c.held = r.direction == "sendonly" || r.direction == "inactive"
	})
	return true
}

// choose is the first codec of the far end's list that the phone has.
func (c *Call) choose(r remote) string {
	for _, name := range r.codecs {
		if slices.Contains(c.phone.cfg.Codecs, name) {
			return name
		}
	}
	return ""
}

// transact sends a request in the dialog and waits for its final answer.
func (c *Call) transact(ctx context.Context, method string, extra []wire.Header, contentType, body string) (*wire.Message, error) {
	return c.phone.authorized(ctx, func(credentials wire.Header) []byte {
		raw := c.requestRaw(method, append(extra, credentials), contentType, body)
		if method == "INVITE" {
			c.remember(raw)
		}
		return raw
	}, nil)
}

// HangUp ends the call: CANCEL, BYE or a refusal, whatever its phase asks for.
func (c *Call) HangUp(ctx context.Context) error {
	c.mu.Lock()
	phase, outgoing := c.phase, c.outgoing
	c.mu.Unlock()
	switch {
	case phase == Ended:
		return nil
	case phase != Answered && outgoing:
		return c.Cancel(ctx)
	case phase != Answered:
		return c.Reject(603)
	}
	if !c.end("us") {
		return nil
	}
	m, err := c.transact(ctx, "BYE", nil, "", "")
	if err == nil && m.Status != 200 {
		err = fmt.Errorf("phone %s: BYE got %d %s", c.phone.cfg.User, m.Status, m.Reason)
	}
	return err
}

// Cancel gives up an unanswered call; it returns when the INVITE has its final
// answer, which should be 487.
func (c *Call) Cancel(ctx context.Context) error {
	c.mu.Lock()
	invite := c.sentINV
	c.mu.Unlock()
	if invite == nil {
		return errors.New("phone: nothing to cancel yet")
	}
	seq, _ := invite.CSeq()
	raw := wire.Request("CANCEL", invite.URI).Add("Via", invite.Get("Via")).Each("Route", invite.All("Route")).Add("Max-Forwards", "70").
		Add("From", invite.Get("From")).Add("To", invite.Get("To")).Add("Call-ID", c.callID).Add("CSeq", fmt.Sprintf("%d CANCEL", seq)).End()
	m, err := c.phone.transact(ctx, raw, nil)
	if err != nil {
		return err
	}
	if m.Status != 200 {
		return fmt.Errorf("phone %s: CANCEL got %d %s", c.phone.cfg.User, m.Status, m.Reason)
	}
	return c.wait(ctx, "the end of the cancelled call", func() bool { return c.phase == Ended || c.phase == Answered })
}
