package bridge

import (
	"sync/atomic"
	"time"
)

// Stats is what went through a bridge.
type Stats struct {
	ToA, ToB PathStats
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
