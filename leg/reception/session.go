package reception

import (
	"encoding/binary"
	"sync"
	"time"

	"tandem/media"
)

const (
	rate      = 16000                 // Hz, of what is said
	packet    = 20 * time.Millisecond //
	frame     = rate / 50             // samples of a packet
	audioType = 11                    // payload type inside of the gateway
)

// session is the media end of a reception: a voice that speaks sentences, keys
// that are typed, and a screen of which only the text is made here.
type session struct {
	name    string
	loop    media.Loop
	changed chan struct{}
	source  source
	pressed func(rune)

	mu     sync.Mutex // guards roster
	roster media.Roster
}

var _ media.Meeting = (*session)(nil)

// newSession makes a session; pressed is called for each key, and never waits.
func newSession(name string, loop media.Loop, pressed func(rune)) *session {
	return &session{name: name, loop: loop, changed: make(chan struct{}, 1), pressed: pressed}
}

// start begins to speak and to listen, until stop.
func (s *session) start() (stop func()) {
	return s.loop.Every(packet, func(time.Time) { s.source.tick() })
}

// Sources implements [media.Session].
func (s *session) Sources() []media.Source { return []media.Source{&s.source} }

// Sinks implements [media.Session].
func (s *session) Sinks() []media.Sink { return []media.Sink{sink{}} }

// Changed implements [media.Session].
func (s *session) Changed() <-chan struct{} { return s.changed }

// Loop implements [media.Session].
func (s *session) Loop() media.Loop { return s.loop }

// Stats implements [media.Session].
func (s *session) Stats() media.Stats {
	s.source.mu.Lock()
	defer s.source.mu.Unlock()
	return media.Stats{PacketsIn: s.source.packets, BytesIn: s.source.packets * 2 * frame}
}

// String implements [media.Session].
func (s *session) String() string { return "reception " + s.name }

// Roster implements [media.Meeting].
func (s *session) Roster() media.Roster {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.roster
}

// Show implements [media.Meeting]: nobody is to be seen.
func (s *session) Show([]media.View) {}

// Type takes a key of the caller, however it came.
func (s *session) Type(key rune) { s.pressed(key) }

// Mute implements [media.Meeting]: nobody is told.
func (s *session) Mute(_, _ bool) {}

// show puts r on the screen.
func (s *session) show(r media.Roster) {
	s.mu.Lock()
	before := s.roster
	s.roster = r
	s.mu.Unlock()
	if before.Stage == r.Stage && before.Title == r.Title && before.Notice == r.Notice && before.Typed == r.Typed {
		return
	}
	select {
	case s.changed <- struct{}{}:
	default: // one waits already
	}
}

// source speaks: samples in network order (L16, RFC 3551 §4.5.11). What is said waits
// for somebody who listens.
type source struct {
	mu        sync.Mutex // guards what follows; held while receiver runs
	receiver  media.Receiver
	waiting   []int16
	speaking  bool
	sequence  uint16
	timestamp uint32
	packets   uint64
	payload   [2 * frame]byte
}

var _ media.Source = (*source)(nil)

// Info implements [media.Source].
func (*source) Info() media.StreamInfo {
	return media.StreamInfo{
		ID: "voice", Kind: media.Audio, Codec: "L16", Clock: rate, PayloadType: audioType, Packet: packet, Direction: media.RecvOnly,
	}
}

// Attach implements [media.Source].
func (s *source) Attach(r media.Receiver) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.receiver = r
}

// RequestKeyframe implements [media.Source].
func (*source) RequestKeyframe() {}

// say speaks pcm in place of what is being said.
func (s *source) say(pcm []int16) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting = pcm
}

func (s *source) tick() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.timestamp += frame
	if s.receiver == nil || len(s.waiting) == 0 {
		s.speaking = false
		return
	}
	clear(s.payload[:])
	n := min(frame, len(s.waiting))
	for i, v := range s.waiting[:n] {
		binary.BigEndian.PutUint16(s.payload[2*i:], uint16(v))
	}
	s.waiting = s.waiting[n:]
	s.sequence++
	s.packets++
	p := media.Packet{
		PayloadType: audioType, Marker: !s.speaking, Sequence: s.sequence, Timestamp: s.timestamp, SSRC: 1, Payload: s.payload[:],
	}
	s.speaking = true
	s.receiver.Receive(&p)
}

// sink has no use for the caller's voice: keys come by Type.
type sink struct{}

var _ media.Sink = sink{}

// Info implements [media.Sink].
func (sink) Info() media.StreamInfo {
	return media.StreamInfo{
		ID: "voice", Kind: media.Audio, Codec: "L16", Clock: rate, PayloadType: audioType, Packet: packet, Direction: media.SendOnly,
	}
}

// OnKeyframeRequest implements [media.Sink].
func (sink) OnKeyframeRequest(func()) {}

// Write implements [media.Sink].
func (sink) Write(*media.Packet) {}
