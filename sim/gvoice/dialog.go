package gvoice

import (
	"fmt"
	"strings"
	"time"

	"tandem/sim/wire"
)

// request takes a request of the client inside the dialog.
func (l *leg) request(c *conn, m *wire.Message) {
	if m.ToTag() != l.localTag || m.FromTag() != l.remoteTag {
		l.call.srv.answer(c, m, 481, "", Refusal{Rule: "RFC 3261", Reason: "the tags are not those of the dialog"})
		return
	}
	l.conn = c // a newer flow of the same client may take over
	if m.Method == "ACK" && l.refused(m) {
		l.acked = true
		why := ackFlaw(m, l.invite, l.inviteTo())
		l.refuseUnless(why == "", "RFC 3261", m.Summary(), why)
		return
	}
	if why := l.routeFlaw(m); why != "" && l.call.srv.cfg.Options.WrongRoute != WrongRouteAccept {
		status := 0
		if l.call.srv.cfg.Options.WrongRoute == WrongRoute481 {
			status = 481
		}
		l.call.srv.answer(c, m, status, "", Refusal{Rule: "GV-S22", Reason: why})
		return
	}
	switch m.Method {
	case "ACK": // its CSeq may differ from the INVITE's (GV-S23)
		l.acked = true
		l.resend.stop()
	case "PRACK":
		l.prack(c, m)
	case "BYE":
		l.byeCame(c, m)
	case "INVITE", "UPDATE":
		l.reoffer(c, m)
	case "INFO":
		l.infoCame(c, m)
	case "REFER":
		l.refer(c, m)
	case "OPTIONS":
		c.send(reply(c, m, 200, "", "").Add("Allow", serverAllow).End())
	default:
		l.call.srv.answer(c, m, 405, "", Refusal{Rule: "GV-S30", Reason: m.Method + " in a dialog"})
	}
}

// refused reports whether an ACK belongs to a refusal: it goes with the
// INVITE's branch and Routes (RFC 3261 section 17.1.1.3).
func (l *leg) refused(m *wire.Message) bool {
	return !l.uac && l.status >= 300 && m.Branch() == l.invite.Branch()
}

// routeFlaw is GV-S22: the Route set is our Record-Route, plain one first in
// both directions, and the Request-URI our Contact.
func (l *leg) routeFlaw(m *wire.Message) string {
	if got := m.List("Route"); !sameRoutes(got, l.routes) {
		return fmt.Sprintf("Route is %q; the dialog's route set is %q", got, l.routes)
	}
	if !wire.SameURI(m.URI, l.contact) {
		return fmt.Sprintf("Request-URI is %s; our Contact is %s", m.URI, l.contact)
	}
	return ""
}

// prack acknowledges a reliable answer; its own answer carries Record-Route
// (GV-S20).
func (l *leg) prack(c *conn, m *wire.Message) {
	if l.reliable == nil || m.Get("RAck") != l.reliable.rack {
		l.call.srv.answer(c, m, 481, "", Refusal{Rule: "GV-S20", Reason: "RAck " + m.Get("RAck") + " matches no unacknowledged answer"})
		return
	}
	l.reliable = nil
	c.send(reply(c, m, 200, "", "").Add("Record-Route", l.routes[1]).Add("Record-Route", l.routes[0]).
		Add("Allow", serverAllow).Add("Supported", "timer").End())
}

func (l *leg) byeCame(c *conn, m *wire.Message) {
	l.call.free.Store(true) // before the answer: the client may dial again at once
	c.send(reply(c, m, 200, "", "").End())
	if l.call.over {
		return
	}
	if l.call.winner == nil && !l.uac {
		l.refuse("RFC 3261", "noted", "BYE", "the client ended an unanswered call by BYE instead of CANCEL")
		l.respond(487, "", "")
	}
	l.session.hush()
	l.call.end("client", "")
}

// cancelled answers 200 and, if it is not too late, 487 to the INVITE.
func (l *leg) cancelled(c *conn, m *wire.Message) {
	c.send(reply(c, m, 200, "", l.localTag).End())
	if l.call.over || l.call.winner != nil {
		return
	}
	l.call.free.Store(true)
	l.session.hush()
	l.respond(487, "", "")
	l.call.end("client", "cancelled by client")
	l.awaitACK()
}

// reoffer answers a re-INVITE or UPDATE: hold, ICE restart, session refresh.
func (l *leg) reoffer(c *conn, m *wire.Message) {
	body := l.sdp
	if len(m.Body) > 0 {
		d, err := parseSDP(m.Body)
		if err == nil {
			_, err = d.check()
		}
		ok := false
		if err == nil {
			body, ok = l.session.answer(d, l.call.srv.cfg.Options.Opus)
		}
		if !ok {
			l.call.srv.answer(c, m, 488, "", Refusal{Rule: "GV-S37", Reason: fmt.Sprintf("re-offer: %v", err)})
			return
		}
		l.sdp = body
	} else if m.Method == "UPDATE" {
		body = ""
	}
	l.call.update(func(*Report) { l.reinvites++ })
	l.call.startSessionTimer(l)
	if m.Method == "INVITE" {
		l.invite = m
		l.sendOK(body)
		return
	}
	w := reply(c, m, 200, "", "").Add("Contact", "<"+l.contact+">")
	if t := l.call.srv.cfg.Options.SessionTimer; t > 0 && m.Has("Supported", "timer") {
		w.Add("Require", "timer").Add("Session-Expires", fmt.Sprintf("%d;refresher=uac", seconds(t)))
	}
	c.send(w.Body("application/sdp", body))
}

// infoCame records digits of application/dtmf-relay and application/dtmf.
func (l *leg) infoCame(c *conn, m *wire.Message) {
	text := strings.TrimSpace(string(m.Body))
	for line := range strings.SplitSeq(text, "\n") {
		if key, v, ok := strings.Cut(line, "="); ok && strings.EqualFold(strings.TrimSpace(key), "signal") {
			text = strings.TrimSpace(v)
			break
		}
	}
	l.call.update(func(*Report) { l.info = append(l.info, text) })
	c.send(reply(c, m, 200, "", "").End())
}

// refer is option transfer: 501, or accepted and reported as done.
func (l *leg) refer(c *conn, m *wire.Message) {
	if !l.call.srv.cfg.Options.AcceptRefer {
		l.call.srv.answer(c, m, 501, "", Refusal{Rule: "option transfer", Reason: "REFER is not accepted"})
		return
	}
	c.send(reply(c, m, 202, "", "").Add("Contact", "<"+l.contact+">").End())
	l.call.update(func(r *Report) { r.Outcome = "transferred to " + m.Get("Refer-To") })
	for i, body := range []string{"SIP/2.0 100 Trying\r\n", "SIP/2.0 200 OK\r\n"} {
		state := "active;expires=60"
		if i == 1 {
			state = "terminated;reason=noresource"
		}
		l.seq = max(l.seq+1, 2)
		l.newRequest("NOTIFY", l.seq, func(*wire.Message) {}, func(w *wire.Builder) []byte {
			return w.Add("Event", "refer").Add("Subscription-State", state).Body("message/sipfrag;version=2.0", body)
		})
	}
	// The transferred call goes on without the client, who should say BYE.
	l.call.after(8*l.call.srv.cfg.Timing.T1, func() {
		l.call.end("far end", "")
		l.bye()
	})
}

// clock marks a time of the report once.
func clock(t *time.Time) {
	if t.IsZero() {
		*t = time.Now()
	}
}
