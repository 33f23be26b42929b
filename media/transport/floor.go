package transport

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"tandem/media"
	"tandem/media/bfcp"
	"tandem/media/sdp"
)

// floorControl is the floor control server of a session (RFC 8855): its port, one
// goroutine that serves it, and who has the floor. A far end sends a few messages a
// minute, so it has a socket of its own and no part in the workers.
type floorControl struct {
	engine   *Engine
	reliable bool
	number   int // of the port
	udp      *net.UDPConn
	tcp      *net.TCPListener
	done     chan struct{}

	mu     sync.Mutex // guards what follows
	server bfcp.Server
	from   netip.Addr     // whom messages are taken from: the description's address,
	near   netip.Addr     // or where signalling comes from (a NAT)
	to     netip.AddrPort // where the far end was last; over UDP
	conn   *net.TCPConn   // over TCP
	closed bool
}

// openFloor opens the port of floor control when an offer has it and a shared screen.
// Without a free port there is none. ctl is held.
func (s *Session) openFloor(caps sdp.Capabilities, offer *sdp.Description) {
	_, reliable, ok := offer.FloorControl()
	if now := s.floor.Load(); !ok || len(caps.Content) == 0 || !offer.Has(media.Content) || now != nil && now.reliable == reliable {
		return
	}
	s.closeFloor()
	f := &floorControl{engine: s.engine, reliable: reliable, done: make(chan struct{})}
	f.server.Reliable = reliable
	n, err := s.engine.pool.take(false, func(n int) error { return f.listen(netip.AddrPortFrom(s.audio.bind(), uint16(n))) })
	if err != nil {
		s.log.Warn("no port for floor control", "err", err)
		return
	}
	f.number = n
	s.floor.Store(f)
	go f.run()
}

// bind is the address our sockets of the description's family are bound to.
func (s *stream) bind() netip.Addr {
	if s.local.Is4() || !s.engine.BindIPv6.IsValid() {
		return s.engine.BindIPv4
	}
	return s.engine.BindIPv6
}

func (f *floorControl) listen(at netip.AddrPort) (err error) {
	if f.reliable {
		f.tcp, err = net.ListenTCP("tcp", net.TCPAddrFromAddrPort(at))
		return err
	}
	f.udp, err = net.ListenUDP("udp", net.UDPAddrFromAddrPort(at))
	return err
}

// ports are what a description shows.
func (f *floorControl) ports() (udp, tcp uint16) {
	switch {
	case f == nil:
		return 0, 0
	case f.reliable:
		return 0, uint16(f.number)
	}
	return uint16(f.number), 0
}

// agree takes over what was agreed; nil: the far end does without.
func (s *Session) agreeFloor(a *sdp.FloorControl) {
	if a == nil {
		s.closeFloor()
		return
	}
	f := s.floor.Load()
	if f == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.near = s.opts.Remote
	f.server.Conference, f.server.User, f.server.Floor = a.Conference, a.User, a.Floor
	f.from = a.Remote.Addr()
	if !f.to.IsValid() {
		f.to = a.Remote
	}
}

// closeFloor gives the port back and waits for the goroutine.
func (s *Session) closeFloor() {
	f := s.floor.Swap(nil)
	if f == nil {
		return
	}
	f.mu.Lock()
	f.closed = true
	if f.conn != nil {
		_ = f.conn.Close()
	}
	f.mu.Unlock()
	if f.reliable {
		_ = f.tcp.Close()
	} else {
		_ = f.udp.Close()
	}
	<-f.done
	f.engine.pool.release(f.number, false)
}

// Present tells a far end with floor control who else presents, "" for nobody: it loses
// the floor to somebody else. A session without floor control ignores it.
func (s *Session) Present(name string) {
	f := s.floor.Load()
	if f == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.send(f.server.Present(time.Now(), name))
	f.alarmLocked(time.Now())
}

// alarmLocked has run wake up when something is to be sent again.
func (f *floorControl) alarmLocked(now time.Time) {
	if f.udp == nil {
		return
	}
	again, next, _ := f.server.Tick(now)
	f.send(again)
	_ = f.udp.SetReadDeadline(next) // zero: none
}

// HoldsFloor reports whether the far end was granted the floor.
func (s *Session) HoldsFloor() bool {
	f := s.floor.Load()
	if f == nil {
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.server.Holds()
}

func (f *floorControl) run() {
	defer close(f.done)
	if f.reliable {
		f.serveTCP()
		return
	}
	f.serveUDP()
}

// serveUDP takes datagrams, and sends again what is not acknowledged.
func (f *floorControl) serveUDP() {
	b := make([]byte, bfcp.MaxSize)
	for {
		n, from, err := f.udp.ReadFromUDPAddrPort(b)
		now := time.Now()
		f.mu.Lock()
		closed := f.closed
		if from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port()); err == nil && f.knows(from.Addr()) {
			f.to = from
			f.send(f.server.Receive(now, b[:n]))
		}
		f.alarmLocked(now)
		f.mu.Unlock()
		if closed || errors.Is(err, net.ErrClosed) {
			return
		}
	}
}

// knows says whether messages from an address are the far end's. f.mu is held.
func (f *floorControl) knows(from netip.Addr) bool {
	return from.IsValid() && (from == f.from || from == f.near)
}

// send sends messages. f.mu is held.
func (f *floorControl) send(list [][]byte) {
	for _, b := range list {
		switch {
		case f.udp != nil && f.to.IsValid() && f.to.Port() != 0:
			_, _ = f.udp.WriteToUDPAddrPort(b, f.to)
		case f.conn != nil:
			_ = f.conn.SetWriteDeadline(time.Now().Add(floorWrite))
			if _, err := f.conn.Write(b); err != nil {
				_ = f.conn.Close()
			}
		}
	}
}

// floorWrite bounds how long a far end that does not read holds us up.
const floorWrite = 20 * time.Millisecond

// serveTCP takes connections from the far end only. A new one takes the place of the last:
// a far end that lost it cannot say so.
func (f *floorControl) serveTCP() {
	var serving sync.WaitGroup
	defer serving.Wait()
	for {
		c, err := f.tcp.AcceptTCP()
		if err != nil {
			return
		}
		from := c.RemoteAddr().(*net.TCPAddr).AddrPort().Addr().Unmap()
		f.mu.Lock()
		if f.closed || !f.knows(from) {
			f.mu.Unlock()
			_ = c.Close()
			continue
		}
		if f.conn != nil {
			_ = f.conn.Close()
		}
		f.conn = c
		f.mu.Unlock()
		serving.Go(func() {
			defer c.Close()
			f.serveConn(c)
		})
	}
}

// serveConn reads messages until the connection ends.
func (f *floorControl) serveConn(c *net.TCPConn) {
	b := make([]byte, bfcp.MaxSize)
	for {
		if _, err := io.ReadFull(c, b[:4]); err != nil {
			return
		}
		n := bfcp.Size(b[:4])
		if n > len(b) {
			return
		}
		if _, err := io.ReadFull(c, b[4:n]); err != nil {
			return
		}
		f.mu.Lock()
		if f.conn == c {
			f.send(f.server.Receive(time.Now(), b[:n]))
		}
		f.mu.Unlock()
	}
}

// String prints "floor control UDP 4010".
func (f *floorControl) String() string {
	kind := "UDP "
	if f.reliable {
		kind = "TCP "
	}
	return "floor control " + kind + strconv.Itoa(f.number)
}
