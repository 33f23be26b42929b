package flow

import (
	"errors"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"tandem/sip"
)

// maxDatagram is more than UDP can carry.
const maxDatagram = 64 << 10

// A udpSocket is one UDP socket with its flows: one for each far end that was
// heard from or is spoken to, made and forgotten at little cost.
type udpSocket struct {
	t      *Transport
	conn   *net.UDPConn
	batch  *batchReader // the reader's
	out    *datagramWriter
	local  netip.AddrPort
	sentBy sentBy

	mu     sync.Mutex // guards what follows
	closed bool
	flows  generations[netip.AddrPort, *Flow]
}

func (t *Transport) listenUDP(l Listen, by sentBy) (netip.AddrPort, error) {
	addr, err := net.ResolveUDPAddr("udp", l.Addr)
	if err != nil {
		return netip.AddrPort{}, err
	}
	c, err := net.ListenUDP("udp", addr)
	if err != nil {
		return netip.AddrPort{}, err
	}
	// The system's default loses calls at 4,000 a second. Less than asked for is no reason to fail.
	if err := c.SetReadBuffer(t.limits.ReceiveBuffer); err != nil {
		t.log.Warn("UDP receive buffer is small", "addr", l.Addr, "err", err)
	}
	batch, err := newBatchReader(c)
	var out *datagramWriter
	if err == nil {
		out, err = newDatagramWriter(c)
	}
	if err != nil {
		c.Close()
		return netip.AddrPort{}, err
	}
	s := &udpSocket{t: t, conn: c, batch: batch, out: out, local: addrPort(c.LocalAddr()), sentBy: by.on(addrPort(c.LocalAddr()))}
	s.flows = newGenerations[netip.AddrPort, *Flow](t.limits.UDPFlows)
	s.flows.keep = func(f *Flow) bool { return f.pinned.Load() || f.watched() }
	s.flows.forgotten = func(n int) { t.count.FlowsForgotten.Add(uint64(n)) }
	t.mu.Lock()
	t.sockets = append(t.sockets, s)
	t.mu.Unlock()
	if !t.start(s.read) {
		c.Close()
		return netip.AddrPort{}, ErrClosed
	}
	return s.local, nil
}

// read is the socket's reader: it alone calls the Handler for its flows.
func (s *udpSocket) read() {
	defer s.mourn()
	var pace pacer
	for {
		n, err := s.batch.read()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			s.t.log.Warn("UDP read", "addr", s.local, "err", err)
			if !s.pause() {
				return
			}
			continue
		}
		begin := time.Now()
		for i := range n {
			s.datagram(s.batch.datagram(i))
		}
		if rest := pace.rest(begin, time.Now(), n); rest > 0 {
			time.Sleep(rest)
		}
	}
}

// pause keeps a socket that only fails from eating a processor.
func (s *udpSocket) pause() (open bool) {
	time.Sleep(time.Millisecond)
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.closed
}

func (s *udpSocket) datagram(b []byte, from netip.AddrPort) {
	t := s.t
	if !t.budgets.admit(from.Addr()) {
		t.count.OverBudget.Add(1)
		return
	}
	if a := stunAnswer(b, from); a != nil {
		t.count.PingsIn.Add(1)
		s.out.write(a, from) // what is lost is asked for again
		return
	}
	if len(b) > t.limits.Message.Message || !plausible(b) || from.Port() == 0 {
		t.count.Junk.Add(1)
		return
	}
	f := s.flow(from)
	if f == nil {
		return
	}
	fr := t.limits.Message.ParseFrame(b)
	switch fr.Kind {
	case sip.PingFrame:
		t.trace(f, false, b)
		f.gotPing()
		return
	case sip.PongFrame:
		t.trace(f, false, b)
		f.gotPong()
		return
	}
	if fr.Message != nil && fr.Message.IsRequest() {
		if to := answerTo(fr.Message, f); to != from {
			fixVia(fr.Message, f)
			f = s.flow(to)
		}
	}
	if f != nil {
		t.deliver(f, fr.Message, fr.Fault, b)
	}
}

// plausible reports whether b may be SIP: it begins with a token or a line end.
// STUN, RTP, DTLS and DNS do not.
func plausible(b []byte) bool {
	if len(b) == 0 {
		return false
	}
	switch c := b[0]; {
	case 'A' <= c && c <= 'Z', 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '\r', c == '\n':
		return true
	default:
		return c != 0 && c < 0x80 && strings.IndexByte("-.!%*_+`'~ ", c) >= 0
	}
}

// flow returns the flow to a far end, nil when the socket is closed.
func (s *udpSocket) flow(remote netip.AddrPort) *Flow {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f, ok := s.flows.get(remote); ok && !f.isDead() {
		return f
	}
	if s.closed {
		return nil
	}
	f := newFlow(s.t, udp, s.local, remote)
	f.out, f.sentBy = s, s.sentBy
	f.trusted.Store(s.t.budgets.isTrusted(remote.Addr()))
	s.flows.put(remote, f)
	return f
}

func (s *udpSocket) write(f *Flow, b []byte) error {
	return s.out.write(b, f.remote)
}

// shut is the end of one flow. It has no reader of its own to tell its watchers.
func (s *udpSocket) shut(f *Flow) {
	s.mu.Lock()
	s.flows.delete(f.remote)
	s.mu.Unlock()
	s.t.start(f.mourn) // if all is being closed, Close tells them
}

// close ends the socket and all its flows.
func (s *udpSocket) close(cause error) {
	s.mu.Lock()
	s.closed = true
	var flows []*Flow
	s.flows.each(func(f *Flow) { flows = append(flows, f) })
	s.mu.Unlock()
	for _, f := range flows {
		f.die(cause)
	}
	s.conn.Close()
}

// mourn tells all watchers, when the socket is closed.
func (s *udpSocket) mourn() {
	s.close(ErrClosed)
	s.mu.Lock()
	var flows []*Flow
	s.flows.each(func(f *Flow) { flows = append(flows, f) })
	s.mu.Unlock()
	for _, f := range flows {
		f.mourn()
	}
}

// udpTo finds a socket of the family and the flow on it.
func (t *Transport) udpTo(remote netip.AddrPort) (*Flow, error) {
	t.mu.Lock()
	sockets := t.sockets
	t.mu.Unlock()
	remote = netip.AddrPortFrom(remote.Addr().Unmap(), remote.Port())
	for _, s := range sockets {
		if !s.reaches(remote.Addr()) {
			continue
		}
		f := s.flow(remote)
		if f == nil {
			return nil, ErrClosed
		}
		f.Trust() // we chose this far end
		return f, nil
	}
	return nil, ErrNoSocket
}

// reaches reports whether the socket can send to an address of this family.
func (s *udpSocket) reaches(to netip.Addr) bool {
	local := s.local.Addr()
	if to.Is4() {
		return local.Is4() || local == netip.IPv6Unspecified()
	}
	return local.Is6()
}
