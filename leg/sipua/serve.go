package sipua

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"tandem/call"
	"tandem/leg/invite"
	"tandem/sip"
	"tandem/sip/auth"
	"tandem/sip/dialog"
	"tandem/sip/flow"
	"tandem/sip/transaction"
)

// listening is one listener and how far ends write it.
type listening struct {
	network   string
	addr      netip.AddrPort
	advertise string
}

// Open opens the listeners and brings back the registrations of UDP devices, so
// that errors come before anything is served. What comes in waits until Listen
// runs: a phone that calls while the gateway starts is served a moment later.
func (c *Connector) Open() ([]Addr, error) {
	c.saves.wake = make(chan struct{}, 1) // before the first request can come in
	c.saves.off = c.Bindings == nil
	b, err := c.newBook(c.Config, nil)
	if err != nil {
		return nil, err
	}
	c.assemble(b)
	c.book.Store(b)
	addrs, err := c.listen(c.Config.Listen)
	if err == nil {
		err = c.openInner()
	}
	if err == nil {
		c.restore()
	}
	if err != nil {
		close(c.opened)
		return nil, errors.Join(err, c.net.Close())
	}
	return addrs, nil
}

// assemble joins the layers of the SIP stack.
func (c *Connector) assemble(b *book) {
	if c.Log == nil {
		c.Log = slog.Default()
	}
	c.opened = make(chan struct{})
	c.saves.wake, c.saves.off = make(chan struct{}, 1), c.Bindings == nil
	c.layer = &transaction.Layer{Log: c.Log}
	c.net = &flow.Transport{Handler: c.receive, Malformed: c.malformed, Log: c.Log, Leg: Name, Trace: c.Trace}
	c.core = &dialog.Core{
		Transactions: c.layer, Log: c.Log, UserAgent: c.UserAgent, Contact: c.contact, Allow: allowed(),
		Timer: sessionTimer(c.Config.Timer), OnInvite: c.onInvite, OnRequest: c.onRequest,
	}
	c.layer.OnRequest, c.layer.OnStray = c.core.HandleRequest, c.core.HandleStray
	c.stack = &invite.Stack{Core: c.core, Engine: c.Engine, Log: c.Log, Dialogs: c.Dialogs}
	c.resolver = &flow.Resolver{Servers: c.DNS}
	c.auth = &auth.Server{Realm: b.realm, Lookup: c.lookup, Algorithms: digests(c.Config.Digest)}
}

// digests are the configured algorithms as they are written in a challenge.
func digests(names []string) []string {
	var out []string
	for _, n := range names {
		out = append(out, strings.ToUpper(n))
	}
	return out
}

// receive is where every message comes in; sources that the guard has shut out
// get no further, and no answer. What comes before Listen runs waits for it.
func (c *Connector) receive(f *flow.Flow, m *sip.Message) {
	<-c.opened
	if c.shutOut(f) || c.pass(f, m) {
		return
	}
	c.layer.Receive(f, m)
}

func (c *Connector) malformed(f *flow.Flow, m *sip.Message, fault *sip.ParseError) {
	if c.shutOut(f) {
		return
	}
	c.layer.Malformed(f, m, fault)
}

func (c *Connector) shutOut(f *flow.Flow) bool {
	if !c.guard.blocked(f.Remote(), time.Now()) || c.wellKnown(f) {
		return false
	}
	c.count.blocked.Add(1)
	return true
}

// wellKnown reports whether a registered device or a trunk is at the far end of f.
// They are never shut out: whoever forges their address could silence them.
func (c *Connector) wellKnown(f *flow.Flow) bool {
	if c.reg.from(f.Remote()) || c.peerOf(f) != nil {
		return true
	}
	for _, t := range c.book.Load().trunks {
		if t.at(f) != unlikely {
			return true
		}
	}
	return false
}

func (c *Connector) listen(all []Listen) ([]Addr, error) {
	if len(all) == 0 {
		all = []Listen{{Network: "udp", Addr: ":5060"}, {Network: "tcp", Addr: ":5060"}}
	}
	var addrs []Addr
	for i, l := range all {
		conf, err := l.tlsConfig()
		if err != nil {
			return nil, fmt.Errorf("sip.listen[%d]: %w", i, err)
		}
		addr, err := c.net.Listen(flow.Listen{Network: l.Network, Addr: l.Addr, TLS: conf, Advertise: l.Advertise, Origins: l.Origins})
		if err != nil {
			return nil, fmt.Errorf("sip.listen[%d]: %w", i, err)
		}
		addrs = append(addrs, Addr{l.Network, addr})
		c.listens = append(c.listens, listening{l.Network, addr, l.Advertise})
		c.Log.Info("listening for SIP", "network", l.Network, "addr", addr)
	}
	return addrs, nil
}

