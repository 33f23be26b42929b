package bridge

import (
	"math"
	"time"

	"tandem/media"
	"tandem/media/dtmf"
	"tandem/media/tone"
)

// digits carries key presses through a transcoder. Events become events of the other
// payload type and clock at once, ahead of the delayed audio; where only one side
// agreed on telephone-event, events become tones and tones events.
type digits struct {
	t        *transcoder
	callback func(dtmf.Digit) // may be nil
	keys     dtmf.Receiver    // of the source's events
	mover    eventMover
	until    time.Time       // audio is held back for a digit that passes
	tones    *dtmf.Generator // the sink has no events
	detector *dtmf.Detector  // the source has no events
	sender   *dtmf.Sender    // for what the detector hears
}

const (
	// Event packets come every 20 to 50 ms; three ends follow each other at once or
	// in the same pace.
	eventGap    = 100 * time.Millisecond
	eventEndGap = 40 * time.Millisecond
)

func newDigits(t *transcoder, callback func(dtmf.Digit)) *digits {
	d := &digits{
		t: t, callback: callback,
		keys:  dtmf.Receiver{Clock: t.from.Event.Clock},
		mover: eventMover{from: t.from.Event, to: t.to.Event, clock: t.to.Clock},
	}
	switch {
	case t.from.Event.Clock != 0 && t.to.Event.Clock == 0:
		d.tones = dtmf.NewGenerator(t.outRate)
	case t.from.Event.Clock == 0 && t.to.Event.Clock != 0:
		d.detector = dtmf.NewDetector(t.inRate)
		d.sender = &dtmf.Sender{Clock: t.to.Event.Clock, PayloadType: t.to.Event.PayloadType, Packet: t.packet}
	case t.from.Event.Clock == 0 && callback != nil:
		d.detector = dtmf.NewDetector(t.inRate)
	}
	return d
}

// receive takes an event packet of the source.
func (d *digits) receive(p *media.Packet) {
	if digit, ok := d.keys.Receive(p.Arrived, p); ok {
		d.pressed(digit)
	}
	if d.t.to.Event.Clock == 0 || len(p.Payload) < 4 {
		return
	}
	gap := eventGap
	if p.Payload[1]&0x80 != 0 { // the end bit
		gap = eventEndGap
	}
	d.until = p.Arrived.Add(gap)
	o := &d.t.output
	o.packet = media.Packet{PayloadType: d.t.to.Event.PayloadType, Marker: p.Marker}
	o.packet.Timestamp, o.packet.Payload = d.mover.move(p, o.timestamp)
	o.send()
}

// tick notices a digit whose end was lost.
func (d *digits) tick(now time.Time) {
	if digit, ok := d.keys.Tick(now); ok {
		d.pressed(digit)
	}
}

// listen looks for tones in the source's audio. What becomes an event is taken out of
// the audio at once, before it is certain: heard as well, it would be two digits.
func (d *digits) listen(pcm []int16, voice bool) {
	if d.detector == nil || !voice {
		return
	}
	digit, ok := d.detector.Detect(pcm)
	if ok {
		d.pressed(digit)
	}
	if d.sender == nil {
		return
	}
	if ok && d.sender.Send(digit) != nil {
		d.t.counters.dropped.Add(1)
	}
	if soundsLikeKey(pcm, d.t.inRate) {
		clear(pcm)
	}
}

// soundsLikeKey reports whether one row and one column of the keypad (ITU-T Q.23) are
// nearly all there is in a piece of audio. The Detector is more careful, and later.
func soundsLikeKey(pcm []int16, rate int) bool {
	const weakest, share = -45.0, 0.7 // dBFS; of the power
	whole := tone.Level(pcm)
	if whole < weakest {
		return false
	}
	row := loudest(pcm, rate, 697, 770, 852, 941)
	column := loudest(pcm, rate, 1209, 1336, 1477, 1633)
	apart := math.Abs(row - column)
	return apart < 12 && power(row)+power(column) > share*power(whole)
}

func loudest(pcm []int16, rate int, freqs ...float64) float64 {
	best := tone.LevelAt(pcm, rate, freqs[0])
	for _, f := range freqs[1:] {
		best = max(best, tone.LevelAt(pcm, rate, f))
	}
	return best
}

func power(dB float64) float64 { return math.Pow(10, dB/10) }

// pressed tells who wants to know, and queues a tone where the sink needs one.
func (d *digits) pressed(digit dtmf.Digit) {
	d.t.counters.digits.Add(1)
	if d.tones != nil && d.tones.Send(digit) != nil {
		d.t.counters.dropped.Add(1)
	}
	if d.callback != nil {
		d.callback(digit)
	}
}

// fill replaces the audio by a tone that is due and reports whether it did.
func (d *digits) fill(pcm []int16) bool { return d.tones != nil && d.tones.Fill(pcm) }

// write reports whether a digit takes the place of the packet that is due, and sends
// the next packet of one we make ourselves.
func (d *digits) write(now time.Time) bool {
	if now.Before(d.until) {
		return true
	}
	o := &d.t.output
	if d.sender == nil || !d.sender.Pending() || !d.sender.Next(o.timestamp, &o.packet) {
		return false // nothing, or the pause between two digits
	}
	o.send()
	return true
}

func (d *digits) String() string {
	switch {
	case d.tones != nil:
		return "digits to tones -> "
	case d.sender != nil:
		return "tones to digits -> "
	}
	return ""
}
