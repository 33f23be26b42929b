//go:build !portable

package transport

import (
	"net/netip"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// socket is one UDP port, non-blocking and outside of Go's network poller. Its
// calls never wait, so they skip the scheduler (RawSyscall).
type socket struct {
	fd    int
	local netip.AddrPort
}

// openSocket binds a UDP socket to local, of one address family only.
func openSocket(local netip.AddrPort, dscp int) (*socket, error) {
	family := unix.AF_INET
	if local.Addr().Is6() {
		family = unix.AF_INET6
	}
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, unix.IPPROTO_UDP)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	if err := setUp(fd, family, local, dscp); err != nil {
		_ = (&socket{fd: fd}).close()
		return nil, err
	}
	return &socket{fd: fd, local: local}, nil
}

func setUp(fd, family int, local netip.AddrPort, dscp int) error {
	// A network that refuses the mark carries the packets all the same.
	_ = setInt(fd, unix.IPPROTO_IP, unix.IP_TOS, dscp<<2)
	if family == unix.AF_INET6 {
		if err := setInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1); err != nil {
			return os.NewSyscallError("setsockopt", err)
		}
		_ = setInt(fd, unix.IPPROTO_IPV6, unix.IPV6_TCLASS, dscp<<2)
	}
	a := new(address)
	*a = makeAddress(local)
	_, _, e := syscall.RawSyscall(unix.SYS_BIND, uintptr(fd), uintptr(unsafe.Pointer(&a.raw[0])), uintptr(a.len))
	return os.NewSyscallError("bind", errno(e))
}

func setInt(fd, level, option, value int) error {
	v := int32(value)
	_, _, e := syscall.RawSyscall6(unix.SYS_SETSOCKOPT, uintptr(fd), uintptr(level), uintptr(option), uintptr(unsafe.Pointer(&v)), unsafe.Sizeof(v), 0)
	return errno(e)
}

func (s *socket) close() error {
	_, _, e := syscall.RawSyscall(unix.SYS_CLOSE, uintptr(s.fd), 0, 0)
	return errno(e)
}

// address is a destination in the form the kernel reads.
type address struct {
	raw [unix.SizeofSockaddrInet6]byte
	len uint32
	ap  netip.AddrPort
}

func makeAddress(ap netip.AddrPort) (a address) {
	a.ap = ap
	port := ap.Port()
	a.raw[2], a.raw[3] = byte(port>>8), byte(port)
	if ap.Addr().Is4() {
		*(*uint16)(unsafe.Pointer(&a.raw[0])) = unix.AF_INET
		ip := ap.Addr().As4()
		copy(a.raw[4:], ip[:])
		a.len = unix.SizeofSockaddrInet4
		return a
	}
	*(*uint16)(unsafe.Pointer(&a.raw[0])) = unix.AF_INET6
	ip := ap.Addr().As16()
	copy(a.raw[8:], ip[:])
	a.len = unix.SizeofSockaddrInet6
	return a
}

// addrPort reads what the kernel wrote.
func (a *address) addrPort() netip.AddrPort {
	port := uint16(a.raw[2])<<8 | uint16(a.raw[3])
	if *(*uint16)(unsafe.Pointer(&a.raw[0])) == unix.AF_INET {
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte(a.raw[4:8])), port)
	}
	return netip.AddrPortFrom(netip.AddrFrom16([16]byte(a.raw[8:24])), port)
}

// send sends b; to is nil for a connected socket. b and to must be on the heap.
func (s *socket) send(b []byte, to *address) syscall.Errno {
	var p unsafe.Pointer
	var n uintptr
	if to != nil {
		p, n = unsafe.Pointer(&to.raw[0]), uintptr(to.len)
	}
	const flags = unix.MSG_DONTWAIT | unix.MSG_NOSIGNAL
	_, _, e := syscall.RawSyscall6(unix.SYS_SENDTO, uintptr(s.fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)), flags, uintptr(p), n)
	return e
}

// receive reads one datagram into b and its source into from.
func (s *socket) receive(b []byte, from *address) (int, syscall.Errno) {
	from.len = uint32(len(from.raw))
	n, _, e := syscall.RawSyscall6(unix.SYS_RECVFROM, uintptr(s.fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)),
		unix.MSG_DONTWAIT, uintptr(unsafe.Pointer(&from.raw[0])), uintptr(unsafe.Pointer(&from.len)))
	return int(n), e
}

// connect makes the kernel drop everything that does not come from to; an invalid
// to undoes it.
func (s *socket) connect(to netip.AddrPort) error {
	if !to.IsValid() {
		unspec := &address{len: unix.SizeofSockaddrInet4} // AF_UNSPEC is 0
		_, _, e := syscall.RawSyscall(unix.SYS_CONNECT, uintptr(s.fd), uintptr(unsafe.Pointer(&unspec.raw[0])), uintptr(unspec.len))
		return errno(e)
	}
	a := new(address)
	*a = makeAddress(to)
	_, _, e := syscall.RawSyscall(unix.SYS_CONNECT, uintptr(s.fd), uintptr(unsafe.Pointer(&a.raw[0])), uintptr(a.len))
	return errno(e)
}
