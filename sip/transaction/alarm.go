package transaction

import "time"

// An alarm is a transaction's one timer, guarded by the transaction's mutex. It
// tells a fire that was overtaken (the timer had fired, but what stopped it got
// the mutex first) from a true one.
type alarm struct {
	timer Timer
	armed bool
	stale int // fires to be ignored

	// A series of resends with growing pauses, and the time it has taken.
	every, spent time.Duration
}

func (a *alarm) set(l *Layer, d time.Duration, fn func()) {
	a.stop()
	a.armed = true
	if a.timer == nil {
		a.timer = l.after(d, fn)
		return
	}
	a.timer.Reset(d)
}

func (a *alarm) stop() {
	if a.armed && !a.timer.Stop() {
		a.stale++
	}
	a.armed = false
}

// drop is stop for an alarm that is not set again for long.
func (a *alarm) drop() {
	a.stop()
	a.timer = nil
}

// fired is what the timer's function asks first.
func (a *alarm) fired() bool {
	if a.stale > 0 {
		a.stale--
		return false
	}
	a.armed = false
	return true
}

// begin starts a series: the first pause is first, and it ends after total.
// Pauses only happen if resend; else there is one pause, of total.
func (a *alarm) begin(l *Layer, resend bool, first, total time.Duration, fn func()) {
	a.spent, a.every = 0, first
	if !resend {
		a.every = total
	}
	a.set(l, a.every, fn)
}

// next goes on with a series after a pause. It reports false when the series is
// at its end. Pauses double; least and most bound them, 0 is no bound.
func (a *alarm) next(l *Layer, least, most, total time.Duration, fn func()) bool {
	a.spent += a.every
	left := total - a.spent
	if left <= 0 {
		return false
	}
	a.every = max(2*a.every, least)
	if most > 0 {
		a.every = min(a.every, most)
	}
	a.every = min(a.every, left)
	a.set(l, a.every, fn)
	return true
}
