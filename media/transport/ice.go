package transport

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/stun/v4"

	"tandem/internal/pipe"
	"tandem/media/sdp"
)

const (
	checkInterval = 20 * time.Millisecond
	// With seven requests, pion's default, every pair fails after 140 ms: before a
	// far end that is still ringing has opened its port. Ours go on until the
	// connect timeout ends the attempt.
	maxChecks       = 2000
	maxCandidates   = 16 // of the far end
	connectDefault  = 15 * time.Second
	disconnectAfter = 10 * time.Second
	failAfter       = 20 * time.Second // RFC 7675 lets consent expire after 30 s
)

// iceAgent is one ICE session: pion's agent over our sockets. It sees STUN only.
type iceAgent struct {
	session     *stream
	agent       *ice.Agent
	remote      sdp.ICE
	controlling bool
	v4, v6      *pipe.Conn
	locals      []net.Addr
	up          chan struct{} // closed when a pair was selected; guarded by in.mu
	isUp        bool
}

// runICE begins ICE, or goes on with it when the far end did not restart it.
func (s *stream) runICE(st *sdp.Stream, controlling bool) {
	if a := s.iceAgent; a != nil && a.remote.Ufrag == st.ICE.Ufrag && a.remote.Password == st.ICE.Password {
		a.add(st.ICE.Candidates)
		return
	}
	a, err := s.newAgent(st.ICE, controlling)
	if err == nil {
		s.stopICE()
		s.iceAgent = a
		err = a.start()
	}
	if err != nil {
		s.emit(Event{Kind: Failed, Err: fmt.Errorf("ICE could not begin: %w", err)})
	}
}

func (s *stream) newAgent(remote *sdp.ICE, controlling bool) (*iceAgent, error) {
	a := &iceAgent{session: s, remote: *remote, controlling: controlling, up: make(chan struct{})}
	open := s.openNow()
	var kinds []ice.NetworkType
	if open.rtp4 != nil {
		kinds = append(kinds, ice.NetworkTypeUDP4)
		a.v4 = a.listen(open.rtp4, s.engine.localIP(true, netip.Addr{}))
	}
	if open.rtp6 != nil {
		kinds = append(kinds, ice.NetworkTypeUDP6)
		a.v6 = a.listen(open.rtp6, s.engine.localIP(false, netip.Addr{}))
	}
	var err error
	if a.agent, err = ice.NewAgentWithOptions(a.options(kinds)...); err != nil {
		return nil, err
	}
	return a, nil
}

// options make pion's agent fast against a lite far end: 22 ms instead of 200 to connect.
func (a *iceAgent) options(kinds []ice.NetworkType) []ice.AgentOption {
	c := a.session.credits
	options := []ice.AgentOption{
		ice.WithUDPMux(a), ice.WithNet(pipe.NoInterfaces()), ice.WithNetworkTypes(kinds), ice.WithCandidateTypes([]ice.CandidateType{ice.CandidateTypeHost}),
		ice.WithIncludeLoopback(), ice.WithMulticastDNSMode(ice.MulticastDNSModeDisabled), ice.WithDisableActiveTCP(),
		ice.WithLocalCredentials(c.ufrag, c.password), ice.WithLoggerFactory(pipe.Quiet()),
		ice.WithCheckInterval(checkInterval), ice.WithMaxBindingRequests(maxChecks),
		ice.WithHostAcceptanceMinWait(0), ice.WithPrflxAcceptanceMinWait(0), ice.WithSrflxAcceptanceMinWait(0), ice.WithRelayAcceptanceMinWait(0),
		ice.WithDisconnectedTimeout(disconnectAfter), ice.WithFailedTimeout(failAfter - disconnectAfter),
		ice.WithBindingRequestHandler(a.checked),
	}
	if a.session.caps.ICE == sdp.ICELite {
		options = append(options, ice.WithICELite(true))
	}
	return options
}

func (a *iceAgent) listen(p *port, ip netip.Addr) *pipe.Conn {
	local := net.UDPAddrFromAddrPort(netip.AddrPortFrom(ip, p.sock.local.Port()))
	a.locals = append(a.locals, local)
	return pipe.New(local, func(b []byte, to netip.AddrPort) { _ = a.session.sendFrom(p, b, to) })
}

// start hands the agent its input and begins the checks.
func (a *iceAgent) start() error {
	s := a.session
	err := errors.Join(
		a.agent.OnCandidate(func(ice.Candidate) {}),
		a.agent.OnSelectedCandidatePairChange(func(_, remote ice.Candidate) { a.selected(addrPort(remote)) }),
		a.agent.OnConnectionStateChange(a.state),
		a.agent.SetRemoteICELite(a.remote.Lite),
		a.agent.GatherCandidates(),
	)
	if err != nil {
		return err
	}
	s.in.mu.Lock()
	s.iceInput, s.ice6Input = a.v4, a.v6
	s.connectBy = time.Now().Add(s.connectTimeout())
	s.in.mu.Unlock()
	a.add(a.remote.Candidates)
	if a.controlling {
		_, err = a.agent.StartDial(a.remote.Ufrag, a.remote.Password)
	} else {
		_, err = a.agent.StartAccept(a.remote.Ufrag, a.remote.Password)
	}
	return err
}

