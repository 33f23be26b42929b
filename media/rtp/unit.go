package rtp

import "time"

// Unit is one coded frame. Data is lent until the next Pop.
type Unit struct {
	Data      []byte // VP8: a frame; H.264: an access unit with start codes
	Timestamp uint32
	Arrived   time.Time // of its last packet
	Key       bool
	Lost      bool // a frame before it is missing that it may refer to
	Temporal  uint8
}

// take puts the frame of the packets up to end together. It is false when the frame
// is not to be shown.
func (a *Assembler) take(now time.Time, end int64) (Unit, bool) {
	first := a.at(a.next)
	u := Unit{Timestamp: first.timestamp, Arrived: first.arrived, Temporal: first.vp8.Temporal}
	ok := a.join(&u, end)
	descriptor := first.vp8
	a.forget(end)
	a.aligned = true
	if !ok {
		a.stats.Broken++
		a.lose(now)
		return Unit{}, false
	}
	if a.config.Codec == "VP8" {
		switch a.chain.follow(&descriptor, u.Key) {
		case chainUnneeded:
			return Unit{}, false
		case chainWhole:
			a.lost = false
		case chainBroken:
			a.breakChain(now)
		}
	}
	if u.Key {
		a.waiting, a.lost = false, false
		a.keyframe.Cancel()
		a.stats.Keyframes++
	}
	if a.waiting {
		a.keyframe.Request(now)
		a.stats.Dropped++
		return Unit{}, false
	}
	u.Lost, a.lost = a.lost, false
	a.stats.Frames++
	return u, true
}

// join copies the payloads of a whole frame one after the other.
func (a *Assembler) join(u *Unit, end int64) bool {
	a.data = a.data[:0]
	var h264 h264Joiner
	fine := true
	for s := a.next; s < end; s++ {
		t := a.at(s)
		if t.padding {
			continue
		}
		u.Arrived = later(u.Arrived, t.arrived)
		if a.config.Codec == "VP8" {
			a.data = append(a.data, t.payload...)
		} else {
			var err error
			a.data, err = h264.join(a.data, t.payload)
			fine = fine && err == nil
		}
	}
	if len(a.data) > maxFrame {
		return false
	}
	u.Data = a.data
	if a.config.Codec == "VP8" {
		u.Key = len(a.data) > 0 && a.data[0]&1 == 0
		return len(a.data) > 0
	}
	u.Key = h264.key
	if h264.key && !h264.sets && len(a.config.ParameterSets) > 0 {
		u.Data = a.withSets()
	}
	return fine && len(a.data) > 0
}

// withSets puts the parameter sets of SDP before the access unit.
func (a *Assembler) withSets() []byte {
	size := 0
	for _, set := range a.config.ParameterSets {
		size += 4 + len(set)
	}
	n := len(a.data)
	a.data = append(a.data, make([]byte, size)...)
	copy(a.data[size:], a.data[:n])
	head := a.data[:0]
	for _, set := range a.config.ParameterSets {
		head = append(append(head, 0, 0, 0, 1), set...)
	}
	return a.data
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
