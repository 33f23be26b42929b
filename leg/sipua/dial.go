package sipua

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"tandem/call"
	"tandem/leg/invite"
	"tandem/sip"
	"tandem/sip/flow"
)

// Dial calls a device, all of whose contacts ring, or places a call over a trunk.
func (c *Connector) Dial(ctx context.Context, d call.Destination, from call.Request) (call.Leg, error) {
	b := c.book.Load()
	if b == nil || c.served.Load() == nil {
		return nil, call.Refusal(call.Shutdown, fmt.Errorf("the SIP side does not run"))
	}
	if from.Hops == 1 {
		return nil, call.Refusal(call.LoopDetected, fmt.Errorf("the call has no hops left"))
	}
	if d.External {
		return c.dialExternal(ctx, b, d, from)
	}
	target := d.Target
	if target == "" {
		target = d.To
	}
	if dev := b.devices[target]; dev != nil {
		return c.dialDevice(ctx, dev, d.To, from)
	}
	if t := b.trunks[target]; t != nil {
		return c.dialTrunk(ctx, t, d.To, from)
	}
	return nil, call.Refusal(call.NoRoute, fmt.Errorf("there is no device or trunk %q", target))
}

// Pictures says that calls of this connector may have pictures.
func (c *Connector) Pictures() bool { return true }

// dialDevice rings the contacts of a device in parallel.
func (c *Connector) dialDevice(ctx context.Context, d *device, to string, from call.Request) (call.Leg, error) {
	contacts := c.everywhere(ctx, d.Name, c.reg.contacts(d.Name, time.Now()))
	if len(contacts) == 0 {
		return nil, call.Refusal(call.Unreachable, fmt.Errorf("the device %s is not registered", d.Name))
	}
	if n := d.calls.Add(1); int(n)+c.elsewhere(d.Name) > d.maxCalls() {
		d.calls.Add(-1)
		return nil, call.Refusal(call.Busy, fmt.Errorf("the device %s has a call and takes no second one", d.Name))
	}
	var waiting atomic.Int32 // contacts that have not ended
	waiting.Store(int32(len(contacts)))
	ended := func(call.Ended) {
		if waiting.Add(-1) == 0 {
			d.calls.Add(-1)
		}
	}
	var legs []call.Leg
	for _, k := range contacts {
		legs = append(legs, c.ring(ctx, d, k, to, from, ended))
	}
	if len(legs) == 1 {
		return legs[0], nil
	}
	return call.Fork(legs), nil
}

// prefer offers first what the caller offers first, so that nothing needs transcoding.
//
// A shared screen is offered to whom the caller could show one, and to whom has offered one
// itself (shares): many a telephone cannot read two m=video.
func prefer(opt *invite.Options, from call.Request, shares bool) {
	opt.Media.Capabilities.Audio = invite.Preferring(opt.Media.Capabilities.Audio, from.Codecs)
	opt.Media.Beside = from.Loop
	caps := &opt.Media.Capabilities
	if !from.Video {
		caps.Video, caps.Content = nil, nil // who has no picture is not shown one
		return
	}
	if !from.Screen && !shares {
		caps.Content = nil
	}
	caps.VideoLimits = from.VideoLimits
	if len(from.Videos) > 0 {
		caps.Video = invite.PreferringVideo(caps.Video, from.Videos)
		caps.Content = invite.PreferringVideo(caps.Content, from.Videos)
	}
}

// identity is how a caller is written: a number or name at our domain, user@host
// as it is.
func identity(from, name, domain string) sip.Address {
	user, host, ok := strings.Cut(from, "@")
	if !ok {
		host = domain
	}
	if user == "" {
		user = "anonymous"
	}
	return sip.Address{Display: name, URI: sip.URI{Scheme: "sip", User: sip.EscapeUser(user), Host: host}}
}

