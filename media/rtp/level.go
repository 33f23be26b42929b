package rtp

// level compares the delay of the frames that are played with the target.
type level struct {
	n       int   // frames in the window
	lowest  int64 // delay in it
	ignored int   // windows in a row that were far above the target
}

const (
	levelWindow    = 8 // frames between two wishes: what one changed shows first
	hastyWindow    = 3 // the same when the delay is far too long
	ignoredWindows = 12

	tooLong    = 20 // ms above the target
	farTooLong = 60
	tooShort   = 10 // ms below the target
)

// adjust notes the delay of a frame. ms is the clock's units in a millisecond; more
// says whether further packets are buffered.
func (l *level) adjust(delay, target, ms int64, more bool) Adjust {
	if l.n == 0 || delay < l.lowest {
		l.lowest = delay
	}
	l.n++
	excess := l.lowest - target
	if l.n < levelWindow && (l.n < hastyWindow || excess < farTooLong*ms) {
		return Keep
	}
	l.n = 0
	if excess < farTooLong*ms {
		l.ignored = 0
	} else {
		l.ignored++
	}
	switch {
	case excess > tooLong*ms && more:
		return Faster
	case excess < -tooShort*ms:
		return Slower
	}
	return Keep
}
