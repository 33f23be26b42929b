//go:build !linux

package flow

import (
	"net"
	"net/netip"
)

// A datagramWriter sends on a UDP socket.
type datagramWriter struct{ conn *net.UDPConn }

func newDatagramWriter(c *net.UDPConn) (*datagramWriter, error) { return &datagramWriter{c}, nil }

func (w *datagramWriter) write(b []byte, to netip.AddrPort) error {
	_, err := w.conn.WriteToUDPAddrPort(b, to)
	return err
}
