package gvoice

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"tandem/sim/wire"
)

// longestRing is how long a call may ring: RFC 3261 Timer C.
const longestRing = 3 * time.Minute

// outgoing is the script of a call dialled by the client (GV-S19).
func (c *Call) outgoing(l *leg, p Person) {
	l.respond(100, "", "")
	if c.billed(l) {
		return
	}
	if !p.NoEarlyMedia {
		l.session.talk(p.EarlyTone, false)
	}
	l.provisional(183, l.sdp)
	since := time.Now()
	c.watchMedia(l, since)
	if p.Ring > 0 {
		c.wait(p.Ring, nil)
		if !c.over {
			l.provisional(180, "")
		}
	}
	if p.NoAnswer {
		c.wait(longestRing, nil)
		c.reject(l, 480, "", "nobody answered")
		return
	}
	c.wait(max(p.AnswerAfter-time.Since(since), 0), nil)
	if p.Refuse != 0 {
		c.reject(l, p.Refuse, "", "")
		return
	}
	c.answered(l)
	c.talk(l, p)
}

// billed refuses calls that would cost money, by option (GV-S48).
func (c *Call) billed(l *leg) bool {
	if strings.HasPrefix(c.report.Number, "+1") {
		return false
	}
	switch c.srv.cfg.Options.Billing {
	case Billing403:
		c.reject(l, 403, "", "billing.refusal")
	case Billing603:
		c.reject(l, 603, "", "billing.refusal")
	case BillingAnnouncement:
		l.session.talk(950, false)
		l.provisional(183, l.sdp)
		c.wait(2*time.Second, nil)
		c.reject(l, 603, "", "billing.refusal")
	default:
		return false
	}
	return true
}

// reject answers the INVITE with a refusal and waits for the ACK.
func (c *Call) reject(l *leg, status int, reason, why string) {
	if c.over {
		return
	}
	l.session.hush()
	c.free.Store(true)
	l.respond(status, reason, "")
	outcome := fmt.Sprintf("refused %d", status)
	if why != "" {
		outcome += ": " + why
	}
	c.end("far end", outcome)
	l.awaitACK()
}

func (l *leg) awaitACK() {
	l.acked = false
	l.settle(8*l.call.srv.cfg.Timing.T1, func() bool { return l.acked })
	l.refuseUnless(l.acked, "RFC 3261", "INVITE", "no ACK came for the refusal")
}

// respond answers the INVITE in the header order of section 7.2.
func (l *leg) respond(status int, reason, sdp string, extra ...wire.Header) {
	c := l.flow()
	if status == 100 {
		c.send(reply(c, l.invite, 100, "", "").End())
		return
	}
	w := wire.Response(status, reason).Each("Via", answerVias(c, l.invite))
	if status < 300 {
		w.Add("Record-Route", l.routes[1]).Add("Record-Route", l.routes[0])
	}
	for _, h := range extra {
		if h.Name == "Require" {
			w.Add(h.Name, h.Value)
		}
	}
	if status < 300 {
		w.Add("Contact", "<"+l.contact+">")
	}
	w.Add("To", l.inviteTo()).Add("From", plainEquals(l.invite.Get("From"))).Add("Call-ID", l.callID).Add("CSeq", l.invite.Get("CSeq"))
	for _, h := range extra {
		if h.Name != "Require" {
			w.Add(h.Name, h.Value)
		}
	}
	if status < 300 {
		w.Add("Allow", "ACK, BYE, CANCEL, INVITE, OPTIONS, PRACK, UPDATE")
	}
	c.send(w.Body("application/sdp", sdp))
	l.call.update(func(*Report) { l.status = status })
}

func (l *leg) inviteTo() string {
	to := plainEquals(l.invite.Get("To"))
	if l.invite.ToTag() == "" {
		to += ";tag=" + l.localTag
	}
	return to
}

// provisional sends a 1xx with a dialog, reliably if both sides can (GV-S20).
func (l *leg) provisional(status int, sdp string) {
	c := l.call
	if c.over {
		return
	}
	now := time.Now()
	c.update(func(r *Report) {
		r.Phase = PhaseEarly
		if status == 180 {
			r.Ringing = now
		}
	})
	if !c.srv.cfg.Options.Reliable || !l.invite.Has("Supported", "100rel") && !l.invite.Has("Require", "100rel") {
		l.respond(status, "", sdp)
		return
	}
	l.awaitPRACK()
	if c.over {
		return
	}
	l.rseq++
	seq, _ := l.invite.CSeq()
	headers := []wire.Header{{Name: "Require", Value: "100rel"}, {Name: "RSeq", Value: strconv.Itoa(int(l.rseq))}}
	l.reliable = &reliable{rack: fmt.Sprintf("%d %d INVITE", l.rseq, seq), gap: c.srv.cfg.Timing.T1}
	l.reliable.send = func() { l.respond(status, "", sdp, headers...) }
	l.reliable.send()
	l.repeatReliable(l.reliable, now)
}

// reliable is a provisional answer that waits for its PRACK (RFC 3262).
type reliable struct {
	rack string
	gap  time.Duration
	send func()
}

func (l *leg) repeatReliable(r *reliable, since time.Time) {
	c := l.call
	c.after(r.gap, func() {
		if l.reliable != r {
			return
		}
		if time.Since(since) > 64*c.srv.cfg.Timing.T1 {
			l.refuse("GV-S20", "refused 504", "INVITE", "no PRACK came for RAck "+r.rack)
			c.reject(l, 504, "", "no PRACK")
			return
		}
		r.send()
		r.gap *= 2
		l.repeatReliable(r, since)
	})
}

// awaitPRACK holds back what must not overtake an unacknowledged answer.
func (l *leg) awaitPRACK() { l.call.wait(forever, func() bool { return l.reliable == nil }) }

// answered sends the 200 and repeats it until the ACK (RFC 3261 section 13.3.1.4).
func (c *Call) answered(l *leg) {
	l.awaitPRACK()
	if c.over {
		return
	}
	body := l.sdp
	if c.srv.cfg.Options.EmptyAnswer && l.rseq > 0 {
		body = ""
	}
	c.established(l)
	l.sendOK(body)
	c.startSessionTimer(l)
}

func (l *leg) sendOK(body string) {
	var headers []wire.Header
	if t := l.call.srv.cfg.Options.SessionTimer; t > 0 && l.invite.Has("Supported", "timer") {
		headers = []wire.Header{{Name: "Require", Value: "timer"}, {Name: "Session-Expires", Value: fmt.Sprintf("%d;refresher=uac", seconds(t))}}
	}
	l.acked = false
	l.respond(200, "", body, headers...)
	t1 := l.call.srv.cfg.Timing.T1
	l.repeatOK(body, headers, t1, time.Now().Add(64*t1))
}

func (l *leg) repeatOK(body string, headers []wire.Header, gap time.Duration, until time.Time) {
	c := l.call
	l.resend.stop()
	l.resend = c.after(gap, func() {
		if l.acked {
			return
		}
		if time.Now().After(until) {
			l.refuse("RFC 3261", "noted", "200 (INVITE)", "no ACK came")
			c.end("edge", "no ACK")
			l.bye()
			return
		}
		l.respond(200, "", body, headers...)
		l.repeatOK(body, headers, min(2*gap, 8*c.srv.cfg.Timing.T1), until)
	})
}

func seconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }
