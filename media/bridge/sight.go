package bridge

import (
	"strings"
	"sync"
	"sync/atomic"

	"tandem/media"
)

// sight carries one kind of picture from one leg to the other without touching it:
// when both speak the same format; else the pictures stop here and the call is audio
// only. The sink renumbers; a keyframe that one side asks for is asked of the other.
type sight struct {
	kind    media.Kind
	source  media.Source // nil: nothing is carried
	sink    media.Sink
	from    media.StreamInfo
	to      media.StreamInfo
	relayed atomic.Uint64
	out     media.Packet // lent to the sink; used on the source's loop only
	pt      atomic.Uint32

	mu   sync.Mutex // guards what follows, which String reads
	line string
}

// limiter is a source whose far end can be told how much to send.
type limiter interface{ Limit(bitrate int) }

// set changes to what fits now, and reports whether that is something else.
func (s *sight) set(source media.Source, sink media.Sink) bool {
	from, to := infoOf(source, sink)
	if !matches(from, to) {
		source, sink = nil, nil
	}
	if l, ok := source.(limiter); ok {
		l.Limit(to.Limits.Bitrate)
	}
	from.Limits, to.Limits = media.Limits{}, media.Limits{}
	if source == s.source && sink == s.sink && from == s.from && to == s.to {
		return false
	}
	had := s.source != nil
	s.close()
	s.from, s.to = from, to
	s.tell(source != nil)
	if source == nil {
		return had
	}
	s.source, s.sink = source, sink
	s.pt.Store(uint32(to.PayloadType))
	sink.OnKeyframeRequest(source.RequestKeyframe)
	source.Attach(s)
	source.RequestKeyframe() // whoever looks from now on has seen no picture yet
	return true
}

func (s *sight) tell(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.line = ""; on {
		s.line = s.kind.String() + " " + s.from.Codec + " relay"
	}
}

// close ends it; when it returns no packet is on its way.
func (s *sight) close() {
	if s.source == nil {
		return
	}
	s.source.Attach(nil)
	s.sink.OnKeyframeRequest(nil)
	s.source, s.sink = nil, nil
}

// Receive implements [media.Receiver].
func (s *sight) Receive(p *media.Packet) {
	s.out = *p
	s.out.PayloadType = uint8(s.pt.Load())
	s.relayed.Add(1)
	s.sink.Write(&s.out)
}

func (s *sight) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.line
}

func infoOf(source media.Source, sink media.Sink) (from, to media.StreamInfo) {
	if source != nil {
		from = source.Info()
	}
	if sink != nil {
		to = sink.Info()
	}
	return from, to
}

// matches reports whether a receiver of to understands what comes as from.
func matches(from, to media.StreamInfo) bool {
	if from.Codec == "" || from.Codec != to.Codec || from.Clock != to.Clock || !from.Direction.Receives() || !to.Direction.Sends() {
		return false
	}
	if from.Codec != "H264" {
		return true
	}
	// Whoever takes fragments takes whole units, too, and a decoder of high profile
	// decodes baseline (RFC 6184 §6.2, §8.1); not the other way round.
	return parameter(from.FMTP, "packetization-mode", "0") <= parameter(to.FMTP, "packetization-mode", "0") &&
		h264Rank(from.FMTP) <= h264Rank(to.FMTP)
}

func h264Rank(fmtp string) int {
	switch strings.ToLower(parameter(fmtp, "profile-level-id", "42"))[:2] {
	case "64":
		return 2
	case "4d":
		return 1
	}
	return 0
}

// parameter is one format parameter; fallback when it is missing or too short.
func parameter(fmtp, name, fallback string) string {
	for _, part := range strings.Split(fmtp, ";") {
		n, v, _ := strings.Cut(strings.TrimSpace(part), "=")
		if v = strings.TrimSpace(v); strings.EqualFold(strings.TrimSpace(n), name) && len(v) >= len(fallback) {
			return v
		}
	}
	return fallback
}

// sights are the pictures of both ways.
type sights [4]sight

func (l *sights) arrange(a, b media.Session) (changed bool) {
	for i, k := range []media.Kind{media.Video, media.Content} {
		l[2*i].kind, l[2*i+1].kind = k, k
		toA := l[2*i].set(sourceOf(b, k), sinkOf(a, k))
		toB := l[2*i+1].set(sourceOf(a, k), sinkOf(b, k))
		changed = changed || toA || toB
	}
	return changed
}

func (l *sights) close() {
	for i := range l {
		l[i].close()
	}
}

// String names what passes: "video H264 relay".
func (l *sights) String() string {
	var parts []string
	for i := range l {
		s := l[i].String()
		if s == "" || i%2 == 1 && s == l[i-1].String() {
			continue
		}
		parts = append(parts, s)
	}
	return strings.Join(parts, ", ")
}

// shows reports whether a session has a stream of pictures.
func shows(s media.Session) bool {
	for _, sink := range s.Sinks() {
		if sink.Info().Kind != media.Audio {
			return true
		}
	}
	for _, src := range s.Sources() {
		if src.Info().Kind != media.Audio {
			return true
		}
	}
	return false
}

func sourceOf(s media.Session, k media.Kind) media.Source {
	for _, src := range s.Sources() {
		if src.Info().Kind == k {
			return src
		}
	}
	return nil
}

func sinkOf(s media.Session, k media.Kind) media.Sink {
	for _, dst := range s.Sinks() {
		if dst.Info().Kind == k {
			return dst
		}
	}
	return nil
}
