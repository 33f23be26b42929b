// Package phone is a scripted SIP telephone for tests and the demo: it
// registers, calls, answers, holds, transfers, sends tones and keys, and
// measures what it hears. It imports none of the gateway's packages. Start
// reading at [Phone.Start], then [Phone.Call] and [Call].
package phone

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"tandem/sim/wire"
)

// Config says who the phone is and how it reaches its server.
type Config struct {
	User     string
	Password string
	AuthUser string // digest user name; default User
	Display  string // display name in From
	Domain   string // host of the address of record and of dialled URIs; default the server's host
	Server   string // host:port everything is sent to
	Network  string // "udp" (default), "tcp", "tls"
	Bind     string // local IP; default 127.0.0.1
	TLS      *tls.Config

	Codecs   []string      // of "PCMU" and "PCMA", preferred first; default both
	NoEvents bool          // offer no telephone-event
	Tone     float64       // Hz, sounded on every call from its first media on; 0: silence
	Answer   Answer        // what becomes of incoming calls
	Expires  time.Duration // of the registration; default 3600 s
	T1       time.Duration // RFC 3261; default 500 ms
	Reliable bool          // offer 100rel
	Late     bool          // INVITE without an offer; the answer goes with the ACK

	// Picture makes the video of one call on a local address; nil: audio only.
	Picture func(bind string) (Picture, error)
	// PictureLater leaves it out until AddPicture.
	PictureLater bool
}

// Picture is the video of one call: one m-line, what is sent and what is seen.
// Package room has one.
type Picture interface {
	// Describe is our m-lines with their attributes, each line with CRLF: an offer, or
	// after Take the answer. "" means that there is none.
	Describe(direction string) string
	// Take adopts the far end's m-lines: all lines from its first m=video on, without
	// CRLF, none when it has no video at all. host is where its description points to.
	Take(host netip.Addr, lines []string)
	// Refresh is called when the far end asks for a new picture by INFO.
	Refresh()
	Close()
}

// Answer is the script for incoming calls. Its zero value rings and answers at
// once.
type Answer struct {
	After  time.Duration // ring so long first
	Status int           // refuse with this instead of answering: 486, 603, …
	Manual bool          // ring until Answer or Reject is called on the call
	Early  bool          // 183 with SDP instead of 180
}

// Phone is one telephone with one transport. Set Config and Log, then Start it.
type Phone struct {
	Config Config
	Log    *slog.Logger // nil discards

	cfg    Config
	log    *slog.Logger
	ctx    context.Context
	cancel context.CancelFunc
	work   sync.WaitGroup
	ladder wire.Ladder
	link   link

	incoming chan *Call
	keep     sync.Once

	mu       sync.Mutex                    // guards everything below
	waiting  map[string]chan *wire.Message // answers, by branch and method
	answered map[string][]byte             // our answers, by branch and method, for retransmissions
	order    []string                      // keys of answered, oldest first
	calls    map[string]*Call              // by Call-ID
	all      []*Call
	seq      uint32 // of REGISTER
	callID   string // of REGISTER
	contact  string
	bound    bool
	granted  time.Duration // of the registration
	notices  []string      // bodies of NOTIFY outside dialogs
}

// Start opens the transport. The phone works until ctx ends or Close is called.
func (p *Phone) Start(ctx context.Context) error {
	p.cfg, p.log = p.Config, p.Log
	if p.log == nil {
		p.log = slog.New(slog.DiscardHandler)
	}
	c := &p.cfg
	host, _, err := net.SplitHostPort(c.Server)
	if err != nil {
		return fmt.Errorf("phone %s: server %q: %w", c.User, c.Server, err)
	}
	c.Domain = or(c.Domain, host)
	c.Network = or(c.Network, "udp")
	c.Bind = or(c.Bind, "127.0.0.1")
	c.AuthUser = or(c.AuthUser, c.User)
	c.Expires = or(c.Expires, time.Hour)
	c.T1 = or(c.T1, 500*time.Millisecond)
	if len(c.Codecs) == 0 {
		c.Codecs = []string{"PCMU", "PCMA"}
	}
	p.waiting, p.answered, p.calls = map[string]chan *wire.Message{}, map[string][]byte{}, map[string]*Call{}
	p.incoming, p.callID = make(chan *Call, 64), wire.Token(20)
	p.ctx, p.cancel = context.WithCancel(ctx)
	if err := p.open(); err != nil {
		p.cancel()
		return fmt.Errorf("phone %s: %w", c.User, err)
	}
	p.contact = fmt.Sprintf("sip:%s@%s;transport=%s", c.User, p.link.local(), c.Network)
	p.work.Go(p.read)
	p.work.Go(func() {
		<-p.ctx.Done()
		p.link.close()
	})
	return nil
}

