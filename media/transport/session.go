package transport

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"tandem/media"
	"tandem/media/dtmf"
	"tandem/media/sdp"
)

// A Session is the media end of one leg: one audio stream, its ports and its
// security. Offer, AnswerTo and SetAnswer follow RFC 3264; everything is safe for
// concurrent use. The leg that made it closes it.
//
// Locks are taken in the order ctl, in.mu, sink.mu. The receiver of the source
// runs without any of them.
type Session struct {
	engine *Engine
	worker *worker
	opts   Options
	log    *slog.Logger

	source  *source
	sink    *sink
	changed chan struct{}
	muxed   atomic.Bool // RTP and RTCP share a port
	events  events

	ctl      sync.Mutex // serialises offer/answer and Close; guards what follows
	closed   bool
	caps     sdp.Capabilities
	local    netip.Addr // what our SDP shows
	port     int        // the RTP port, 0 before it is open
	credits  credentials
	crypto   []sdp.Crypto
	public   netip.AddrPort   // as a STUN server sees us
	pending  *sdp.Description // our offer without an answer
	answered *sdp.Description // our offer, when the last answer was the far end's
	agreed   sdp.Agreed
	lastIn   []byte // the last offer or answer that was taken
	lastOut  []byte // our answer to it
	iceAgent *iceAgent
	assoc    *association
	stops    []func() // of ticks
	filling  bool
	cname    string // never changes

	in        inbound
	ports     ports        // guarded by in.mu
	iceInput  *pipe        // guarded by in.mu
	ice6Input *pipe        // guarded by in.mu
	dtlsInput *association // guarded by in.mu
	query     *stunQuery   // guarded by in.mu
	rtcpDue   time.Time    // guarded by in.mu
	connectBy time.Time    // guarded by in.mu; zero when nothing is awaited

	digits dtmf.Sender // guarded by sink.mu
}

var _ media.Session = (*Session)(nil)

func newSession(e *Engine, o Options, w *worker) *Session {
	s := &Session{
		engine: e, worker: w, opts: o, log: e.Log.With("session", o.Name),
		source: newSource(), changed: make(chan struct{}, 1), caps: o.Capabilities,
	}
	s.sink = newSink(s)
	s.events.log = s.log
	s.in.reports = newReception(8000)
	if s.caps.Origin.Session == "" {
		// An NTP-like number, as RFC 8866 §5.2 suggests, that does not tell our clock.
		s.caps.Origin.Session = strconv.FormatUint(rand.Uint64()>>2, 10)
	}
	s.cname = randomString(16) // RFC 7022: it must not tell who we are
	return s
}

// Agreed is the result of the last offer/answer; Streams is empty before.
func (s *Session) Agreed() sdp.Agreed {
	s.ctl.Lock()
	defer s.ctl.Unlock()
	return s.agreed
}

// Sources implements [media.Session].
func (s *Session) Sources() []media.Source { return []media.Source{s.source} }

// Sinks implements [media.Session].
func (s *Session) Sinks() []media.Sink { return []media.Sink{s.sink} }

// Changed implements [media.Session].
func (s *Session) Changed() <-chan struct{} { return s.changed }

// Loop implements [media.Session].
func (s *Session) Loop() media.Loop { return &s.worker.clock }

func (s *Session) notify() {
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

// Stats implements [media.Session].
func (s *Session) Stats() media.Stats {
	var st media.Stats
	in, k := &s.in, s.sink
	in.mu.Lock()
	st.PacketsIn, st.BytesIn, st.Dropped = in.packets, in.octets, in.dropped
	st.Lost, st.Jitter = in.lost+in.reports.Lost(), in.reports.Jitter()
	st.RemoteLost, st.RoundTrip = in.remoteLost, in.roundTrip
	st.FirstIn, st.LastIn = in.first, in.last
	in.mu.Unlock()
	k.mu.Lock()
	st.PacketsOut, st.BytesOut = k.packets, k.octets
	st.Dropped += k.dropped
	k.mu.Unlock()
	return st
}

// drops says what Stats counts as dropped.
func (s *Session) drops() (stray, rejected, unsent uint64) {
	s.in.mu.Lock()
	stray, rejected = s.in.stray, s.in.dropped-s.in.stray
	s.in.mu.Unlock()
	s.sink.mu.Lock()
	defer s.sink.mu.Unlock()
	return stray, rejected, s.sink.dropped
}

// String implements [media.Session].
func (s *Session) String() string {
	info := s.source.Info()
	s.in.mu.Lock()
	defer s.in.mu.Unlock()
	s.sink.mu.Lock()
	defer s.sink.mu.Unlock()
	kind := "RTP"
	if s.in.secure {
		kind = "SRTP"
	}
	if s.in.useICE {
		kind = "ICE " + kind
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s <-> %s", kind, s.localString(), s.remoteString())
	if info.Codec != "" {
		b.WriteString(" " + info.Codec)
	}
	if d := s.sink.info.Load().Direction; d != media.SendRecv {
		b.WriteString(" " + d.String())
	}
	return b.String()
}

func (s *Session) localString() string {
	if p := s.sink.port; p != nil {
		return p.sock.local.String()
	}
	if s.ports.number == 0 {
		return "-"
	}
	return ":" + strconv.Itoa(s.ports.number)
}

func (s *Session) remoteString() string {
	if s.sink.port == nil {
		return "-"
	}
	return s.sink.to.ap.String()
}

// Close sends BYE (RTCP), gives the ports back and waits until nothing of the
// session runs. A second Close does nothing. It must not be called from an event
// or from Receive.
func (s *Session) Close() {
	s.ctl.Lock()
	if s.closed {
		s.ctl.Unlock()
		return
	}
	s.closed = true
	s.sendBye()
	for _, stop := range s.stops {
		stop()
	}
	s.stopSecurity()
	s.closePorts(s.openNow())
	s.source.Attach(nil)
	s.ctl.Unlock()
	s.events.close()
	s.engine.forget(s)
}

func (s *Session) openNow() ports {
	s.in.mu.Lock()
	defer s.in.mu.Unlock()
	return s.ports
}

// closePorts stops serving ports and gives their numbers back.
func (s *Session) closePorts(p ports) {
	s.in.mu.Lock()
	defer s.in.mu.Unlock()
	s.sink.mu.Lock()
	defer s.sink.mu.Unlock()
	for _, o := range p.all() {
		s.closePort(o)
	}
	if p.number != 0 {
		s.engine.pool.release(p.number, p.pair)
	}
	s.ports = ports{}
}

// closePort is called with in.mu and sink.mu held.
func (s *Session) closePort(p *port) {
	if p.closed {
		return
	}
	p.closed = true
	if s.sink.port == p {
		s.sink.port = nil
	}
	if s.sink.rtcpPort == p {
		s.sink.rtcpPort = nil
	}
	if p.slot >= 0 {
		s.worker.remove(p)
	}
	_ = p.sock.close()
}

const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

// randomString has n characters of RFC 8839's ice-char.
func randomString(n int) string {
	b := make([]byte, n)
	readRandom(b)
	for i := range b {
		b[i] = letters[b[i]&63]
	}
	return string(b)
}
