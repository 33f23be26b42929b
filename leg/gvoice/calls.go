package gvoice

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"tandem/call"
	"tandem/leg/invite"
	"tandem/media/dtmf"
	"tandem/media/sdp"
	"tandem/media/transport"
	"tandem/sip"
	"tandem/sip/dialog"
)

// surviveFlow is how long a call lives on without its signalling connection: a
// reconnect with back-off and a REGISTER fit into it.
const surviveFlow = 60 * time.Second

// Dial places a call over the account named d.Target.
func (c *Connector) Dial(ctx context.Context, d call.Destination, from call.Request) (call.Leg, error) {
	l := c.line(d.Target)
	if l == nil {
		return nil, call.Refusal(call.NoRoute, fmt.Errorf("there is no Google Voice account %q", d.Target))
	}
	to, err := c.dialled(d.To)
	if err != nil {
		return nil, err
	}
	b, err := l.ready()
	if err != nil {
		return nil, err
	}
	number := l.profile.Dial.Render(to)
	opt := l.options(number)
	preferring(from.Codecs)(&opt.Media)
	opt.Media.Beside = from.Loop
	opt.CauseOf = causeOf
	leg, err := c.stack.Out(ctx, opt, dialog.Invite{Flow: b.flow, Request: l.invite(b, number, from), Timer: timer, SurviveFlow: surviveFlow})
	if err != nil {
		l.calls.Add(-1)
		return nil, err
	}
	return leg, nil
}

// timer asks for refreshes as the web edge does; the telephony edge has not
// been seen to know session timers (GV-C17).
var timer = dialog.SessionTimer{Expires: 90 * time.Second, Min: 90 * time.Second}

// ready claims a call on the account, or says why it cannot be had.
func (l *line) ready() (*binding, error) {
	b := l.bound.Load()
	if b == nil || !b.live(time.Now()) {
		s := l.snapshot()
		retry := max(time.Until(s.Next), 5*time.Second)
		if s.Next.IsZero() || s.State == Connecting || s.State == Registering {
			retry = 5 * time.Second
		}
		r := &call.RefusalError{Err: fmt.Errorf("the Google Voice account %s is not registered (%s): %s", l.account.Name, s.State, orNone(s.Problem))}
		r.Cause, r.Retry = call.Unavailable, retry
		return nil, r
	}
	if n := l.calls.Add(1); l.account.MaxCalls > 0 && int(n) > l.account.MaxCalls {
		l.calls.Add(-1)
		return nil, call.Refusal(call.Congestion, fmt.Errorf("the Google Voice account %s has its %d calls", l.account.Name, l.account.MaxCalls))
	}
	return b, nil
}

func orNone(s string) string {
	if s == "" {
		return "still connecting"
	}
	return s
}

// invite builds the INVITE: every Service-Route as Route in its order, the
// identity Google gave us, our AOR as From (GV-C5, GV-C7). No proxy is shown.
func (l *line) invite(b *binding, number string, from call.Request) *sip.Message {
	uri := sip.URI{Scheme: "sip", User: sip.EscapeUser(number), Host: l.profile.Registrar}
	aor := sip.URI{Scheme: "sip", User: sip.EscapeUser(l.account.user()), Host: l.profile.Registrar}
	m := sip.NewRequest("INVITE", uri)
	for _, r := range b.routes {
		m.Add("Route", r)
	}
	m.Add("P-Preferred-Identity", b.identity)
	m.Add("From", sip.Address{URI: aor}.String())
	m.Add("To", sip.Address{URI: uri}.String())
	m.Add("Supported", inviteSupported)
	if hops := from.Hops; hops > 1 {
		m.Add("Max-Forwards", fmt.Sprint(min(hops-1, 70)))
	}
	return m
}

// options is what the legs of the account have in common. The account's count
// of calls was raised for it; OnEnd lowers it.
func (l *line) options(remote string) invite.Options {
	a := &l.account
	return invite.Options{
		Info: call.Info{ID: call.NewID(), Connector: Name, Via: a.Name, Remote: remote},
		Media: transport.Options{
			Capabilities: capabilities(a), IPv4Only: a.IPv4Only, STUN: a.STUN, ExtraHost: a.PublicIP,
			FillSilence: true, // GV-C16
			Timeout:     l.pace.timing.Media,
		},
		DigitType: dtmf.TypeRelay,
		OnEnd:     func(call.Ended) { l.calls.Add(-1) },
	}
}

// causeOf reads Google's own ways to refuse (GV-C25).
func causeOf(m *sip.Message) (call.Cause, bool) {
	if m.Status == 603 && strings.Contains(strings.ToLower(m.Reason), "media inactivity") {
		return call.MediaTimeout, true
	}
	return 0, false
}

// onInvite takes a call to an account's number.
func (c *Connector) onInvite(s *dialog.Session) {
	l, ok := c.bondOf(s.Flow())
	req := s.Request()
	if !ok {
		s.Reject(404, "")
		return
	}
	s.Trying() // Google's trace has the 100 first (GV-C18)
	if v, _ := req.URI.Params.Get("line"); v != l.token {
		l.log.Warn("call to a Contact that is not ours refused", "uri", req.URI.String())
		s.Reject(404, "")
		return
	}
	who := callerOf(req)
	l.calls.Add(1)
	opt := l.options(orPrivate(who.number))
	offer := invite.ReadOffer(req.Body)
	leg, err := c.stack.In(c.legCtx, opt, s, offer)
	if err != nil {
		l.calls.Add(-1)
		l.log.Warn("call refused", "from", opt.Info.Remote, "err", err)
		s.Reject(refusalStatus(err), "")
		return
	}
	s.SurviveFlow(surviveFlow)
	c.incoming(call.Request{
		Connector: Name, Via: l.account.Name, From: who.number, FromName: who.name, Private: who.private,
		To: l.account.Number, URI: req.URI.String(), Protocol: call.ProtocolVoice, At: time.Now(), Codecs: offer.Codecs(opt.Media.Capabilities.Audio), Header: req.Values,
	}, leg)
}

func orPrivate(number string) string {
	if number == "" {
		return "anonymous"
	}
	return number
}

// refusalStatus is the SIP status for an offer we cannot take.
func refusalStatus(err error) int {
	var e *sdp.Error
	if errors.As(err, &e) {
		return e.Status
	}
	return 503
}