// Close hangs up nothing and un-registers nothing: it pulls the plug. It waits
// until everything of the phone is gone.
func (p *Phone) Close() error {
	if p.cancel == nil {
		return nil
	}
	p.cancel()
	p.work.Wait()
	return nil
}

// Incoming yields every call that comes in, whatever Config.Answer does with
// it. Up to 64 wait here; more are not announced.
func (p *Phone) Incoming() <-chan *Call { return p.incoming }

// NextCall waits for the next incoming call.
func (p *Phone) NextCall(ctx context.Context) (*Call, error) {
	select {
	case c := <-p.incoming:
		return c, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("phone %s: waiting for a call: %w", p.cfg.User, ctx.Err())
	}
}

// Calls is every call so far.
func (p *Phone) Calls() []*Call {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]*Call(nil), p.all...)
}

// Notices are the bodies of NOTIFY requests outside calls (message waiting).
func (p *Phone) Notices() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.notices...)
}

// Ladder is every message of the phone.
func (p *Phone) Ladder() []wire.Event { return p.ladder.Events() }

// Addr is the local address of the transport.
func (p *Phone) Addr() string { return p.link.local() }

// SetAnswer changes what becomes of the next incoming calls.
func (p *Phone) SetAnswer(a Answer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cfg.Answer = a
}

func or[T comparable](v, def T) T {
	var zero T
	if v == zero {
		return def
	}
	return v
}

// link is a transport: a datagram socket or one connection.
type link interface {
	local() string
	next() ([]byte, error) // one message; nil for a keep-alive
	send([]byte) error
	close()
}

func (p *Phone) open() error {
	local := net.JoinHostPort(p.cfg.Bind, "0")
	switch p.cfg.Network {
	case "udp":
		server, err := net.ResolveUDPAddr("udp", p.cfg.Server)
		if err != nil {
			return err
		}
		addr, err := net.ResolveUDPAddr("udp", local)
		if err != nil {
			return err
		}
		c, err := net.ListenUDP("udp", addr)
		if err != nil {
			return err
		}
		p.link = &datagrams{c: c, server: server.AddrPort(), buf: make([]byte, wire.MaxMessage)}
	case "tcp", "tls":
		d := &net.Dialer{Timeout: 5 * time.Second}
		c, err := d.DialContext(p.ctx, "tcp", p.cfg.Server)
		if err != nil {
			return err
		}
		if p.cfg.Network == "tls" {
			config := p.cfg.TLS.Clone()
			if config == nil {
				config = &tls.Config{}
			}
			config.ServerName = or(config.ServerName, p.cfg.Domain)
			secure := tls.Client(c, config)
			if err := secure.HandshakeContext(p.ctx); err != nil {
				_ = c.Close()
				return err
			}
			c = secure
		}
		p.link = &stream{c: c, r: wire.NewReader(c)}
	default:
		return fmt.Errorf("network %q: want udp, tcp or tls", p.cfg.Network)
	}
	return nil
}

type datagrams struct {
	c      *net.UDPConn
	server netip.AddrPort
	buf    []byte
}

func (d *datagrams) local() string { return d.c.LocalAddr().String() }
func (d *datagrams) close()        { _ = d.c.Close() }

func (d *datagrams) next() ([]byte, error) {
	n, _, err := d.c.ReadFromUDPAddrPort(d.buf)
	if err != nil && !errors.Is(err, net.ErrClosed) {
		return nil, nil // an ICMP error of an earlier packet
	}
	if n < 5 {
		return nil, err
	}
	return append([]byte(nil), d.buf[:n]...), err
}

func (d *datagrams) send(b []byte) error {
	_, err := d.c.WriteToUDPAddrPort(b, d.server)
	return err
}

type stream struct {
	c net.Conn
	r *wire.Reader

	mu sync.Mutex // serialises writes
}

func (s *stream) local() string { return s.c.LocalAddr().String() }
func (s *stream) close()        { _ = s.c.Close() }

func (s *stream) next() ([]byte, error) {
	f, err := s.r.Next()
	if err == nil && f.Ping {
		_ = s.send([]byte("\r\n"))
	}
	return f.Raw, err
}

func (s *stream) send(b []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.c.SetWriteDeadline(time.Now().Add(5 * time.Second))
	_, err := s.c.Write(b)
	return err
}
