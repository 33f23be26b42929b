package meet

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"

	"github.com/pion/stun/v4"
)

// The ports of Google's media edge; the simulator takes one for all sessions
// (MEET-S7).
const (
	firstMediaPort = 19302
	lastMediaPort  = 19309
	socketBuffer   = 4 << 20 // bytes

	// More failures in a row mean that the socket is gone.
	maxReadFailures = 1000
)

// mux is the media edge: one UDP port for all sessions. STUN finds its session
// by the user name, everything else by a source address that has passed a check.
type mux struct {
	srv         *Server
	conn        net.PacketConn
	addr        netip.AddrPort // as in the SDP
	cert        *tls.Certificate
	fingerprint string
	line        *delayLine

	mu         sync.Mutex                  // guards everything below
	sessions   map[string]*session         // by our ufrag
	peers      map[netip.AddrPort]*session // verified addresses
	unverified int
}

func newMux(s *Server) (*mux, error) {
	m := &mux{srv: s, sessions: map[string]*session{}, peers: map[netip.AddrPort]*session{}}
	var err error
	if m.cert, err = dtlsCert(); err != nil {
		return nil, err
	}
	m.fingerprint = fingerprint(m.cert.Certificate[0])
	if m.conn, err = s.openMedia(); err != nil {
		return nil, err
	}
	local, ok := m.conn.LocalAddr().(*net.UDPAddr)
	if !ok {
		return nil, fmt.Errorf("media port: %T is no UDP address", m.conn.LocalAddr())
	}
	m.addr = unmapped(local.AddrPort())
	m.line = newDelayLine(s.cfg.Seed)
	s.spawn(m.read)
	s.spawn(func() { m.line.run(s.ctx) })
	return m, nil
}

func (s *Server) openMedia() (net.PacketConn, error) {
	listen := func(port int) (net.PacketConn, error) {
		return s.cfg.Network.ListenPacket("udp4", net.JoinHostPort(s.cfg.Bind, fmt.Sprint(port)))
	}
	if s.cfg.MediaPort != 0 {
		c, err := listen(s.cfg.MediaPort)
		if err != nil {
			return nil, fmt.Errorf("media port: %w", err)
		}
		return buffered(c), nil
	}
	for port := firstMediaPort; port <= lastMediaPort; port++ {
		if c, err := listen(port); err == nil {
			return buffered(c), nil
		}
	}
	c, err := listen(0)
	if err != nil {
		return nil, fmt.Errorf("media port: %w", err)
	}
	return buffered(c), nil
}

func buffered(c net.PacketConn) net.PacketConn {
	if u, ok := c.(*net.UDPConn); ok {
		_ = u.SetReadBuffer(socketBuffer)
		_ = u.SetWriteBuffer(socketBuffer)
	}
	return c
}

func unmapped(a netip.AddrPort) netip.AddrPort { return netip.AddrPortFrom(a.Addr().Unmap(), a.Port()) }

// read serves the socket until it is closed.
func (m *mux) read() {
	buf := make([]byte, 4096)
	for failures := 0; failures < maxReadFailures; {
		n, addr, err := m.conn.ReadFrom(buf)
		if errors.Is(err, net.ErrClosed) || m.srv.ctx.Err() != nil {
			return
		}
		udp, ok := addr.(*net.UDPAddr)
		if err != nil || !ok || n == 0 {
			failures++ // an ICMP error of an earlier packet
			continue
		}
		failures = 0
		m.arrived(append([]byte(nil), buf[:n]...), unmapped(udp.AddrPort()))
	}
}

// arrived finds the packet's session and applies the network faults of its way up.
func (m *mux) arrived(b []byte, from netip.AddrPort) {
	s := m.sessionOf(b, from)
	if s == nil {
		m.mu.Lock()
		m.unverified++
		m.mu.Unlock()
		return
	}
	m.line.pass(m.srv.impairment(s, up), &s.upWay, len(b), func() { s.packet(b, from) })
}

// sessionOf: a check belongs to the session of its user name (RFC 7983 for the
// kinds of packets).
func (m *mux) sessionOf(b []byte, from netip.AddrPort) *session {
	ours := ""
	if stun.IsMessage(b) {
		msg := &stun.Message{Raw: b}
		var name stun.Username
		if msg.Decode() == nil && name.GetFrom(msg) == nil {
			ours, _, _ = strings.Cut(name.String(), ":")
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if ours != "" {
		return m.sessions[ours]
	}
	return m.peers[from]
}

// write sends at once, without faults.
func (m *mux) write(b []byte, to netip.AddrPort) {
	_, _ = m.conn.WriteTo(b, net.UDPAddrFromAddrPort(to))
}

func (m *mux) add(ufrag string, s *session) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sessions[ufrag] = s
}

func (m *mux) verified(from netip.AddrPort, s *session) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.peers[from] = s
}

func (m *mux) forget(ufrag string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.sessions, ufrag)
}

// remove forgets a session; its addresses are unverified from then on.
func (m *mux) remove(s *session) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for ufrag, other := range m.sessions {
		if other == s {
			delete(m.sessions, ufrag)
		}
	}
	for addr, other := range m.peers {
		if other == s {
			delete(m.peers, addr)
		}
	}
}
