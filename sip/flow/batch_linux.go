package flow

import (
	"encoding/binary"
	"net"
	"net/netip"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// batchSize is how many datagrams one system call reads at most.
const batchSize = 16

// A batchReader reads the datagrams that wait in a UDP socket with one system call
// (recvmmsg). It has one user.
type batchReader struct {
	raw     syscall.RawConn
	once    func(fd uintptr) bool
	n       int
	err     error
	headers [batchSize]mmsghdr
	vectors [batchSize]unix.Iovec
	names   [batchSize]unix.RawSockaddrInet6 // the larger of the two families
	data    [batchSize][]byte
}

// mmsghdr is struct mmsghdr of recvmmsg(2).
type mmsghdr struct {
	unix.Msghdr
	length uint32
	_      [unix.SizeofPtr - 4]byte
}

func newBatchReader(c *net.UDPConn) (*batchReader, error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return nil, err
	}
	r := &batchReader{raw: raw}
	r.once = r.receive
	for i := range r.headers {
		r.data[i] = make([]byte, maxDatagram)
		r.vectors[i].Base = &r.data[i][0]
		r.vectors[i].SetLen(maxDatagram)
		h := &r.headers[i].Msghdr
		h.Iov, h.Name = &r.vectors[i], (*byte)(unsafe.Pointer(&r.names[i]))
		h.SetIovlen(1)
	}
	return r, nil
}

// read waits for datagrams and returns how many there are.
func (r *batchReader) read() (int, error) {
	for i := range r.headers {
		r.headers[i].Namelen = unix.SizeofSockaddrInet6
	}
	if err := r.raw.Read(r.once); err != nil {
		return 0, err
	}
	return r.n, r.err
}

// receive reports false when there is nothing to read yet.
func (r *batchReader) receive(fd uintptr) bool {
	for {
		n, _, e := syscall.RawSyscall6(unix.SYS_RECVMMSG, fd, uintptr(unsafe.Pointer(&r.headers[0])), batchSize, unix.MSG_DONTWAIT, 0, 0)
		switch e {
		case 0:
			r.n, r.err = int(n), nil
		case unix.EINTR:
			continue
		case unix.EAGAIN:
			return false
		default:
			r.n, r.err = 0, e
		}
		return true
	}
}

// datagram is the i-th that was read, and where it came from. It is lent until the
// next read.
func (r *batchReader) datagram(i int) ([]byte, netip.AddrPort) {
	return r.data[i][:r.headers[i].length], addrPortOf(&r.names[i])
}

// addrPortOf reads an address that the system wrote.
func addrPortOf(sa *unix.RawSockaddrInet6) netip.AddrPort {
	port := binary.BigEndian.Uint16((*[2]byte)(unsafe.Pointer(&sa.Port))[:])
	if sa.Family == unix.AF_INET {
		v4 := (*unix.RawSockaddrInet4)(unsafe.Pointer(sa))
		return netip.AddrPortFrom(netip.AddrFrom4(v4.Addr), port)
	}
	a := netip.AddrFrom16(sa.Addr)
	if a.IsLinkLocalUnicast() && sa.Scope_id != 0 {
		a = a.WithZone(zoneName(sa.Scope_id))
	}
	return netip.AddrPortFrom(a.Unmap(), port)
}

// zoneName is the name of an IPv6 zone.
func zoneName(index uint32) string {
	if i, err := net.InterfaceByIndex(int(index)); err == nil {
		return i.Name
	}
	return ""
}
