package phone

import (
	"fmt"
	"strings"
	"time"

	"tandem/sim/wire"
)

// ring takes an INVITE: it rings and does what the answer script says.
func (p *Phone) ring(m *wire.Message) {
	p.mu.Lock()
	known := p.calls[m.CallID()] != nil
	script := p.cfg.Answer
	p.mu.Unlock()
	if known {
		p.reply(m, 482, wire.Token(8), nil)
		return
	}
	c, err := p.newCall(m.CallID(), false, func(c *Call) {
		c.invite, c.offered = m, len(m.Body) > 0
		c.from, c.asserted = m.Get("From"), m.Get("P-Asserted-Identity")
		c.remoteTag = m.FromTag()
		c.remote, c.local = withoutTag(m.Get("From")), m.Get("To")
		c.target, _ = wire.InBrackets(m.Get("Contact"))
		c.routes = m.List("Record-Route") // a UAS does not reverse them
	})
	if err != nil {
		p.reply(m, 500, wire.Token(8), nil)
		return
	}
	p.reply(m, 100, "", nil)
	if c.offered && !c.take(m) {
		_ = c.Reject(488)
		return
	}
	select {
	case p.incoming <- c:
	default:
	}
	if old := p.replaced(m); old != nil {
		p.work.Go(func() {
			_ = c.Answer()
			_ = old.HangUp(p.ctx)
		})
		return
	}
	p.work.Go(func() { c.follow(script) })
}

// replaced is the call an INVITE with Replaces takes over (RFC 3891).
func (p *Phone) replaced(m *wire.Message) *Call {
	id, _, _ := strings.Cut(m.Get("Replaces"), ";")
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.calls[strings.TrimSpace(id)]
}

func withoutTag(v string) string {
	if i := strings.LastIndex(strings.ToLower(v), ";tag="); i >= 0 {
		return v[:i]
	}
	return v
}

// follow is the answer script.
func (c *Call) follow(a Answer) {
	if a.Status == 0 || a.After > 0 {
		c.alert(a.Early)
	}
	if a.Manual {
		return
	}
	select {
	case <-time.After(a.After):
	case <-c.done:
		return
	case <-c.phone.ctx.Done():
		return
	}
	if a.Status >= 300 {
		_ = c.Reject(a.Status)
		return
	}
	_ = c.Answer()
}

// alert sends 180, or 183 with our description.
func (c *Call) alert(early bool) {
	if c.over() {
		return
	}
	status, body := 180, ""
	if early {
		status, body = 183, c.ourAnswer()
	}
	c.phone.reply(c.invite, status, c.localTag, func(w *wire.Builder) []byte {
		return w.Add("Contact", "<"+c.phone.contact+">").Add("Allow", allow).Body("application/sdp", body)
	})
	c.set(func() {
		if c.phase == Setup {
			c.phase = Ringing
		}
		c.times.Ringing = max(c.now(), 1)
	})
}

func (c *Call) over() bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

// ourAnswer describes us for the INVITE: the agreed codec, or an offer if it
// had none.
func (c *Call) ourAnswer() string {
	c.mu.Lock()
	codec, offered, held := c.codec, c.offered, c.held
	c.mu.Unlock()
	if !offered {
		return c.sound.describe(c.phone.cfg.Codecs, c.phone.events(), "sendrecv")
	}
	direction := "sendrecv"
	if held {
		direction = "recvonly"
	}
	c.sound.mu.Lock()
	event := c.sound.in.Event
	c.sound.mu.Unlock()
	return c.sound.describe([]string{codec}, event, direction)
}

// Answer picks up. It returns at once; the 200 is repeated until its ACK.
func (c *Call) Answer() error {
	if c.invite == nil {
		return fmt.Errorf("phone %s: an outgoing call cannot be answered", c.phone.cfg.User)
	}
	first := false
	c.set(func() {
		if first = c.phase == Setup || c.phase == Ringing; first {
			c.phase, c.status, c.times.Answered = Answered, 200, max(c.now(), 1)
		}
	})
	if !first {
		return fmt.Errorf("phone %s: the call cannot be answered any more", c.phone.cfg.User)
	}
	c.ok(c.invite, c.ourAnswer())
	return nil
}

