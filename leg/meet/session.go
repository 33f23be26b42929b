package meet

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"tandem/media"
	"tandem/media/rtp"
	"tandem/media/transport"
)

// A Session is the media of one call in a meeting. Its streams are there from the
// beginning; they carry nothing before the service has let us in. The transport
// below, a link, is replaced when a knock is repeated.
//
// Besides [media.Meeting] it has Bandwidth, Say, and on its sinks SetLevel.
type Session struct {
	loop    transport.Loop
	lines   atomic.Pointer[lines]
	changed chan struct{}
	asks    func(any) // to the leg: showViews, setMute, sayText, present, needPictures; never blocks
	wake    func()    // the loop, to drain the queue
	stops   []func()
	queue   queue
	taken   media.Packet // lent to receivers; the loop's
	rtcp    []byte       // feedback at hand; the loop's

	preamble []byte // what feedback begins with: an empty receiver report, and who we are

	mu     sync.Mutex // guards what follows
	roster media.Roster
	views  []media.View
	name   string // "spaces/<id>", for String

	in        sync.Mutex // guards what follows; out may be taken while it is held
	streams   map[uint32]stream
	arrivals  rtp.TransportLog
	compound  rtp.Compound
	header    rtp.Header
	useless   uint64 // packets of others, copies, probes, or broken ones
	octetsIn  uint64
	packetsIn uint64
	firstIn   time.Time
	lastIn    time.Time

	out          sync.Mutex // guards what follows; nothing is locked while it is held but a queue
	link         *link
	live         bool // we are in the meeting, and media may go out
	takesCamera  bool
	takesContent bool
	muted        mediaState
	show         presenting
	camera       lane
	slides       lane
	congestion   *rtp.Congestion
	wide         uint16 // next transport-wide sequence number
	packet       []byte // the packet at hand
	padding      [mostPadding]byte
	roundTrip    time.Duration
	sentPackets  uint64
	sentOctets   uint64
	unsent       uint64

	ticks   int // the loop's
	closing atomic.Bool
}

// stream is what an SSRC of the service stands for.
type stream struct {
	source *source
	again  bool // it carries retransmissions
}

var _ media.Meeting = (*Session)(nil)

// requests of a session to its leg.
type (
	showViews struct{}
	setMute   struct{ audio, video bool }
	sayText   struct{ text string }
	present   struct{ on bool }

	needPictures struct{}
)

const (
	startBitrate = 1_500_000 // bit/s until the path is known: enough for all three layers
	voiceBitrate = 64_000    // of the bandwidth, what the voice may need
	payloadShare = 0.93      // of what is on the wire
)

func newSession(loop transport.Loop, c Config, video bool, asks func(any)) *Session {
	s := &Session{
		loop: loop, changed: make(chan struct{}, 1), asks: asks,
		streams: map[uint32]stream{}, packet: make([]byte, 0, maxDatagram), wide: 1,
	}
	s.padding[mostPadding-1] = mostPadding
	s.roster = media.Roster{Stage: media.Joining, Since: time.Now()}
	s.camera.ceiling, s.slides.ceiling = c.Bitrate, c.Content
	s.congestion = rtp.NewCongestion(rtp.CongestionConfig{Start: startBitrate, Max: c.Bitrate + c.Content})
	s.show.want = func() { asks(present{true}) }
	s.lines.Store(newLines(s, c, video, &lines{}))
	us := s.voice().ssrc
	s.preamble = rtp.AppendDescription(rtp.AppendReceiverReport(nil, us), us, cname)
	wake, stop := loop.Attend(s.drain)
	s.wake = wake
	s.stops = []func(){stop, loop.Every(tickEvery, s.tick)}
	return s
}

// close ends what the session has on its loop. The link is closed by then.
func (s *Session) close() {
	if !s.closing.CompareAndSwap(false, true) {
		return
	}
	for _, stop := range s.stops {
		stop()
	}
}

