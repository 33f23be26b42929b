package sipua

import (
	"cmp"
	"context"
	"crypto/rand"
	mathrand "math/rand/v2"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"tandem/sip"
	"tandem/sip/flow"
	"tandem/sip/transaction"
)

// onRegister takes a REGISTER: who it is, what it asks for, and the answer.
func (c *Connector) onRegister(s *transaction.Server) {
	f, req := s.Flow(), s.Request()
	if c.peerOf(f) != nil {
		c.refuse(s, deny(403, "Nobody registers between machines"))
		return
	}
	d, no := c.identify(f, req)
	if no != nil {
		c.refuse(s, no)
		return
	}
	if to, err := req.To(); err != nil || sip.Unescape(to.URI.User) != d.Name {
		c.refuse(s, deny(403, "This is another user's address"))
		return
	}
	ch, no := c.readRegister(f, req, d.Name, time.Now())
	if no != nil {
		c.refuse(s, no)
		return
	}
	conf := &c.book.Load().conf.Register
	gone, ok := c.reg.apply(d.Name, ch, conf.contacts(), time.Now())
	if !ok {
		c.refuse(s, deny(500, "This REGISTER is out of order"))
		return
	}
	f.Trust()
	c.count.registers.Add(1)
	c.changed(ch.set, gone, ch)
	answer := func() { c.respond(s, c.registered(req, d.Name, ch)) }
	// A connection dies with the process, so that nothing is lost when the store is behind.
	if f.Reliable() || !c.saves.pending(d.Name) {
		answer()
		return
	}
	c.saves.then(answer) // what we say we keep, a kill -9 must not lose (goals R-10)
}

// changed follows a change of the registrar: connections are watched, the store
// is told.
func (c *Connector) changed(set, gone []*contact, asked change) {
	for _, k := range gone {
		k.path.Detach(&k.Link)
		if !hasKey(set, k.Key) {
			c.saves.delete(k.Device, k.Key)
			c.Log.Info("device unregistered", "device", k.Device, "contact", k.Contact)
		}
		if why := ended(set, k, asked); why != "" {
			c.tell(k, why)
		}
	}
	for _, k := range set {
		if !k.goesOn {
			c.tell(k, "")
		}
		c.watch(k)
		if !k.stored || c.Inner != nil { // it may have been elsewhere meanwhile
			b := k.Binding
			b.Expires = k.kept
			c.saves.put(b)
		}
		if !hasKey(gone, k.Key) {
			c.Log.Info("device registered", "device", k.Device, "contact", k.Contact, "over", k.source, "until", k.Expires)
		}
	}
}

// ended is why a contact that was taken out has ended; "" when it goes on as another.
func ended(set []*contact, gone *contact, asked change) string {
	for _, k := range set {
		if k.Key == gone.Key {
			if k.goesOn {
				return ""
			}
			return whyAgain
		}
	}
	switch {
	case asked.touches(gone.Key):
		return whyUnregistered
	case !time.Now().Before(gone.Expires):
		return whyExpired
	}
	return whyCrowded
}

func hasKey(all []*contact, key string) bool {
	return slices.ContainsFunc(all, func(k *contact) bool { return k.Key == key })
}

// watch ends the contact with the connection it depends on.
func (c *Connector) watch(k *contact) {
	if k.path.Attach(&k.Link, k) {
		return
	}
	k.FlowEnded(nil)
}

// forget follows contacts that were taken out of the registrar.
func (c *Connector) forget(gone []*contact, why string) {
	for _, k := range gone {
		k.path.Detach(&k.Link)
		c.saves.delete(k.Device, k.Key)
		c.Log.Info("device unregistered", "device", k.Device, "contact", k.Contact, "why", why)
		c.tell(k, why)
	}
}

// lost is called when a contact's connection has died.
func (c *Connector) lost(k *contact) {
	if c.reg.remove(k) {
		c.saves.delete(k.Device, k.Key)
		c.Log.Info("device unregistered", "device", k.Device, "contact", k.Contact, "why", whyLost)
		c.tell(k, whyLost)
	}
}

// maxContact bounds what one contact makes us keep and send back.
const maxContact = 1024

