package bridge

import (
	"fmt"
	"sync"
	"time"

	"tandem/media"
	"tandem/media/codec"
	"tandem/media/dtmf"
	"tandem/media/mix"
)

// microphone is the room's audio on its way to the meeting: relayed when both sides
// speak the same codec, transcoded otherwise, nothing while it is muted. Keys are taken
// out of it.
type microphone struct {
	count *counters
	press func(dtmf.Digit) // a key of the room
	from  media.StreamInfo
	relay bool

	mu sync.Mutex // guards what follows: packets come on the source's loop
	output
	player   player
	encoder  codec.Encoder // nil when the meeting takes keys alone
	packet   time.Duration
	owed     time.Duration
	payload  []byte
	muted    bool
	keys     dtmf.Receiver
	detector *dtmf.Detector // nil when the room has telephone-event
	found    []dtmf.Digit   // heard during this tick
}

var _ media.Receiver = (*microphone)(nil)

func newMicrophone(from media.StreamInfo, o output, press func(dtmf.Digit)) (*microphone, error) {
	in, out := rates(from.Codec, o.to.Codec)
	if o.to.Codec == "L16" {
		out = o.to.Clock
	}
	if from.Codec == "OPUS" && o.to.Codec == "OPUS" {
		in, out = 48000, 48000
	}
	m := &microphone{
		count: o.counters, press: press, from: from, output: o, packet: packetOf(o.to),
		payload: make([]byte, 0, 1500), keys: dtmf.Receiver{Clock: from.Event.Clock},
		relay: from.Codec == o.to.Codec && from.Clock == o.to.Clock && samePacket(from, o.to) && from.Event.Clock != 0,
	}
	m.paused = true
	var err error
	if m.player, err = newPlayer(from, in, out, o.counters); err != nil {
		return nil, err
	}
	if o.to.Codec != "L16" {
		if m.encoder, err = newEncoder(o.to, out); err != nil {
			return nil, fmt.Errorf("cannot encode %s: %w", o.to.Codec, err)
		}
	}
	if from.Event.Clock == 0 {
		m.detector = dtmf.NewDetector(in)
		m.player.listen = m.listen
	}
	return m, nil
}

func (m *microphone) Receive(p *media.Packet) {
	m.mu.Lock()
	digit, pressed := m.receive(p)
	m.mu.Unlock()
	if pressed {
		m.press(digit)
	}
}

func (m *microphone) receive(p *media.Packet) (digit dtmf.Digit, pressed bool) {
	now := arrival(p)
	switch {
	case isEvent(p, m.from):
		digit, pressed = m.keys.Receive(now, p)
		if m.relay {
			return digit, pressed
		}
	case p.PayloadType == m.from.PayloadType && m.relay:
		m.pass(p)
		return m.keys.Tick(now)
	case p.PayloadType == m.from.PayloadType, p.PayloadType == comfortNoise && m.from.Clock == 8000:
	default:
		m.count.dropped.Add(1)
		return digit, false
	}
	m.player.jitter.Push(now, p)
	return digit, pressed
}

// pass relays a packet.
func (m *microphone) pass(p *media.Packet) {
	if m.muted {
		return
	}
	m.output.packet = *p
	m.output.packet.PayloadType, m.output.packet.CSRC = m.to.PayloadType, 0
	m.count.relayed.Add(1)
	m.sink.Write(&m.output.packet)
}

// mute stops or resumes the voice; keys are understood all the time.
func (m *microphone) mute(on bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.muted = on
}

// tick sends what is due.
func (m *microphone) tick(now time.Time) {
	m.mu.Lock()
	if d, ok := m.keys.Tick(now); ok {
		m.found = append(m.found, d)
	}
	for m.owed += mixTick; m.owed >= m.packet; m.owed -= m.packet {
		m.step(now)
	}
	found := m.found
	m.found = nil
	m.mu.Unlock()
	for _, d := range found {
		m.press(d)
	}
}

func (m *microphone) step(now time.Time) {
	n := samplesIn(m.packet, m.player.outRate)
	if !m.relay {
		m.player.fill(now, n)
	}
	switch {
	case m.relay:
	case m.muted || m.player.resting || m.encoder == nil:
		m.paused = true
	default:
		m.emit(m.player.pcm[:n])
	}
	if !m.relay {
		m.player.drop(n)
	}
	m.advance(m.packet)
}

func (m *microphone) emit(pcm []int16) {
	if l, ok := m.sink.(leveled); ok {
		l.SetLevel(uint8(-mix.Measure(pcm)))
	}
	payload, err := m.encoder.Encode(m.payload[:0], pcm)
	if err != nil {
		m.count.errors.Add(1)
		return
	}
	if len(payload) > 0 {
		m.write(payload)
	}
}

// listen looks for keys in the audio, and keeps them from the meeting.
func (m *microphone) listen(pcm []int16, voice bool) {
	if !voice {
		return
	}
	if d, ok := m.detector.Detect(pcm); ok {
		m.found = append(m.found, d)
	}
	if soundsLikeKey(pcm, m.player.inRate) {
		clear(pcm)
	}
}

func (m *microphone) addTo(s *PathStats) {
	m.mu.Lock()
	defer m.mu.Unlock()
	j := m.player.jitter.Stats()
	s.Late += j.Late
	s.Duplicate += j.Duplicate
	s.Dropped += j.Discarded
	s.Delay = j.Delay
}

// String prints "PCMU -> jitter -> OPUS" or "OPUS relay".
func (m *microphone) String() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := fmt.Sprintf("%s -> jitter -> %s", m.from.Codec, m.to.Codec)
	if m.relay {
		s = m.from.Codec + " relay"
	}
	if m.muted {
		s += " (muted)"
	}
	return s
}
