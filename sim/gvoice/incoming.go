package gvoice

import (
	"context"
	"crypto/rand"
	"fmt"
	"math/big"
	"strings"
	"time"

	"tandem/sim/wire"
)

const incomingAllow = "ACK, BYE, CANCEL, INVITE, UPDATE"

// PlaceCall lets a far person call an account: all its registered devices with
// inbound enabled ring (GV-S27). It returns at once; the call goes on until it
// ends, whatever becomes of ctx.
func (s *Server) PlaceCall(_ context.Context, in Incoming) (*Call, error) {
	if err := in.Validate(); err != nil {
		return nil, fmt.Errorf("place call: %w", err)
	}
	s.mu.Lock()
	a := s.accounts[in.To]
	s.mu.Unlock()
	if a == nil {
		return nil, fmt.Errorf("place call: no account has the number %q", in.To)
	}
	if s.ctx.Err() != nil {
		return nil, fmt.Errorf("place call: %w", s.ctx.Err())
	}
	full := s.full(a)
	c := s.newCall(a, "to-client", in.From)
	c.start(func() { c.incoming(in, full) })
	return c, nil
}

// ringable are the live bindings of the account's devices that may ring.
func (s *Server) ringable(a *account) []binding {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []binding
	for _, b := range s.bindings {
		d := a.devices[b.user]
		if b.account == a && b.live(time.Now()) && (d == nil || !d.NoInbound) {
			out = append(out, *b)
		}
	}
	return out
}

// incoming is the script of a call to the client.
func (c *Call) incoming(in Incoming, full bool) {
	bindings := c.srv.ringable(c.account)
	switch {
	case full:
		c.end("edge", "voicemail: limits.concurrent_calls is reached")
		return
	case len(bindings) == 0:
		c.end("edge", "voicemail: no device is registered")
		return
	}
	for _, b := range bindings {
		c.ring(b, in)
	}
	if in.CancelAfter > 0 {
		c.after(in.CancelAfter, func() { c.callerLeaves() })
	}
	ring := c.srv.cfg.Timing.RingTime
	if c.srv.cfg.Options.NoTakeover {
		ring = longestRing
	}
	c.wait(ring, func() bool { return c.winner != nil || c.allRefused() })
	switch {
	case c.over:
	case c.winner != nil:
		c.cancelAll(c.winner)
		c.talk(c.winner, c.srv.faulty(in.Talk, c.winner.user))
	case c.allRefused():
		c.end("client", fmt.Sprintf("refused %d", c.lastStatus()))
	default:
		c.end("edge", "voicemail: nobody answered")
		c.cancelAll(nil)
	}
}

func (c *Call) callerLeaves() {
	if c.winner == nil {
		c.giveUp()
		return
	}
	c.fallSilent(c.winner)
}

func (c *Call) allRefused() bool {
	for _, l := range c.legList() {
		if l.uac && l.status < 300 {
			return false
		}
	}
	return true
}

func (c *Call) lastStatus() int {
	last := 0
	for _, l := range c.legList() {
		last = max(last, l.status)
	}
	return last
}

// ring sends the INVITE of section 8.1 to one device (GV-S26).
func (c *Call) ring(b binding, in Incoming) {
	l := c.newLeg(b.user, strings.ToLower(rand.Text())+"@"+callerHost, b.conn)
	l.uac = true
	l.target = b.contact
	from, asserted, privacy := callerIdentity(in, c.srv.cfg.Options.Withheld)
	l.local, l.remote = from, "<"+b.identity()+">"
	if l.setContact(in.From); in.Display == NumberWithheld {
		l.setContact("anonymous")
	}
	n, _ := rand.Int(rand.Reader, big.NewInt(30000))
	l.seq = uint32(n.Int64()) + 1000
	l.sdp = l.session.offer(c.srv.cfg.Options.Opus)
	if !c.addLeg(l) {
		l.session.close()
		return
	}
	seq, timer := l.seq, c.srv.cfg.Options.SessionTimer
	l.newRequest("INVITE", seq, func(m *wire.Message) { l.answered(seq, m) }, func(w *wire.Builder) []byte {
		w.Add("Allow", incomingAllow)
		if timer > 0 {
			w.Add("Supported", "100rel, timer").Add("Session-Expires", fmt.Sprintf("%d;refresher=uas", seconds(timer)))
		} else {
			w.Add("Supported", "100rel")
		}
		return w.Add("Privacy", privacy).Add("P-Asserted-Identity", asserted).Add("P-Called-Party-ID", "<"+b.identity()+">").
			Body("application/sdp", l.sdp)
	})
}

// answered takes what a device says to the INVITE (GV-S30).
func (l *leg) answered(seq uint32, m *wire.Message) {
	if m.Status > 100 && m.Status < 300 {
		if why := l.dialogFlaw(m); why != "" {
			l.refuse("GV-S26", "dropped", m.Summary(), why)
			return
		}
		l.remoteTag = m.ToTag()
		l.target, _ = wire.InBrackets(m.Get("Contact"))
	}
	switch {
	case m.Status == 100:
	case m.Status < 200:
		l.progress(m)
	case m.Status < 300:
		l.accepted(seq, m)
	default:
		l.declined(seq, m)
	}
}

