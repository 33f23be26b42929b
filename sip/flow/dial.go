package flow

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
)

// A Target is a far end to connect to. [Resolver] makes them from URIs.
type Target struct {
	Network    string         // "udp", "tcp", "tls", "ws" or "wss"
	Addr       netip.AddrPort // where to connect; if it is not valid, Host and Port are looked up
	Host       string         // name of the far end, also for HTTP's Host
	Port       int            // 0 is the network's default
	ServerName string         // name that the certificate must have; "" is Host, or else Addr
	TLS        *tls.Config    // nil verifies with the system's roots; TLS 1.2 is the least unless it says otherwise

	Path   string      // of a WebSocket, with its slash; "" is "/"
	Origin string      // of a WebSocket; "" sends none
	Header http.Header // more headers for the WebSocket's handshake
}

// An UpgradeError is a far end's refusal of a WebSocket.
type UpgradeError struct{ Status int } // of HTTP

func (e *UpgradeError) Error() string {
	return fmt.Sprintf("the far end refused the WebSocket with HTTP %d %s", e.Status, http.StatusText(e.Status))
}

// Dial opens a new connection for tcp, tls, ws and wss. For udp it gives the flow
// on the first UDP socket of the address family. ctx bounds the dialling, not the
// flow's life, and Limits.Handshake does too. Nothing is sent before the far end's
// certificate is verified.
func (t *Transport) Dial(ctx context.Context, to Target) (*Flow, error) {
	t.init()
	f, err := t.dial(ctx, to)
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", to, err)
	}
	return f, nil
}

func (t *Transport) dial(ctx context.Context, to Target) (*Flow, error) {
	n, err := parseNetwork(to.Network)
	if err != nil {
		return nil, err
	}
	if to.Port == 0 {
		to.Port = int(networks[n].port)
	}
	ctx, cancel := context.WithTimeout(ctx, t.limits.Handshake)
	defer cancel()
	if n == udp {
		addr, err := to.address(ctx)
		if err != nil {
			return nil, err
		}
		return t.udpTo(addr)
	}
	nc, err := (&net.Dialer{}).DialContext(ctx, "tcp", to.hostPortToDial())
	if err != nil {
		return nil, err
	}
	o := newOutbox(nc, t.limits.Queue, t.start, nil, t.queueFull)
	f, run, err := t.shake(ctx, n, o, to)
	if err != nil {
		o.abort()
		t.count.Handshakes.Add(1)
		return nil, err
	}
	if !t.launch(f, run) {
		o.abort()
		return nil, ErrClosed
	}
	t.count.Dialed.Add(1)
	return f, nil
}

// shake brings TLS and WebSocket up on o. run is the flow's reader.
func (t *Transport) shake(ctx context.Context, n network, o *outbox, to Target) (f *Flow, run func(), err error) {
	f = newFlow(t, n, addrPort(o.LocalAddr()), addrPort(o.RemoteAddr()))
	f.outgoing, f.box = true, o
	f.trusted.Store(true)
	var c net.Conn = o
	if n.encrypted() {
		tc := tls.Client(o, to.tlsConfig())
		if err := tc.HandshakeContext(ctx); err != nil {
			return nil, nil, fmt.Errorf("TLS: %w", err)
		}
		state := tc.ConnectionState()
		f.state, c = &state, tc
	}
	if !n.webSocket() {
		s := &stream{Conn: c}
		f.out = s
		return f, func() { t.readStream(f, s) }, nil
	}
	wc, err := dialWebSocket(ctx, c, to, t.limits.Handshake)
	if err != nil {
		return nil, nil, err
	}
	s := &webSocket{c: wc, under: c}
	f.out = s
	f.sentBy = sentBy{host: strings.ToLower(rand.Text()[:12]) + ".invalid"}
	return f, func() { t.readWebSocket(f, s) }, nil
}

// launch enters the flow and starts its reader.
func (t *Transport) launch(f *Flow, run func()) bool {
	if !t.enter(f) {
		return false
	}
	if !t.start(run) {
		t.leave(f)
		return false
	}
	return true
}

