package transport

import (
	"math/rand/v2"
	"time"

	"tandem/media"
)

const (
	maxSkip   = 1000             // sequence numbers; a larger jump is another stream
	maxAhead  = 10 * time.Second // how far a timestamp may run before the wall clock
	sentDepth = 64               // late packets older than this are another stream
)

// rebase is the identity of an outgoing RTP stream: it moves packets of any
// origin onto one continuous sequence and timeline (see [media.Sink]). It is pure;
// time is an argument.
type rebase struct {
	ssrc  uint32 // ours
	clock int    // Hz
	step  uint32 // timestamp units of one packet

	started bool
	cut     bool   // packets were held back: what follows is not missing any
	origin  uint32 // SSRC of the packets that are written now
	inSeq   uint16 // highest of the origin
	inTime  uint32 // its timestamp
	outSeq  uint16 // what they became
	outTime uint32
	sent    uint64    // bit n: outSeq-n was sent
	ref     uint32    // an outgoing timestamp,
	refAt   time.Time // and when it was first sent

	event struct { // the last telephone-event
		ssrc, in, out uint32 // in and out are its timestamps
		known         bool
	}
}

func newRebase() rebase {
	return rebase{ssrc: rand.Uint32(), outSeq: uint16(rand.Uint32() >> 17), outTime: rand.Uint32(), clock: 8000, step: 160}
}

// retune sets the clock of what is sent from now on.
func (r *rebase) retune(clock int, packet time.Duration) {
	if packet <= 0 {
		packet = 20 * time.Millisecond
	}
	r.clock = max(clock, 1)
	r.step = uint32(packet * time.Duration(r.clock) / time.Second)
}

// now is the stream's timestamp at an instant.
func (r *rebase) now(t time.Time) uint32 {
	if !r.started {
		return r.outTime
	}
	return r.ref + uint32(max(t.Sub(r.refAt), 0).Seconds()*float64(r.clock))
}

// interrupt tells that packets are held back from now on. The receiver would take
// the hole in the sequence for loss (RFC 3550 §6.4.1).
func (r *rebase) interrupt() { r.cut = true }

// move gives p its place; fresh says that the packets before came from
// elsewhere. event says that p is a telephone-event.
func (r *rebase) move(t time.Time, p *media.Packet, event bool) (seq uint16, timestamp uint32, fresh bool) {
	seq, timestamp, fresh = r.follow(t, p, event)
	if event {
		r.event.ssrc, r.event.in, r.event.out, r.event.known = p.SSRC, p.Timestamp, timestamp, true
	}
	return seq, timestamp, fresh
}

// resume goes on with an event after packets of another origin, silence perhaps
// that was sent during a stall: with another timestamp it would be another key
// (RFC 4733 §2.3.3).
func (r *rebase) resume(p *media.Packet) (seq uint16, timestamp uint32) {
	r.outSeq++
	r.sent = r.sent<<1 | 1
	r.origin, r.cut = p.SSRC, false
	r.inSeq, r.inTime = p.Sequence, p.Timestamp+r.outTime-r.event.out
	return r.outSeq, r.event.out
}

// follow is move without the memory of events.
func (r *rebase) follow(t time.Time, p *media.Packet, event bool) (seq uint16, timestamp uint32, fresh bool) {
	d := int(int16(p.Sequence - r.inSeq))
	if !r.started || r.cut || p.SSRC != r.origin || d > maxSkip || d <= -sentDepth || d <= 0 && r.sent&(1<<-d) != 0 {
		if event && r.event.known && p.SSRC == r.event.ssrc && p.Timestamp == r.event.in {
			seq, timestamp = r.resume(p)
			return seq, timestamp, false
		}
		r.place(t, p.SSRC, r.outSeq+1, r.anchor(t))
		r.inSeq, r.inTime = p.Sequence, p.Timestamp
		return r.outSeq, r.outTime, true
	}
	if d <= 0 { // it comes late, into the gap it has left
		r.sent |= 1 << -d
		return r.outSeq - uint16(-d), r.outTime + p.Timestamp - r.inTime, false
	}
	ticks := r.outTime + p.Timestamp - r.inTime
	switch ahead := int32(p.Timestamp - r.inTime); {
	case event && ahead < 0 && r.recent(ahead):
		// A telephone-event keeps the timestamp of its beginning while the audio
		// beside it goes on (RFC 4733 §2.2): it moves the sequence, not the timeline.
		r.sent = r.sent<<min(d, 64) | 1
		r.inSeq, r.outSeq = p.Sequence, r.outSeq+uint16(d)
		return r.outSeq, ticks, false
	case !r.plausible(t, ahead):
		ticks = r.anchor(t)
	}
	r.place(t, p.SSRC, r.outSeq+uint16(d), ticks)
	r.inSeq, r.inTime = p.Sequence, p.Timestamp
	return r.outSeq, r.outTime, false
}

// plausible is false for a timestamp that jumped within one sequence: some
// switches change the origin of a stream without changing its SSRC.
func (r *rebase) plausible(t time.Time, ahead int32) bool {
	limit := (t.Sub(r.refAt) + maxAhead).Seconds() * float64(r.clock)
	return ahead >= 0 && float64(ahead) <= limit
}

// recent is true for a timestamp that lies behind, as an event's may.
func (r *rebase) recent(ahead int32) bool {
	return float64(-ahead) <= maxAhead.Seconds()*float64(r.clock)
}

// anchor is the timestamp for packets of a new origin: as much later as the clock says.
func (r *rebase) anchor(t time.Time) uint32 {
	if !r.started {
		return r.outTime
	}
	if now := r.now(t); int32(now-r.outTime) > int32(r.step) {
		return now
	}
	return r.outTime + r.step
}

// insert gives a packet that is already on our timeline the next number.
func (r *rebase) insert(t time.Time, origin uint32, timestamp uint32) (seq uint16) {
	r.place(t, origin, r.outSeq+1, timestamp)
	return r.outSeq
}

func (r *rebase) place(t time.Time, origin uint32, seq uint16, timestamp uint32) {
	r.sent = r.sent<<min(seq-r.outSeq, 64) | 1
	if !r.started || timestamp != r.outTime {
		r.ref, r.refAt = timestamp, t
	}
	r.started, r.cut, r.origin, r.outSeq, r.outTime = true, false, origin, seq, timestamp
}
