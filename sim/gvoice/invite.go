package gvoice

import (
	"fmt"
	"strings"
	"time"

	"tandem/sim/wire"
)

// invite takes a call dialled by a client and checks it as strictly as Google
// does: what violates GV-S15 gets no answer at all.
func (s *Server) invite(c *conn, m *wire.Message) {
	s.mu.Lock()
	old := s.legs[m.CallID()]
	s.mu.Unlock()
	if old != nil {
		if old.firstBranch != m.Branch() {
			s.answer(c, m, 482, "Loop Detected", Refusal{Rule: "RFC 3261", Reason: "an INVITE with the Call-ID of another call"})
		}
		return // a retransmission
	}
	b, ok := s.bindingOf(c)
	if why := s.inviteFlaw(m, b, ok); why != "" {
		s.answer(c, m, 0, "", Refusal{Rule: "GV-S15", Reason: why})
		return
	}
	if f, on := s.fault(InviteSilent, c.sni, b.user); on {
		s.answer(c, m, 0, "", Refusal{Rule: "fault", Reason: string(f.Kind)})
		return
	}
	if f, on := s.fault(InviteStatus, c.sni, b.user); on {
		s.answer(c, m, or(f.Status, 503), f.Reason, Refusal{Rule: "fault", Reason: string(f.Kind)})
		return
	}
	if m.Get("Authorization") != "" || m.Get("Proxy-Authorization") != "" {
		s.refuse(Refusal{Rule: "GV-S15", Action: "noted", What: m.Summary(), CallID: m.CallID(), User: b.user, Reason: "only REGISTER carries Authorization"})
	}
	s.dialled(c, m, b)
}

// inviteFlaw is GV-S15: why Google would not even answer.
func (s *Server) inviteFlaw(m *wire.Message, b binding, bound bool) string {
	if !bound {
		return "no live registration on this connection"
	}
	if got := m.List("Route"); !sameRoutes(got, b.routes) {
		return fmt.Sprintf("Route is %q; the Service-Routes of this registration are %q, in this order", got, b.routes)
	}
	identity, _ := wire.InBrackets(m.Get("P-Preferred-Identity"))
	if !wire.SameURI(plainEquals(identity), plainEquals(b.identity())) {
		return fmt.Sprintf("P-Preferred-Identity is %q, not the first P-Associated-URI %q", identity, b.identity())
	}
	if m.Has("Supported", "outbound") && m.Has("Supported", "path") {
		return ""
	}
	if s.cfg.Options.StrictSupported {
		return "Supported has no outbound, path"
	}
	s.refuse(Refusal{Rule: "GV-S15", Action: "noted", What: m.Summary(), CallID: m.CallID(), User: b.user, Reason: "Supported has no outbound, path"})
	return ""
}

// dialled checks what is dialled and offered, and starts the call.
func (s *Server) dialled(c *conn, m *wire.Message, b binding) {
	uri, err := wire.ParseURI(m.URI)
	if err != nil || !strings.EqualFold(uri.Host, b.domain) {
		s.answer(c, m, 404, "", Refusal{Rule: "GV-S18", Reason: "the Request-URI is not at " + b.domain})
		return
	}
	edge, _ := profileAt(b.domain)
	number, err := edge.e164(uri.User)
	if err != nil {
		s.answer(c, m, 404, "", Refusal{Rule: "GV-S18", Reason: err.Error()})
		return
	}
	offer, err := parseSDP(m.Body)
	if err != nil {
		s.answer(c, m, 488, "", Refusal{Rule: "GV-S37", Reason: err.Error()})
		return
	}
	if rule, err := offer.check(); err != nil {
		s.answer(c, m, 488, "", Refusal{Rule: rule, Reason: err.Error()})
		return
	}
	if s.full(b.account) {
		s.answer(c, m, 486, "", Refusal{Rule: "GV-S48", Reason: "limits.concurrent_calls is reached"})
		return
	}
	s.place(c, m, b, number, offer, s.faulty(s.personFor(number), b.user))
}

