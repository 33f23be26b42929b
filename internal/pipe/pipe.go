// Package pipe lends pion a net.PacketConn that has no socket: ICE and DTLS run over
// datagrams that somebody else reads and writes. Start reading at [Conn].
package pipe

import (
	"context"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"github.com/pion/logging"
	"github.com/pion/transport/v4/deadline"
)

// maxQueued bounds the STUN messages or DTLS records that wait for pion; both
// protocols repeat what is lost.
const maxQueued = 64

// A Conn is a net.PacketConn without a socket: whoever reads the socket Puts datagrams
// in, and what is written goes out by the function given to New. Put and the methods of
// net.PacketConn may run at once; there is one reader.
type Conn struct {
	local  net.Addr
	send   func(b []byte, to netip.AddrPort)
	queue  chan datagram
	read   *deadline.Deadline
	closed chan struct{}
	once   sync.Once
	first  *datagram // read before the queue; the reader's
}

type datagram struct {
	b    []byte
	from netip.AddrPort
}

var _ net.PacketConn = (*Conn)(nil)

// New returns a Conn with an address; what the network refuses to send counts as lost.
func New(local net.Addr, send func(b []byte, to netip.AddrPort)) *Conn {
	return &Conn{local: local, send: send, queue: make(chan datagram, maxQueued), read: deadline.New(), closed: make(chan struct{})}
}

// Put queues a copy of b; false when it was dropped.
func (p *Conn) Put(b []byte, from netip.AddrPort) bool {
	select {
	case p.queue <- datagram{append([]byte(nil), b...), from}:
		return true
	default:
		return false
	}
}

// Await waits until a datagram is there, and leaves it there. Call it before the reader
// reads.
func (p *Conn) Await(ctx context.Context) error {
	select {
	case d := <-p.queue:
		p.first = &d
		return nil
	case <-p.closed:
		return net.ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
}

// ReadFrom implements [net.PacketConn].
func (p *Conn) ReadFrom(b []byte) (int, net.Addr, error) {
	n, from, err := p.ReadFromAddrPort(b)
	if err != nil {
		return 0, nil, err
	}
	return n, net.UDPAddrFromAddrPort(from), nil
}

// ReadFromAddrPort implements pion's optional interface.
func (p *Conn) ReadFromAddrPort(b []byte) (int, netip.AddrPort, error) {
	select {
	case <-p.closed:
		return 0, netip.AddrPort{}, net.ErrClosed
	default:
	}
	if d := p.first; d != nil {
		p.first = nil
		return copy(b, d.b), d.from, nil
	}
	select {
	case d := <-p.queue:
		return copy(b, d.b), d.from, nil
	case <-p.closed:
		return 0, netip.AddrPort{}, net.ErrClosed
	case <-p.read.Done():
		return 0, netip.AddrPort{}, os.ErrDeadlineExceeded
	}
}

// WriteTo implements [net.PacketConn].
func (p *Conn) WriteTo(b []byte, to net.Addr) (int, error) {
	u, ok := to.(*net.UDPAddr)
	if !ok {
		return 0, net.InvalidAddrError("not a UDP address")
	}
	return p.WriteToAddrPort(b, u.AddrPort())
}

// WriteToAddrPort implements pion's optional interface. A datagram that the
// network refuses counts as lost.
func (p *Conn) WriteToAddrPort(b []byte, to netip.AddrPort) (int, error) {
	select {
	case <-p.closed:
		return 0, net.ErrClosed
	default:
	}
	p.send(b, netip.AddrPortFrom(to.Addr().Unmap(), to.Port()))
	return len(b), nil
}

// Close implements [net.PacketConn].
func (p *Conn) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

// LocalAddr implements [net.PacketConn].
func (p *Conn) LocalAddr() net.Addr { return p.local }

// SetDeadline implements [net.PacketConn].
func (p *Conn) SetDeadline(t time.Time) error { return p.SetReadDeadline(t) }

// SetReadDeadline implements [net.PacketConn].
func (p *Conn) SetReadDeadline(t time.Time) error {
	p.read.Set(t)
	return nil
}

// SetWriteDeadline implements [net.PacketConn]; a write never waits.
func (p *Conn) SetWriteDeadline(time.Time) error { return nil }

// Quiet is pion's logger, and says nothing: what matters is in our events, and
// some of its lines hold what strangers send.
func Quiet() logging.LoggerFactory { return quiet{} }

type quiet struct{}

func (quiet) NewLogger(string) logging.LeveledLogger { return quiet{} }
func (quiet) Trace(string)                           {}
func (quiet) Tracef(string, ...any)                  {}
func (quiet) Debug(string)                           {}
func (quiet) Debugf(string, ...any)                  {}
func (quiet) Info(string)                            {}
func (quiet) Infof(string, ...any)                   {}
func (quiet) Warn(string)                            {}
func (quiet) Warnf(string, ...any)                   {}
func (quiet) Error(string)                           {}
func (quiet) Errorf(string, ...any)                  {}
