package transport

import (
	"fmt"
	"log/slog"
	"net/netip"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"tandem/internal/pipe"
	"tandem/media"
	"tandem/media/dtmf"
	"tandem/media/rtp"
	"tandem/media/sdp"
)

// A stream is one m-line of a session: its ports, its path and protection, and its
// two ways. A stream that is bundled (RFC 9143) has no ports of its own and passes
// with the audio, its base.
type stream struct {
	session *Session
	engine  *Engine
	worker  *worker
	kind    media.Kind
	caps    *sdp.Capabilities // the session's; guarded by ctl, but for the policies, which never change
	opts    *Options          // the session's
	log     *slog.Logger

	source *source
	sink   *sink
	muxed  atomic.Bool // RTP and RTCP share a port

	// Guarded by the session's ctl.
	local    netip.Addr // what our SDP shows
	port     int        // the RTP port, 0 before it is open
	credits  credentials
	crypto   []sdp.Crypto
	public   netip.AddrPort // as a STUN server sees us
	agreed   *sdp.Stream    // nil: nothing is agreed
	iceAgent *iceAgent
	assoc    *association
	stops    []func() // of ticks
	filling  bool

	in        inbound
	ports     ports        // guarded by in.mu
	iceInput  *pipe.Conn   // guarded by in.mu
	ice6Input *pipe.Conn   // guarded by in.mu
	dtlsInput *association // guarded by in.mu
	hellos    hellos       // guarded by in.mu
	query     *stunQuery   // guarded by in.mu
	rtcpDue   time.Time    // guarded by in.mu
	connectBy time.Time    // guarded by in.mu; zero when nothing is awaited

	layers  atomic.Pointer[layers] // of a camera's simulcast; nil without. It changes under ctl
	rid     string                 // of a stream that is a layer; never changes
	picture *picture               // nil for audio
	digits  dtmf.Sender            // guarded by sink.mu
}

func newStream(s *Session, k media.Kind) *stream {
	t := &stream{session: s, engine: s.engine, worker: s.worker, kind: k, caps: &s.caps, opts: &s.opts, log: s.log}
	t.source, t.sink = newSource(t), newSink(t)
	t.in.reports = newReception(8000)
	if k != media.Audio {
		t.picture = newPicture()
		t.in.pictures, t.sink.pictures = new(rtp.Pictures), new(rtp.Pictures)
	}
	return t
}

func (s *stream) stats() media.Stats {
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
	if set := s.layers.Load(); set != nil {
		for _, l := range set.streams {
			addIncoming(&st, l.stats())
		}
	}
	return st
}

// addIncoming adds what came on a layer.
func addIncoming(st *media.Stats, l media.Stats) {
	st.PacketsIn += l.PacketsIn
	st.BytesIn += l.BytesIn
	st.Lost += l.Lost
	st.Dropped += l.Dropped
	st.Jitter = max(st.Jitter, l.Jitter)
	if st.FirstIn.IsZero() || !l.FirstIn.IsZero() && l.FirstIn.Before(st.FirstIn) {
		st.FirstIn = l.FirstIn
	}
	if l.LastIn.After(st.LastIn) {
		st.LastIn = l.LastIn
	}
}

// String prints the stream's path in one line.
func (s *stream) String() string {
	info := s.source.Info()
	s.in.mu.Lock()
	defer s.in.mu.Unlock()
	s.sink.mu.Lock()
	defer s.sink.mu.Unlock()
	var b strings.Builder
	if s.sink.base != nil {
		fmt.Fprintf(&b, "bundled %s", info.Codec)
		return b.String()
	}
	kind := "RTP"
	if s.in.secure {
		kind = "SRTP"
	}
	if s.in.useICE {
		kind = "ICE " + kind
	}
	fmt.Fprintf(&b, "%s %s <-> %s", kind, s.localString(), s.remoteString())
	if info.Codec != "" {
		b.WriteString(" " + info.Codec)
	}
	if d := s.sink.info.Load().Direction; d != media.SendRecv {
		b.WriteString(" " + d.String())
	}
	return b.String()
}

func (s *stream) localString() string {
	if p := s.sink.port; p != nil {
		return p.sock.local.String()
	}
	if s.ports.number == 0 {
		return "-"
	}
	return ":" + strconv.Itoa(s.ports.number)
}

func (s *stream) remoteString() string {
	if s.sink.port == nil {
		return "-"
	}
	return s.sink.to.ap.String()
}

// emit reports an event. A picture that does not come up is no reason to end a call.
func (s *stream) emit(ev Event) {
	if s.kind == media.Audio || ev.Kind == KeyframeNeeded {
		s.session.emit(ev)
		return
	}
	if ev.Kind == Failed {
		s.note("video path failed", "stream", s.kind.String(), "err", ev.Err)
	}
}

func (s *stream) note(line string, args ...any) { s.session.note(line, args...) }

// close says BYE and gives back what the stream has. ctl is held.
func (s *stream) close() {
	s.sendBye()
	s.shut()
	s.source.Attach(nil)
}

// shut ends the stream's path and closes its ports; the next offer/answer may open
// them again. ctl is held.
func (s *stream) shut() {
	for _, stop := range s.stops {
		stop()
	}
	s.stops, s.filling = nil, false
	if s.picture != nil {
		s.picture.watching = false
	}
	s.dropLayers()
	s.unbundle()
	s.stopSecurity()
	s.closePorts(s.openNow())
	s.port = 0
	s.in.mu.Lock()
	s.in.latch = latch{} // new ports are to be aimed, at the same address, too
	s.in.mu.Unlock()
}

func (s *stream) openNow() ports {
	s.in.mu.Lock()
	defer s.in.mu.Unlock()
	return s.ports
}

// closePorts stops serving ports and gives their numbers back.
func (s *stream) closePorts(p ports) {
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
func (s *stream) closePort(p *port) {
	if p.closed {
		return
	}
	p.closed = true
	if s.sink.port == p {
		s.sink.port, s.sink.connected = nil, false
	}
	if s.sink.rtcpPort == p {
		s.sink.rtcpPort = nil
	}
	if p.slot >= 0 {
		s.worker.remove(p)
	}
	_ = p.sock.close()
}

// drops says what Stats counts as dropped.
func (s *stream) drops() (stray, rejected, unsent uint64) {
	s.in.mu.Lock()
	stray, rejected = s.in.stray, s.in.dropped-s.in.stray
	s.in.mu.Unlock()
	s.sink.mu.Lock()
	defer s.sink.mu.Unlock()
	return stray, rejected, s.sink.dropped
}
