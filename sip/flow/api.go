// Package flow carries SIP messages over UDP, TCP, TLS and WebSocket. Start
// reading at [Transport], which listens and dials, and at [Flow], which is what
// both give.
package flow

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"tandem/sip"
)

var (
	ErrClosed    = errors.New("the flow was closed")
	ErrNoPong    = errors.New("the far end did not answer a keep-alive in time")
	ErrQueueFull = errors.New("the far end reads too slowly: its send queue is full")
)

// A Flow is one two-way path to one far end (RFC 5626 §3).
type Flow struct{}

func (f *Flow) Network() string           { return "" } // "udp", "tcp", "tls", "ws" or "wss"
func (f *Flow) Local() netip.AddrPort     { return netip.AddrPort{} }
func (f *Flow) Remote() netip.AddrPort    { return netip.AddrPort{} }
func (f *Flow) Reliable() bool            { return false }
func (f *Flow) Secure() bool              { return false }
func (f *Flow) TLS() *tls.ConnectionState { return nil }
func (f *Flow) String() string            { return "" }

// ViaTransport is Network in a Via header's spelling: "UDP", "TCP", "TLS", "WS", "WSS".
func (f *Flow) ViaTransport() string { return "" }

// SentBy is host and port for a Via or Contact of ours on this flow: what the
// listener advertises, else the local address; an invented name under .invalid
// on a WebSocket we opened (RFC 7118 §5).
func (f *Flow) SentBy() (host string, port int) { return "", 0 }

// Outgoing reports whether we opened the flow.
func (f *Flow) Outgoing() bool { return false }

// Trust says that the far end has proved who it is.
func (f *Flow) Trust() {}

// Trusted reports whether Trust was called, we opened the flow, or its address
// is in Transport.Trusted.
func (f *Flow) Trusted() bool { return false }

// Send sends m.
func (f *Flow) Send(m *sip.Message) error { return nil }

// SendBytes sends a message in wire form.
func (f *Flow) SendBytes(b []byte) error { return nil }

func (f *Flow) Done() <-chan struct{} { return nil }
func (f *Flow) Err() error            { return nil }
func (f *Flow) Close(cause error)     {}

// KeepAlive starts, changes or (Every 0) stops pings.
func (f *Flow) KeepAlive(k KeepAlive) {}

type KeepAlive struct{ Every, Spread, PongWithin time.Duration }

// Transport owns all sockets. Fill it in, then Listen or Dial.
type Transport struct {
	Handler   func(*Flow, *sip.Message)
	Malformed func(*Flow, *sip.Message, *sip.ParseError)
	Limits    Limits
	Trusted   []netip.Prefix // sources without a stranger's budget: trunks
	Log       *slog.Logger
	Trace     func(TraceEvent)
}

type Limits struct{ Message sip.Limits }

type TraceEvent struct {
	At   time.Time
	Flow *Flow
	Out  bool
	Data []byte // lent until Trace returns
}

type Listen struct {
	Network   string // "udp", "tcp", "tls", "ws", "wss"
	Addr      string // "[::]:5061"
	TLS       *tls.Config
	Advertise string   // host or host:port for Via and Contact
	Path      string   // of a WebSocket; "" is any
	Origins   []string // allowed of browsers
}

type Target struct {
	Network    string
	Addr       netip.AddrPort // where to connect; if invalid, Host and Port are looked up
	Host       string
	Port       int
	ServerName string // name in the certificate; "" is Host
	TLS        *tls.Config
	Path       string // of a WebSocket
	Origin     string
	Header     http.Header
}

func (t *Transport) Listen(l Listen) (netip.AddrPort, error)            { return netip.AddrPort{}, nil }
func (t *Transport) Dial(ctx context.Context, to Target) (*Flow, error) { return nil, nil }
func (t *Transport) Get(ctx context.Context, to Target) (*Flow, error)  { return nil, nil }
func (t *Transport) Close() error                                       { return nil }
