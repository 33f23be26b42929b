package gvoice

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"tandem/sim/wire"
)

// handle takes a message from a connection, in the connection's goroutine.
func (s *Server) handle(c *conn, m *wire.Message) {
	switch {
	case m.Method == "":
		s.toLeg(c, m)
	case m.Method == "REGISTER":
		s.register(c, m)
	case s.again(c, m):
	case m.Method == "CANCEL": // with a To tag, too: that of a re-INVITE
		s.cancelled(c, m)
	case m.ToTag() != "":
		s.inDialog(c, m)
	case m.Method == "INVITE":
		s.invite(c, m)
	case m.Method == "ACK":
	case m.Method == "OPTIONS":
		s.options(c, m)
	default:
		s.answer(c, m, 405, "", Refusal{Rule: "GV-S15", Reason: m.Method + " outside a dialog"})
	}
}

// answer refuses a request with a status and extra headers, or drops it if the
// status is 0, and records why.
func (s *Server) answer(c *conn, m *wire.Message, status int, reason string, r Refusal, extra ...wire.Header) {
	r.What, r.CallID = m.Summary(), m.CallID()
	r.User = or(r.User, s.userOf(c))
	if status == 0 || m.Method == "ACK" {
		r.Action = "dropped"
		s.refuse(r)
		return
	}
	r.Action = fmt.Sprintf("refused %d", status)
	s.refuse(r)
	w := reply(c, m, status, reason, serverTag())
	for _, h := range extra {
		w.Add(h.Name, h.Value)
	}
	raw := w.End()
	if m.Method == "INVITE" {
		s.turnAway(c, m, raw)
	}
	c.send(raw)
}

// reply begins a response with the headers every response has; toTag is added
// if the request has none.
func reply(c *conn, m *wire.Message, status int, reason, toTag string) *wire.Builder {
	to := plainEquals(m.Get("To"))
	if m.ToTag() == "" && status != 100 {
		to += ";tag=" + toTag
	}
	return wire.Response(status, reason).Each("Via", answerVias(c, m)).Add("To", to).Add("From", plainEquals(m.Get("From"))).
		Add("Call-ID", m.CallID()).Add("CSeq", m.Get("CSeq"))
}

// answerVias is the request's Via list; the first gets rport, received and
// alias in Google's order (GV-S11).
func answerVias(c *conn, m *wire.Message) []string {
	vias := m.List("Via")
	if len(vias) == 0 {
		return nil
	}
	host, port, _ := net.SplitHostPort(c.remote)
	head, alias, kept := "", "", []string(nil)
	for i, part := range strings.Split(vias[0], ";") {
		name, _, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch {
		case i == 0:
			head = strings.TrimSpace(part)
		case strings.EqualFold(name, "rport"), strings.EqualFold(name, "received"):
		case strings.EqualFold(name, "alias"):
			alias = ";alias"
		default:
			kept = append(kept, strings.TrimSpace(part))
		}
	}
	vias[0] = head + ";rport=" + port + ";" + strings.Join(kept, ";") + ";received=" + host + alias
	return vias
}

// sentBy is the host and port of a Via.
func sentBy(via string) (string, int) {
	_, v, _ := strings.Cut(via, " ")
	v, _, _ = strings.Cut(v, ";")
	host, port, err := net.SplitHostPort(strings.TrimSpace(v))
	if err != nil {
		return strings.TrimSpace(v), 0
	}
	n, _ := strconv.Atoi(port)
	return host, n
}

// options answers an OPTIONS outside a dialog (GV-S17).
func (s *Server) options(c *conn, m *wire.Message) {
	if s.cfg.Options.OptionsRoute {
		if b, ok := s.bindingOf(c); !ok || !sameRoutes(m.List("Route"), b.routes) {
			s.answer(c, m, 0, "", Refusal{Rule: "GV-S17", Reason: "OPTIONS without the Service-Routes"})
			return
		}
	}
	c.send(reply(c, m, 200, "", serverTag()).Add("Allow", serverAllow).End())
}

// bindingOf is a copy of the live binding of a connection.
func (s *Server) bindingOf(c *conn) (binding, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range s.bindings {
		if b.conn == c && b.live(time.Now()) {
			return *b, true
		}
	}
	return binding{}, false
}

// sameRoutes compares two route lists as Google does.
func sameRoutes(got, want []string) bool {
	if len(got) != len(want) {
		return false
	}
	for i := range got {
		a, _ := wire.InBrackets(got[i])
		b, _ := wire.InBrackets(want[i])
		if !wire.SameURI(a, b) {
			return false
		}
	}
	return true
}
