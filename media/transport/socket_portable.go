//go:build !linux || portable

package transport

import (
	"errors"
	"net"
	"net/netip"
	"syscall"
)

// socket is one UDP port, served by Go's network poller.
type socket struct {
	conn  *net.UDPConn
	local netip.AddrPort
}

// openSocket binds a UDP socket to local, of one address family only. The mark
// dscp is left out: there is no portable way to set it.
func openSocket(local netip.AddrPort, _ int) (*socket, error) {
	network := "udp4"
	if local.Addr().Is6() {
		network = "udp6"
	}
	conn, err := net.ListenUDP(network, net.UDPAddrFromAddrPort(local))
	if err != nil {
		return nil, err
	}
	return &socket{conn: conn, local: local}, nil
}

func (s *socket) close() error { return s.conn.Close() }

// address is a destination.
type address struct{ ap netip.AddrPort }

func makeAddress(ap netip.AddrPort) address { return address{ap} }

// send sends b.
func (s *socket) send(b []byte, to *address) syscall.Errno {
	_, err := s.conn.WriteToUDPAddrPort(b, to.ap)
	var e syscall.Errno
	switch {
	case err == nil:
		return 0
	case errors.As(err, &e):
		return e
	}
	return syscall.EINVAL
}

var errNoConnect = errors.New("sockets are not connected on this system")

// connect is not done here; the latch alone keeps strangers out.
func (s *socket) connect(netip.AddrPort) error { return errNoConnect }