// tlsConfig holds the listener's certificate, nil where none is needed. The files
// are read again when they change, so that a renewed certificate needs no restart.
func (l *Listen) tlsConfig() (*tls.Config, error) {
	if l.Network != "tls" && l.Network != "wss" {
		return nil, nil
	}
	p := &certificate{cert: l.Cert, key: l.Key}
	if p.key == "" {
		p.key = l.Cert
	}
	if _, err := p.get(nil); err != nil {
		return nil, fmt.Errorf("read the certificate: %w", err)
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: p.get}, nil
}

// sessionTimer is what we ask of far ends (RFC 4028).
func sessionTimer(d time.Duration) dialog.SessionTimer {
	switch {
	case d < 0:
		return dialog.SessionTimer{}
	case d == 0:
		d = 30 * time.Minute
	}
	return dialog.SessionTimer{Expires: max(d, 90*time.Second), Min: 90 * time.Second}
}

// contact is where the far end of a flow reaches us. On a connection that we
// opened, our own port takes no calls; a listener of the same kind does.
func (c *Connector) contact(f *flow.Flow) sip.URI {
	if c.inner.addr != "" && c.peerOf(f) != nil {
		return c.innerContact()
	}
	host, port := f.SentBy()
	if f.Outgoing() {
		for _, l := range c.listens {
			if l.network == f.Network() {
				host, port = l.hostPort(f)
				break
			}
		}
	}
	u := sip.URI{Scheme: "sip", Host: host, Port: port}
	switch n := f.Network(); n {
	case "udp":
	case "wss":
		u.Params = u.Params.With("transport", "ws") // RFC 7118 §5.2
	default:
		u.Params = u.Params.With("transport", n)
	}
	return u
}

func (l *listening) hostPort(f *flow.Flow) (string, int) {
	if l.advertise != "" {
		if host, port, err := net.SplitHostPort(l.advertise); err == nil {
			n, _ := strconv.Atoi(port)
			return host, n
		}
		return l.advertise, int(l.addr.Port())
	}
	if l.addr.Addr().IsUnspecified() {
		return f.Local().Addr().String(), int(l.addr.Port())
	}
	return l.addr.Addr().String(), int(l.addr.Port())
}

// settle is how long a shutdown waits for the far ends of the last calls to answer
// our BYE.
const settle = 2 * time.Second

// Listen serves until ctx is done; it calls Open when nobody has. When it
// returns, trunks are unregistered and no goroutine is left.
func (c *Connector) Listen(ctx context.Context, incoming func(call.Request, call.Leg)) error {
	if c.book.Load() == nil {
		if _, err := c.Open(); err != nil {
			return err
		}
	}
	c.served.Store(&served{incoming, context.WithoutCancel(ctx)})
	close(c.opened)
	c.running.Go(func() { c.keep(ctx) })
	c.mu.Lock()
	c.start = func(t *trunk) {
		var run context.Context
		run, t.stop = context.WithCancel(ctx)
		c.running.Go(func() { t.run(run) })
	}
	for _, t := range c.book.Load().trunks {
		c.start(t)
	}
	c.mu.Unlock()

	<-ctx.Done()
	c.mu.Lock()
	c.start = nil
	c.mu.Unlock()
	c.served.Store(nil)
	c.running.Wait()
	c.stack.Settle(settle)
	c.core.Close()
	c.layer.Close()
	c.inner.later.close()
	err := c.net.Close()
	c.stack.Wait()
	return err
}

// Apply makes the devices and trunks of conf the ones in force, and its rules
// for registrations and guessers. Calls go on; listeners stay as they are.
func (c *Connector) Apply(conf Config) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	old := c.book.Load()
	if old == nil {
		c.Config = conf
		return nil
	}
	b, err := c.newBook(conf, old)
	if err != nil {
		return err
	}
	if b.realm != old.realm {
		c.Log.Warn("the realm changes with the next start", "now", old.realm, "then", b.realm)
		b.realm = old.realm
	}
	c.book.Store(b)
	c.guard.pardon(conf.Guard)
	for name, t := range old.trunks {
		if b.trunks[name] != t && t.stop != nil {
			t.stop()
		}
	}
	for name, t := range b.trunks {
		if old.trunks[name] != t && c.start != nil {
			c.start(t)
		}
	}
	for name := range old.devices {
		if b.devices[name] == nil {
			c.forget(c.reg.removeDevice(name), whyRemoved)
		}
	}
	return nil
}
