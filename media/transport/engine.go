// Package transport carries media over UDP: sockets, ICE, DTLS-SRTP, SDES and
// RTCP, and makes a [media.Session] of them. Start reading at [Engine]; a
// packet's way in is stream.readable (receive.go), its way out sink.Write
// (sink.go), and what offer and answer change is Session.apply (apply.go).
//
// A few workers serve all sockets. On Linux each is one goroutine with one epoll
// set, so a relayed packet is read, rewritten and sent without a goroutine switch,
// a queue or an allocation. Elsewhere, and with the build tag "portable", there is
// a goroutine for each socket.
package transport

import (
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"time"

	"tandem/media"
)

// Engine owns the media ports and the workers that serve them. Fill in the
// fields, then call Start; do not change them afterwards.
type Engine struct {
	// Workers is the number of goroutines that move packets; 0 means one for every
	// two CPUs. A busy worker keeps a processor of Go's scheduler to itself, so there
	// should be fewer of them than GOMAXPROCS.
	Workers int
	// BindIPv4 and BindIPv6 are the local addresses of all sockets. An unspecified
	// address (0.0.0.0, ::) binds to all and shows the far end the address of the
	// route that leads to it. When neither is set, 0.0.0.0 is used.
	BindIPv4, BindIPv6 netip.Addr
	// Advertise is the public address when a 1:1 NAT with the same ports stands
	// before the gateway. It is shown to far ends that are not on a private network.
	Advertise netip.Addr
	// PortMin and PortMax bound the local ports, both included; 0 and 0 mean 16384-32767.
	PortMin, PortMax int
	// DSCP marks outgoing packets; 0 means 46 (expedited forwarding, RFC 3246).
	DSCP int
	Log  *slog.Logger // nil means slog.Default()

	pool     portPool
	identity identity
	workers  []*worker

	mu       sync.Mutex // guards what follows
	started  bool
	sessions map[*Session]struct{}
	gone     Stats // of closed sessions
}

// Stats counts what went through all sessions of an engine.
type Stats struct {
	Sessions              int    // open now
	Ports                 int    // in use now
	PacketsIn, PacketsOut uint64 // RTP
	BytesIn, BytesOut     uint64 // of RTP payload
	Lost                  uint64 // see media.Stats
	Dropped               uint64 // see media.Stats; the sum of what follows
	Stray                 uint64 // no media, and nobody waits for it: STUN, DTLS, junk
	Rejected              uint64 // from a wrong source, with bad authentication, unreadable, or twice
	Unsent                uint64 // of ours: too long, or the socket was full

	Jitter, WorstJitter time.Duration // of the streams that come in now: the median, and the worst
}

// Validate checks the fields; the error names the one that is wrong.
func (e *Engine) Validate() error {
	switch {
	case e.Workers < 0:
		return fmt.Errorf("workers is %d: it must not be negative", e.Workers)
	case e.BindIPv4.IsValid() && !e.BindIPv4.Is4():
		return fmt.Errorf("the IPv4 bind address %s is not an IPv4 address", e.BindIPv4)
	case e.BindIPv6.IsValid() && (!e.BindIPv6.Is6() || e.BindIPv6.Is4In6()):
		return fmt.Errorf("the IPv6 bind address %s is not an IPv6 address", e.BindIPv6)
	case e.PortMin < 0 || e.PortMax > 65535 || e.PortMin > e.PortMax:
		return fmt.Errorf("the media port range %d-%d is not a range between 1 and 65535", e.PortMin, e.PortMax)
	case e.PortMax > 0 && e.PortMax-e.PortMin < 1:
		return fmt.Errorf("the media port range %d-%d has no room for a pair", e.PortMin, e.PortMax)
	case e.DSCP < 0 || e.DSCP > 63:
		return fmt.Errorf("dscp is %d: it must be between 0 and 63", e.DSCP)
	}
	return nil
}

