package rtp

import (
	"time"

	"tandem/media"
)

// arrivals turns a far end's numbering into one that never wraps and never jumps:
// a new SSRC, a restarted sequence or a moved timeline continues where the packets
// before it ended.
type arrivals struct {
	started         bool
	ssrc, former    uint32
	changed         int64 // when the SSRC did
	lastAt          int64 // arrival of the packet before
	sequence        Sequence
	timeline        Timeline
	sequenceBy      int64 // added to what unwrapping gives
	timestampBy     int64
	lastSequence    int64
	lastTimestamp   int64
	lastWasVoice    bool
	candidate       int64 // a packet duration seen once
	durationIsKnown bool
	late            int // packets in a row that came after their place was played
}

const (
	// So many late packets in a row are a stream that went back in its numbering.
	lateRun = 8
	// Packets of the SSRC before may still arrive for so long after the new one's first.
	formerSSRC = 500 * time.Millisecond
)

// place numbers a packet that arrived at the given time. It is false for a
// straggler of an SSRC that was replaced.
func (a *arrivals) place(j *Jitter, at int64, p *media.Packet) (sequence, timestamp int64, ok bool) {
	if a.started && p.SSRC != a.ssrc && p.SSRC == a.former && at-a.changed < j.units(formerSSRC) {
		return 0, 0, false
	}
	if !a.started || p.SSRC != a.ssrc || a.late >= lateRun || a.jumps(j, at, p) {
		a.splice(j, at, p)
	}
	sequence = a.sequence.Unwrap(p.Sequence) + a.sequenceBy
	timestamp = a.timeline.Unwrap(p.Timestamp) + a.timestampBy
	a.learnDuration(j, sequence, timestamp, p)
	if event := j.config.Event != 0 && p.PayloadType == j.config.Event; !event && at-a.lastAt > j.units(jitterPause) {
		j.wait.restart(at, at-timestamp) // a pause may have moved the timeline, too
	}
	a.lastAt = at
	return sequence, timestamp, true
}

// jumps says whether a packet's numbers are not those of the stream so far.
func (a *arrivals) jumps(j *Jitter, at int64, p *media.Packet) bool {
	ahead := int(int16(p.Sequence - uint16(a.sequence.highest)))
	if ahead > maxDropout || ahead < -maxDropout {
		return true
	}
	if !j.wait.started {
		return false
	}
	// The timestamp against the time: more than a second ahead is no early packet;
	// more than a second behind is a late one only when nothing else came meanwhile.
	stamp := a.timeline.highest + int64(int32(p.Timestamp-uint32(a.timeline.highest))) + a.timestampBy
	change := at - stamp - j.wait.lastTransit
	if j.config.Event != 0 && p.PayloadType == j.config.Event {
		return change < -j.clock // an event keeps its first timestamp for as long as it lasts
	}
	return change < -j.clock || change > at-a.lastAt+j.clock
}

// splice begins a numbering that continues the one before: the sequence without
// a gap, the timestamp with the same transit as the packet before.
func (a *arrivals) splice(j *Jitter, at int64, p *media.Packet) {
	former, lastSequence, lastTimestamp := a.ssrc, a.lastSequence, a.lastTimestamp
	started, known := a.started, a.durationIsKnown
	if started && former == p.SSRC {
		former = a.former
	}
	*a = arrivals{started: true, ssrc: p.SSRC, former: former, changed: at, lastAt: at, durationIsKnown: known}
	if !started {
		a.former = p.SSRC
		a.lastSequence = int64(p.Sequence) - 1
		return
	}
	timestamp := max(at-j.wait.lastTransit, lastTimestamp+j.packet)
	a.sequenceBy = lastSequence + 1 - int64(p.Sequence)
	a.timestampBy = timestamp - int64(p.Timestamp)
	a.lastSequence, a.lastTimestamp = lastSequence, lastTimestamp
}

// learnDuration takes what a packet carries from the distance of two neighbours. A
// pause has such a distance, too, so a change must be seen twice.
func (a *arrivals) learnDuration(j *Jitter, sequence, timestamp int64, p *media.Packet) {
	voice := (j.config.Event == 0 || p.PayloadType != j.config.Event) && !isDTX(p)
	distance := timestamp - a.lastTimestamp
	neighbour := sequence == a.lastSequence+1 && a.lastWasVoice && voice
	if neighbour && distance >= j.clock/400 && distance <= j.clock*120/1000 { // 2.5 to 120 ms
		if distance == a.candidate || !a.durationIsKnown {
			j.setPacket(distance)
			a.durationIsKnown = true
		}
		a.candidate = distance
	}
	if sequence > a.lastSequence {
		a.lastSequence, a.lastTimestamp, a.lastWasVoice = sequence, timestamp, voice
	}
}

// isDTX says whether a packet announces a pause: comfort noise (RFC 3389), or one
// of the one or two octets that Opus sends for silence (RFC 6716 §2.1.9).
func isDTX(p *media.Packet) bool {
	return p.PayloadType == comfortNoise || len(p.Payload) <= 2
}
