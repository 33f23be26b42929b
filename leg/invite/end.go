package invite

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"tandem/call"
	"tandem/sip"
	"tandem/sip/dialog"
)

// invite sends the INVITE of an outgoing leg.
func (l *Leg) invite(inv dialog.Invite) error {
	offer, err := l.media.Offer()
	if err != nil {
		return call.Refusal(call.Congestion, err)
	}
	inv.SDP, inv.On = offer, l.post
	if !inv.Request.Has("Call-ID") {
		inv.Request.Add("Call-ID", sip.NewCallID())
	}
	l.stack.tell(l, inv.Request)
	if l.session, err = l.stack.Core.Invite(inv); err != nil {
		return call.Refusal(call.NetworkFailure, fmt.Errorf("send the INVITE: %w", err))
	}
	l.stack.legs.Store(l.session, l)
	return nil
}

// refused ends a leg whose INVITE was never sent.
func (l *Leg) refused(err error) {
	l.log.Warn("call not placed", "err", err)
	end := call.Ended{Cause: call.NetworkFailure, Text: err.Error()}
	if r, ok := err.(*call.RefusalError); ok {
		end.Cause = r.Cause
	}
	l.end = &end
	l.finish()
}

// transferGrace is how long a transferor has to hang up by itself once it knows
// that its transfer worked, as most phones do.
const transferGrace = 500 * time.Millisecond

// bye is posted when the grace is over.
type bye struct{}

// hangup ends the session for the reason given; the first one counts. For the call
// the leg is over with that (RFC 3261 §15.1.1): nobody need wait until a far end that
// is not there any more has been given up, 32 s later. If an answer crosses our
// CANCEL, the session hangs it up.
func (l *Leg) hangup(end call.Ended) {
	if l.end != nil {
		return
	}
	l.end = &end
	switch {
	case l.incoming && !l.accepted:
		l.session.Reject(status(end), "", rejectHeaders(end)...)
	case end.Cause == call.TransferDone && l.told: // let the outcome of its transfer arrive first
		time.AfterFunc(transferGrace, func() { l.box.Post(bye{}) })
	case l.incoming, l.answered:
		l.bye(end.Cause)
	default:
		l.session.Cancel(reason(end.Cause))
		l.leave()
	}
}

// bye hangs up an answered session.
func (l *Leg) bye(why call.Cause) {
	l.session.Bye(reason(why))
	l.leave()
}

// status is what a caller gets who has not been answered.
func status(end call.Ended) int { return end.Cause.SIP() }

// rejectHeaders carry the sentence a person can act on (RFC 3261 §20.43, RFC 3326).
func rejectHeaders(end call.Ended) []sip.Header {
	sentence := end.Cause.Sentence()
	hs := []sip.Header{{Name: "Warning", Value: "399 tandem " + sip.Quote(sentence)}, reason(end.Cause)}
	retry := end.Retry
	if retry == 0 && end.Cause.SIP() == 503 {
		retry = 30 * time.Second
	}
	if retry > 0 {
		hs = append(hs, sip.Header{Name: "Retry-After", Value: strconv.Itoa(int((retry + time.Second - 1) / time.Second))})
	}
	return hs
}

// reason is the Reason header of a BYE or CANCEL (RFC 3326).
func reason(c call.Cause) sip.Header {
	if c == call.AnsweredElsewhere {
		return dialog.Reason{Protocol: "SIP", Cause: 200, Text: "Call completed elsewhere"}.Header()
	}
	return dialog.Reason{Protocol: "Q.850", Cause: c.Q850(), Text: c.Sentence()}.Header()
}

