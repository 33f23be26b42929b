package gvoice

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/pion/stun/v4"
)

// relay is the media edge: one UDP port for all calls, on IPv4 and IPv6, as
// Google has it. STUN finds its session by the user name, everything else by a
// source address that has passed a check (GV-S33).
type relay struct {
	srv          *Server
	conn4, conn6 *net.UDPConn
	addr4, addr6 netip.AddrPort // as in the SDP
	fingerprint  string
	dtls         dtlsIdentity
	stop         chan struct{}
	once         sync.Once

	mu         sync.Mutex                   // guards everything below
	sessions   map[string]*session          // by our ufrag
	peers      map[netip.AddrPort]*session  // verified addresses
	gone       map[netip.AddrPort]time.Time // verified addresses of ended calls, and when they ended
	unverified int
}

// A call's last packets arrive after its end: for afterglow they are dropped as
// what they are, not blamed on the call that still runs. maxGone bounds the memory.
const (
	afterglow = 10 * time.Second
	maxGone   = 4096
)

// deadIPv6 stands in the SDP when there is no IPv6 socket: an address of the
// documentation prefix, so that no packet can reach anybody.
const deadIPv6 = "2001:db8:4864:2::26"

const socketBuffer = 4 << 20 // bytes

func newRelay(s *Server) (*relay, error) {
	r := &relay{srv: s, stop: make(chan struct{}), sessions: map[string]*session{}, peers: map[netip.AddrPort]*session{}, gone: map[netip.AddrPort]time.Time{}}
	var err error
	if r.dtls, err = newDTLSIdentity(); err != nil {
		return nil, err
	}
	r.fingerprint = fingerprintOf(r.dtls.cert.Certificate[0])
	if err := r.open(); err != nil {
		return nil, err
	}
	s.work.Go(func() { r.read(r.conn4, false) })
	if r.conn6 != nil {
		s.work.Go(func() { r.read(r.conn6, true) })
	}
	s.work.Go(r.pace)
	return r, nil
}

func (r *relay) open() error {
	ip, err := netip.ParseAddr(r.srv.cfg.Bind)
	if err != nil {
		return fmt.Errorf("bind address %q: %w", r.srv.cfg.Bind, err)
	}
	r.conn4, err = net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(ip, uint16(r.srv.cfg.MediaPort))))
	if err != nil {
		return fmt.Errorf("media port: %w", err)
	}
	_ = r.conn4.SetReadBuffer(socketBuffer)
	port := uint16(r.conn4.LocalAddr().(*net.UDPAddr).Port)
	r.addr4 = netip.AddrPortFrom(ip, port)
	r.addr6 = netip.AddrPortFrom(netip.MustParseAddr(deadIPv6), port)
	if r.srv.cfg.NoIPv6 || !ip.IsLoopback() {
		return nil
	}
	loopback := netip.AddrPortFrom(netip.IPv6Loopback(), port)
	if r.conn6, err = net.ListenUDP("udp6", net.UDPAddrFromAddrPort(loopback)); err == nil {
		_ = r.conn6.SetReadBuffer(socketBuffer)
		r.addr6 = loopback
	}
	return nil
}

func (r *relay) close() {
	r.once.Do(func() {
		close(r.stop)
		_ = r.conn4.Close()
		if r.conn6 != nil {
			_ = r.conn6.Close()
		}
	})
}

// read serves one socket.
func (r *relay) read(c *net.UDPConn, v6 bool) {
	buf := make([]byte, 2048)
	for {
		n, from, err := c.ReadFromUDPAddrPort(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // an ICMP error of an earlier packet
		}
		from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
		if v6 {
			if _, hole := r.srv.fault(IPv6BlackHole, "", ""); hole {
				continue
			}
		}
		r.packet(buf[:n], from, v6)
	}
}

