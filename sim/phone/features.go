package phone

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"

	"tandem/sim/wire"
)

// Hold puts the far end on hold (re-INVITE, sendonly).
func (c *Call) Hold(ctx context.Context) error { return c.reoffer(ctx, "sendonly") }

// Resume takes it off hold.
func (c *Call) Resume(ctx context.Context) error { return c.reoffer(ctx, "sendrecv") }

// AddPicture turns the camera on in mid-call (re-INVITE with a second m-line).
func (c *Call) AddPicture(ctx context.Context) error {
	c.sound.mu.Lock()
	c.sound.later = false
	c.sound.mu.Unlock()
	return c.reoffer(ctx, "sendrecv")
}

// DropPicture turns the camera off in mid-call: its m-line stays, with port 0.
func (c *Call) DropPicture(ctx context.Context) error {
	c.sound.mu.Lock()
	c.sound.later = true
	c.sound.mu.Unlock()
	return c.reoffer(ctx, "sendrecv")
}

func (c *Call) reoffer(ctx context.Context, direction string) error {
	p := c.phone
	sdp := c.sound.describe(p.cfg.Codecs, p.events(), direction)
	m, err := c.transact(ctx, "INVITE", []wire.Header{
		{Name: "Contact", Value: "<" + p.contact + ">"},
		{Name: "Allow", Value: allow},
		{Name: "Supported", Value: c.supported()},
	}, "application/sdp", sdp)
	if err != nil {
		return err
	}
	if m.Status >= 300 {
		c.mu.Lock()
		invite := c.sentINV
		c.mu.Unlock()
		p.ackRefusal(invite, m)
		return fmt.Errorf("phone %s: re-INVITE (%s) got %d %s", p.cfg.User, direction, m.Status, m.Reason)
	}
	if uri, _ := wire.InBrackets(m.Get("Contact")); uri != "" {
		c.set(func() { c.target = uri })
	}
	c.ack(m, "")
	c.take(m)
	return nil
}

// SendInfoDTMF presses keys by INFO (application/dtmf-relay), one at a time.
func (c *Call) SendInfoDTMF(ctx context.Context, keys string) error {
	return c.sendInfo(ctx, keys, "application/dtmf-relay", "Signal=%c\r\nDuration=160\r\n")
}

// SendPlainDTMF is SendInfoDTMF in the older dialect.
func (c *Call) SendPlainDTMF(ctx context.Context, keys string) error {
	return c.sendInfo(ctx, keys, "application/dtmf", "%c")
}

func (c *Call) sendInfo(ctx context.Context, keys, kind, format string) error {
	for _, k := range keys {
		m, err := c.transact(ctx, "INFO", nil, kind, fmt.Sprintf(format, k))
		if err != nil {
			return err
		}
		if m.Status != 200 {
			return fmt.Errorf("phone %s: INFO got %d %s", c.phone.cfg.User, m.Status, m.Reason)
		}
	}
	return nil
}

// Transfer sends the far end to a number and waits for the outcome: nil once
// the NOTIFY says 200 (RFC 3515). It then hangs up.
func (c *Call) Transfer(ctx context.Context, number string) error {
	uri := number
	if !strings.HasPrefix(number, "sip:") {
		uri = fmt.Sprintf("sip:%s@%s", number, c.phone.cfg.Domain)
	}
	return c.refer(ctx, "<"+uri+">")
}

// TransferTo joins the far ends of two answered calls of this phone: the far
// end of c replaces us in other (RFC 3891).
func (c *Call) TransferTo(ctx context.Context, other *Call) error {
	other.mu.Lock()
	replaces := fmt.Sprintf("%s;to-tag=%s;from-tag=%s", other.callID, other.remoteTag, other.localTag)
	uri, _ := wire.InBrackets(other.remote)
	other.mu.Unlock()
	return c.refer(ctx, fmt.Sprintf("<%s?Replaces=%s>", uri, url.QueryEscape(replaces)))
}

func (c *Call) refer(ctx context.Context, to string) error {
	p := c.phone
	m, err := c.transact(ctx, "REFER", []wire.Header{
		{Name: "Contact", Value: "<" + p.contact + ">"},
		{Name: "Refer-To", Value: to},
		{Name: "Referred-By", Value: fmt.Sprintf("<sip:%s@%s>", p.cfg.User, p.cfg.Domain)},
	}, "", "")
	if err != nil {
		return err
	}
	if m.Status >= 300 {
		return fmt.Errorf("phone %s: REFER got %d %s", p.cfg.User, m.Status, m.Reason)
	}
	outcome := ""
	err = c.wait(ctx, "the outcome of the transfer", func() bool {
		for _, n := range c.notify {
			if !strings.HasPrefix(n, "SIP/2.0 1") {
				outcome = n
			}
		}
		return outcome != ""
	})
	if err != nil {
		return err
	}
	if !strings.HasPrefix(outcome, "SIP/2.0 2") {
		return fmt.Errorf("phone %s: transfer failed: %s", p.cfg.User, outcome)
	}
	return c.HangUp(ctx)
}

// referred follows a REFER: it calls the target and reports what becomes of it.
func (c *Call) referred(m *wire.Message) {
	p := c.phone
	uri, _ := wire.InBrackets(m.Get("Refer-To"))
	target, query, _ := strings.Cut(uri, "?")
	if !strings.HasPrefix(target, "sip:") {
		p.reply(m, 400, c.localTag, nil)
		return
	}
	var extra []wire.Header
	for pair := range strings.SplitSeq(query, "&") {
		if k, v, ok := strings.Cut(pair, "="); ok && strings.EqualFold(k, "Replaces") {
			if plain, err := url.QueryUnescape(v); err == nil && !strings.ContainsAny(plain, "\r\n") {
				extra = append(extra, wire.Header{Name: "Replaces", Value: plain})
			}
		}
	}
	p.reply(m, 202, c.localTag, func(w *wire.Builder) []byte { return w.Add("Contact", "<"+p.contact+">").End() })
	p.work.Go(func() {
		c.notifyRefer("SIP/2.0 100 Trying", "active;expires=60")
		next, err := p.dial(target, extra...)
		if err != nil {
			c.notifyRefer("SIP/2.0 503 Service Unavailable", "terminated;reason=noresource")
			return
		}
		ctx, cancel := context.WithTimeout(p.ctx, time.Minute)
		defer cancel()
		if next.WaitAnswered(ctx) != nil {
			r := next.Report()
			c.notifyRefer(fmt.Sprintf("SIP/2.0 %d %s", or(r.Status, 408), r.Reason), "terminated;reason=noresource")
			return
		}
		c.notifyRefer("SIP/2.0 200 OK", "terminated;reason=noresource")
	})
}

func (c *Call) notifyRefer(fragment, state string) {
	_, _ = c.transact(c.phone.ctx, "NOTIFY", []wire.Header{
		{Name: "Contact", Value: "<" + c.phone.contact + ">"},
		{Name: "Event", Value: "refer"},
		{Name: "Subscription-State", Value: state},
	}, "message/sipfrag;version=2.0", fragment+"\r\n")
}
