package flow

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A datagramWriter sends on a UDP socket without telling Go's scheduler: the call
// never waits, and a process that is idle but for it would have the scheduler's
// monitor thread wake up some thousand times a second. It is safe for concurrent use.
type datagramWriter struct {
	conn   *net.UDPConn
	raw    syscall.RawConn
	family int
	calls  sync.Pool // of *sendCall
}

// sendCall is one call of sendto(2), with its arguments on the heap.
type sendCall struct {
	once func(fd uintptr) bool
	b    []byte
	to   unix.RawSockaddrInet6 // the larger of the two families
	size uintptr
	err  error
}

func newDatagramWriter(c *net.UDPConn) (*datagramWriter, error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return nil, err
	}
	w := &datagramWriter{conn: c, raw: raw}
	asked := raw.Control(func(fd uintptr) { w.family, err = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_DOMAIN) })
	if asked != nil || err != nil {
		return nil, fmt.Errorf("ask for the socket's address family: %w", os.NewSyscallError("getsockopt", err))
	}
	w.calls.New = func() any {
		c := &sendCall{}
		c.once = c.send
		return c
	}
	return w, nil
}

// write sends b, which it does not keep.
func (w *datagramWriter) write(b []byte, to netip.AddrPort) error {
	if to.Addr().Zone() != "" || len(b) == 0 || to.Addr().Is6() && !to.Addr().Is4In6() && w.family != unix.AF_INET6 {
		_, err := w.conn.WriteToUDPAddrPort(b, to)
		return err
	}
	c := w.calls.Get().(*sendCall)
	defer w.calls.Put(c)
	c.b = b
	c.address(w.family, to)
	err := w.raw.Write(c.once)
	c.b = nil
	if err != nil {
		return err
	}
	return c.err
}

// address writes the far end's address as a socket of the family takes it.
func (c *sendCall) address(family int, to netip.AddrPort) {
	port := (*[2]byte)(unsafe.Pointer(&c.to.Port)) // Port is at the same place in both
	binary.BigEndian.PutUint16(port[:], to.Port())
	if family == unix.AF_INET {
		sa := (*unix.RawSockaddrInet4)(unsafe.Pointer(&c.to))
		sa.Family, sa.Addr, c.size = unix.AF_INET, to.Addr().As4(), unix.SizeofSockaddrInet4
		return
	}
	c.to.Family, c.to.Addr, c.size = unix.AF_INET6, to.Addr().As16(), unix.SizeofSockaddrInet6
}

// send reports false when the socket's buffer is full.
func (c *sendCall) send(fd uintptr) bool {
	for {
		_, _, e := syscall.RawSyscall6(unix.SYS_SENDTO, fd, uintptr(unsafe.Pointer(&c.b[0])), uintptr(len(c.b)),
			unix.MSG_DONTWAIT, uintptr(unsafe.Pointer(&c.to)), c.size)
		switch e {
		case 0:
			c.err = nil
		case unix.EINTR:
			continue
		case unix.EAGAIN:
			return false
		default:
			c.err = os.NewSyscallError("sendto", e)
		}
		return true
	}
}