// readRegister reads what a REGISTER wants; every part of it before any of it is done.
func (c *Connector) readRegister(f *flow.Flow, req *sip.Message, device string, now time.Time) (change, *denial) {
	seq, err := req.CSeq()
	if err != nil {
		return change{}, deny(400, "")
	}
	ch := change{callID: req.CallID(), cseq: seq.Seq}
	all, err := req.Contacts()
	if err != nil {
		return ch, deny(400, "A Contact cannot be read")
	}
	conf := &c.book.Load().conf.Register
	usual := conf.usual()
	if s := req.Get("Expires"); s != "" {
		if usual, err = seconds(s); err != nil {
			usual = conf.usual() // RFC 3261 §20.19: malformed is as if it were not there
		}
	}
	paths := req.Values("Path")
	for _, a := range all {
		if a.URI.Scheme == "*" {
			if len(all) > 1 || usual != 0 || req.Get("Expires") == "" {
				return ch, deny(400, "Contact * goes alone and with Expires 0")
			}
			ch.all = true
			return ch, nil
		}
		expires := usual
		if s, ok := a.Params.Get("expires"); ok {
			if d, err := seconds(s); err == nil {
				expires = d
			}
		}
		key := contactKey(a)
		switch {
		case len(a.String())+len(strings.Join(paths, "")) > maxContact || a.URI.Scheme != "sip" && a.URI.Scheme != "sips":
			return ch, deny(400, "This Contact cannot be used")
		case expires == 0:
			ch.remove = append(ch.remove, key)
			continue
		case expires < conf.min():
			no := deny(423, "")
			no.headers = append(no.headers, sip.Header{Name: "Min-Expires", Value: strconv.Itoa(int(conf.min() / time.Second))})
			return ch, no
		}
		expires = min(expires, conf.max())
		a.Params = a.Params.Without("expires")
		k := c.newContact(f, Binding{
			Device: device, Key: key, Contact: a.String(), Path: paths, Network: f.Network(),
			Remote: f.Remote().String(), Local: f.Local().String(), CallID: ch.callID, CSeq: ch.cseq,
			Expires: now.Add(expires).Round(0), Agent: req.Get("User-Agent"),
		}, a)
		// Not at once: most phones are busy after their REGISTER. Not all together either.
		k.due = now.Add(time.Duration((0.5 + mathrand.Float64()/2) * float64(conf.qualify())))
		ch.set = append(ch.set, k)
	}
	if len(ch.set) > conf.contacts() {
		return ch, deny(403, "Too many contacts")
	}
	return ch, nil
}

func (c *Connector) newContact(f *flow.Flow, b Binding, a sip.Address) *contact {
	if c.Inner != nil {
		b.Node = c.Node
		if b.Token == "" {
			b.Token = cmp.Or(c.reg.token(b.Device, b.Key), rand.Text())
		}
	}
	a.URI.Headers = "" // our requests have none in their URI (RFC 3261 §19.1.1); the Binding keeps them
	return &contact{Binding: b, since: time.Now(), addr: a, source: f, path: c.pathTo(f, a.URI, b.Path), dead: c.lost}
}

// contactKey says which registration replaces which: a device's instance and
// reg-id where it tells them (RFC 5626 §6), the Contact's URI otherwise.
func contactKey(a sip.Address) string {
	instance, ok := a.Params.Get("+sip.instance")
	if !ok {
		return a.URI.String()
	}
	id, _ := a.Params.Get("reg-id")
	return instance + ";" + id
}

// pathTo is the flow that requests to a contact go on. It is the flow the REGISTER
// came on, which passes every NAT and proxy; only a UDP device that takes requests
// on another port of its own address gets them there.
func (c *Connector) pathTo(f *flow.Flow, uri sip.URI, paths []string) *flow.Flow {
	addr, err := netip.ParseAddr(uri.Host)
	if f.Network() != "udp" || len(paths) > 0 || err != nil || addr.Unmap() != f.Remote().Addr().Unmap() {
		return f
	}
	port := uri.Port
	if port == 0 {
		port = 5060
	}
	if uint16(port) == f.Remote().Port() || port > 65535 {
		return f
	}
	to, err := c.net.Dial(context.Background(), flow.Target{Network: "udp", Addr: netip.AddrPortFrom(addr, uint16(port))}) // never waits: UDP, numeric
	if err != nil || to.Local().Port() != f.Local().Port() {
		return f
	}
	return to
}

// registered is the answer to a REGISTER that was carried out.
func (c *Connector) registered(req *sip.Message, device string, ch change) *sip.Message {
	now := time.Now()
	m := sip.NewResponse(req, 200, "")
	for _, k := range c.reg.contacts(device, now) {
		left := max(int((k.Expires.Sub(now)+time.Second/2)/time.Second), 1)
		m.Headers = append(m.Headers, sip.Header{Name: "Contact", Value: k.Contact + ";expires=" + strconv.Itoa(left)})
	}
	for _, p := range req.Values("Path") { // RFC 3327 §5.3
		m.Add("Path", p)
	}
	m.Add("Date", now.UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT"))
	m.Add("Supported", "path, outbound")
	if len(ch.set) > 0 && req.Option("Supported", "outbound") && len(req.Values("Via")) == 1 && ch.set[0].addr.Params.Has("reg-id") {
		m.Add("Require", "outbound") // RFC 5626 §6
		m.Add("Flow-Timer", "120")
	}
	return m
}

// seconds reads a delta-seconds; more than a year is a year.
func seconds(s string) (time.Duration, error) {
	n, err := strconv.ParseUint(strings.TrimSpace(s), 10, 64)
	if err != nil && !strings.HasSuffix(err.Error(), strconv.ErrRange.Error()) {
		return 0, err
	}
	return time.Duration(min(n, 86400*365)) * time.Second, nil
}
