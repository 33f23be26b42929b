package audio

import (
	"math/rand/v2"

	"github.com/pion/rtp"
)

// Sender makes the packets of one outgoing RTP stream, one per 20 ms. It is
// not safe for concurrent use.
type Sender struct {
	Law   Law
	Audio uint8 // payload type
	Event uint8 // payload type of telephone-event; 0: none
	// Fixed, if not empty, is sent as every payload instead of G.711 (for
	// example an Opus silence frame).
	Fixed []byte
	Step  uint32 // timestamp units per packet; 0 means 160

	Tone Tone

	seq     uint16
	stamp   uint32
	ssrc    uint32
	digits  []byte // event codes still to send
	ticks   int    // packets into the current event
	started bool
	talking bool
	pcm     [FrameSamples]int16
	frame   [FrameSamples]byte
}

const (
	eventTicks = 5 // 100 ms of key down
	eventEnds  = 3 // end packets, RFC 4733 section 2.5.1.4
	eventPause = 3 // 60 ms between two keys
)

// Dial queues keys to be sent as telephone-events, or as tones where none were agreed;
// unknown keys are skipped.
func (s *Sender) Dial(keys string) {
	for _, k := range keys {
		if c, ok := EventCode(k); ok && len(s.digits) < 64 {
			s.digits = append(s.digits, c)
		}
	}
}

// Dialling reports whether keys are still to be sent.
func (s *Sender) Dialling() bool { return len(s.digits) > 0 }

// Next fills p with the packet of this tick. If echo is not nil it is sent
// instead of the tone. p's payload is valid until the next call.
func (s *Sender) Next(p *rtp.Packet, echo []byte) {
	if !s.started {
		s.started = true
		s.ssrc, s.seq, s.stamp = rand.Uint32(), uint16(rand.Uint32()), rand.Uint32()
	}
	step := s.Step
	if step == 0 {
		step = FrameSamples
	}
	p.Header = rtp.Header{Version: 2, SequenceNumber: s.seq, Timestamp: s.stamp, SSRC: s.ssrc, PayloadType: s.Audio}
	s.seq++
	if len(s.digits) > 0 && s.Event != 0 {
		s.event(p, step)
		s.stamp += step
		return
	}
	s.stamp += step
	p.Marker = !s.talking
	s.talking = true
	switch {
	case len(s.digits) > 0 && len(s.Fixed) == 0:
		s.whistle()
		p.Payload = s.frame[:]
	case echo != nil:
		p.Payload = echo
	case len(s.Fixed) > 0:
		p.Payload = s.Fixed
	default:
		s.Tone.Read(s.pcm[:])
		for i, v := range s.pcm {
			s.frame[i] = s.Law.Encode(v)
		}
		p.Payload = s.frame[:]
	}
}

// event sends the next packet of the first key; its timestamp is that of the
// key's first packet.
func (s *Sender) event(p *rtp.Packet, step uint32) {
	t := s.ticks
	s.ticks++
	s.talking = false
	if t >= eventTicks+eventEnds { // the pause, as silence
		s.Tone.Read(s.pcm[:])
		for i := range s.frame {
			s.frame[i] = s.Law.Silence()
		}
		p.Payload = s.frame[:]
		if t >= eventTicks+eventEnds+eventPause-1 {
			s.digits, s.ticks = s.digits[1:], 0
		}
		return
	}
	p.PayloadType = s.Event
	p.Marker = t == 0
	p.Timestamp = s.stamp - uint32(t)*step
	p.Payload = EventPayload(s.digits[0], t >= eventTicks, uint16(min(t+1, eventTicks+1))*uint16(step))
}
