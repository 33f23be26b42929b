package identity

import (
	"sync"
	"time"
)

const (
	// After so many failures the next attempt has to wait: a second, then twice as
	// long each time, at most maxWait.
	freeFailures = 5
	maxWait      = 15 * time.Minute
	// A failure is forgotten after this long without another one.
	forgetAfter = 30 * time.Minute
	// maxTracked bounds what is remembered of strangers.
	maxTracked = 10_000
)

// A throttle slows down those who guess passwords: by the address they come from
// and by the user they try. Its time is an argument.
type throttle struct {
	mu  sync.Mutex // guards what follows
	who map[string]*guesses
}

type guesses struct {
	failures int
	last     time.Time
}

// wait is how long the next attempt has to wait after the last failure.
func (g *guesses) wait() time.Duration {
	over := g.failures - freeFailures
	if over < 0 {
		return 0
	}
	return min(time.Second<<min(over, 20), maxWait)
}

// may returns a *TooManyError when it is too soon for another attempt.
func (t *throttle) may(now time.Time, address, user string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	var longest time.Duration
	for _, key := range keysOf(address, user) {
		if g := t.who[key]; g != nil {
			longest = max(longest, g.last.Add(g.wait()).Sub(now))
		}
	}
	if longest > 0 {
		return &TooManyError{longest}
	}
	return nil
}

// keysOf are what failures are counted by. A user alone is not one of them: a
// stranger must not be able to shut a user out.
func keysOf(address, user string) [2]string { return [2]string{address, address + "\x00" + user} }

func (t *throttle) failed(now time.Time, address, user string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.who == nil {
		t.who = make(map[string]*guesses)
	}
	for _, key := range keysOf(address, user) {
		g := t.who[key]
		if g == nil || now.Sub(g.last) > forgetAfter {
			t.makeRoomLocked(now)
			g = &guesses{}
			t.who[key] = g
		}
		g.failures++
		g.last = now
	}
}

// passed forgives the address and the user.
func (t *throttle) passed(address, user string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.who, address+"\x00"+user)
	if g := t.who[address]; g != nil {
		g.failures = min(g.failures, freeFailures-1) // others behind the same address may have failed
	}
}

// makeRoomLocked forgets what is old, and any of the others when that is not enough.
func (t *throttle) makeRoomLocked(now time.Time) {
	if len(t.who) < maxTracked {
		return
	}
	for key, g := range t.who {
		if now.Sub(g.last) > forgetAfter {
			delete(t.who, key)
		}
	}
	for key := range t.who { // in no order
		if len(t.who) < maxTracked*9/10 {
			return
		}
		delete(t.who, key)
	}
}
