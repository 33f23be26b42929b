package sipua

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"tandem/leg/invite"
	"tandem/sip"
	"tandem/sip/flow"
)

// everywhere adds to our own contacts of a device those that it has on other
// machines, and leaves out those that have moved there. When the store does not
// answer it is ours alone.
func (c *Connector) everywhere(ctx context.Context, device string, ours []*contact) []*contact {
	if c.Inner == nil {
		return ours
	}
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	all, err := c.Inner.Nodes.Contacts(ctx, device)
	if err != nil {
		c.Log.Warn("the store does not tell where else the device is registered", "device", device, "err", err)
		return ours
	}
	moved := make(map[string]bool)
	var away []*contact
	now := time.Now()
	for _, b := range all {
		if b.Node == c.Node || !now.Before(b.Expires) {
			continue
		}
		moved[b.Key] = true
		if k := c.awayContact(b); k != nil {
			away = append(away, k)
		}
	}
	out := away
	for _, k := range ours {
		if !moved[k.Key] {
			out = append(out, k)
		}
	}
	return out
}

// awayContact is a contact on another machine: through that machine while it lives.
// A phone over UDP is tried directly when it does not; a connection died with it.
func (c *Connector) awayContact(b Binding) *contact {
	a, err := sip.ParseAddress(b.Contact)
	if err != nil {
		return nil
	}
	a.URI.Headers = ""
	k := &contact{Binding: b, addr: a}
	if to, ok := c.Inner.Nodes.Reach(b.Node); ok && b.Token != "" {
		u := sip.URI{Scheme: "sip", Host: to.Host, Port: to.Port, Params: ";transport=tls"}
		k.Path = append([]string{hopURI(u, b.Token, "")}, b.Path...)
		k.connect = func(ctx context.Context) (*flow.Flow, error) {
			f, err := c.reach(ctx, b.Node)
			if err == nil || b.Network != "udp" {
				return f, err
			}
			k.Path = b.Path // it may be dead, and nobody has noticed yet
			return c.direct(ctx, b)
		}
		return k
	}
	if b.Network != "udp" {
		return nil
	}
	k.connect = func(ctx context.Context) (*flow.Flow, error) { return c.direct(ctx, b) }
	return k
}

// direct is the way to a phone over UDP past the machine that it has registered with.
func (c *Connector) direct(ctx context.Context, b Binding) (*flow.Flow, error) {
	remote, err := netip.ParseAddrPort(b.Remote)
	if err != nil {
		return nil, err
	}
	return c.net.Dial(ctx, flow.Target{Network: "udp", Addr: remote})
}

// flow is the connection to ring the contact on.
func (k *contact) flow(ctx context.Context) (*flow.Flow, error) {
	if k.connect == nil {
		return k.path, nil
	}
	f, err := k.connect(ctx)
	if err != nil {
		return nil, err
	}
	if f == nil {
		return nil, errors.New("there is no connection")
	}
	return f, nil
}

// amend makes the options of a leg what they would be on the phone's own connection.
func (k *contact) amend(opt *invite.Options, d *device) {
	if k.connect == nil {
		return
	}
	if remote, err := netip.ParseAddrPort(k.Remote); err == nil {
		opt.Media.Remote = remote.Addr().Unmap()
	}
	if !k.browser() {
		return
	}
	video := opt.Media.Capabilities.Video
	kbits := opt.Media.Capabilities.Bitrate
	opt.Media.Capabilities = capabilities(d.Encrypt, d.Codecs, true, true)
	opt.Media.Capabilities.Video, opt.Media.Capabilities.Bitrate, opt.Media.Capabilities.WebRTC = video, kbits, true
}

// browser reports whether the phone speaks SIP over a WebSocket.
func (k *contact) browser() bool { return k.Network == "ws" || k.Network == "wss" }

// host is what stands for the gateway toward the contact.
func (k *contact) host(b *book, f *flow.Flow) string {
	if k.connect == nil || b.domain != "" {
		return b.host(f)
	}
	local, err := netip.ParseAddrPort(k.Local)
	if err != nil {
		return b.host(f)
	}
	return local.Addr().Unmap().String()
}
