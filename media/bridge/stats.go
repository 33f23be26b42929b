package bridge

import (
	"sync/atomic"
	"time"
)

// Stats is what went through a bridge.
type Stats struct {
	ToA, ToB PathStats  // audio
	Room     VideoStats // pictures of a meeting to a room
	Meeting  VideoStats // the room's picture to the meeting
}

// VideoStats counts pictures in one direction since the bridge was made.
type VideoStats struct {
	Decoded   uint64 // coded frames that were decoded
	Damaged   uint64 // of them those with errors
	Skipped   uint64 // coded frames not decoded: no keyframe yet, or a source that has to rest
	Encoded   uint64 // frames made here; each layer's counts
	Keyframes uint64 // of them
	Shared    uint64 // frames that another room of the meeting made for this one, too
	Unchanged uint64 // pictures not encoded because nothing had changed
	Left      uint64 // pictures the encoder left out to keep to the bit rate
	Relayed   uint64 // packets passed as they came
	Sent      uint64 // packets written
	Dropped   uint64 // packets given up: the path was stuck, or the payload type unknown
	Asked     uint64 // keyframes asked of sources
	Slow      uint64 // decodes that took too long
	Late      uint64 // pictures that were not ready in time
	Slowed    uint64 // changes between full and half frame rate
	Errors    uint64
	First     time.Duration // until the first picture was made; 0: none yet
}

// videoCounters are a direction's.
type videoCounters struct {
	decoded, damaged, skipped, encoded, keyframes, unchanged, left, relayed, sent, dropped,
	asked, slow, late, slowed, errors, shared atomic.Uint64
	first atomic.Int64
}

func (c *videoCounters) stats() VideoStats {
	return VideoStats{
		Decoded: c.decoded.Load(), Damaged: c.damaged.Load(), Skipped: c.skipped.Load(), Encoded: c.encoded.Load(),
		Keyframes: c.keyframes.Load(), Unchanged: c.unchanged.Load(), Left: c.left.Load(), Relayed: c.relayed.Load(),
		Sent: c.sent.Load(), Dropped: c.dropped.Load(), Asked: c.asked.Load(), Slow: c.slow.Load(), Late: c.late.Load(),
		Slowed: c.slowed.Load(), Errors: c.errors.Load(), Shared: c.shared.Load(), First: time.Duration(c.first.Load()),
	}
}

// stats of a conference; meetingIsA says which side the room is not.
func (c *conference) stats(meetingIsA bool) Stats {
	c.mu.Lock()
	v, m := c.voices, c.mic
	c.mu.Unlock()
	toRoom, toMeeting := c.down.stats(), c.up.stats()
	if v != nil {
		v.addTo(&toRoom)
	}
	if m != nil {
		m.addTo(&toMeeting)
	}
	s := Stats{ToA: toRoom, ToB: toMeeting, Room: c.videoDown.stats(), Meeting: c.videoUp.stats()}
	if meetingIsA {
		s.ToA, s.ToB = toMeeting, toRoom
	}
	return s
}

// PathStats counts one direction since the bridge was made.
type PathStats struct {
	Packets   uint64        // written to the sink
	Relayed   uint64        // of them those that passed as they came
	Digits    uint64        // key presses seen
	Dropped   uint64        // received and given up: unknown payload type, or nowhere to send
	Lost      uint64        // frames concealed
	Late      uint64        // packets that came after they were due
	Duplicate uint64        // packets that came twice
	Errors    uint64        // payloads a codec refused
	Delay     time.Duration // of the jitter buffer now; 0 when relaying
}

// counters are a direction's, over all its pipelines.
type counters struct {
	made, relayed, digits, dropped, lost, late, duplicate, errors atomic.Uint64
}

func (c *counters) stats() PathStats {
	return PathStats{
		Packets: c.made.Load() + c.relayed.Load(), Relayed: c.relayed.Load(), Digits: c.digits.Load(), Dropped: c.dropped.Load(),
		Lost: c.lost.Load(), Late: c.late.Load(), Duplicate: c.duplicate.Load(), Errors: c.errors.Load(),
	}
}
