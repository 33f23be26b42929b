package flow

import (
	"io"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"tandem/sip"
)

// A Transport owns the sockets. Fill in its fields, then call Listen and Dial; do
// not change or copy it after that. Close ends everything.
type Transport struct {
	// Handler is given every message that is fit for use, on the goroutine that
	// reads the flow, in wire order. It owns the message and must not block. The
	// top Via of a request already says where it came from, and answers go to
	// the flow.
	Handler func(*Flow, *sip.Message)

	// Malformed is given what cannot be used. The message, which is not nil, is
	// what could be read of it; a request may be answered with the error's
	// status. Nil drops them.
	Malformed func(*Flow, *sip.Message, *sip.ParseError)

	// Trusted are the sources that have no stranger's limits, such as trunks.
	Trusted []netip.Prefix

	Limits Limits
	Log    *slog.Logger     // nil logs nothing
	Leg    string           // whose Transport it is, for traces
	Trace  func(TraceEvent) // sees every message and keep-alive; may be nil, must not block

	once    sync.Once // init
	limits  Limits    // with defaults
	log     *slog.Logger
	count   counters
	buffers sync.Pool // of *[]byte, to encode into
	budgets *admission
	places  *places // of accepted connections

	work sync.WaitGroup // all goroutines

	mu      sync.Mutex // guards what follows
	closed  bool
	closers map[io.Closer]struct{} // listeners, and connections that are no flow yet
	flows   map[*Flow]struct{}     // connections
	sockets []*udpSocket
	reuse   map[reuseKey]*reused
	routes  generations[netip.Addr, netip.Addr] // our address towards a far end
}

// A TraceEvent is one message or keep-alive on the wire.
type TraceEvent struct {
	At   time.Time
	Leg  string // the Transport's
	Flow *Flow
	Out  bool
	Data []byte // lent until Trace returns
}

// maxPooled is the largest encode buffer that is kept.
const maxPooled = 16 << 10

func (t *Transport) init() {
	t.once.Do(func() {
		t.limits = t.Limits.withDefaults()
		t.log = t.Log
		if t.log == nil {
			t.log = slog.New(slog.DiscardHandler)
		}
		t.budgets = newAdmission(t.limits.Budgets, t.Trusted)
		t.places = newPlaces(t.limits.Connections, t.limits.ConnectionsPerAddress)
		t.closers = make(map[io.Closer]struct{})
		t.flows = make(map[*Flow]struct{})
		t.reuse = make(map[reuseKey]*reused)
		t.routes = newGenerations[netip.Addr, netip.Addr](1024)
		t.buffers.New = func() any {
			b := make([]byte, 0, 2048)
			return &b
		}
	})
}

// Close ends all flows with ErrClosed, closes all sockets and waits for every
// goroutine of the Transport. It must not be called from Handler.
func (t *Transport) Close() error {
	t.init()
	t.mu.Lock()
	t.closed = true
	flows := make([]*Flow, 0, len(t.flows))
	for f := range t.flows {
		flows = append(flows, f)
	}
	closers := make([]io.Closer, 0, len(t.closers))
	for c := range t.closers {
		closers = append(closers, c)
	}
	sockets := t.sockets
	t.mu.Unlock()
	for _, c := range closers {
		c.Close()
	}
	for _, f := range flows {
		f.Close(ErrClosed)
	}
	for _, s := range sockets {
		s.close(ErrClosed)
	}
	t.work.Wait()
	return nil
}

// start runs fn on a goroutine that Close waits for. It reports false when the
// Transport is closed.
func (t *Transport) start(fn func()) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return false
	}
	t.work.Go(fn)
	return true
}

// own has Close close c, until disown. It reports false when it is too late.
func (t *Transport) own(c io.Closer) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return false
	}
	t.closers[c] = struct{}{}
	return true
}

func (t *Transport) disown(c io.Closer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.closers, c)
}

// enter and leave keep the set of connections.
func (t *Transport) enter(f *Flow) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return false
	}
	t.flows[f] = struct{}{}
	t.count.open[f.net].Add(1)
	return true
}

func (t *Transport) leave(f *Flow) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.flows, f)
	t.count.open[f.net].Add(-1)
}

func (t *Transport) buffer() *[]byte { return t.buffers.Get().(*[]byte) }

func (t *Transport) recycle(b *[]byte) {
	if cap(*b) <= maxPooled {
		t.buffers.Put(b)
	}
}

func (t *Transport) trace(f *Flow, out bool, b []byte) {
	if t.Trace != nil {
		t.Trace(TraceEvent{At: time.Now(), Leg: t.Leg, Flow: f, Out: out, Data: b})
	}
}

// deliver hands over what the parser made of data.
func (t *Transport) deliver(f *Flow, m *sip.Message, fault *sip.ParseError, data []byte) {
	t.trace(f, false, data)
	t.count.received(f.net, len(data))
	if fault == nil && m != nil {
		fault = sip.Check(m)
	}
	if m != nil && m.IsRequest() {
		fixVia(m, f)
	}
	if fault != nil {
		t.malformed(f, m, fault)
		return
	}
	if !f.proven.Swap(true) && f.place != nil { // before anybody is answered, who may then count on it
		f.place.prove()
	}
	if t.Handler != nil {
		t.Handler(f, m)
	}
}

func (t *Transport) malformed(f *Flow, m *sip.Message, fault *sip.ParseError) {
	t.count.unreadable[f.net].Add(1)
	t.log.Debug("malformed message", "flow", f, "reason", fault.Reason)
	if t.Malformed != nil && m != nil {
		t.Malformed(f, m, fault)
	}
}

// routeTo is our address in packets to a far end: what a connected UDP socket
// shows. Connecting one sends nothing.
func (t *Transport) routeTo(remote netip.AddrPort) netip.Addr {
	to := remote.Addr()
	t.mu.Lock()
	a, ok := t.routes.get(to)
	t.mu.Unlock()
	if ok {
		return a
	}
	c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(remote))
	if err != nil {
		return netip.IPv4Unspecified() // no route: nothing will be sent there either
	}
	defer c.Close()
	a = addrPort(c.LocalAddr()).Addr()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.routes.put(to, a)
	return a
}

// addrPort is a's address in its shortest form, the zero one for a pipe.
func addrPort(a net.Addr) netip.AddrPort {
	ap, ok := a.(interface{ AddrPort() netip.AddrPort })
	if !ok {
		return netip.AddrPort{}
	}
	p := ap.AddrPort()
	return netip.AddrPortFrom(p.Addr().Unmap(), p.Port())
}
