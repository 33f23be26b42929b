package flow

import "time"

const (
	// A message is read at once when it comes alone. When more than busyRate come in a
	// second, each waits for others, up to paceTime since the last ones were read: to
	// wake up for a message costs more than to answer it. SIP's shortest time is T1,
	// 500 ms.
	paceTime   = 4 * time.Millisecond
	busyRate   = 500
	paceWindow = 100 * time.Millisecond
)

// A pacer says how long a reader rests between two batches. It is what network
// cards call interrupt moderation.
type pacer struct {
	window time.Time // when the current window began
	count  int       // messages in it
	busy   bool      // by the window before
}

// rest is how long to wait after the n messages that were read at begin have been
// dealt with, at now. Who is late, or has not read all there is, does not rest.
func (p *pacer) rest(begin, now time.Time, n int) time.Duration {
	p.count += n
	if took := now.Sub(p.window); took >= paceWindow {
		p.busy = p.count > int(busyRate*min(took, time.Minute)/time.Second)
		p.window, p.count = now, 0
	}
	if !p.busy || n == batchSize {
		return 0
	}
	return max(paceTime-now.Sub(begin), 0)
}
