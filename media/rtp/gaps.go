package rtp

import "time"

// Gaps notices which packets of one incoming video stream did not come, so that
// they can be asked for again (RFC 4585 §6.2.1), and which came twice. It has
// neither clock nor lock; the zero value is ready.
type Gaps struct {
	started bool
	next    int64 // one more than the highest number
	order   Sequence
	missing missing
	came    [gapWindow]int64 // the number that came, plus one
}

const gapWindow = 1024 // packets that a late one may lie behind

// Receive notes a packet, sent again or not, and reports whether it is the first
// with its number.
func (g *Gaps) Receive(now time.Time, sequence uint16) bool {
	ahead := int(int16(sequence - uint16(g.next)))
	if !g.started || ahead > maxDropout || ahead < -maxDropout {
		*g = Gaps{started: true}
		g.next = g.order.Unwrap(sequence)
	}
	s := g.order.Unwrap(sequence)
	slot := &g.came[s&(gapWindow-1)]
	if *slot == s+1 || s <= g.next-gapWindow {
		return false
	}
	*slot = s + 1
	if s >= g.next {
		g.missing.gap(now, g.next, s)
		g.next = s + 1
		return true
	}
	g.missing.came(s)
	return true
}

// Missing returns the packets to be asked for now, in order: at first after a time
// in which a reordered packet would have come, then after each round trip, ten
// times at most. The slice is lent until the next call.
func (g *Gaps) Missing(now time.Time, roundTrip time.Duration) []uint16 {
	if roundTrip == 0 {
		roundTrip = guessedTrip
	}
	g.missing.before(g.next - gapWindow)
	return g.missing.ask(now, roundTrip)
}
