package sipua

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"

	"tandem/sip"
	"tandem/sip/flow"
)

// A machine that holds the connection of a phone is the way to it for the others
// (RFC 3327): they send their requests to it with a Route that only it understands,
// and it passes them on. It is a stateless proxy (RFC 3261 §16.11) with Record-Route, so that a
// call belongs to the machine that made it alone.
const (
	hopUser   = "hop-"
	hopBranch = "z9hG4bKhop."
)

// toPeer, toSource and toPath say where an answer goes back to: another machine,
// or a contact, by the connection its request came on.
const (
	toPeer   = 'n'
	toSource = 's'
	toPath   = 'p'
)

// pass forwards m when it only goes through here; false when it is for us.
func (c *Connector) pass(f *flow.Flow, m *sip.Message) bool {
	switch {
	case c.Inner == nil:
		return false
	case !m.IsRequest():
		return c.passBack(f, m)
	}
	token, node, ok := hopOf(m)
	if !ok {
		return false
	}
	p := c.peerOf(f)
	switch {
	case p == nil && node != "":
		c.passOut(f, m, token, node)
	case p == nil:
		return false
	default:
		c.passIn(p, m, token)
	}
	return true
}

// hopOf reads the first Route: the token of a contact and, in what phones send, the
// machine the call belongs to.
func hopOf(m *sip.Message) (token, node string, ok bool) {
	line := m.Get("Route")
	if !strings.Contains(line, hopUser) {
		return "", "", false
	}
	first := m.Values("Route")[0]
	a, err := sip.ParseAddress(first)
	if err != nil {
		return "", "", false
	}
	rest, ok := strings.CutPrefix(a.URI.User, hopUser)
	if !ok {
		return "", "", false
	}
	token, code, _ := strings.Cut(rest, "-")
	name, err := hex.DecodeString(code)
	return token, string(name), ok && err == nil && token != ""
}

// hopURI is a Route to the contact; node is whom a phone answers.
func hopURI(base sip.URI, token, node string) string {
	base.User = hopUser + token
	if node != "" {
		base.User += "-" + hex.EncodeToString([]byte(node))
	}
	base.Params += ";lr"
	return "<" + base.String() + ">"
}

// passIn takes another machine's request to a phone of ours.
func (c *Connector) passIn(p *peer, m *sip.Message, token string) {
	k := c.reg.byToken(token)
	if k == nil || k.path.Err() != nil {
		c.bounce(p.flow, m, 430) // RFC 5626 §11.1: the phone's connection is gone
		return
	}
	if m.Method == "INVITE" && !hasTag(m, "To") {
		m.Prepend("Record-Route", hopURI(c.contact(k.path), token, p.node))
	}
	c.forward(p.flow, k.path, m, toPeer, p.name())
}

// inDialog are the methods that a phone may send to another machine.
func inDialog() []string {
	return []string{"INVITE", "ACK", "CANCEL", "BYE", "UPDATE", "PRACK", "INFO", "REFER", "NOTIFY", "OPTIONS"}
}

// passOut takes a phone's request to the machine that its call belongs to. It must
// be within the call: nothing else of a phone's may look like another machine's.
func (c *Connector) passOut(f *flow.Flow, m *sip.Message, token, node string) {
	k := c.reg.byToken(token)
	if k == nil || k.source != f && k.path != f || !hasTag(m, "To") || !slices.Contains(inDialog(), m.Method) {
		c.bounce(f, m, 403)
		return
	}
	back := byte(toPath)
	if k.source == f {
		back = toSource
	}
	if out := c.peerFlow(node); out != nil {
		c.forward(f, out, m, back, token)
		return
	}
	c.stack.Go(func() { // the connection has to be made; that takes a moment
		out, err := c.reach(context.Background(), node)
		if err != nil {
			c.Log.Info("the machine a call belongs to is not reached", "node", node, "method", m.Method, "err", err)
			c.bounce(f, m, 503)
			return
		}
		c.forward(f, out, m, back, token)
	})
}

// peerFlow is a connection with the machine that is there already.
func (c *Connector) peerFlow(node string) (f *flow.Flow) {
	c.inner.peers.Range(func(_, v any) bool {
		if p := v.(*peer); p.node == node && p.flow.Err() == nil {
			f = p.flow
		}
		return f == nil
	})
	return f
}

