package gvoice

import (
	"fmt"
	"time"

	"tandem/sim/wire"
)

// turnedAway is an INVITE that was refused before a call was made of it: the
// server transaction of RFC 3261 section 17.2.1. TLS is reliable, so the refusal
// is repeated only when the INVITE is.
type turnedAway struct {
	invite *wire.Message
	to     string // To of the refusal
	raw    []byte // the refusal
	noACK  *time.Timer
}

// maxTurnedAway bounds the refusals that wait for their ACK; the ACK of one
// above it is taken unseen.
const maxTurnedAway = 1000

// transactionKey finds an INVITE's transaction again: its retransmissions and the
// ACK of a refusal have its branch and come on its connection.
func transactionKey(c *conn, m *wire.Message) string {
	return fmt.Sprintf("%d %s %s", c.id, m.Branch(), m.CallID())
}

// turnAway remembers a refused INVITE until its ACK comes.
func (s *Server) turnAway(c *conn, m *wire.Message, raw []byte) {
	key, answer := transactionKey(c, m), wire.Headers(raw)
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.turned) >= maxTurnedAway || s.turned[key] != nil || s.ctx.Err() != nil {
		return
	}
	s.turned[key] = &turnedAway{m, answer.Get("To"), raw, time.AfterFunc(64*s.cfg.Timing.T1, func() { s.giveUpACK(key) })}
}

// giveUpACK is timer H.
func (s *Server) giveUpACK(key string) {
	s.mu.Lock()
	t := s.turned[key]
	delete(s.turned, key)
	s.mu.Unlock()
	if t != nil {
		s.refuse(Refusal{Rule: "RFC 3261", Action: "noted", What: t.invite.Summary(), CallID: t.invite.CallID(), Reason: "no ACK came for the refusal"})
	}
}

// again reports whether an INVITE or ACK belongs to a refusal, and deals with it.
func (s *Server) again(c *conn, m *wire.Message) bool {
	if m.Method != "INVITE" && m.Method != "ACK" {
		return false
	}
	key := transactionKey(c, m)
	s.mu.Lock()
	t := s.turned[key]
	if t != nil && m.Method == "ACK" {
		t.noACK.Stop()
		delete(s.turned, key)
	}
	s.mu.Unlock()
	switch {
	case t == nil:
		return false
	case m.Method == "INVITE":
		c.send(t.raw)
		return true
	}
	if why := ackFlaw(m, t.invite, t.to); why != "" {
		s.refuse(Refusal{Rule: "RFC 3261", Action: "noted", What: m.Summary(), CallID: m.CallID(), Reason: why})
	}
	return true
}

// ackFlaw is what makes the ACK of a refusal wrong (RFC 3261 section 17.1.1.3).
func ackFlaw(ack, invite *wire.Message, to string) string {
	got, _ := ack.CSeq()
	want, _ := invite.CSeq()
	switch {
	case got != want:
		return fmt.Sprintf("the ACK of a refusal has CSeq %d, its INVITE %d", got, want)
	case ack.ToTag() != wire.Param(to, "tag"):
		return fmt.Sprintf("the ACK of a refusal has To tag %q, the refusal %q", ack.ToTag(), wire.Param(to, "tag"))
	case ack.URI != invite.URI:
		return "the ACK of a refusal is for " + ack.URI + ", its INVITE was for " + invite.URI
	case !sameRoutes(ack.List("Route"), invite.List("Route")):
		return fmt.Sprintf("the ACK of a refusal has Route %q, its INVITE %q", ack.List("Route"), invite.List("Route"))
	case len(ack.List("Via")) != 1:
		return fmt.Sprintf("the ACK of a refusal has %d Via headers", len(ack.List("Via")))
	}
	return ""
}

// stopWaiting ends the wait for every ACK.
func (s *Server) stopWaiting() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.turned {
		t.noACK.Stop()
	}
	clear(s.turned)
}
