//go:build !linux

package flow

import (
	"net"
	"net/netip"
)

const batchSize = 1

// A batchReader reads one datagram at a time.
type batchReader struct {
	conn *net.UDPConn
	data []byte
	n    int
	from netip.AddrPort
}

func newBatchReader(c *net.UDPConn) (*batchReader, error) {
	return &batchReader{conn: c, data: make([]byte, maxDatagram)}, nil
}

func (r *batchReader) read() (n int, err error) {
	r.n, r.from, err = r.conn.ReadFromUDPAddrPort(r.data)
	return 1, err
}

func (r *batchReader) datagram(int) ([]byte, netip.AddrPort) {
	return r.data[:r.n], netip.AddrPortFrom(r.from.Addr().Unmap(), r.from.Port())
}
