package transport

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
const maxQueued = 32

// pipe is a net.PacketConn without a socket: the worker puts datagrams in, and
// what is written goes out by send.
type pipe struct {
	local  net.Addr
	send   func(b []byte, to netip.AddrPort) error
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

var _ net.PacketConn = (*pipe)(nil)

func newPipe(local net.Addr, send func(b []byte, to netip.AddrPort) error) *pipe {
	return &pipe{local: local, send: send, queue: make(chan datagram, maxQueued), read: deadline.New(), closed: make(chan struct{})}
}

// put queues a copy of b; false when it was dropped.
func (p *pipe) put(b []byte, from netip.AddrPort) bool {
	select {
	case p.queue <- datagram{append([]byte(nil), b...), from}:
		return true
	default:
		return false
	}
}

// await waits until a datagram is there, and leaves it there.
func (p *pipe) await(ctx context.Context) error {
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
func (p *pipe) ReadFrom(b []byte) (int, net.Addr, error) {
	n, from, err := p.ReadFromAddrPort(b)
	if err != nil {
		return 0, nil, err
	}
	return n, net.UDPAddrFromAddrPort(from), nil
}

// ReadFromAddrPort implements pion's optional interface.
func (p *pipe) ReadFromAddrPort(b []byte) (int, netip.AddrPort, error) {
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
func (p *pipe) WriteTo(b []byte, to net.Addr) (int, error) {
	u, ok := to.(*net.UDPAddr)
	if !ok {
		return 0, net.InvalidAddrError("not a UDP address")
	}
	return p.WriteToAddrPort(b, u.AddrPort())
}

// WriteToAddrPort implements pion's optional interface. A datagram that the
// network refuses counts as lost.
func (p *pipe) WriteToAddrPort(b []byte, to netip.AddrPort) (int, error) {
	select {
	case <-p.closed:
		return 0, net.ErrClosed
	default:
	}
	_ = p.send(b, netip.AddrPortFrom(to.Addr().Unmap(), to.Port()))
	return len(b), nil
}

// Close implements [net.PacketConn].
func (p *pipe) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

// LocalAddr implements [net.PacketConn].
func (p *pipe) LocalAddr() net.Addr { return p.local }

// SetDeadline implements [net.PacketConn].
func (p *pipe) SetDeadline(t time.Time) error { return p.SetReadDeadline(t) }

// SetReadDeadline implements [net.PacketConn].
func (p *pipe) SetReadDeadline(t time.Time) error {
	p.read.Set(t)
	return nil
}

// SetWriteDeadline implements [net.PacketConn]; a write never waits.
func (p *pipe) SetWriteDeadline(time.Time) error { return nil }

// quiet is pion's logger, and says nothing: what matters is in our events, and
// some of its lines hold what strangers send.
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