// packet is the demultiplexing of RFC 7983.
func (r *relay) packet(b []byte, from netip.AddrPort, v6 bool) {
	if len(b) == 0 {
		return
	}
	if stun.IsMessage(b) {
		r.check(b, from)
		return
	}
	r.mu.Lock()
	s := r.peers[from]
	if s == nil {
		r.unverified++
		s = r.guessLocked(from)
		r.mu.Unlock()
		if s != nil {
			s.countUnverified()
		}
		return
	}
	r.mu.Unlock()
	if r.blocked(s, v6) {
		return
	}
	s.packet(b, from, time.Now())
}

// guessLocked finds whom an unverified packet may belong to, for the report
// only: the one session, if there is but one and the sender is not the client of
// a call that has just ended.
func (r *relay) guessLocked(from netip.AddrPort) *session {
	if len(r.sessions) != 1 || time.Since(r.gone[from]) < afterglow {
		return nil
	}
	for _, s := range r.sessions {
		return s
	}
	return nil
}

func (r *relay) blocked(s *session, v6 bool) bool {
	if _, on := r.srv.fault(MediaBlocked, "", s.user); on {
		return true
	}
	if !v6 {
		return false
	}
	_, on := r.srv.fault(IPv6NoMedia, "", s.user)
	return on
}

// check answers a connectivity check (RFC 8445 section 7.3, ice-lite).
func (r *relay) check(b []byte, from netip.AddrPort) {
	m := stun.New()
	if _, err := m.Write(b); err != nil || m.Type != stun.BindingRequest {
		return
	}
	var name stun.Username
	if err := name.GetFrom(m); err != nil {
		r.send(stunError(m, stun.CodeBadRequest), from)
		return
	}
	ours, theirs, _ := strings.Cut(name.String(), ":")
	r.mu.Lock()
	s := r.sessions[ours]
	r.mu.Unlock()
	if s == nil {
		r.send(stunError(m, stun.CodeUnauthorized), from)
		return
	}
	if why := s.verify(m, theirs); why != "" {
		s.badCheck(why, from)
		r.send(stunError(m, stun.CodeUnauthorized), from)
		return
	}
	r.mu.Lock()
	r.peers[from] = s
	delete(r.gone, from)
	r.mu.Unlock()
	s.checked(from, m.Contains(stun.AttrUseCandidate), time.Now())
	answer, err := stun.Build(m, stun.BindingSuccess, &stun.XORMappedAddress{IP: from.Addr().AsSlice(), Port: int(from.Port())},
		stun.NewShortTermIntegrity(s.password()), stun.Fingerprint)
	if err == nil {
		r.send(answer.Raw, from)
	}
}

func stunError(m *stun.Message, code stun.ErrorCode) []byte {
	answer, err := stun.Build(m, stun.BindingError, code, stun.Fingerprint)
	if err != nil {
		return nil
	}
	return answer.Raw
}

func (r *relay) send(b []byte, to netip.AddrPort) {
	c := r.conn4
	if to.Addr().Is6() {
		c = r.conn6
	}
	if c != nil && b != nil {
		_, _ = c.WriteToUDPAddrPort(b, to)
	}
}

func (r *relay) add(s *session) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sessions[s.ufrag] = s
}

// remove forgets a session; its addresses are unverified from then on.
func (r *relay) remove(s *session) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for ufrag, other := range r.sessions {
		if other == s {
			delete(r.sessions, ufrag)
		}
	}
	now := time.Now()
	maps.DeleteFunc(r.gone, func(_ netip.AddrPort, at time.Time) bool { return now.Sub(at) > afterglow || len(r.gone) > maxGone })
	for addr, other := range r.peers {
		if other == s {
			delete(r.peers, addr)
			r.gone[addr] = now
		}
	}
}

// pace sends one packet per session every 20 ms.
func (r *relay) pace() {
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-r.stop:
			return
		case <-ticker.C:
		}
		r.mu.Lock()
		all := make([]*session, 0, len(r.sessions))
		for _, s := range r.sessions {
			all = append(all, s)
		}
		r.mu.Unlock()
		for _, s := range all {
			s.tick()
		}
	}
}