// faulty is the person as the current faults and options change them.
func (s *Server) faulty(p Person, user string) Person {
	p.EarlyTone = or(p.EarlyTone, 440)
	p.NoEarlyMedia = p.NoEarlyMedia || s.cfg.Options.NoEarlyRTP
	p.Echo = p.Echo || s.cfg.Options.Echo
	if f, on := s.fault(RingAfter183, "", user); on {
		p.Ring, p.NoEarlyMedia = or(f.Delay, 200*time.Millisecond), true
		p.AnswerAfter = max(p.AnswerAfter, p.Ring+500*time.Millisecond)
	}
	if _, on := s.fault(NoEarlyMedia, "", user); on {
		p.NoEarlyMedia = true
	}
	if f, on := s.fault(LateAnswer, "", user); on {
		p.AnswerAfter += f.Delay
	}
	if f, on := s.fault(EarlyHangup, "", user); on {
		p.TalkFor = max(f.Delay, time.Millisecond)
	}
	return p
}

// place makes the call.
func (s *Server) place(c *conn, m *wire.Message, b binding, number string, offer *clientSDP, p Person) {
	call := s.newCall(b.account, "from-client", number)
	call.report.Dialled, call.report.Person = m.URI, p.Note
	l := call.newLeg(b.user, m.CallID(), c)
	l.invite, l.firstBranch = m, m.Branch()
	l.remoteTag = m.FromTag()
	l.local, l.remote = plainEquals(m.Get("To")), plainEquals(withoutTag(m.Get("From")))
	l.target, _ = wire.InBrackets(m.Get("Contact"))
	l.setContact(number)
	l.seq = 1 // so that BYE is CSeq 2 (GV-S25)
	sdp, ok := l.session.answer(offer, s.cfg.Options.Opus)
	if !ok || l.target == "" || !call.addLeg(l) {
		l.session.close()
		s.answer(c, m, 488, "", Refusal{Rule: "GV-S37", Reason: "neither PCMU nor Opus is offered, or no Contact"})
		return
	}
	l.sdp = sdp
	call.start(func() { call.outgoing(l, p) })
}

func withoutTag(v string) string {
	i := strings.LastIndex(strings.ToLower(v), ";tag=")
	if i < 0 {
		return v
	}
	return v[:i]
}

// cancelled takes a CANCEL; without the INVITE's Routes it is ignored (GV-S17).
func (s *Server) cancelled(c *conn, m *wire.Message) {
	s.mu.Lock()
	l := s.legs[m.CallID()]
	s.mu.Unlock()
	if l == nil || l.uac || l.firstBranch != m.Branch() {
		s.answer(c, m, 481, "", Refusal{Rule: "RFC 3261", Reason: "CANCEL matches no INVITE"})
		return
	}
	if b, ok := s.bindingOf(c); !ok || !sameRoutes(m.List("Route"), b.routes) {
		s.answer(c, m, 0, "", Refusal{Rule: "GV-S17", Reason: "CANCEL without the Route headers of the INVITE"})
		return
	}
	if !l.call.post(event{leg: l, conn: c, m: m}) {
		c.send(reply(c, m, 200, "", l.localTag).End())
	}
}

// inDialog takes a request with a To-tag.
func (s *Server) inDialog(c *conn, m *wire.Message) {
	s.mu.Lock()
	l := s.legs[m.CallID()]
	s.mu.Unlock()
	if l != nil && l.call.post(event{leg: l, conn: c, m: m}) {
		return
	}
	if l != nil && (m.Method == "ACK" || m.Method == "PRACK") {
		return // the call is over; the ACK of a refusal
	}
	s.answer(c, m, 481, "", Refusal{Rule: "RFC 3261", Reason: "no such dialog, or it is over"})
}

// toLeg takes a response.
func (s *Server) toLeg(c *conn, m *wire.Message) {
	s.mu.Lock()
	l := s.legs[m.CallID()]
	s.mu.Unlock()
	if l == nil && strings.HasPrefix(m.CallID(), mwiPrefix) {
		return
	}
	if l == nil {
		s.refuse(Refusal{Rule: "RFC 3261", Action: "dropped", What: m.Summary(), CallID: m.CallID(), Reason: "no such dialog"})
		return
	}
	l.call.post(event{leg: l, conn: c, m: m})
}