// Start opens the workers. The engine is usable when it returns without an error.
func (e *Engine) Start() error {
	if err := e.Validate(); err != nil {
		return err
	}
	e.setDefaults()
	var err error
	if e.identity, err = newIdentity(); err != nil {
		return fmt.Errorf("make the DTLS certificate: %w", err)
	}
	for range e.Workers {
		w, err := newWorker(e.Log)
		if err != nil {
			e.stopWorkers()
			return err
		}
		e.workers = append(e.workers, w)
		go w.run()
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.sessions = map[*Session]struct{}{}
	e.started = true
	return nil
}

func (e *Engine) setDefaults() {
	if e.Workers == 0 {
		e.Workers = max(1, runtime.GOMAXPROCS(0)/2)
	}
	if !e.BindIPv4.IsValid() && !e.BindIPv6.IsValid() {
		e.BindIPv4 = netip.IPv4Unspecified()
	}
	if e.PortMax == 0 {
		e.PortMin, e.PortMax = 16384, 32767
	}
	if e.DSCP == 0 {
		e.DSCP = 46
	}
	if e.Log == nil {
		e.Log = slog.Default()
	}
	e.pool = portPool{min: e.PortMin, max: e.PortMax, next: e.PortMin + rand.IntN(e.PortMax-e.PortMin+1), used: map[int]bool{}}
}

// Close closes all sessions and waits until no goroutine of the engine is left.
func (e *Engine) Close() error {
	e.mu.Lock()
	open := make([]*Session, 0, len(e.sessions))
	for s := range e.sessions {
		open = append(open, s)
	}
	e.started = false
	e.mu.Unlock()
	for _, s := range open {
		s.Close()
	}
	e.stopWorkers()
	return nil
}

func (e *Engine) stopWorkers() {
	for _, w := range e.workers {
		w.stop()
	}
	e.workers = nil
}

// Stats is a snapshot.
func (e *Engine) Stats() Stats {
	e.mu.Lock()
	defer e.mu.Unlock()
	st := e.gone
	st.Sessions = len(e.sessions)
	st.Ports = e.pool.inUse()
	var jitter []time.Duration
	for s := range e.sessions {
		jitter = st.add(s, jitter)
	}
	if n := len(jitter); n > 0 {
		slices.Sort(jitter)
		st.Jitter, st.WorstJitter = jitter[n/2], jitter[n-1]
	}
	return st
}

// add counts a session's streams in, and adds their jitter to the list.
func (st *Stats) add(from *Session, jitter []time.Duration) []time.Duration {
	for k := range from.streams {
		t := from.streams[k].Load()
		if t == nil {
			continue
		}
		s := t.stats()
		stray, rejected, unsent := t.drops()
		st.PacketsIn += s.PacketsIn
		st.PacketsOut += s.PacketsOut
		st.BytesIn += s.BytesIn
		st.BytesOut += s.BytesOut
		st.Lost += s.Lost
		st.Dropped += s.Dropped
		st.Stray += stray
		st.Rejected += rejected
		st.Unsent += unsent
		if s.PacketsIn > 0 {
			jitter = append(jitter, s.Jitter)
		}
	}
	return jitter
}

// Loop is the loop of one worker, for work that belongs to no session (a tone
// generator, a test).
func (e *Engine) Loop() media.Loop { return &e.workers[0].clock }

// errNotStarted is a programmer's error, told as a value because Close may race.
var errNotStarted = errors.New("the media engine is not running")

// NewSession makes a session. It opens no port before the first Offer or AnswerTo.
// The caller owns it and must Close it.
func (e *Engine) NewSession(o Options) (*Session, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.started {
		return nil, errNotStarted
	}
	s := newSession(e, o, e.workerFor(o.Beside))
	e.sessions[s] = struct{}{}
	return s, nil
}

// maxUneven is how many ports more than the idlest a worker may have and still
// get the second session of a call.
const maxUneven = 64

// workerFor is the worker whose loop is beside, or the idlest.
func (e *Engine) workerFor(beside media.Loop) *worker {
	best := e.idlest()
	for _, w := range e.workers {
		if beside == media.Loop(&w.clock) && w.load() <= best.load()+maxUneven {
			return w
		}
	}
	return best
}

// idlest is the worker with the fewest ports.
func (e *Engine) idlest() *worker {
	best := e.workers[0]
	for _, w := range e.workers[1:] {
		if w.load() < best.load() {
			best = w
		}
	}
	return best
}

func (e *Engine) forget(s *Session) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.sessions, s)
	e.gone.add(s, nil)
}

// localIP is the address of the family that a far end reaches us at.
func (e *Engine) localIP(v4 bool, toward netip.Addr) netip.Addr {
	bind, target := e.BindIPv4, netip.AddrFrom4([4]byte{192, 0, 2, 1})
	if !v4 {
		bind, target = e.BindIPv6, netip.MustParseAddr("2001:db8::1")
	}
	if !bind.IsUnspecified() {
		return bind
	}
	if toward.IsValid() && toward.Is4() == v4 {
		target = toward
	}
	// Connecting a UDP socket asks the routing table and sends nothing.
	c, err := net.Dial("udp", netip.AddrPortFrom(target, 9).String())
	if err != nil {
		if v4 {
			return netip.AddrFrom4([4]byte{127, 0, 0, 1})
		}
		return netip.IPv6Loopback()
	}
	defer c.Close()
	return c.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Unmap().WithZone("")
}

// near reports whether a is on a network that our public address is not for.
func near(a netip.Addr) bool {
	return a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast()
}