// dialogFlaw is why an answer cannot make a dialog: Google routes it over
// several hops and sends the rest of the call along its Record-Route.
func (l *leg) dialogFlaw(m *wire.Message) string {
	switch {
	case !sameRoutes(m.List("Record-Route"), l.routes):
		return fmt.Sprintf("Record-Route is %q, not %q", m.List("Record-Route"), l.routes)
	case m.ToTag() == "":
		return "no To-tag"
	case m.Get("Contact") == "":
		return "no Contact"
	}
	return ""
}

func (l *leg) progress(m *wire.Message) {
	c := l.call
	c.update(func(r *Report) {
		if r.Phase == PhaseSetup {
			r.Phase = PhaseEarly
		}
		if m.Status == 180 {
			l.ringing = true
			clock(&r.Ringing)
		}
	})
	if m.Has("Require", "100rel") && m.Get("RSeq") != l.lastRSeq {
		l.lastRSeq = m.Get("RSeq")
		cseq, _ := m.CSeq()
		l.seq++
		l.newRequest("PRACK", l.seq, func(*wire.Message) {}, func(w *wire.Builder) []byte {
			return w.Add("RAck", fmt.Sprintf("%s %d INVITE", l.lastRSeq, cseq)).End()
		})
	}
	l.takeSDP(m)
}

// takeSDP adopts the device's description; false means it cannot be used.
func (l *leg) takeSDP(m *wire.Message) bool {
	if len(m.Body) == 0 {
		return l.hasAnswer
	}
	d, err := parseSDP(m.Body)
	rule := "GV-S37"
	if err == nil {
		rule, err = d.check()
	}
	if err == nil && !l.session.adopt(d, l.call.srv.cfg.Options.Opus) {
		rule, err = "GV-S37", fmt.Errorf("neither PCMU nor Opus in the answer")
	}
	if err != nil {
		l.refuse(rule, "refused", m.Summary(), err.Error())
		return false
	}
	l.hasAnswer = true
	return true
}

// accepted takes a 200: the first one wins, later ones are hung up.
func (l *leg) accepted(seq uint32, m *wire.Message) {
	c := l.call
	l.sendACK(seq, m)
	again := l.status == m.Status
	c.update(func(*Report) { l.status = m.Status })
	switch {
	case again:
	case c.over, c.winner != nil && c.winner != l: // it crossed our CANCEL
		l.bye()
	case !l.takeSDP(m):
		c.end("edge", "the answer's SDP is unusable")
		l.bye()
	default:
		l.clientRefreshes = wire.Param("<>"+afterSemicolon(m.Get("Session-Expires")), "refresher") == "uas"
		c.established(l)
		c.watchMedia(l, time.Now())
		c.startSessionTimer(l)
	}
}

func afterSemicolon(v string) string {
	if i := strings.IndexByte(v, ';'); i >= 0 {
		return v[i:]
	}
	return ""
}

func (l *leg) declined(seq uint32, m *wire.Message) {
	again := l.status == m.Status
	l.call.update(func(*Report) { l.status = m.Status })
	for _, p := range l.pending {
		if p.seq != seq || p.method != "INVITE" {
			continue
		}
		to := l.remote
		if tag := m.ToTag(); tag != "" {
			to = tagged(to, tag)
		}
		l.flow().send(wire.Request("ACK", requestURI(p.raw)).Add("Via", p.vias[0]).Add("Max-Forwards", "68").
			Add("To", to).Add("From", tagged(l.local, l.localTag)).Add("Call-ID", l.callID).
			Add("CSeq", fmt.Sprintf("%d ACK", seq)).End())
	}
	if !again {
		l.session.hush()
	}
}

func requestURI(raw []byte) string { return strings.Fields(firstLine(raw))[1] }

// sendACK acknowledges a 200; the ACK is a new transaction with its own Via.
func (l *leg) sendACK(seq uint32, m *wire.Message) {
	if m.Status >= 300 {
		l.declined(seq, m)
		return
	}
	_, vias := l.vias()
	l.flow().send(wire.Request("ACK", l.target).Each("Via", vias).Add("Max-Forwards", "68").
		Add("To", tagged(l.remote, l.remoteTag)).Add("From", tagged(l.local, l.localTag)).
		Add("Call-ID", l.callID).Add("CSeq", fmt.Sprintf("%d ACK", seq)).End())
}

// cancelAll cancels every device that still rings, but the winner, and checks
// that each answers 200 to the CANCEL and 487 to the INVITE (GV-S28).
func (c *Call) cancelAll(winner *leg) {
	var ringing []*leg
	for _, l := range c.legList() {
		if l.uac && l != winner && l.status < 200 {
			l.sendCancel()
			ringing = append(ringing, l)
		}
	}
	if len(ringing) == 0 {
		return
	}
	gone := func() bool {
		for _, l := range ringing {
			if l.status < 200 {
				return false
			}
		}
		return true
	}
	ringing[0].settle(8*c.srv.cfg.Timing.T1, gone)
	for _, l := range ringing {
		l.refuseUnless(l.status >= 200, "GV-S28", "CANCEL", "no final answer to the cancelled INVITE came")
	}
}

func (l *leg) sendCancel() {
	for branch, p := range l.pending {
		if p.method != "INVITE" {
			continue
		}
		l.pending["cancel "+branch] = &pending{method: "CANCEL", seq: p.seq}
		l.flow().send(wire.Request("CANCEL", requestURI(p.raw)).Add("Via", p.vias[0]).Add("Max-Forwards", "68").
			Add("To", l.remote).Add("From", tagged(l.local, l.localTag)).Add("Call-ID", l.callID).
			Add("CSeq", fmt.Sprintf("%d CANCEL", p.seq)).End())
		return
	}
}
