package gvoice

import (
	"time"

	"tandem/sim/wire"
)

// established notes the answer; from here on both sides talk.
func (c *Call) established(l *leg) {
	c.winner = l
	l.session.setAnswered()
	now := time.Now()
	c.update(func(r *Report) { r.Phase, r.Answered, r.Outcome = PhaseAnswered, now, "answered" })
	if limit := c.srv.cfg.Options.CallLength; limit > 0 {
		c.after(limit, func() {
			l.refuse("GV-S48", "hung up", "call", "limits.call_length is reached")
			c.end("edge", "")
			l.bye()
		})
	}
}

// talk is what the far person does after the answer.
func (c *Call) talk(l *leg, p Person) {
	if c.over {
		return
	}
	l.session.talk(p.Tone, p.Echo)
	l.session.dial(p.DTMF)
	if p.TalkFor <= 0 {
		c.wait(forever, nil)
		return
	}
	c.wait(p.TalkFor, nil)
	if c.over {
		return
	}
	if p.StopMedia {
		c.fallSilent(l)
		return
	}
	c.hangUp()
}

// fallSilent is how Google ends a call whose 200 crossed the caller's hang-up:
// media stops, BYE comes later (GV-S28).
func (c *Call) fallSilent(l *leg) {
	l.session.hush()
	c.wait(c.srv.cfg.Timing.AnsweredMedia, nil)
	if !c.over {
		c.hangUp()
	}
}

// hangUp ends the call from the far side, in whatever phase it is.
func (c *Call) hangUp() {
	if c.over {
		return
	}
	if c.winner == nil {
		c.giveUp()
		return
	}
	c.winner.session.hush()
	c.end("far end", "")
	c.winner.bye()
}

// giveUp ends a call that nobody has answered.
func (c *Call) giveUp() {
	for _, l := range c.legList() {
		if !l.uac {
			c.reject(l, 480, "", "the far end hung up")
			return
		}
	}
	c.end("far end", "cancelled by caller")
	c.cancelAll(nil)
}

// mediaChecks is how often the inactivity rule is looked at.
const mediaChecks = 10 // per limit

// watchMedia is GV-S40: a client that sends nothing loses its call.
func (c *Call) watchMedia(l *leg, since time.Time) {
	early, answered := c.srv.cfg.Timing.EarlyMedia, c.srv.cfg.Timing.AnsweredMedia
	var look func()
	look = func() {
		last, limit := l.session.lastRTP(), early
		if last.Before(since) {
			last = since
		}
		if c.winner != nil {
			limit = answered
			c.mu.Lock()
			if last.Before(c.report.Answered) {
				last = c.report.Answered
			}
			c.mu.Unlock()
		}
		if time.Since(last) < limit {
			c.after(min(early, answered)/mediaChecks, look)
			return
		}
		c.inactive(l, limit)
	}
	c.after(min(early, answered)/mediaChecks, look)
}

func (c *Call) inactive(l *leg, limit time.Duration) {
	reason := "no RTP from the client for " + limit.String()
	if c.winner == nil {
		l.refuse("GV-S40", "refused 603", "INVITE", reason)
		c.reject(l, 603, "media inactivity", "media inactivity")
		return
	}
	l.refuse("GV-S40", "hung up", "call", reason)
	c.update(func(r *Report) { r.Outcome = "media inactivity" })
	c.end("edge", "")
	l.bye()
}

// startSessionTimer expects a refresh from the client (GV-S24).
func (c *Call) startSessionTimer(l *leg) {
	limit := c.srv.cfg.Options.SessionTimer
	if limit <= 0 || !l.timed() {
		return
	}
	l.expiry.stop()
	l.expiry = c.after(limit, func() {
		l.refuse("GV-S24", "hung up", "call", "no session refresh for "+limit.String())
		c.update(func(r *Report) { r.Outcome = "session expired" })
		c.end("edge", "")
		l.bye()
	})
}

// timed reports whether the client must refresh the session.
func (l *leg) timed() bool {
	if l.uac {
		return l.clientRefreshes
	}
	return l.invite.Has("Supported", "timer")
}

// reinvite sends our last description once more (GV-C24, GV-S29).
func (l *leg) reinvite() {
	l.seq = max(l.seq+1, 2)
	seq := l.seq
	l.newRequest("INVITE", seq, func(m *wire.Message) {
		if m.Status < 200 {
			return
		}
		l.sendACK(seq, m)
		l.refuseUnless(m.Status == 200, "GV-S29", m.Summary(), "a re-INVITE with unchanged SDP should be accepted")
		if d, err := parseSDP(m.Body); err == nil && m.Status == 200 {
			l.session.adopt(d, l.call.srv.cfg.Options.Opus)
		}
	}, func(w *wire.Builder) []byte {
		return w.Add("Allow", incomingAllow).Body("application/sdp", l.sdp)
	})
}