// Get gives a flow that Get opened to the same target before and that still
// lives, or opens one. Several callers at once share one attempt. Targets are the
// same if all their fields are, the TLS configuration by identity: a connection is
// never used under another identity. Google Voice accounts use Dial instead: they
// never share a flow (GV-C2).
func (t *Transport) Get(ctx context.Context, to Target) (*Flow, error) {
	t.init()
	if to.Network == networks[udp].name {
		return t.Dial(ctx, to)
	}
	key := to.key()
	for {
		r, mine := t.claim(key)
		if mine {
			f, err := t.Dial(ctx, to)
			t.settle(key, r, f, err)
			return f, err
		}
		select {
		case <-r.ready:
		case <-ctx.Done():
			return nil, fmt.Errorf("dial %s: %w", to, ctx.Err())
		}
		if r.err == nil && !r.f.isDead() {
			return r.f, nil
		}
		if r.err != nil && ctx.Err() == nil && !r.cancelled {
			return nil, r.err
		}
	}
}

// reused is a connection of Get's, or the attempt at one.
type reused struct {
	ready     chan struct{} // closed when f or err is set
	f         *Flow
	err       error
	cancelled bool // by the caller that dialled: no reason for others to give up
}

type reuseKey struct {
	network    string
	addr       netip.AddrPort
	host       string
	port       int
	serverName string
	tls        *tls.Config
	path       string
	origin     string
}

func (to Target) key() reuseKey {
	return reuseKey{to.Network, to.Addr, to.Host, to.Port, to.ServerName, to.TLS, to.Path, to.Origin}
}

// claim returns the entry of key, and whether the caller has to dial for it.
func (t *Transport) claim(key reuseKey) (r *reused, mine bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if r := t.reuse[key]; r != nil {
		return r, false
	}
	r = &reused{ready: make(chan struct{})}
	t.reuse[key] = r
	return r, true
}

// settle ends an attempt. A flow is forgotten when it dies.
func (t *Transport) settle(key reuseKey, r *reused, f *Flow, err error) {
	r.f, r.err = f, err
	r.cancelled = err != nil && isContext(err)
	if err != nil {
		t.forget(key, r)
	}
	close(r.ready)
	if err == nil && !f.Attach(&Link{}, &forgetter{t, key, r}) {
		t.forget(key, r)
	}
}

func (t *Transport) forget(key reuseKey, r *reused) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.reuse[key] == r {
		delete(t.reuse, key)
	}
}

// forgetter watches a flow of Get's.
type forgetter struct {
	t   *Transport
	key reuseKey
	r   *reused
}

func (w *forgetter) FlowEnded(error) { w.t.forget(w.key, w.r) }

// String is "tls sip.example.com:5061".
func (to Target) String() string { return to.Network + " " + to.hostPortToDial() }

// address is Addr, or the first address of Host.
func (to Target) address(ctx context.Context) (netip.AddrPort, error) {
	if to.Addr.IsValid() {
		return to.Addr, nil
	}
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", to.Host)
	if err != nil {
		return netip.AddrPort{}, err
	}
	return netip.AddrPortFrom(addrs[0].Unmap(), uint16(to.Port)), nil
}

func (to Target) hostPortToDial() string {
	if to.Addr.IsValid() {
		return to.Addr.String()
	}
	return to.hostPort()
}

func (to Target) hostPort() string {
	host := to.Host
	if host == "" {
		host = to.Addr.Addr().String()
	}
	port := to.Port
	if port == 0 {
		port = int(to.Addr.Port())
	}
	return net.JoinHostPort(host, strconv.Itoa(port))
}

// hostHeader is HTTP's Host: without the port when that is the default.
func (to Target) hostHeader() string {
	n, err := parseNetwork(to.Network)
	if err != nil || to.Host == "" || strings.Contains(to.Host, ":") || to.Port != int(networks[n].port) {
		return to.hostPort()
	}
	return to.Host
}

func isContext(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

func (to Target) tlsConfig() *tls.Config {
	c := to.TLS.Clone()
	if c == nil {
		c = &tls.Config{}
	}
	if c.MinVersion == 0 {
		c.MinVersion = tls.VersionTLS12
	}
	if to.ServerName != "" {
		c.ServerName = to.ServerName
	}
	if c.ServerName == "" {
		c.ServerName = to.Host
	}
	if c.ServerName == "" {
		c.ServerName = to.Addr.Addr().WithZone("").String()
	}
	return c
}