// use sends and receives by a link that has its answer. Its streams may have other
// SSRCs than those of the link before.
func (s *Session) use(l *link, a *answer) {
	lines := s.lines.Load()
	s.in.Lock()
	s.arrivals = rtp.TransportLog{}
	s.hear(lines, a)
	s.in.Unlock()
	s.out.Lock()
	defer s.out.Unlock()
	s.link, s.live = l, false
	s.speak(lines, a)
	for _, k := range lines.sinks {
		k.known = false
	}
}

// limit takes over what the service says it accepts; our own ceilings are lower or
// the same.
func (s *Session) limit(l limits) {
	s.out.Lock()
	defer s.out.Unlock()
	if l.UplinkBitrate > 0 {
		s.camera.ceiling = min(s.camera.ceiling, l.UplinkBitrate)
	}
	if l.ContentBitrate > 0 {
		s.slides.ceiling = min(s.slides.ceiling, l.ContentBitrate)
	}
}

// detach stops sending and receiving by the link.
func (s *Session) detach() {
	s.out.Lock()
	defer s.out.Unlock()
	s.link, s.live = nil, false
	s.show.on = false
}

// goLive lets media out: we are in the meeting.
func (s *Session) goLive(live bool) {
	s.out.Lock()
	s.live = live && s.link != nil
	s.out.Unlock()
	if live {
		for _, k := range s.lines.Load().sinks {
			k.keyframe.Store(k.role != audioUp)
		}
		s.wake()
	}
}

// Sources implements [media.Session].
func (s *Session) Sources() []media.Source {
	sources := s.lines.Load().sources
	out := make([]media.Source, len(sources))
	for i, src := range sources {
		out[i] = src
	}
	return out
}

// Sinks implements [media.Session].
func (s *Session) Sinks() []media.Sink {
	sinks := s.lines.Load().sinks
	out := make([]media.Sink, len(sinks))
	for i, k := range sinks {
		out[i] = k
	}
	return out
}

// Changed implements [media.Session].
func (s *Session) Changed() <-chan struct{} { return s.changed }

// Loop implements [media.Session].
func (s *Session) Loop() media.Loop { return s.loop }

// Bandwidth is how much the camera's layers may take together now, in bit/s: what
// the path and the service's ceiling allow, less what the voice needs. Layers are to
// be dropped from the top when they do not fit.
func (s *Session) Bandwidth() int {
	s.out.Lock()
	defer s.out.Unlock()
	return max(min(int(payloadShare*float64(s.congestion.Target())), s.camera.ceiling)-voiceBitrate, 0)
}

// String implements [media.Session].
func (s *Session) String() string {
	s.mu.Lock()
	name := s.name
	s.mu.Unlock()
	s.out.Lock()
	l := s.link
	s.out.Unlock()
	path := "no path"
	if l != nil {
		path = l.String()
	}
	lines, voices, cameras := s.lines.Load(), 0, 0
	for _, src := range lines.sources {
		if src.role == audioDown {
			voices++
		} else {
			cameras++
		}
	}
	if cameras == 0 {
		return fmt.Sprintf("meet %s: WebRTC %s, %d OPUS down, OPUS up", name, path, voices)
	}
	return fmt.Sprintf("meet %s: WebRTC %s, %d OPUS and %d VP8 down, OPUS and %dx VP8 up", name, path, voices, cameras, len(lines.sinks)-1)
}

// Stats implements [media.Session].
func (s *Session) Stats() media.Stats {
	late := s.queue.lost()
	s.in.Lock()
	st := media.Stats{PacketsIn: s.packetsIn, BytesIn: s.octetsIn, Dropped: s.useless + late, FirstIn: s.firstIn, LastIn: s.lastIn}
	for _, src := range s.lines.Load().sources {
		st.Lost += src.reports.Lost()
		if src.packets > 0 {
			st.Jitter = max(st.Jitter, src.reports.Jitter())
		}
	}
	s.in.Unlock()
	s.out.Lock()
	defer s.out.Unlock()
	st.PacketsOut, st.BytesOut, st.RoundTrip = s.sentPackets, s.sentOctets, s.roundTrip
	st.Dropped += s.unsent
	for _, k := range s.lines.Load().sinks {
		st.RemoteLost += uint64(max(k.lost, 0))
	}
	return st
}