func hasTag(m *sip.Message, header string) bool {
	a, err := sip.ParseAddress(m.Get(header))
	return err == nil && a.Tag() != ""
}

// forward sends a request on, with a Via that brings its answers back.
func (c *Connector) forward(in, out *flow.Flow, m *sip.Message, back byte, id string) {
	if spent(m) {
		c.bounce(in, m, 483)
		return
	}
	via, err := m.Via()
	if err != nil {
		return // the parser has passed it, so this does not happen
	}
	left := hops(m)
	if left == 0 {
		left = 70
	}
	m.Set("Max-Forwards", strconv.Itoa(left-1))
	m.RemoveFirst("Route")
	host, port := out.SentBy()
	branch := c.inner.branch(back, id, via, m)
	m.Prepend("Via", sip.Via{Transport: out.ViaTransport(), Host: host, Port: port, Params: sip.Params(";branch=" + branch + ";rport")}.String())
	if err := out.Send(m); err != nil {
		m.RemoveFirst("Via")
		c.bounce(in, m, 503)
		return
	}
	if in.Reliable() && !out.Reliable() { // nobody else would send it again
		c.inner.later.add(branch, out, m)
	}
}

// bounce answers a request that cannot be passed on.
func (c *Connector) bounce(f *flow.Flow, m *sip.Message, status int) {
	if m.Method == "ACK" {
		return
	}
	r := sip.NewResponse(m, status, "")
	if to, err := r.To(); err == nil && to.Tag() == "" {
		r.Set("To", to.WithTag(sip.NewTag()).String())
	}
	if err := f.Send(r); err != nil {
		c.Log.Debug("answer not sent", "method", m.Method, "status", status, "err", err)
	}
}

// branch is the same for a request, its repetitions, its CANCEL and its ACK, as a
// proxy without memory needs it, and nobody can make one up.
func (n *inner) branch(back byte, id string, via sip.Via, m *sip.Message) string {
	seq, _ := m.CSeq()
	h := hmac.New(sha256.New, n.key[:])
	for _, s := range []string{string(back), id, via.Branch(), via.Host, strconv.Itoa(via.Port), m.CallID(), strconv.FormatUint(uint64(seq.Seq), 10)} {
		h.Write([]byte(s))
		h.Write([]byte{0})
	}
	return hopBranch + string(back) + id + "." + hex.EncodeToString(h.Sum(nil)[:12])
}

// passBack forwards an answer to what was passed on.
func (c *Connector) passBack(_ *flow.Flow, m *sip.Message) bool {
	top, err := m.Via()
	if err != nil || !strings.HasPrefix(top.Branch(), hopBranch) {
		return false
	}
	vias := m.Values("Via")
	if len(vias) < 2 {
		return true // nobody to give it to
	}
	next, err := sip.ParseVia(vias[1])
	if err != nil {
		return true
	}
	back, id, ok := cutHop(top.Branch())
	if !ok || !hmac.Equal([]byte(c.inner.branch(back, id, next, m)), []byte(top.Branch())) {
		return true // made up
	}
	c.inner.later.answered(top.Branch(), m)
	m.RemoveFirst("Via")
	if f := c.backTo(back, id); f != nil {
		if err := f.Send(m); err != nil {
			c.Log.Debug("answer not passed on", "status", m.Status, "err", err)
		}
	}
	return true
}

func cutHop(branch string) (back byte, id string, ok bool) {
	rest, ours := strings.CutPrefix(branch, hopBranch)
	id, _, ok = strings.Cut(rest, ".")
	if !ours || !ok || len(id) < 2 {
		return 0, "", false
	}
	switch id[0] {
	case toPeer, toSource, toPath:
		return id[0], id[1:], true
	}
	return 0, "", false
}

func (c *Connector) backTo(back byte, id string) *flow.Flow {
	if back == toPeer {
		n, _ := strconv.ParseUint(id, 10, 64)
		if p, ok := c.inner.ids.Load(n); ok {
			return p.(*peer).flow
		}
		return nil
	}
	k := c.reg.byToken(id)
	switch {
	case k == nil:
		return nil
	case back == toSource:
		return k.source
	}
	return k.path
}
