package sipua

import (
	"net/netip"
	"strings"

	"tandem/sip"
	"tandem/sip/flow"
	"tandem/sip/transaction"
)

// allowed are the methods that we know inside and outside of calls.
func allowed() []string {
	return []string{"INVITE", "ACK", "CANCEL", "BYE", "UPDATE", "PRACK", "INFO", "REFER", "NOTIFY", "OPTIONS", "REGISTER", "SUBSCRIBE"}
}

// onRequest answers what comes outside of calls.
func (c *Connector) onRequest(s *transaction.Server) {
	switch req := s.Request(); req.Method {
	case "REGISTER":
		c.onRegister(s)
	case "OPTIONS":
		m := sip.NewResponse(req, 200, "")
		m.Add("Accept", "application/sdp, application/dtmf-relay, application/dtmf")
		m.Add("Accept-Encoding", "identity")
		m.Add("Supported", "100rel, timer, replaces, norefersub, path, outbound")
		c.respond(s, m)
	case "SUBSCRIBE":
		c.onSubscribe(s)
	case "NOTIFY": // some phones keep NATs open with it
		c.respond(s, sip.NewResponse(req, 200, ""))
	case "MESSAGE", "PUBLISH", "REFER", "INFO", "UPDATE", "PRACK", "BYE":
		c.respond(s, sip.NewResponse(req, 405, ""))
	default:
		c.respond(s, sip.NewResponse(req, 501, ""))
	}
}

// refuse answers a request that is not carried out.
func (c *Connector) refuse(s *transaction.Server, no *denial) {
	m := sip.NewResponse(s.Request(), no.status, no.reason)
	m.Headers = append(m.Headers, no.headers...)
	c.respond(s, m)
}

func (c *Connector) respond(s *transaction.Server, m *sip.Message) {
	if m.Status == 405 || m.Status == 501 || m.Status == 200 && s.Request().Method == "OPTIONS" {
		m.Add("Allow", strings.Join(allowed(), ", "))
	}
	if c.UserAgent != "" {
		m.Add("Server", c.UserAgent)
	}
	if err := s.Respond(m); err != nil {
		c.Log.Debug("answer not sent", "method", s.Request().Method, "status", m.Status, "err", err)
	}
}

// aliasOn reads the targets of transfers that come on f.
func aliasOn(c *Connector, f *flow.Flow) func(sip.URI) string {
	return func(u sip.URI) string { return c.book.Load().alias(f, u) }
}

func remoteAddr(f *flow.Flow) netip.Addr {
	if f == nil {
		return netip.Addr{}
	}
	return f.Remote().Addr().Unmap()
}