// ok sends a 200 to an INVITE and repeats it until the ACK (RFC 3261 section
// 13.3.1.4).
func (c *Call) ok(invite *wire.Message, body string) {
	p := c.phone
	send := func() {
		p.reply(invite, 200, c.localTag, func(w *wire.Builder) []byte {
			return w.Add("Contact", "<"+p.contact+">").Add("Allow", allow).Add("Supported", c.supported()).Body("application/sdp", body)
		})
	}
	c.set(func() { c.acked = false })
	send()
	p.work.Go(func() {
		gap, limit := p.cfg.T1, time.Now().Add(64*p.cfg.T1)
		for time.Now().Before(limit) {
			select {
			case <-time.After(gap):
			case <-c.done:
				return
			case <-p.ctx.Done():
				return
			}
			c.mu.Lock()
			acked := c.acked
			c.mu.Unlock()
			if acked {
				return
			}
			send()
			gap = min(2*gap, 8*p.cfg.T1)
		}
	})
}

// Reject refuses an unanswered incoming call.
func (c *Call) Reject(status int) error {
	if c.invite == nil {
		return fmt.Errorf("phone %s: an outgoing call cannot be rejected", c.phone.cfg.User)
	}
	c.set(func() { c.status, c.reason = status, wire.Phrase(status) })
	if !c.end("us") {
		return fmt.Errorf("phone %s: the call is over", c.phone.cfg.User)
	}
	c.phone.reply(c.invite, status, c.localTag, nil)
	return nil
}

// request takes a request in the dialog, or a CANCEL.
func (c *Call) request(m *wire.Message) {
	p := c.phone
	switch m.Method {
	case "ACK":
		c.acknowledged(m)
	case "CANCEL":
		c.cancelled(m)
	case "BYE":
		p.reply(m, 200, c.localTag, nil)
		c.end("far end")
	case "INVITE", "UPDATE":
		c.reoffered(m)
	case "INFO":
		if c.sound.picture != nil && strings.Contains(string(m.Body), "picture_fast_update") {
			c.sound.picture.Refresh()
		} else {
			c.set(func() { c.info = append(c.info, infoDigits(m)) })
		}
		p.reply(m, 200, c.localTag, nil)
	case "NOTIFY":
		c.set(func() { c.notify = append(c.notify, strings.TrimSpace(string(m.Body))) })
		p.reply(m, 200, c.localTag, nil)
	case "REFER":
		c.referred(m)
	case "PRACK", "OPTIONS":
		p.reply(m, 200, c.localTag, nil)
	default:
		p.reply(m, 405, c.localTag, nil)
	}
}

func (c *Call) acknowledged(m *wire.Message) {
	c.set(func() { c.acked = true })
	if len(m.Body) > 0 {
		c.take(m) // the answer to our offer in the 200
	}
}

func (c *Call) cancelled(m *wire.Message) {
	c.phone.reply(m, 200, c.localTag, nil)
	c.mu.Lock()
	late := c.phase == Answered || c.phase == Ended
	c.mu.Unlock()
	if late || c.invite == nil {
		return
	}
	c.set(func() { c.status, c.reason = 487, wire.Phrase(487) })
	if c.end("far end") {
		c.phone.reply(c.invite, 487, c.localTag, nil)
	}
}

// reoffered answers a re-INVITE or UPDATE: hold, resume, a new far end.
func (c *Call) reoffered(m *wire.Message) {
	if len(m.Body) > 0 && !c.take(m) {
		c.phone.reply(m, 488, c.localTag, nil)
		return
	}
	if uri, _ := wire.InBrackets(m.Get("Contact")); uri != "" {
		c.set(func() { c.target = uri })
	}
	body := ""
	if r, err := parseSDP(m.Body); err == nil {
		c.mu.Lock()
		codec := c.codec
		c.mu.Unlock()
		c.sound.mu.Lock()
		event := c.sound.in.Event
		c.sound.mu.Unlock()
		body = c.sound.describe([]string{codec}, event, mirrored[r.direction])
	} else if m.Method == "INVITE" {
		body = c.sound.describe(c.phone.cfg.Codecs, c.phone.events(), "sendrecv")
	}
	if m.Method == "INVITE" {
		c.ok(m, body)
		return
	}
	c.phone.reply(m, 200, c.localTag, func(w *wire.Builder) []byte {
		return w.Add("Contact", "<"+c.phone.contact+">").Body("application/sdp", body)
	})
}

// infoDigits reads application/dtmf-relay ("Signal=5") and application/dtmf.
func infoDigits(m *wire.Message) string {
	for line := range strings.SplitSeq(string(m.Body), "\n") {
		if k, v, ok := strings.Cut(line, "="); ok && strings.EqualFold(strings.TrimSpace(k), "signal") {
			return strings.TrimSpace(v)
		}
	}
	return strings.TrimSpace(string(m.Body))
}
