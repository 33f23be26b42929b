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
	engine *Engine
	over   sdp.FloorTransport
	number int    // of the port
	moved  func() // is told when the floor was given or taken
	udp    *net.UDPConn
	tcp    *net.TCPListener
	done   chan struct{}
	secure floorDTLS // over DTLS

	mu     sync.Mutex // guards what follows
	server bfcp.Server
	from   netip.Addr     // whom messages are taken from: the description's address,
	near   netip.Addr     // or where signalling comes from (a NAT)
	to     netip.AddrPort // where the far end was last; over UDP and DTLS
	conn   net.Conn       // over TCP and DTLS
	closed bool
}

// openFloor opens the port of floor control when an offer has it and a shared screen; nil
// is the first offer of ours. Without a free port there is none. ctl is held.
func (s *Session) openFloor(caps sdp.Capabilities, offer *sdp.Description) {
	over, ok := floorFor(caps, offer)
	if now := s.floor.Load(); !ok || len(caps.Content) == 0 || now != nil && now.over == over {
		return
	}
	s.closeFloor()
	f := &floorControl{engine: s.engine, over: over, moved: s.notify, done: make(chan struct{})}
	f.server.Reliable = over == sdp.FloorOverTCP
	n, err := s.engine.pool.take(false, func(n int) error { return f.listen(netip.AddrPortFrom(s.audio.bind(), uint16(n))) })
	if err != nil {
		s.log.Warn("no port for floor control", "err", err)
		return
	}
	f.number = n
	f.secure.begin(f)
	s.floor.Store(f)
	go f.run()
}

// floorFor is over what there is floor control, if there is. We offer it over DTLS when
// pictures are protected that way, else over UDP, which every room speaks.
func floorFor(caps sdp.Capabilities, offer *sdp.Description) (sdp.FloorTransport, bool) {
	switch {
	case offer != nil:
		_, over, ok := offer.FloorControl()
		return over, ok && offer.Has(media.Content)
	case caps.Last != nil || caps.ICE != sdp.ICENone:
		return 0, false
	case caps.Security == sdp.DTLS:
		return sdp.FloorOverDTLS, true
	}
	return sdp.FloorOverUDP, true
}

// bind is the address our sockets of the description's family are bound to.
func (s *stream) bind() netip.Addr {
	if s.local.Is4() || !s.engine.BindIPv6.IsValid() {
		return s.engine.BindIPv4
	}
	return s.engine.BindIPv6
}

func (f *floorControl) listen(at netip.AddrPort) (err error) {
	if f.over == sdp.FloorOverTCP {
		f.tcp, err = net.ListenTCP("tcp", net.TCPAddrFromAddrPort(at))
		return err
	}
	f.udp, err = net.ListenUDP("udp", net.UDPAddrFromAddrPort(at))
	return err
}

// describe fills in what a description shows.
func (f *floorControl) describe(tr *sdp.Transport) {
	switch {
	case f == nil:
	case f.over == sdp.FloorOverTCP:
		tr.FloorTCP = uint16(f.number)
	case f.over == sdp.FloorOverDTLS:
		tr.FloorDTLS, tr.FloorFingerprints = uint16(f.number), []sdp.Fingerprint{f.engine.identity.fingerprint}
	default:
		tr.FloorUDP = uint16(f.number)
	}
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
	f.near = s.opts.Remote
	f.server.Conference, f.server.User, f.server.Floor = a.Conference, a.User, a.Floor
	f.from = a.Remote.Addr()
	if !f.to.IsValid() {
		f.to = a.Remote
	}
	f.mu.Unlock()
	if f.over == sdp.FloorOverDTLS {
		f.secure.agree(a.DTLS)
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
	if f.conn != nil && f.tcp != nil {
		_ = f.conn.Close()
	}
	f.mu.Unlock()
	f.secure.end() // its last word goes out by the socket
	if f.tcp != nil {
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
	if f.tcp != nil {
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
			if f.over == sdp.FloorOverDTLS {
				f.secure.put(b[:n], from)
			} else {
				f.receive(now, b[:n])
			}
		}
		f.alarmLocked(now)
		f.mu.Unlock()
		if closed || errors.Is(err, net.ErrClosed) {
			return
		}
	}
}

// receive serves one message. f.mu is held.
func (f *floorControl) receive(now time.Time, b []byte) {
	held := f.server.Holds()
	f.send(f.server.Receive(now, b))
	if f.server.Holds() != held {
		f.moved()
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
		case f.over == sdp.FloorOverUDP && f.to.IsValid() && f.to.Port() != 0:
			_, _ = f.udp.WriteToUDPAddrPort(b, f.to)
		case f.over == sdp.FloorOverDTLS && f.conn != nil:
			_, _ = f.conn.Write(b)
		case f.over == sdp.FloorOverTCP && f.conn != nil:
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
			f.receive(time.Now(), b[:n])
		}
		f.mu.Unlock()
	}
}

// String prints "floor control UDP/BFCP 4010".
func (f *floorControl) String() string {
	return "floor control " + f.over.String() + " " + strconv.Itoa(f.number)
}
