package dtmf

import (
	"time"

	"tandem/media"
)

// Sender paces digits out as telephone-event packets: one for each tick while the
// key is down, with the timestamp of its beginning and a growing duration, then
// the end three times (RFC 4733 §2.5.1). The zero value with a Clock works.
type Sender struct {
	Clock       int // Hz of the telephone-event; 8000 by default
	PayloadType uint8
	Packet      time.Duration // between two calls of Next; 20 ms by default

	waiting  queue
	active   bool
	code     uint8
	start    uint32 // timestamp of the running segment
	total    int64  // duration of the digit, in units
	elapsed  int64  // of it
	segment  int64  // elapsed when the running segment began
	ends     int    // end packets still to send
	pause    time.Duration
	sequence uint16
	payload  [eventSize]byte
}

// endPackets is how often the end is sent, one for each tick, so that a short burst
// of loss does not take all of them.
const endPackets = 3

// Send queues a digit. Its duration is 100 ms when it is zero.
func (s *Sender) Send(d Digit) error { return s.waiting.push(d) }

// Busy says whether a digit is going out: send no audio meanwhile (RFC 4733 §2.5.1.1).
func (s *Sender) Busy() bool { return s.active }

// Pending says whether a digit is going out or waits.
func (s *Sender) Pending() bool { return s.active || len(s.waiting.digits) > 0 }

// Next fills p with the packet of this tick and says whether there is one.
// timestamp is the stream's time now in units of Clock; an event keeps the one of
// its beginning. Payload is lent until the next call.
func (s *Sender) Next(timestamp uint32, p *media.Packet) bool {
	clock, tick := s.defaults()
	if !s.active && !s.begin(timestamp, clock, tick) {
		return false
	}
	marker := s.elapsed == 0
	s.grow(toUnits(tick, clock))
	e := Event{Code: s.code, Volume: volume, End: s.ends > 0, Duration: uint16(s.elapsed - s.segment)}
	s.sequence++
	*p = media.Packet{
		PayloadType: s.PayloadType, Marker: marker, Sequence: s.sequence, Timestamp: s.start,
		Payload: e.Append(s.payload[:0]),
	}
	if s.ends > 0 {
		s.end(tick)
	}
	return true
}

func (s *Sender) defaults() (clock int, tick time.Duration) {
	clock, tick = s.Clock, s.Packet
	if clock <= 0 {
		clock = 8000
	}
	if tick <= 0 {
		tick = 20 * time.Millisecond
	}
	return clock, tick
}

// begin takes the next digit when the pause after the last one is over.
func (s *Sender) begin(timestamp uint32, clock int, tick time.Duration) bool {
	if s.pause > 0 {
		s.pause -= tick
		return false
	}
	d, ok := s.waiting.pop()
	if !ok {
		return false
	}
	s.active, s.code, s.start = true, codeOf(d.Key), timestamp
	s.total, s.elapsed, s.segment = toUnits(d.Duration, clock), 0, 0
	return true
}

// grow goes on by a tick. An event longer than 16 bits count is continued as a new
// segment, which begins where the one before ended (RFC 4733 §2.5.1.3).
func (s *Sender) grow(step int64) {
	if s.ends > 0 {
		return
	}
	before := s.elapsed
	s.elapsed = min(s.elapsed+step, s.total)
	if s.elapsed-s.segment > longestEvent {
		s.start += uint32(before - s.segment)
		s.segment = before
	}
	if s.elapsed == s.total {
		s.ends = endPackets
	}
}

func (s *Sender) end(tick time.Duration) {
	if s.ends--; s.ends == 0 {
		s.active = false
		s.pause = pauseBetween - (endPackets-1)*tick
	}
}
