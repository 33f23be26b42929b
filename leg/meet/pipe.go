package meet

import (
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

// pipe is a net.PacketConn without a socket: the reader of the socket puts
// datagrams in, and what is written goes out by send.
type pipe struct {
	local  net.Addr
	send   func(b []byte, to netip.AddrPort)
	queue  chan datagram
	read   *deadline.Deadline
	closed chan struct{}
	once   sync.Once
}

type datagram struct {
	b    []byte
	from netip.AddrPort
}

var _ net.PacketConn = (*pipe)(nil)

func newPipe(local net.Addr, send func(b []byte, to netip.AddrPort)) *pipe {
	return &pipe{local: local, send: send, queue: make(chan datagram, maxQueued), read: deadline.New(), closed: make(chan struct{})}
}

// put queues a copy of b, or drops it.
func (p *pipe) put(b []byte, from netip.AddrPort) {
	select {
	case p.queue <- datagram{append([]byte(nil), b...), from}:
	default:
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
	p.send(b, netip.AddrPortFrom(to.Addr().Unmap(), to.Port()))
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
