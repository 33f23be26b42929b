package transport

import (
	"log/slog"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"tandem/media"
	"tandem/media/sdp"
)

// A Session is the media end of one leg: an audio stream and, where both sides have
// them, a camera and a shared screen. Offer, AnswerTo and SetAnswer follow RFC 3264;
// everything is safe for concurrent use. The leg that made it closes it.
//
// Locks are taken in the order ctl, then a stream's in.mu, then its sink.mu; those of
// the audio before those of a stream bundled with it on the way in, and after them on
// the way out. The receiver of a source runs without any of them.
type Session struct {
	engine *Engine
	worker *worker
	opts   Options
	log    *slog.Logger
	cname  string // never changes

	audio   *stream
	streams [3]atomic.Pointer[stream] // by media.Kind; the audio's is made with the session, others when they are first needed, under ctl
	changed chan struct{}
	events  events
	floor   atomic.Pointer[floorControl] // of the shared screen; nil without. It changes under ctl
	tap     atomic.Pointer[tap]          // nil: nobody listens

	mu      sync.Mutex // guards what follows; nothing else is locked while it is held
	active  []*stream  // those agreed on, and always the audio; replaced, never changed in place
	sources []media.Source
	sinks   []media.Sink

	ctl      sync.Mutex // serialises offer/answer and Close; guards what follows, and the same of each stream
	closed   bool
	noVideo  bool // the other leg has none
	noScreen bool // nor a shared screen
	caps     sdp.Capabilities
	pending  *sdp.Description // our offer without an answer
	answered *sdp.Description // our offer, when the last answer was the far end's
	agreed   sdp.Agreed
	lastIn   []byte // the last offer or answer that was taken
	lastOut  []byte // our answer to it
}

var _ media.Session = (*Session)(nil)

func newSession(e *Engine, o Options, w *worker) *Session {
	s := &Session{
		engine: e, worker: w, opts: o, log: e.Log.With("session", o.Name),
		changed: make(chan struct{}, 1), caps: o.Capabilities,
	}
	s.events.log = s.log
	if s.caps.Origin.Session == "" {
		// An NTP-like number, as RFC 8866 §5.2 suggests, that does not tell our clock.
		s.caps.Origin.Session = strconv.FormatUint(rand.Uint64()>>2, 10)
	}
	s.cname = randomString(16) // RFC 7022: it must not tell who we are
	s.audio = s.stream(media.Audio)
	s.use([]*stream{s.audio})
	return s
}

// stream returns the stream of a kind, and makes it if there is none. ctl is held.
func (s *Session) stream(k media.Kind) *stream {
	t := s.streams[k].Load()
	if t == nil {
		t = newStream(s, k)
		s.streams[k].Store(t)
	}
	return t
}

func (s *Session) formats(k media.Kind) []sdp.Codec {
	switch k {
	case media.Video:
		return s.caps.Video
	case media.Content:
		return s.caps.Content
	}
	return s.caps.Audio
}

// Agreed is the result of the last offer/answer; Streams is empty before.
func (s *Session) Agreed() sdp.Agreed {
	s.ctl.Lock()
	defer s.ctl.Unlock()
	return s.agreed
}

// Sources implements [media.Session].
func (s *Session) Sources() []media.Source {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sources
}

// Sinks implements [media.Session].
func (s *Session) Sinks() []media.Sink {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sinks
}

// use publishes the streams that are agreed on.
func (s *Session) use(active []*stream) {
	var sources []media.Source
	var sinks []media.Sink
	for _, t := range active {
		sources, sinks = append(sources, t.sources()...), append(sinks, t.sink)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.active, s.sources, s.sinks = active, sources, sinks
}

// inUse are the streams agreed on, audio first, and always the audio.
func (s *Session) inUse() []*stream {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.active
}

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

// Stats implements [media.Session]: it counts the audio. StatsOf has the others.
func (s *Session) Stats() media.Stats { return s.audio.stats() }

// StatsOf counts one stream; all zero for one that the session has not.
func (s *Session) StatsOf(k media.Kind) media.Stats {
	if t := s.streams[k].Load(); t != nil {
		return t.stats()
	}
	return media.Stats{}
}

// String implements [media.Session].
func (s *Session) String() string {
	var parts []string
	for _, t := range s.inUse() {
		parts = append(parts, t.String())
	}
	if f := s.floor.Load(); f != nil {
		parts = append(parts, f.String())
	}
	return strings.Join(parts, ", ")
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
	s.closeFloor()
	for i := len(s.streams) - 1; i >= 0; i-- { // the audio last: others may pass with it
		if t := s.streams[i].Load(); t != nil {
			t.close()
		}
	}
	s.ctl.Unlock()
	s.events.close()
	s.engine.forget(s)
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
