package rtp

import (
	"time"

	"tandem/media"
)

// JitterConfig is a jitter buffer's shape; zero fields have defaults.
type JitterConfig struct {
	Clock           int           // Hz of the RTP timestamps; 8000 by default
	Min, Start, Max time.Duration // of the target delay: 20, 40 and 200 ms by default
	Packet          time.Duration // what a packet carries until the stream shows it; 20 ms by default
	Event           uint8         // payload type of telephone-event, whose packets are not loss; 0 without
}

const (
	jitterSlots  = 64   // packets held, a power of two: more than Max of the shortest packets
	maxPayload   = 1500 // octets; nothing of voice is larger
	comfortNoise = 13   // the static payload type of RFC 3389
	// A stream that was silent for so long is buffered afresh when it comes back.
	jitterPause = 500 * time.Millisecond
)

// Jitter evens out the arrival of one audio stream: packets are pushed as they
// come and frames popped as they are to be played, each sequence number once, in
// order, with what is missing named. The delay adapts to the network, the far
// end's clock may drift, and SSRC, sequence or timestamps may jump.
//
// The buffer is pulled: on every tick its caller pops until the decoded audio
// fills the tick (two pops for 10 ms packets; one pop in every third tick for
// 60 ms packets). It has neither clock nor lock; it belongs to one goroutine.
type Jitter struct {
	config JitterConfig
	clock  int64 // Hz
	origin time.Time
	stats  JitterStats

	in   arrivals // the far end's numbering
	wait delays

	slots   [jitterSlots]slot
	held    int      // filled slots
	highest int64    // newest sequence
	newest  int64    // its timestamp
	spare   [][]byte // buffers of emptied slots
	lent    []byte   // the buffer of the frame popped last

	playing  bool  // the next two fields mean something
	next     int64 // sequence that is due
	position int64 // its timestamp
	packet   int64 // duration of a packet
	waited   int64 // concealed since the buffer ran empty; position stood still
	event    bool  // events were passed since the last frame
	quiet    bool  // the far end pauses: buffer afresh before playing on
	level    level
}

// A slot holds a packet; its place is its sequence number modulo jitterSlots.
type slot struct {
	full, event bool
	marker      bool
	payloadType uint8
	stamp       uint32 // as it came
	sequence    int64
	timestamp   int64
	payload     []byte
}

// NewJitter returns an empty buffer.
func NewJitter(c JitterConfig) *Jitter {
	c.Clock = orDefault(c.Clock, 8000)
	c.Min = orDefault(c.Min, 20*time.Millisecond)
	c.Start = orDefault(c.Start, 40*time.Millisecond)
	c.Max = max(orDefault(c.Max, 200*time.Millisecond), c.Min)
	c.Packet = orDefault(c.Packet, 20*time.Millisecond)
	j := &Jitter{config: c, clock: int64(c.Clock)}
	j.Reset()
	return j
}

func orDefault[T int | time.Duration](v, standard T) T {
	if v <= 0 {
		return standard
	}
	return v
}

// Reset empties the buffer and forgets the stream; the counters go on.
func (j *Jitter) Reset() {
	for i := range j.slots {
		j.release(&j.slots[i])
	}
	j.in = arrivals{}
	j.wait = newDelays(j.clock)
	j.playing, j.event, j.quiet, j.waited = false, false, true, 0
	j.packet = j.units(j.config.Packet)
	j.level = level{}
}

// Stats returns the counters.
func (j *Jitter) Stats() JitterStats {
	s := j.stats
	s.Target = j.duration(j.target())
	return s
}

// Push takes a copy of a packet that was read from the network at now.
func (j *Jitter) Push(now time.Time, p *media.Packet) {
	j.stats.Received++
	if len(p.Payload) > maxPayload {
		j.stats.Discarded++
		return
	}
	if j.origin.IsZero() {
		j.origin = now
	}
	at := j.units(now.Sub(j.origin))
	sequence, timestamp, ok := j.in.place(j, at, p)
	if !ok {
		j.stats.Discarded++
		return
	}
	event := j.config.Event != 0 && p.PayloadType == j.config.Event
	if !event {
		j.wait.add(at, at-timestamp, j.units(j.config.Max)+j.packet)
	}
	if j.playing && sequence < j.next {
		j.stats.Late++
		j.in.late++
		return
	}
	j.in.late = 0
	j.insert(sequence, timestamp, event, p)
}

// insert puts a packet that is not late into its slot.
func (j *Jitter) insert(sequence, timestamp int64, event bool, p *media.Packet) {
	if j.held > 0 && sequence <= j.highest-jitterSlots {
		j.stats.Late++ // before the first packet, by more than the buffer holds
		return
	}
	j.makeRoom(sequence)
	s := &j.slots[sequence&(jitterSlots-1)]
	if s.full {
		j.stats.Duplicate++
		return
	}
	*s = slot{
		full: true, event: event, marker: p.Marker, payloadType: p.PayloadType,
		stamp: p.Timestamp, sequence: sequence, timestamp: timestamp,
	}
	if !event {
		s.payload = append(j.buffer(), p.Payload...)
	}
	if j.held == 0 || sequence > j.highest {
		j.highest, j.newest = sequence, timestamp
	}
	j.held++
}

// makeRoom gives up the oldest packets when one arrives that is too far ahead.
func (j *Jitter) makeRoom(sequence int64) {
	oldest := sequence - jitterSlots + 1
	if j.held > 0 && sequence > j.highest && !(j.playing && j.next >= oldest) {
		for i := range j.slots {
			if s := &j.slots[i]; s.full && s.sequence < oldest {
				j.stats.Discarded++
				j.release(s)
			}
		}
	}
	if j.playing && j.next < oldest {
		j.advance(oldest)
		j.quiet = true
	}
}

// buffer returns an empty payload buffer, a used one when there is.
func (j *Jitter) buffer() []byte {
	n := len(j.spare)
	if n == 0 {
		return make([]byte, 0, 256)
	}
	b := j.spare[n-1]
	j.spare = j.spare[:n-1]
	return b[:0]
}

// release empties a slot and keeps its buffer for the next packet.
func (j *Jitter) release(s *slot) {
	if !s.full {
		return
	}
	if s.payload != nil {
		j.spare = append(j.spare, s.payload)
	}
	*s = slot{}
	j.held--
}

func (j *Jitter) units(d time.Duration) int64 { return units(d, j.clock) }

func (j *Jitter) duration(units int64) time.Duration {
	return time.Duration(units * int64(time.Second) / j.clock)
}

// target is the delay the buffer wants now.
func (j *Jitter) target() int64 {
	t := j.wait.target()
	if j.wait.seen < 50 { // a second of packets says little about the network
		t = max(t, j.units(j.config.Start))
	}
	return min(max(t, j.units(j.config.Min)), j.units(j.config.Max))
}
