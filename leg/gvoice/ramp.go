package gvoice

import (
	"context"
	"sync"
	"time"
)

// A ramp spaces the connections of all accounts, so that the end of an outage is
// not the beginning of the next: in no second more than a twenty-fifth of the
// accounts connects, or rampLeast if they are few. One lost connection is
// replaced at once.
type ramp struct {
	mu   sync.Mutex // guards last
	last time.Time  // the latest turn given out
}

const rampLeast = 10 // connections a second

// turn reserves the next turn and returns how long to wait for it.
func (r *ramp) turn(now time.Time, accounts int) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	at := r.last.Add(time.Second / time.Duration(max(accounts/25, rampLeast)))
	if at.Before(now) {
		at = now
	}
	r.last = at
	return at.Sub(now)
}

// await waits for the line's turn to connect; it reports false when ctx is done.
func (l *line) await(ctx context.Context) bool {
	l.c.mu.Lock()
	accounts := len(l.c.lines)
	l.c.mu.Unlock()
	return sleep(ctx, l.c.ramp.turn(time.Now(), accounts), nil)
}
