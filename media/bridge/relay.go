package bridge

import (
	"time"

	"tandem/media"
	"tandem/media/codec"
	"tandem/media/dtmf"
)

// relayer passes packets on as they come: no queue, no clock, no allocation. The
// sink renumbers; telephone-event gets the other side's payload type, and its other
// clock where there is one.
type relayer struct {
	counters *counters
	sink     media.Sink
	from, to media.StreamInfo
	laws     bool // PCMU to PCMA or back
	digits   func(dtmf.Digit)
	keys     dtmf.Receiver // reads digits for the callback
	events   eventMover
	last     uint32       // timestamp of the last audio packet
	out      media.Packet // lent to the sink
	scratch  []byte
}

var _ pipeline = (*relayer)(nil)

func newRelayer(p plan, c *counters, digits func(dtmf.Digit)) *relayer {
	return &relayer{
		counters: c, sink: p.sink, from: p.from, to: p.to, laws: p.tech == law, digits: digits,
		keys:   dtmf.Receiver{Clock: p.from.Event.Clock},
		events: eventMover{from: p.from.Event, to: p.to.Event, clock: p.to.Clock},
	}
}

func (r *relayer) Receive(p *media.Packet) {
	r.out = *p
	switch {
	case p.PayloadType == r.from.PayloadType:
		r.last = p.Timestamp
		r.out.PayloadType = r.to.PayloadType
		if r.laws {
			r.scratch = codec.Transcode(r.scratch[:0], p.Payload, lawOf(r.from.Codec), lawOf(r.to.Codec))
			r.out.Payload = r.scratch
		}
		r.watch(p, false)
	case isEvent(p, r.from):
		r.moveEvent(p)
		r.watch(p, true)
	default:
		r.counters.dropped.Add(1) // comfort noise, or a codec that was not agreed
		return
	}
	r.counters.relayed.Add(1)
	r.sink.Write(&r.out)
}

// moveEvent renumbers a telephone-event. Where both clocks are the same its time
// stays as the far end wrote it. Where they differ the far end's timeline of events
// cannot be moved (RFC 4733 §2.6): the digit begins right after the last audio.
func (r *relayer) moveEvent(p *media.Packet) {
	r.out.PayloadType = r.to.Event.PayloadType
	if r.from.Event.Clock == r.to.Event.Clock {
		return
	}
	next := r.last + uint32(samplesIn(packetOf(r.from), r.from.Clock))
	r.out.Timestamp, r.out.Payload = r.events.move(p, next)
}

// watch reports digits. A lost end is noticed with the next audio.
func (r *relayer) watch(p *media.Packet, event bool) {
	if r.digits == nil || r.from.Event.Clock == 0 {
		return
	}
	var d dtmf.Digit
	var ok bool
	if event {
		d, ok = r.keys.Receive(p.Arrived, p)
	} else {
		d, ok = r.keys.Tick(p.Arrived)
	}
	if ok {
		r.counters.digits.Add(1)
		r.digits(d)
	}
}

func (*relayer) period() time.Duration { return 0 }
func (*relayer) tick(time.Time)        {}
func (*relayer) finish()               {}

func (r *relayer) String() string {
	if r.laws {
		return r.from.Codec + " -> " + r.to.Codec
	}
	return r.from.Codec + " relay"
}

func isEvent(p *media.Packet, i media.StreamInfo) bool {
	return i.Event.Clock != 0 && p.PayloadType == i.Event.PayloadType
}

// eventMover puts the far end's events on another timeline: all packets of one event
// keep one timestamp (RFC 4733 §2.3.3), also those that come late, after the next
// event has begun.
type eventMover struct {
	from, to media.Event
	clock    int           // of our timeline, Hz
	known    [2]movedEvent // the newest first
	scratch  [16]byte
}

type movedEvent struct {
	valid        bool
	theirs, ours uint32
}

// move returns the timestamp and the payload for an event packet; now is the time of
// our timeline, used when an event begins. The payload is lent until the next call.
func (m *eventMover) move(p *media.Packet, now uint32) (timestamp uint32, payload []byte) {
	payload = dtmf.Convert(m.scratch[:0], p.Payload, m.from.Clock, m.to.Clock)
	for _, k := range m.known {
		if k.valid && k.theirs == p.Timestamp {
			return k.ours, payload
		}
	}
	begin := m.begin(p.Timestamp, now)
	m.known[1] = m.known[0]
	m.known[0] = movedEvent{true, p.Timestamp, begin}
	return begin, payload
}

// begin is when a new event starts: now, but behind the one before. Without audio
// between two digits, or when a network stall delivers both at once, our timeline
// has stood still, and with one timestamp they would be one digit.
func (m *eventMover) begin(theirs, now uint32) uint32 {
	last := m.known[0]
	if !last.valid || int32(now-last.ours) > 0 {
		return now
	}
	passed := int64(int32(theirs - last.theirs))
	if passed <= 0 || passed > 10*int64(m.from.Clock) {
		return last.ours + 1
	}
	return last.ours + uint32(max(1, passed*int64(m.clock)/int64(m.from.Clock)))
}
