package sipua

import (
	"context"
	"encoding/hex"
	"fmt"
	"strings"

	"tandem/call"
	"tandem/sip"
	"tandem/sip/dialog"
)

// innerHost stands for the cluster in From and To between its machines.
const innerHost = "cluster.tandem.invalid"

// overParam names, in a Request-URI between machines, the Google Voice account
// that a call is to go out over, in hexadecimal.
const overParam = "tandem-account"

// A Holder tells which other machine holds an account; but is one that was asked and
// did not take the call. It may ask the store.
type Holder func(ctx context.Context, but string) (node string, ok bool)

// DialNode places a call over a Google Voice account that another machine holds.
// holder is asked which one, again when the first does not take it.
func (c *Connector) DialNode(ctx context.Context, account, to string, from call.Request, holder Holder) (call.Leg, error) {
	if c.Inner == nil || c.served.Load() == nil {
		return nil, call.Refusal(call.Unavailable, fmt.Errorf("this machine has no connections to others"))
	}
	if from.Hops == 1 {
		return nil, call.Refusal(call.LoopDetected, fmt.Errorf("the call has no hops left"))
	}
	l := &between{
		series:  series{c: c, info: call.Info{ID: call.NewID(), Connector: Name, Via: account, Remote: to}},
		account: account, to: to, from: from, holder: holder,
	}
	l.begin(ctx, l.run, func(call.Ended) {})
	c.count.out.Add(1)
	return l, nil
}

// between is the leg of a call that goes out over an account of another machine.
type between struct {
	series
	account, to string
	from        call.Request
	holder      Holder
}

func (l *between) run(ctx, seek context.Context) call.Ended {
	asked := ""
	end := call.Ended{Cause: call.Unavailable, Text: "no machine holds the Google Voice account " + l.account + " at the moment"}
	for {
		node, ok := l.holder(seek, asked)
		if !ok || node == asked || l.over() {
			return l.ended(end)
		}
		asked = node
		f, err := l.c.reach(seek, node)
		if err != nil {
			end = l.failed(call.Unavailable, err)
			continue
		}
		opt := l.c.options(nil, nil, f, true)
		opt.Info = l.info
		prefer(&opt, l.from, false)
		opt.Media.Capabilities.Video, opt.Media.Capabilities.Content = nil, nil
		leg, err := l.out(ctx, opt, dialog.Invite{Flow: f, Request: l.invite(), Timer: l.c.core.Timer, SurviveFlow: innerSurvives})
		if err != nil {
			return l.failed(call.NetworkFailure, err)
		}
		var heard bool
		end, heard = l.follow(leg)
		if heard || end.Cause != call.Unavailable && end.Cause != call.NetworkFailure {
			return end
		}
	}
}

// ended is end, unless the call has hung up.
func (l *between) ended(end call.Ended) call.Ended {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.end != nil {
		return *l.end
	}
	return end
}

// invite keeps who calls, name and wish for privacy: the far end is one of us.
func (l *between) invite() *sip.Message {
	uri := l.c.innerContact()
	uri.Host, uri.Port, uri.User = innerHost, 0, sip.EscapeUser(l.to)
	uri.Params = uri.Params.With(overParam, hex.EncodeToString([]byte(l.account)))
	m := sip.NewRequest("INVITE", uri)
	m.Add("To", sip.Address{URI: sip.URI{Scheme: "sip", User: uri.User, Host: innerHost}}.String())
	present(m, identity(l.from.From, l.from.FromName, innerHost), l.from.Private, true)
	forward(m, l.from.Hops)
	return m
}

// between is what routing may know of a call that another machine sends us.
func (c *Connector) between(p *peer, s *dialog.Session) (call.Request, *denial) {
	req := s.Request()
	code, _ := req.URI.Params.Get(overParam)
	account, err := hex.DecodeString(code)
	if err != nil || len(account) == 0 {
		return call.Request{}, deny(404, "No account is named")
	}
	r := call.Request{
		Connector: Name, Via: p.node, To: sip.Unescape(req.URI.User), Over: string(account), Hops: hops(req),
	}
	switch {
	case r.To == "":
		return r, deny(484, "")
	case spent(req):
		return r, deny(483, "")
	}
	r.From, r.FromName, r.Private = innerIdentity(req)
	return r, nil
}

// innerIdentity is who calls, as the other machine was told.
func innerIdentity(req *sip.Message) (from, name string, private bool) {
	private = wantsPrivacy(req)
	addr, err := req.From()
	if ids, e := req.Addresses("P-Asserted-Identity"); e == nil && len(ids) > 0 {
		addr, err = ids[0], nil
	}
	if err != nil || strings.EqualFold(addr.URI.User, "anonymous") {
		return "", "", true
	}
	from = sip.Unescape(addr.URI.User)
	if addr.URI.Host != innerHost {
		from += "@" + addr.URI.Host
	}
	return from, cleanName(addr.Display), private
}
