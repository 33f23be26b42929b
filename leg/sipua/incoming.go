package sipua

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"tandem/call"
	"tandem/leg/invite"
	"tandem/media/sdp"
	"tandem/sip"
	"tandem/sip/dialog"
	"tandem/sip/flow"
)

// onInvite takes a call of a device, a trunk or a guest.
func (c *Connector) onInvite(s *dialog.Session) {
	f, req := s.Flow(), s.Request()
	on := c.served.Load()
	if on == nil {
		s.Reject(503, "", sip.Header{Name: "Retry-After", Value: "5"})
		return
	}
	if p := c.peerOf(f); p != nil {
		c.fromPeer(on, p, s)
		return
	}
	who, no := c.caller(f, req)
	if no != nil {
		s.Reject(no.status, no.reason, no.headers...)
		return
	}
	r, no := c.request(who, s)
	if no == nil {
		no = who.claim()
	}
	if no != nil {
		s.Reject(no.status, no.reason, no.headers...)
		return
	}
	c.count.in.Add(1)
	opt := c.options(who.device, who.trunk, f, false)
	opt.Info.Remote = remoteOf(who, r)
	opt.OnEnd = func(e call.Ended) {
		who.release()
		if who.device == nil && who.trunk == nil {
			c.scanned(f, r.To, e.Cause)
		}
	}
	offer := invite.ReadOffer(req.Body)
	r.Codecs = offer.Codecs(opt.Media.Capabilities.Audio)
	if len(r.Codecs) > 0 {
		r.Codec = r.Codecs[0]
	}
	r.Videos, r.VideoLimits = offer.Videos(opt.Media.Capabilities.Video)
	r.Video = len(r.Videos) > 0 || len(req.Body) == 0 && len(opt.Media.Capabilities.Video) > 0 // a late offer may have a picture
	r.Screen = offer.Screen() && len(opt.Media.Capabilities.Content) > 0
	if r.Screen && who.device != nil {
		who.device.shares.Store(true)
	}
	leg, err := c.stack.In(on.ctx, opt, s, offer)
	if err != nil {
		who.release()
		c.Log.Warn("call refused", "via", who.via, "from", r.From, "to", r.To, "err", err)
		s.Reject(offerStatus(err), "", warning(err))
		return
	}
	on.incoming(r, leg)
}

// scanned counts the call of a guest that led nowhere: who tries many numbers looks
// for one that costs somebody money.
func (c *Connector) scanned(f *flow.Flow, to string, why call.Cause) {
	switch why {
	case call.NoRoute, call.UnknownNumber, call.InvalidNumber, call.Forbidden, call.MeetingUnknown:
	default:
		return
	}
	n, out := c.guard.failed(c.book.Load().conf.Guard, f.Remote(), c.reg.known(f.Remote().Addr()), time.Now())
	c.Log.Warn("number that leads nowhere", "to", to, "from", f.Remote(), "failures", n)
	if out {
		c.shut(f.Remote(), n)
	}
}

// fromPeer takes a call that another machine sends us.
func (c *Connector) fromPeer(on *served, p *peer, s *dialog.Session) {
	r, no := c.between(p, s)
	if no != nil {
		s.Reject(no.status, no.reason, no.headers...)
		return
	}
	c.count.in.Add(1)
	opt := c.options(nil, nil, s.Flow(), false)
	opt.Media.Capabilities.Video, opt.Media.Capabilities.Content = nil, nil
	opt.Info.Via, opt.Info.Remote = p.node, r.From
	offer := invite.ReadOffer(s.Request().Body)
	r.Codecs = offer.Codecs(opt.Media.Capabilities.Audio)
	if len(r.Codecs) > 0 {
		r.Codec = r.Codecs[0]
	}
	leg, err := c.stack.In(on.ctx, opt, s, offer)
	if err != nil {
		c.Log.Warn("call of another machine refused", "node", p.node, "from", r.From, "to", r.To, "err", err)
		s.Reject(offerStatus(err), "", warning(err))
		return
	}
	s.SurviveFlow(innerSurvives)
	on.incoming(r, leg)
}

// request is what routing may know of the call.
func (c *Connector) request(who *caller, s *dialog.Session) (call.Request, *denial) {
	f, req := s.Flow(), s.Request()
	b := c.book.Load()
	r := call.Request{Connector: Name, Via: who.via, Registered: who.device != nil, To: b.alias(f, req.URI), URI: req.URI.String(), Hops: hops(req), Protocol: protocolOf(f), Source: f.Remote().Addr(), At: time.Now(), Header: req.Values}
	if who.device != nil {
		r.Tag = who.device.Tag
	}
	if who.trunk != nil {
		if to := who.trunk.dialled(req); to != "" {
			r.To = to
		}
	}
	switch {
	case r.To == "":
		return r, deny(484, "")
	case spent(req): // a call always goes on from here
		return r, deny(483, "")
	}
	r.From, r.FromName, r.Private = c.identityOf(who, f, req)
	if old := s.Replaces(); old != nil && who.via != "" {
		id, ok := c.stack.LegOf(old)
		if !ok {
			return r, deny(481, "")
		}
		r.Takes = id
	}
	return r, nil
}

// protocolOf is what the dial plan calls a flow's transport: who comes by a WebSocket
// is a browser.
func protocolOf(f *flow.Flow) string {
	switch f.Network() {
	case "ws", "wss":
		return call.ProtocolWebRTC
	}
	return call.ProtocolSIP
}

func remoteOf(who *caller, r call.Request) string {
	switch {
	case who.device != nil:
		return "sip:" + who.device.Name
	case r.From == "":
		return "anonymous"
	}
	return r.From
}

// claim counts the call in, or says why there may be none.
func (w *caller) claim() *denial {
	if w.calls == nil {
		return nil
	}
	if n := w.calls.Add(1); w.limit > 0 && int(n)+w.away > w.limit {
		w.calls.Add(-1)
		no := deny(503, "Too many calls")
		no.headers = append(no.headers, sip.Header{Name: "Retry-After", Value: "10"})
		return no
	}
	return nil
}

func (w *caller) release() {
	if w.calls != nil {
		w.calls.Add(-1)
	}
}

// hops is Max-Forwards; 0 when it is not told.
func hops(req *sip.Message) int {
	n, err := strconv.ParseUint(strings.TrimSpace(req.Get("Max-Forwards")), 10, 8)
	if err != nil {
		return 0
	}
	return int(n)
}

// offerStatus is the SIP status for an offer we cannot take.
func offerStatus(err error) int {
	var e *sdp.Error
	if errors.As(err, &e) {
		return e.Status
	}
	return 503
}

// warning tells the caller in words (RFC 3261 §20.43).
func warning(err error) sip.Header {
	return sip.Header{Name: "Warning", Value: "399 tandem " + sip.Quote(err.Error())}
}
