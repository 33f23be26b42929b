package dialog

import (
	"slices"
	"strings"

	"tandem/sip"
	"tandem/sip/transaction"
)

// Info sends an INFO (RFC 6086) as [Session.Send] does.
func (s *Session) Info(contentType string, body []byte, headers ...sip.Header) {
	s.Send("INFO", contentType, body, headers...)
}

// informed takes an INFO: 200 if its body is of a type that we take.
func (s *Session) informed(tx *transaction.Server) {
	req := tx.Request()
	kind := req.Get("Content-Type")
	if len(req.Body) > 0 && !s.core.takesInfo(kind) {
		s.refuse(tx, 415, sip.Header{Name: "Accept", Value: strings.Join(s.core.InfoTypes, ", ")})
		return
	}
	s.respond(tx, s.response(req, 200, ""))
	s.emit(Info{ContentType: kind, Body: req.Body, Message: req})
}

func (c *Core) takesInfo(contentType string) bool {
	kind, _, _ := strings.Cut(contentType, ";")
	kind = strings.TrimSpace(kind)
	for _, t := range c.InfoTypes {
		if strings.EqualFold(t, kind) {
			return true
		}
	}
	return len(c.InfoTypes) == 0
}

// isMethod reports whether a method is of an RFC.
func isMethod(m string) bool {
	return m == "MESSAGE" || m == "PUBLISH" || m == "SUBSCRIBE" || m == "REGISTER" || slices.Contains(DefaultAllow(), m)
}

// A pendingRequest waits for Request.Respond.
type pendingRequest struct {
	s     *Session
	tx    *transaction.Server
	limit *alarm
}

// otherRequest hands on a request that has no procedure here.
func (s *Session) otherRequest(tx *transaction.Server) {
	req := tx.Request()
	if !slices.Contains(s.core.allow(), req.Method) {
		status := 501 // nobody has heard of it (RFC 3261 §21.5.2)
		if isMethod(req.Method) {
			status = 405
		}
		s.refuse(tx, status, sip.Header{Name: "Allow", Value: strings.Join(s.core.allow(), ", ")})
		return
	}
	if len(s.pending) >= outboxLimit {
		s.core.stats.dropped.Add(1)
		s.refuse(tx, 503, retryAfter(5))
		return
	}
	p := &pendingRequest{s: s, tx: tx}
	if s.pending == nil {
		s.pending = make(map[*pendingRequest]struct{})
	}
	s.pending[p] = struct{}{}
	p.limit = s.after(48*s.core.t1(), func() { p.answer(500, "", nil) })
	s.emit(Request{Message: req, pending: p})
}

func (p *pendingRequest) answer(status int, reason string, headers []sip.Header) {
	if _, ok := p.s.pending[p]; !ok {
		return
	}
	delete(p.s.pending, p)
	p.limit.stop()
	p.s.respond(p.tx, p.s.response(p.tx.Request(), status, reason, headers...))
}

// dropRequests answers what is left at the end, and forgets our own queue.
func (s *Session) dropRequests() {
	for p := range s.pending {
		p.answer(481, "", nil)
	}
	s.outbox.queue = nil
}
