package sipua

import (
	"context"
	"strings"

	"tandem/call"
	"tandem/media/sdp"
	"tandem/sip"
	"tandem/sip/dialog"
	"tandem/sip/flow"
)

// A ringing is the leg to one contact of a device. A telephone that takes nothing
// but encrypted calls refuses an RTP/AVP offer even when keys are in it (RFC 8643
// is not known everywhere); unless the configuration says how the device encrypts,
// it is then asked again with its own profile, and the answer remembered.
type ringing struct {
	series
	device  *device
	contact *contact
	to      string // as dialled
	from    call.Request
}

// ring makes the leg to one contact.
func (c *Connector) ring(ctx context.Context, d *device, k *contact, to string, from call.Request, ended func(call.Ended)) call.Leg {
	r := &ringing{
		series: series{c: c, info: call.Info{ID: call.NewID(), Connector: Name, Via: d.Name}},
		device: d, contact: k, to: to, from: from,
	}
	u, _ := r.called()
	r.info.Remote = sip.URI{Scheme: u.Scheme, User: u.User, Host: u.Host, Port: u.Port}.String()
	r.begin(ctx, r.run, ended)
	c.count.out.Add(1)
	return r
}

// run rings with one encryption after the other.
func (r *ringing) run(ctx, seek context.Context) call.Ended {
	f, err := r.contact.flow(seek)
	if err != nil {
		return r.failed(call.Unreachable, err)
	}
	ways := r.ways()
	refused := call.Ended{Cause: call.MediaFailed} // as the device said at first
	for i, e := range ways {
		opt := r.c.options(r.device, nil, f, true)
		r.contact.amend(&opt, r.device)
		opt.Info = r.info
		if e != Optional {
			insist(&opt.Media.Capabilities, e, r.device.Codecs)
		}
		prefer(&opt, r.from, r.device.shares.Load())
		inv := dialog.Invite{Flow: f, Request: r.invite(f), Timer: r.c.core.Timer}
		if r.contact.connect != nil && f.Reliable() {
			inv.SurviveFlow = innerSurvives
		}
		l, err := r.out(ctx, opt, inv)
		if err != nil {
			return r.failed(call.NetworkFailure, err)
		}
		end, heard := r.follow(l)
		if heard && i > 0 {
			r.device.insists.Store(&e)
		}
		if heard || r.over() || !otherMedia(end.Cause, i) {
			return end
		}
		if i == 0 {
			refused = end
		}
		if i == len(ways)-1 {
			break
		}
		r.c.Log.Info("the device refused the media offered, it is asked again", "device", r.device.Name, "encrypt", ways[i+1])
	}
	return refused
}

// otherMedia says whether a device that refused with cause may take other media.
// Who has refused one kind with 488 may refuse the next in other words: pjsip without
// DTLS answers 480 (Failed creating media transport).
func otherMedia(cause call.Cause, retries int) bool {
	switch cause {
	case call.MediaFailed:
		return true
	case call.NoAnswer, call.Unavailable, call.ProtocolError:
		return retries > 0
	}
	return false
}

// insist makes another encryption the only one that is offered.
func insist(caps *sdp.Capabilities, e Encryption, codecs []string) {
	other := capabilities(e, codecs, false, true)
	other.Video, other.Content, other.Bitrate = caps.Video, caps.Content, caps.Bitrate
	*caps = other
}

// ways are the kinds of encryption to try, in order; Optional is whatever the
// configuration says.
func (r *ringing) ways() []Encryption {
	switch {
	case r.contact.browser():
		return []Encryption{Optional}
	case r.device.Encrypt == DTLS:
		return []Encryption{DTLS, dtlsAVP}
	case r.device.Encrypt != Optional:
		return []Encryption{Optional}
	}
	if e := r.device.insists.Load(); e != nil {
		return []Encryption{*e, Optional}
	}
	return []Encryption{Optional, DTLS, dtlsAVP, SDES} // phones with DTLS may take the profile of SDES for theirs
}

// invite builds the INVITE of the call.
func (r *ringing) invite(f *flow.Flow) *sip.Message {
	host := r.contact.host(r.c.book.Load(), f)
	uri, user := r.called()
	m := sip.NewRequest("INVITE", uri)
	for _, p := range r.contact.Path {
		m.Add("Route", p)
	}
	m.Add("To", sip.Address{URI: sip.URI{Scheme: "sip", User: user, Host: host}}.String())
	present(m, identity(r.from.From, r.from.FromName, host), r.from.Private, !r.from.Private)
	if r.device.RPID && r.from.From != "" {
		m.Add("Remote-Party-ID", remoteParty(identity(r.from.From, r.from.FromName, host), r.from.Private))
	}
	forward(m, r.from.Hops)
	return m
}

// called is the Request-URI, and the user that To names.
func (r *ringing) called() (uri sip.URI, user string) {
	uri, user = r.contact.addr.URI, sip.EscapeUser(r.device.Name)
	if number := r.device.number(r.to); number != "" {
		user = sip.EscapeUser(number)
		uri.User = user
	}
	return uri, user
}

// number is what was dialled, in digits as trunks get it, for a device that wants to
// know; "" when it does not, or was called by its name.
func (d *device) number(to string) string {
	to, _, _ = strings.Cut(to, "@")
	if d.Dial != "number" || to == d.Name {
		return ""
	}
	return strings.TrimPrefix(to, "+")
}
