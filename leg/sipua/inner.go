package sipua

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"tandem/sip"
	"tandem/sip/flow"
)

// Inner is SIP between the machines of a cluster: over TLS, between machines that
// know each other. Phones never see it.
type Inner struct {
	Listen    string      // host:port; "" has no connections between machines
	Advertise string      // host:port where others reach it; default the listener's
	TLS       *tls.Config // of the listener; it must want certificates
	Nodes     Nodes
}

// Nodes is what the connector needs to know of the other machines.
type Nodes interface {
	// Peer returns which machine is at the far end of a connection; the error says
	// that it is none.
	Peer(s *tls.ConnectionState) (node string, err error)
	// Reach says where a machine is reached; false when it does not live, or has no
	// address. It does not block.
	Reach(node string) (flow.Target, bool)
	// Contacts are the registrations of a device on all machines, from the store.
	Contacts(ctx context.Context, device string) ([]Binding, error)
}

const (
	// lookTime bounds how long a call waits for the store to say where else a
	// device is registered.
	lookTime = time.Second
	// reachTime bounds how long a call waits for a connection to another machine.
	reachTime = 3 * time.Second
	// innerSurvives is how long a call lives on without the connection between machines.
	innerSurvives = 30 * time.Second
)

// inner is what the connector has with other machines.
type inner struct {
	addr  string   // of our listener, as the others see it
	peers sync.Map // *flow.Flow -> *peer
	ids   sync.Map // uint64 -> *peer
	next  atomic.Uint64
	key   [32]byte // of the branches of what we pass on
	later resends
}

// A peer is another machine at the far end of a connection.
type peer struct {
	flow.Link
	in   *inner
	node string
	flow *flow.Flow
	id   uint64
}

// FlowEnded implements flow.Watcher.
func (p *peer) FlowEnded(error) {
	p.in.peers.Delete(p.flow)
	p.in.ids.Delete(p.id)
}

// openInner opens the listener for other machines.
func (c *Connector) openInner() error {
	_, _ = rand.Read(c.inner.key[:]) // never fails
	if c.Inner == nil || c.Inner.Listen == "" {
		return nil
	}
	addr, err := c.net.Listen(flow.Listen{Network: "tls", Addr: c.Inner.Listen, TLS: c.Inner.TLS, Advertise: c.Inner.Advertise})
	if err != nil {
		return fmt.Errorf("cluster.listen: %w", err)
	}
	c.inner.addr = c.Inner.Advertise
	if c.inner.addr == "" {
		c.inner.addr = addr.String()
	}
	c.Log.Info("listening for other machines", "addr", addr)
	return nil
}

// InnerAddr is where other machines reach this one; "" before Open, and where there
// are none.
func (c *Connector) InnerAddr() string { return c.inner.addr }

// peerOf returns the machine at the far end of f; nil when it is none.
func (c *Connector) peerOf(f *flow.Flow) *peer {
	if c.Inner == nil || f.TLS() == nil {
		return nil
	}
	if p, ok := c.inner.peers.Load(f); ok {
		return p.(*peer)
	}
	node, err := c.Inner.Nodes.Peer(f.TLS())
	if err != nil {
		return nil
	}
	p := &peer{in: &c.inner, node: node, flow: f, id: c.inner.next.Add(1)}
	if other, ok := c.inner.peers.LoadOrStore(f, p); ok {
		return other.(*peer)
	}
	c.inner.ids.Store(p.id, p)
	f.Trust()
	if !f.Attach(&p.Link, p) {
		p.FlowEnded(nil)
	}
	return p
}

// reach returns a connection to another machine.
func (c *Connector) reach(ctx context.Context, node string) (*flow.Flow, error) {
	to, ok := c.Inner.Nodes.Reach(node)
	if !ok {
		return nil, fmt.Errorf("the machine %s is not there, or has no address for others", node)
	}
	ctx, cancel := context.WithTimeout(ctx, reachTime)
	defer cancel()
	f, err := c.net.Get(ctx, to)
	if err != nil {
		return nil, fmt.Errorf("the machine %s: %w", node, err)
	}
	if c.peerOf(f) == nil {
		return nil, fmt.Errorf("%s is not the machine %s", to, node)
	}
	return f, nil
}

// innerContact is where other machines reach us.
func (c *Connector) innerContact() sip.URI {
	u, err := sip.ParseURI("sip:" + c.inner.addr)
	if err != nil {
		return sip.URI{Scheme: "sip", Host: "invalid"}
	}
	u.Params = u.Params.With("transport", "tls")
	return u
}

func (p *peer) name() string { return strconv.FormatUint(p.id, 10) }
