package rtp

import "time"

// FrameKind says what a Frame is and what is to be played for it.
type FrameKind uint8

const (
	// Idle: nothing came yet, or nothing for long. Play silence.
	Idle FrameKind = iota
	// Voice: decode Payload.
	Voice
	// Lost: conceal Duration. With Opus, Next restores it when it is not nil.
	Lost
	// Silence: the far end sends nothing, on purpose (DTX, a digit as telephone-event).
	// Play comfort noise or silence.
	Silence
)

func (k FrameKind) String() string {
	return [...]string{"idle", "voice", "lost", "silence"}[k]
}

// Adjust says how the delay stands against its target. It is a wish: a caller that
// plays every frame as it is still gets a stream that works, with coarser steps.
type Adjust int8

const (
	Keep   Adjust = iota
	Faster        // more is buffered than needed: shorten this frame's audio
	Slower        // less is buffered than needed: lengthen this frame's audio
)

// Frame is the next piece of a stream. Its slices are lent until the next Pop.
type Frame struct {
	Kind        FrameKind
	Adjust      Adjust
	PayloadType uint8
	Marker      bool
	Timestamp   uint32 // of the packet, as it came
	Payload     []byte
	Next        []byte        // Lost: the packet right after the lost one, when it is here
	Duration    time.Duration // what to play; for Voice what the stream's packets carry
}

// JitterStats counts what went through a Jitter since it was made.
type JitterStats struct {
	Received  uint64 // packets pushed
	Played    uint64 // voice frames popped
	Lost      uint64 // frames concealed because their packet was not there when it was due
	Late      uint64 // came after their place was played
	Duplicate uint64 // came twice
	Discarded uint64 // given up to shorten the delay, or too large, or from a stream that ended
	Waited    uint64 // frames concealed while the buffer was empty and the timeline stood still
	Target    time.Duration
	Delay     time.Duration // of the last voice frame, above the fastest packet of the last seconds
}
