package bridge

import "time"

// trial finds out whether a path carries more than is known of it. What congestion
// control has seen arrive says little of a path on which little is sent: without trying,
// the top layer would never come on. So up to twice as much is sent for as long as
// nothing speaks against it. It has no clock.
type trial struct {
	on   bool
	best int           // bit/s, the most the path was known to carry meanwhile
	wait time.Duration // after the last failure
	next time.Time     // no trial before
}

const (
	trialPause   = 10 * time.Second // after a failure; twice as long after each other one
	trialLongest = 80 * time.Second
)

// target is what is to be sent, in bit/s, on a path of which congestion control says
// that it carries path; most is all that is ever sent.
func (t *trial) target(now time.Time, path, most int) int {
	switch {
	case path <= 0 || path >= most:
		return most
	case path*10 >= most*9:
		*t = trial{}
		return path
	case t.on && path*100 < t.best*85: // the path has filled up
		t.on, t.wait = false, min(max(2*t.wait, trialPause), trialLongest)
		t.next = now.Add(t.wait)
		return path
	case !t.on && now.Before(t.next):
		return path
	case !t.on:
		t.on, t.best = true, 0
	}
	t.best = max(t.best, path)
	return min(2*path, most)
}
