package dtmf

import (
	"time"

	"tandem/media"
)

// Receiver turns the telephone-event packets of one stream into digits: each key
// press once, when it has ended. It does not matter which of its packets were
// lost, came twice or late, as long as one of them came. The zero value with a
// Clock works.
type Receiver struct {
	Clock int // Hz of the telephone-event; 8000 by default

	started  bool
	ssrc     uint32
	stamp    uint32 // of the event's running segment
	former   uint32 // timestamp of the event before
	code     uint8
	duration int64 // of the running segment, in units
	before   int64 // of the segments before it
	down     bool
	last     time.Time // when its last packet came
	ready    []Digit   // ended, not yet reported; at most maxReady
}

const (
	// The end was lost when nothing came for so long; longer than a burst of loss.
	lostEnd = 200 * time.Millisecond
	// A timestamp so much older than the last is not late but a timeline that moved.
	movedBack = 5 // seconds
	maxReady  = 8
)

// Receive takes a packet of the telephone-event's payload type. It reports a digit
// that has ended, at most one for each call.
func (r *Receiver) Receive(now time.Time, p *media.Packet) (Digit, bool) {
	if e, ok := ParseEvent(p.Payload); ok {
		r.take(now, p, e)
	}
	return r.report()
}

// Tick reports a digit whose end was lost. Call it every 20 ms or so.
func (r *Receiver) Tick(now time.Time) (Digit, bool) {
	if r.down && now.Sub(r.last) > lostEnd {
		r.up()
	}
	return r.report()
}

// Down says which key is held down now.
func (r *Receiver) Down() (key rune, down bool) {
	if !r.down {
		return 0, false
	}
	return rune(Keys[r.code]), true
}

func (r *Receiver) take(now time.Time, p *media.Packet, e Event) {
	clock := int64(r.clock())
	ahead := int64(int32(p.Timestamp - r.stamp))
	switch {
	case !r.started || p.SSRC != r.ssrc || ahead < -movedBack*clock:
		r.press(p, e)
	case ahead < 0:
		r.takeLate(p, e)
		return
	case ahead == 0 && !r.down:
		return // the end again, or what comes after a lost end
	case ahead == 0:
		r.duration = max(r.duration, int64(e.Duration))
	case r.continues(ahead, clock, p, e):
		r.before += ahead
		r.former = r.stamp
		r.stamp, r.duration = p.Timestamp, int64(e.Duration)
	default:
		r.press(p, e)
	}
	r.last = now
	if e.End {
		r.up()
	}
}

// takeLate takes a packet that was overtaken by the next event. Mostly its event is
// known already; if not, everything else of it was lost.
func (r *Receiver) takeLate(p *media.Packet, e Event) {
	if !r.down || int32(p.Timestamp-r.former) <= 0 {
		return
	}
	r.former = p.Timestamp
	r.queue(e.Code, int64(e.Duration))
}

// continues says whether a packet is the next segment of a long event: it begins
// where the one before had to stop counting.
func (r *Receiver) continues(ahead, clock int64, p *media.Packet, e Event) bool {
	return r.down && !p.Marker && e.Code == r.code &&
		ahead <= longestEvent && ahead > longestEvent-clock/5
}

// press begins a new event. The one before has ended, if we know it or not.
func (r *Receiver) press(p *media.Packet, e Event) {
	r.up()
	r.former = r.stamp
	if !r.started || p.SSRC != r.ssrc {
		r.former = p.Timestamp // there is none
	}
	r.started, r.down = true, true
	r.ssrc, r.stamp, r.code = p.SSRC, p.Timestamp, e.Code
	r.duration, r.before = int64(e.Duration), 0
}

// up ends the event that is down.
func (r *Receiver) up() {
	if !r.down {
		return
	}
	r.down = false
	r.queue(r.code, r.before+r.duration)
}

func (r *Receiver) queue(code uint8, units int64) {
	if len(r.ready) < maxReady {
		r.ready = append(r.ready, Digit{rune(Keys[code]), toDuration(units, r.clock())})
	}
}

func (r *Receiver) report() (Digit, bool) {
	if len(r.ready) == 0 {
		return Digit{}, false
	}
	d := r.ready[0]
	r.ready = append(r.ready[:0], r.ready[1:]...)
	return d, true
}

func (r *Receiver) clock() int {
	if r.Clock <= 0 {
		return 8000
	}
	return r.Clock
}
