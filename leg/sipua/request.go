package sipua

import (
	"net/netip"
	"slices"
	"strings"

	"tandem/sip"
	"tandem/sip/flow"
	"tandem/sip/transaction"
)

// allowed are the methods that we know inside and outside of calls.
func allowed() []string {
	return []string{"INVITE", "ACK", "CANCEL", "BYE", "UPDATE", "PRACK", "INFO", "REFER", "NOTIFY", "OPTIONS", "REGISTER", "SUBSCRIBE"}
}

// supported are the option tags that we know inside and outside of calls.
func supported() []string {
	return []string{"100rel", "timer", "replaces", "norefersub", "path", "outbound"}
}

// onRequest answers what comes outside of calls.
func (c *Connector) onRequest(s *transaction.Server) {
	req := s.Request()
	if no := c.screen(s.Flow(), req); no != nil {
		c.refuse(s, no)
		return
	}
	switch req.Method {
	case "REGISTER":
		c.onRegister(s)
	case "OPTIONS":
		c.respond(s, capable(req, forgeable(s.Flow())))
	case "SUBSCRIBE":
		c.onSubscribe(s)
	case "NOTIFY": // some phones keep NATs open with it
		c.respond(s, sip.NewResponse(req, 200, ""))
	case "INFO", "UPDATE", "PRACK", "BYE": // they need a dialog
		c.respond(s, sip.NewResponse(req, 481, ""))
	case "REFER": // only in a call
		c.respond(s, sip.NewResponse(req, 603, ""))
	case "MESSAGE", "PUBLISH":
		c.respond(s, sip.NewResponse(req, 405, ""))
	default:
		c.respond(s, sip.NewResponse(req, 501, ""))
	}
}

// capable answers OPTIONS with what we can do (RFC 3261 §11.2). An address that may be
// forged is not sent more than it needs: who floods others through us gains little.
func capable(req *sip.Message, forgeable bool) *sip.Message {
	m := sip.NewResponse(req, 200, "")
	if forgeable {
		m.Add("Accept", "application/sdp")
		return m
	}
	m.Add("Accept", "application/sdp, application/dtmf-relay, application/dtmf, application/media_control+xml")
	m.Add("Accept-Encoding", "identity")
	m.Add("Supported", strings.Join(supported(), ", "))
	return m
}

// forgeable reports whether what comes over f may come from elsewhere than it says.
func forgeable(f *flow.Flow) bool { return f.Network() == "udp" && !f.Trusted() }

// screen refuses what RFC 3261 §8.2.2 has refused whatever the request wants:
// extensions that we do not have, and a last hop that is not us (§16.3).
func (c *Connector) screen(f *flow.Flow, req *sip.Message) *denial {
	if !slices.Contains(allowed(), req.Method) {
		return nil // the method is what is wrong with it
	}
	if unknown := req.Unsupported(supported()...); len(unknown) > 0 {
		no := deny(420, "")
		no.headers = []sip.Header{{Name: "Unsupported", Value: strings.Join(unknown, ", ")}}
		return no
	}
	if spent(req) && !c.book.Load().ours(f, req.URI.Host) {
		return deny(483, "")
	}
	return nil
}

// spent reports whether Max-Forwards is 0: the request may go no further.
func spent(req *sip.Message) bool { return req.Has("Max-Forwards") && hops(req) == 0 }

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
