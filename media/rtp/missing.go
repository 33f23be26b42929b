package rtp

import (
	"cmp"
	"slices"
	"time"
)

const (
	// Packets that come this late are reordered, not lost.
	reorderTime  = 10 * time.Millisecond
	minRoundTrip = 20 * time.Millisecond
	guessedTrip  = 100 * time.Millisecond // until it is measured
	maxTries     = 10
	maxMissing   = 256 // more than that is no longer worth asking for
)

// missing is what did not come of one stream, in order.
type missing struct {
	list []hole
	due  []uint16
}

// hole is one packet that did not come.
type hole struct {
	sequence int64
	since    time.Time // when a later packet showed it
	asked    time.Time
	tries    int
}

// gap notes that the packets from first up to but without last are not there.
func (m *missing) gap(now time.Time, first, last int64) {
	for s := max(first, last-maxMissing); s < last; s++ {
		if len(m.list) == maxMissing {
			copy(m.list, m.list[1:])
			m.list = m.list[:maxMissing-1]
		}
		m.list = append(m.list, hole{sequence: s, since: now})
	}
	slices.SortFunc(m.list, func(a, b hole) int { return cmp.Compare(a.sequence, b.sequence) })
}

// came takes a packet off the list.
func (m *missing) came(sequence int64) bool {
	for i := range m.list {
		if m.list[i].sequence == sequence {
			m.list = append(m.list[:i], m.list[i+1:]...)
			return true
		}
	}
	return false
}

// before forgets what is not waited for any more, and returns how many it was.
func (m *missing) before(sequence int64) int {
	n := 0
	for n < len(m.list) && m.list[n].sequence < sequence {
		n++
	}
	m.list = append(m.list[:0], m.list[n:]...)
	return n
}

// since is when the absence of a packet was noticed.
func (m *missing) since(sequence int64) (time.Time, bool) {
	for i := range m.list {
		if m.list[i].sequence == sequence {
			return m.list[i].since, true
		}
	}
	return time.Time{}, false
}

// ask returns the packets to be asked for now: first after a time in which a
// reordered packet would have come, and again after each round trip.
func (m *missing) ask(now time.Time, roundTrip time.Duration) []uint16 {
	m.due = m.due[:0]
	again := max(roundTrip, minRoundTrip)
	again += again / 4
	for i := range m.list {
		h := &m.list[i]
		if h.tries == maxTries || now.Sub(h.since) < reorderTime || h.tries > 0 && now.Sub(h.asked) < again {
			continue
		}
		h.tries++
		h.asked = now
		m.due = append(m.due, uint16(h.sequence))
	}
	return m.due
}