// theyRefused notes why the far end did not take our call; Ended follows.
func (l *Leg) theyRefused(ev dialog.Refused) {
	if l.end != nil {
		return
	}
	end := call.Ended{Cause: call.CauseOfSIP(ev.Status), Text: refusalText(ev)}
	if l.opt.CauseOf != nil {
		if c, ok := l.opt.CauseOf(ev.Message); ok {
			end.Cause = c
		}
	}
	if s, err := strconv.Atoi(strings.TrimSpace(firstWord(ev.Message.Get("Retry-After")))); err == nil && s > 0 && s < 86400 {
		end.Retry = time.Duration(s) * time.Second
	}
	if ev.Status >= 300 && ev.Status < 400 && l.opt.Forward {
		end.Forward = l.forward(ev.Message)
	}
	l.end = &end
}

// forward is where a phone wants its calls to go instead: the alias of the first
// Contact of its 3xx. Only the dial plan is asked for it; no address that a far
// end names is ever called as it is.
func (l *Leg) forward(m *sip.Message) string {
	all, err := m.Contacts()
	if err != nil || len(all) == 0 || l.opt.Alias == nil {
		return ""
	}
	switch all[0].URI.Scheme {
	case "sip", "sips", "tel":
		return l.opt.Alias(all[0].URI)
	}
	return ""
}

// refusalText prefers the far end's own sentence to its status line.
func refusalText(ev dialog.Refused) string {
	line := strings.TrimSpace(strconv.Itoa(ev.Status) + " " + ev.Reason)
	if _, text, ok := strings.Cut(ev.Message.Get("Warning"), `"`); ok {
		return line + ": " + strings.TrimSuffix(text, `"`)
	}
	return line
}

func firstWord(s string) string {
	if i := strings.IndexAny(s, " ;("); i >= 0 {
		return s[:i]
	}
	return s
}

// theyEnded closes the leg: the session is over.
func (l *Leg) theyEnded(ev dialog.Ended) {
	if l.end == nil {
		end := endOf(ev)
		l.end = &end
	}
	l.finish()
}

// endOf translates why a session ended without our doing.
func endOf(ev dialog.Ended) call.Ended {
	end := call.Ended{Text: errText(ev.Err)}
	for _, r := range ev.Reasons {
		if r.Text != "" {
			end.Text = r.Text
		}
	}
	switch ev.Cause {
	case dialog.RemoteBye:
		end.Cause = reasonCause(ev.Reasons, call.NormalClearing)
	case dialog.RemoteCancel:
		end.Cause = reasonCause(ev.Reasons, call.Cancelled)
	case dialog.TheyRefused, dialog.WeRefused:
		end.Cause = call.CauseOfSIP(ev.Status)
	case dialog.NoAnswer:
		end.Cause = call.Unreachable
	case dialog.NoAck, dialog.Gone, dialog.SessionExpired, dialog.FlowGone:
		end.Cause = call.NetworkFailure
		if end.Text == "" {
			end.Text = ev.Cause.String()
		}
	case dialog.CoreClosed:
		end.Cause = call.Shutdown
	case dialog.Broken:
		end.Cause = call.ProtocolError
	}
	return end
}

// reasonCause reads what a BYE or CANCEL says beyond being one (RFC 3326).
func reasonCause(reasons []dialog.Reason, plain call.Cause) call.Cause {
	for _, r := range reasons {
		switch {
		case strings.EqualFold(r.Protocol, "SIP") && r.Cause == 200 && plain == call.Cancelled:
			return call.AnsweredElsewhere
		case strings.EqualFold(r.Protocol, "Q.850"):
			if c, ok := call.CauseOfQ850(r.Cause); ok {
				return c
			}
		}
	}
	return plain
}

// finish ends the leg after its session.
func (l *Leg) finish() {
	l.over = true
	if l.session != nil {
		l.stack.forget(l.session)
	}
	l.box.Close()
	l.leave()
}

// leave lets go of the media and says the last word, once. The session may live on
// until its BYE is answered.
func (l *Leg) leave() {
	if l.gone.Swap(true) {
		return
	}
	l.media.Close()
	if l.opt.OnEnd != nil {
		l.opt.OnEnd(*l.end)
	}
	l.emit(*l.end)
	close(l.events)
}
