package flow

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Listen says where to listen.
type Listen struct {
	Network   string      // "udp", "tcp", "tls", "ws" or "wss"
	Addr      string      // "[::]:5061", "192.0.2.1:5060"; port 0 takes a free one
	TLS       *tls.Config // for tls and wss; certificates are needed, TLS 1.2 is the least unless it says otherwise
	Advertise string      // host or host:port for Via and Contact, if not the socket's address; without a port it is the socket's
	Path      string      // of a WebSocket; "" takes any
	Origins   []string    // browsers' origins a WebSocket takes beside its own host; patterns as in path.Match
}

// Listen opens a socket and returns its address. It may be called at any time,
// and often: one Transport serves any number of sockets.
func (t *Transport) Listen(l Listen) (netip.AddrPort, error) {
	t.init()
	n, err := parseNetwork(l.Network)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("listen: %w", err)
	}
	by, err := parseSentBy(l.Advertise)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("listen on %s %s: %w", l.Network, l.Addr, err)
	}
	if n.encrypted() && l.TLS == nil {
		return netip.AddrPort{}, fmt.Errorf("listen on %s %s: it needs a TLS certificate", l.Network, l.Addr)
	}
	var at netip.AddrPort
	if n == udp {
		at, err = t.listenUDP(l, by)
	} else {
		at, err = t.listenStream(n, l, by)
	}
	if err != nil {
		return at, fmt.Errorf("listen on %s %s: %w", l.Network, l.Addr, err)
	}
	t.log.Debug("listening", "network", l.Network, "addr", at)
	return at, nil
}

// CheckAddr says what is wrong with a host:port that a person wrote. The port is a
// number: what names of services mean differs between machines.
func CheckAddr(s string) error {
	_, port, err := net.SplitHostPort(s)
	if err != nil {
		return fmt.Errorf("%q is not address:port", s)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return fmt.Errorf("the port of %q is no number from 0 to 65535", s)
	}
	return nil
}

// parseSentBy reads "host", "host:port", "2001:db8::1" or "[2001:db8::1]:5060".
func parseSentBy(s string) (sentBy, error) {
	host, port, err := net.SplitHostPort(s)
	if err != nil { // no port
		return sentBy{host: strings.Trim(s, "[]")}, nil
	}
	p, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return sentBy{}, fmt.Errorf("advertised address %q: bad port", s)
	}
	return sentBy{host, int(p)}, nil
}

// on completes what is advertised with the socket's port.
func (s sentBy) on(at netip.AddrPort) sentBy {
	if s.host != "" && s.port == 0 {
		s.port = int(at.Port())
	}
	return s
}

// acceptor is a listening TCP socket of whatever network.
type acceptor struct {
	t      *Transport
	net    network
	conf   Listen
	tls    *tls.Config
	sentBy sentBy
	failed bool // the last accept failed
	net.Listener
}

func (t *Transport) listenStream(n network, l Listen, by sentBy) (netip.AddrPort, error) {
	ln, err := net.Listen("tcp", l.Addr)
	if err != nil {
		return netip.AddrPort{}, err
	}
	a := &acceptor{t: t, net: n, conf: l, sentBy: by.on(addrPort(ln.Addr())), Listener: ln}
	if n.encrypted() {
		a.tls = l.TLS.Clone()
		if a.tls.MinVersion == 0 {
			a.tls.MinVersion = tls.VersionTLS12
		}
		if n == wss {
			a.tls.NextProtos = []string{"http/1.1"}
		}
	}
	run := a.run
	if n.webSocket() {
		run = a.runHTTP
	}
	if !t.own(ln) || !t.start(run) {
		ln.Close()
		return netip.AddrPort{}, ErrClosed
	}
	return addrPort(ln.Addr()), nil
}

// run accepts TCP and TLS connections until the listener is closed.
func (a *acceptor) run() {
	defer a.t.disown(a.Listener)
	for {
		c, err := a.Accept()
		if err != nil {
			return
		}
		if !a.t.start(func() { a.serve(c.(*acceptedConn)) }) {
			c.Close()
			return
		}
	}
}

// acceptedConn is an accepted connection with its place.
type acceptedConn struct {
	*outbox
	place *place
}

// Accept returns the next connection that has a place. It is also the Accept that
// the HTTP server of a WebSocket listener uses.
func (a *acceptor) Accept() (net.Conn, error) {
	t := a.t
	for {
		c, err := a.Listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil, err
		}
		if err != nil {
			a.failing(err)
			continue
		}
		a.failed = false
		if ac := t.admitConn(c); ac != nil {
			return ac, nil
		}
	}
}

// failing deals with an error of accept, which most likely is that descriptors
// have run out: the oldest silent connection gives way.
func (a *acceptor) failing(err error) {
	if !a.failed {
		a.failed = true
		a.t.log.Warn("accept", "network", a.conf.Network, "addr", a.conf.Addr, "err", err)
	}
	if outOfDescriptors(err) && a.t.places.evictOldest() {
		a.t.count.Evicted.Add(1)
	}
	time.Sleep(time.Millisecond) // no busy loop, whatever the error
}

func outOfDescriptors(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)
}

func (t *Transport) admitConn(c net.Conn) *acceptedConn {
	ac := &acceptedConn{outbox: newOutbox(c, t.limits.Queue, t.start, nil, t.queueFull)}
	place, evicted := t.places.take(addrPort(c.RemoteAddr()).Addr(), ac.abort)
	if evicted != nil {
		t.count.Evicted.Add(1)
		evicted.evict()
	}
	if place == nil {
		t.count.Refused.Add(1)
		c.Close()
		return nil
	}
	ac.place, ac.onClose = place, place.free
	t.count.Accepted.Add(1)
	return ac
}

func (t *Transport) queueFull() { t.count.QueueFull.Add(1) }

// serve shakes hands and reads until the connection is gone.
func (a *acceptor) serve(c *acceptedConn) {
	t := a.t
	defer c.Close()
	f := newFlow(t, a.net, addrPort(c.LocalAddr()), addrPort(c.RemoteAddr()))
	f.sentBy, f.box, f.place = a.sentBy, c.outbox, c.place
	s := &stream{Conn: c, place: c.place}
	if a.tls != nil {
		tc, err := a.handshake(c)
		if err != nil {
			t.count.Handshakes.Add(1)
			t.log.Debug("TLS handshake", "remote", f.remote, "err", err)
			return
		}
		state := tc.ConnectionState()
		f.state, s.Conn = &state, tc
	}
	f.out = s
	f.trusted.Store(t.budgets.isFree(f.remote.Addr()))
	if !t.enter(f) {
		return
	}
	t.readStream(f, s)
}

func (a *acceptor) handshake(c *acceptedConn) (*tls.Conn, error) {
	if !a.t.own(c) {
		return nil, ErrClosed
	}
	defer a.t.disown(c)
	c.SetReadDeadline(time.Now().Add(a.t.limits.Handshake))
	tc := tls.Server(c, a.tls)
	if err := tc.Handshake(); err != nil {
		return nil, err
	}
	return tc, c.SetReadDeadline(time.Time{})
}
