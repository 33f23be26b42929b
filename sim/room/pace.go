package room

import (
	"slices"
	"time"
)

// pace measures how evenly pictures come, against their own time stamps.
type pace struct {
	began  time.Time
	zero   uint32
	last   uint32
	early  time.Duration   // of the picture that came soonest
	delays []time.Duration // of the latest pictures, since began, less their time stamps
	slots  map[uint32]int  // gaps between time stamps, in milliseconds
}

// mostDelays is a bound: about ten minutes of pictures.
const mostDelays = 20000

// frame notes a picture that is complete.
func (p *pace) frame(now time.Time, stamp uint32) {
	if p.began.IsZero() {
		p.began, p.zero, p.last, p.slots = now, stamp, stamp, map[uint32]int{}
	}
	d := now.Sub(p.began) - time.Duration(int32(stamp-p.zero))*time.Second/90000
	if len(p.delays) < mostDelays {
		p.delays = append(p.delays, d)
	}
	p.early = min(p.early, d)
	if gap := stamp - p.last; gap > 0 && gap < 90000*5 {
		p.slots[gap/90]++
	}
	p.last = stamp
}

// late is how much later than the soonest the latest hundredth of the pictures came.
func (p *pace) late() time.Duration {
	if len(p.delays) == 0 {
		return 0
	}
	list := slices.Sorted(slices.Values(p.delays))
	return list[len(list)*99/100] - p.early
}

// missing is how many pictures were left out of a stream of fps.
func (p *pace) missing(fps int) (n int) {
	for gap, times := range p.slots {
		if slots := (int(gap)*fps + 500) / 1000; slots > 1 {
			n += times * (slots - 1)
		}
	}
	return n
}

// Pace starts a new measurement of how evenly pictures come, and returns that of the
// one before: by how much the latest hundredth of them was late, and how many were
// missing from a stream of fps pictures a second.
func (e *Eye) Pace(fps int) (late time.Duration, missing int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	late, missing = e.screen.pace.late(), e.screen.pace.missing(fps)
	e.screen.pace = pace{}
	return late, missing
}
