package meet

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/pion/ice/v4"

	"tandem/internal/pipe"
)

const (
	checkInterval = 20 * time.Millisecond
	keepAlive     = 2 * time.Second // consent checks; the service gives up after 15 s (contract, 5)
	brokenAfter   = 5 * time.Second
	failAfter     = 25 * time.Second // after that; the service forgets a device after 30 s
	maxKnown      = 4                // addresses of the far end that media may come from
)

// pathCondition says how ICE stands.
type pathCondition uint8

const (
	pathUp     pathCondition = iota
	pathBroken               // no check was answered for brokenAfter: time for a restart
	pathFailed               // nor for failAfter
)

// iceAgent is pion's agent over our sockets. It sees STUN only.
type iceAgent struct {
	link  *link
	agent *ice.Agent

	mu     sync.Mutex // guards pipes
	pipes  []*pipe.Conn
	locals []net.Addr
}

var _ ice.UDPMux = (*iceAgent)(nil)

func (l *link) startICE(a *answer) error {
	g := &l.agent
	g.link = l
	var kinds []ice.NetworkType
	for p, kind := range map[*path]ice.NetworkType{l.v4: ice.NetworkTypeUDP4, l.v6: ice.NetworkTypeUDP6} {
		if p != nil {
			kinds = append(kinds, kind)
			g.locals = append(g.locals, p.addr())
		}
	}
	var err error
	g.agent, err = ice.NewAgentWithOptions(
		ice.WithUDPMux(g), ice.WithNet(pipe.NoInterfaces()), ice.WithNetworkTypes(kinds), ice.WithCandidateTypes([]ice.CandidateType{ice.CandidateTypeHost}),
		ice.WithIncludeLoopback(), ice.WithMulticastDNSMode(ice.MulticastDNSModeDisabled), ice.WithDisableActiveTCP(),
		ice.WithLocalCredentials(l.ufrag, l.password), ice.WithLoggerFactory(pipe.Quiet()),
		ice.WithCheckInterval(checkInterval), ice.WithKeepaliveInterval(keepAlive), ice.WithMaxBindingRequests(2000),
		ice.WithHostAcceptanceMinWait(0), ice.WithPrflxAcceptanceMinWait(0),
		ice.WithDisconnectedTimeout(brokenAfter), ice.WithFailedTimeout(failAfter),
	)
	if err != nil {
		return err
	}
	err = errors.Join(
		g.agent.OnCandidate(func(ice.Candidate) {}),
		g.agent.OnSelectedCandidatePairChange(func(_, remote ice.Candidate) { l.choose(remote) }),
		g.agent.OnConnectionStateChange(g.state),
		g.agent.SetRemoteICELite(true),
		g.agent.GatherCandidates(),
	)
	if err != nil {
		return err
	}
	g.add(a.candidates)
	_, err = g.agent.StartDial(a.ufrag, a.password)
	return err
}

func (p *path) addr() *net.UDPAddr {
	port := p.conn.LocalAddr().(*net.UDPAddr).Port
	return net.UDPAddrFromAddrPort(netip.AddrPortFrom(p.ip, uint16(port)))
}

func (g *iceAgent) add(list []candidate) {
	for _, c := range list {
		if c.addr.Addr().Is4() && g.link.v4 == nil || !c.addr.Addr().Is4() && g.link.v6 == nil {
			continue
		}
		rc, err := ice.NewCandidateHost(&ice.CandidateHostConfig{
			Network: "udp", Address: c.addr.Addr().String(), Port: int(c.addr.Port()), Component: 1, Priority: c.priority,
		})
		if err == nil {
			_ = g.agent.AddRemoteCandidate(rc)
		}
	}
}

// choose is called when the agent has selected a pair, the first or a better one.
func (l *link) choose(remote ice.Candidate) {
	ip, err := netip.ParseAddr(remote.Address())
	if err != nil {
		return
	}
	to := netip.AddrPortFrom(ip.Unmap().WithZone(""), uint16(remote.Port()))
	known := *l.known.Load()
	if !slices.Contains(known, to) {
		known = append(slices.Clone(known[max(0, len(known)-maxKnown+1):]), to)
		l.known.Store(&known)
	}
	l.remote.Store(&to)
	l.once.Do(func() { close(l.selected) })
}

// state is called when the agent's connection changes.
func (g *iceAgent) state(st ice.ConnectionState) {
	switch st {
	case ice.ConnectionStateConnected:
		g.link.events(pathState{g.link, pathUp})
	case ice.ConnectionStateDisconnected:
		g.link.events(pathState{g.link, pathBroken})
	case ice.ConnectionStateFailed:
		g.link.events(pathState{g.link, pathFailed})
	}
}

// restart goes on with new credentials of both sides (RFC 8445 §9). Media keeps
// its way until a pair of the new checks is selected.
func (l *link) restart(ufrag, password string, a *answer) error {
	g := &l.agent
	err := errors.Join(
		g.agent.Restart(ufrag, password),
		g.agent.SetRemoteCredentials(a.ufrag, a.password),
		g.agent.GatherCandidates(),
	)
	if err != nil {
		return err
	}
	l.ufrag, l.password = ufrag, password
	g.add(a.candidates)
	return nil
}

func (l *link) stopICE() {
	g := &l.agent
	if g.agent == nil {
		return
	}
	_ = g.agent.GracefulClose()
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, p := range g.pipes {
		_ = p.Close()
	}
}

// GetConn implements [ice.UDPMux]: the agent has one conn for each family, and a
// new one after a restart.
func (g *iceAgent) GetConn(_ string, addr net.Addr) (net.PacketConn, error) {
	at := g.link.v6
	if u, ok := addr.(*net.UDPAddr); ok && u.IP.To4() != nil {
		at = g.link.v4
	}
	if at == nil {
		return nil, net.ErrClosed
	}
	p := pipe.New(at.addr(), func(b []byte, to netip.AddrPort) { g.link.sendTo(b, to) })
	at.stun.Store(p)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.pipes = append(g.pipes, p)
	return p, nil
}

// GetListenAddresses implements [ice.UDPMux].
func (g *iceAgent) GetListenAddresses() []net.Addr { return g.locals }

// RemoveConnByUfrag implements [ice.UDPMux].
func (g *iceAgent) RemoveConnByUfrag(string) {}

// Close implements [ice.UDPMux]; the sockets are the link's.
func (g *iceAgent) Close() error { return nil }