// present writes who calls into an INVITE. A caller that withholds its identity is
// anonymous in From (RFC 3323 §4.1); assert adds P-Asserted-Identity, for those
// that we trust to keep it to themselves (RFC 3325 §7).
func present(m *sip.Message, who sip.Address, private, assert bool) {
	if assert && who.URI.User != "anonymous" {
		m.Add("P-Asserted-Identity", who.String())
	}
	if private {
		who = sip.Address{Display: "Anonymous", URI: sip.URI{Scheme: "sip", User: "anonymous", Host: "anonymous.invalid"}}
		m.Add("Privacy", "id")
	}
	m.Add("From", who.String())
}

// remoteParty is the draft that many phones know instead of RFC 3325. A withheld
// identity is not shown there either: phones display what they should not.
func remoteParty(who sip.Address, private bool) string {
	if private {
		return `"Anonymous" <sip:anonymous@anonymous.invalid>;party=calling;privacy=full;screen=yes`
	}
	return who.String() + ";party=calling;privacy=off;screen=yes"
}

// forward sets Max-Forwards one lower than the caller's.
func forward(m *sip.Message, hops int) {
	if hops > 1 {
		m.Add("Max-Forwards", strconv.Itoa(min(hops-1, 70)))
	}
}

// elsewhere counts the calls of a device or trunk at other machines.
func (c *Connector) elsewhere(name string) int {
	if c.Elsewhere == nil {
		return 0
	}
	return c.Elsewhere(name)
}

// Counts returns how many calls each device and trunk is in here; who is in none is
// left out.
func (c *Connector) Counts() map[string]int {
	b := c.book.Load()
	if b == nil {
		return nil
	}
	all := make(map[string]int)
	for name, d := range b.devices {
		if n := d.calls.Load(); n > 0 {
			all[name] = int(n)
		}
	}
	for name, t := range b.trunks {
		if n := t.calls.Load(); n > 0 {
			all[name] = int(n)
		}
	}
	return all
}

// dialTrunk places a call over a trunk.
func (c *Connector) dialTrunk(ctx context.Context, t *trunk, to string, from call.Request) (call.Leg, error) {
	if err := t.ready(); err != nil {
		return nil, err
	}
	if n := t.calls.Add(1); t.MaxCalls > 0 && int(n)+c.elsewhere(t.Name) > t.MaxCalls {
		t.calls.Add(-1)
		return nil, call.Refusal(call.Congestion, fmt.Errorf("the trunk %s has its %d calls", t.Name, t.MaxCalls))
	}
	c.count.out.Add(1)
	h := &hunt{
		series: series{c: c, info: call.Info{ID: call.NewID(), Connector: Name, Via: t.Name, Remote: to}},
		trunk:  t, to: to, from: from,
	}
	h.begin(ctx)
	return h, nil
}

// invite builds the INVITE of a call over the trunk.
func (t *trunk) invite(f *flow.Flow, to string, from call.Request) *sip.Message {
	uri := t.server
	uri.User = sip.EscapeUser(t.number(to))
	if t.Domain != "" {
		uri.Host, uri.Port = t.Domain, 0
	}
	if user, host, ok := strings.Cut(to, "@"); ok {
		uri = sip.URI{Scheme: uri.Scheme, User: sip.EscapeUser(user), Host: host}
	}
	m := sip.NewRequest("INVITE", uri)
	m.Add("To", sip.Address{URI: sip.URI{Scheme: uri.Scheme, User: uri.User, Host: uri.Host}}.String())
	number, name := from.From, from.FromName
	if t.CallerID != "" {
		number = t.CallerID
	}
	if number == "" {
		number = t.User
	}
	host := t.domain()
	if !t.Register && t.Domain == "" { // a peer knows us by our own name
		host = t.c.book.Load().host(f)
	}
	who := identity(t.number(number), name, host)
	present(m, who, from.Private, t.Trusted)
	if t.Register {
		m.Add("Contact", sip.Address{URI: t.contact(f)}.String())
	}
	forward(m, from.Hops)
	return m
}

// number writes a telephone number as the trunk wants it.
func (t *trunk) number(s string) string {
	if t.Plus {
		return s
	}
	return strings.TrimPrefix(s, "+")
}