// add adds candidates of the far end that this session can reach; known ones are
// passed over by the agent.
func (a *iceAgent) add(list []sdp.Candidate) {
	for i, c := range list {
		ip := c.IP()
		if i == maxCandidates {
			return
		}
		if c.Component != 1 || c.Transport != "UDP" || !ip.IsValid() || ip.IsMulticast() || ip.Is4() && a.v4 == nil || !ip.Is4() && a.v6 == nil {
			continue
		}
		if rc, err := ice.UnmarshalCandidate(c.String()); err == nil {
			_ = a.agent.AddRemoteCandidate(rc)
		}
	}
}

// checked is called for every authenticated check of the far end. Media may come
// from there now, and go there while nothing is nominated: some far ends never do
// (Asterisk as the answerer, see the reference §20.5).
func (a *iceAgent) checked(_ *stun.Message, _, remote ice.Candidate, _ *ice.CandidatePair) bool {
	s := a.session
	s.in.mu.Lock()
	defer s.in.mu.Unlock()
	s.in.confirm(addrPort(remote))
	return !a.controlling && !a.isUp
}

// selected is called when the agent has chosen a pair, the first or a better one.
func (a *iceAgent) selected(remote netip.AddrPort) {
	s := a.session
	s.in.mu.Lock()
	defer s.in.mu.Unlock()
	if s.iceInput != a.v4 || s.ice6Input != a.v6 || !remote.IsValid() {
		return // restarted meanwhile
	}
	s.in.confirm(remote)
	s.aim(remote)
	if a.isUp {
		return
	}
	a.isUp = true
	close(a.up)
	if !s.in.secure || s.in.keys != nil {
		s.connectBy = time.Time{}
		s.emit(Event{Kind: Connected})
	}
}

// state is called when the agent's connection changes.
func (a *iceAgent) state(st ice.ConnectionState) {
	if st != ice.ConnectionStateFailed {
		return
	}
	s := a.session
	s.in.mu.Lock()
	defer s.in.mu.Unlock()
	reason := "no address of the far end answered the connectivity checks"
	if a.isUp {
		reason = "the far end stopped answering the connectivity checks"
		s.aim(netip.AddrPort{}) // consent is gone (RFC 7675 §5.1)
	}
	s.giveUp(errors.New("ICE failed: " + reason))
}

// stopICE ends the agent and waits for it. ctl is held, no other lock.
func (s *stream) stopICE() {
	a := s.iceAgent
	if a == nil {
		return
	}
	s.in.mu.Lock()
	s.iceInput, s.ice6Input = nil, nil
	s.in.mu.Unlock()
	s.iceAgent = nil
	_ = a.agent.GracefulClose()
	a.closePipes()
}

func (a *iceAgent) closePipes() {
	for _, p := range []*pipe.Conn{a.v4, a.v6} {
		if p != nil {
			_ = p.Close()
		}
	}
}

func addrPort(c ice.Candidate) netip.AddrPort {
	ip, err := netip.ParseAddr(c.Address())
	if err != nil {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(ip.Unmap().WithZone(""), uint16(c.Port()))
}

// GetConn implements [ice.UDPMux]: the agent has one conn for each family.
func (a *iceAgent) GetConn(_ string, addr net.Addr) (net.PacketConn, error) {
	p := a.v6
	if u, ok := addr.(*net.UDPAddr); ok && u.IP.To4() != nil {
		p = a.v4
	}
	if p == nil {
		return nil, net.ErrClosed
	}
	return p, nil
}

// GetListenAddresses implements [ice.UDPMux].
func (a *iceAgent) GetListenAddresses() []net.Addr { return a.locals }

// RemoveConnByUfrag implements [ice.UDPMux].
func (a *iceAgent) RemoveConnByUfrag(string) {}

// Close implements [ice.UDPMux]; the sockets are the session's.
func (a *iceAgent) Close() error { return nil }

var _ ice.UDPMux = (*iceAgent)(nil)

// stun hands a STUN message on. in.mu is held.
func (s *stream) stun(b []byte, from netip.AddrPort) {
	if s.query != nil && s.query.answer(b, from) {
		return
	}
	p := s.ice6Input
	if from.Addr().Is4() {
		p = s.iceInput
	}
	if p == nil || !p.Put(b, from) {
		s.in.strayed()
	}
}

// sendFrom sends a datagram that is not media (STUN, DTLS) from a port.
func (s *stream) sendFrom(p *port, b []byte, to netip.AddrPort) error {
	if len(b) == 0 || !to.IsValid() {
		return nil
	}
	s.sink.mu.Lock()
	defer s.sink.mu.Unlock()
	if p.closed {
		return net.ErrClosed
	}
	a := new(address)
	*a = makeAddress(to)
	return errno(p.sock.send(b, a))
}
