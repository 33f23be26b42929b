// Package pipe lends the simulators' DTLS a net.PacketConn over a port that others share:
// whoever reads the port Feeds it, and what is written goes out by a function. It imports
// none of the gateway's packages.
package pipe

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/transport/v4/deadline"
)

// A Pipe follows the far end to its newest address.
type Pipe struct {
	local  net.Addr
	send   func(b []byte, to netip.AddrPort)
	in     chan []byte
	read   *deadline.Deadline
	closed chan struct{}
	once   sync.Once
	first  chan struct{} // closed by the first packet
	began  sync.Once
	from   atomic.Pointer[netip.AddrPort]
}

var _ net.PacketConn = (*Pipe)(nil)

// New returns a pipe with a local address; size is how many packets may wait.
func New(local net.Addr, size int, send func(b []byte, to netip.AddrPort)) *Pipe {
	return &Pipe{local: local, send: send, in: make(chan []byte, size), read: deadline.New(), closed: make(chan struct{}), first: make(chan struct{})}
}

// Feed takes a copy of a packet; it drops what cannot be read in time: DTLS and SCTP repeat
// themselves.
func (p *Pipe) Feed(b []byte, from netip.AddrPort) {
	p.Toward(from)
	p.began.Do(func() { close(p.first) })
	select {
	case p.in <- slices.Clone(b):
	default:
	}
}

// Toward says where the far end is before it has sent anything.
func (p *Pipe) Toward(to netip.AddrPort) { p.from.Store(&to) }

// Began is closed by the first packet.
func (p *Pipe) Began() <-chan struct{} { return p.first }

// Closed is closed by Close.
func (p *Pipe) Closed() <-chan struct{} { return p.closed }

// Peer is where the far end is.
func (p *Pipe) Peer() net.Addr {
	from := p.from.Load()
	if from == nil {
		return nil
	}
	return net.UDPAddrFromAddrPort(*from)
}

// ReadFrom implements [net.PacketConn].
func (p *Pipe) ReadFrom(b []byte) (int, net.Addr, error) {
	select {
	case packet := <-p.in:
		return copy(b, packet), p.Peer(), nil
	case <-p.read.Done():
		return 0, nil, context.DeadlineExceeded
	case <-p.closed:
		return 0, nil, net.ErrClosed
	}
}

// WriteTo implements [net.PacketConn].
func (p *Pipe) WriteTo(b []byte, _ net.Addr) (int, error) {
	if to := p.from.Load(); to != nil {
		p.send(slices.Clone(b), *to)
	}
	return len(b), nil
}

// Close ends reads.
func (p *Pipe) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

// LocalAddr implements [net.PacketConn].
func (p *Pipe) LocalAddr() net.Addr { return p.local }

// SetDeadline implements [net.PacketConn].
func (p *Pipe) SetDeadline(t time.Time) error { return p.SetReadDeadline(t) }

// SetReadDeadline implements [net.PacketConn].
func (p *Pipe) SetReadDeadline(t time.Time) error { p.read.Set(t); return nil }

// SetWriteDeadline implements [net.PacketConn]; a write never waits.
func (p *Pipe) SetWriteDeadline(time.Time) error { return nil }

// Unclosed is the pipe for somebody who must not close it: its owner may have a last
// word to send.
func (p *Pipe) Unclosed() net.PacketConn { return unclosed{p} }

type unclosed struct{ *Pipe }

func (unclosed) Close() error { return nil }
