package api

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

const (
	// keepCommands is how long the answer to a command with an Idempotency-Key is
	// remembered, on this node.
	keepCommands = time.Hour
	maxCommands  = 10_000
)

// commands remembers what was answered to commands that came with a key.
type commands struct {
	mu  sync.Mutex // guards what follows
	all map[commandKey]*answered
}

type commandKey struct{ who, key string }

type answered struct {
	at   time.Time
	body [sha256.Size]byte
	done chan struct{} // closed when there is an answer
	out  any
	err  error
}

// once carries out a command, or answers as before when the same caller has sent the
// same key before. Another command with a key that was used is refused.
func once[T any](ctx context.Context, s *Server, key string, body any, f func() (T, error)) (T, error) {
	var none T
	if key == "" {
		return f()
	}
	text, err := json.Marshal(body)
	if err != nil {
		return none, err
	}
	a, first := s.done.begin(commandKey{who(ctx).String(), key}, sha256.Sum256(text), time.Now())
	switch {
	case a == nil:
		return none, huma.Error503ServiceUnavailable("too many commands with an Idempotency-Key; wait, or send none")
	case first:
		out, err := f()
		a.out, a.err = out, err
		close(a.done)
		return out, err
	case a.body != sha256.Sum256(text):
		return none, huma.Error422UnprocessableEntity("this Idempotency-Key was used for another command", &huma.ErrorDetail{Location: "header.Idempotency-Key", Message: "was used for another command"})
	}
	select {
	case <-a.done:
		return a.out.(T), a.err
	case <-ctx.Done():
		return none, ctx.Err()
	}
}

// begin finds the command, or makes it; nil when there are too many.
func (c *commands) begin(key commandKey, body [sha256.Size]byte, now time.Time) (a *answered, first bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if a := c.all[key]; a != nil {
		return a, false
	}
	if len(c.all) >= maxCommands {
		return nil, false
	}
	if c.all == nil {
		c.all = make(map[commandKey]*answered)
	}
	a = &answered{at: now, body: body, done: make(chan struct{})}
	c.all[key] = a
	return a, true
}

// sweep forgets what is old.
func (c *commands) sweep(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for key, a := range c.all {
		if now.Sub(a.at) > keepCommands {
			delete(c.all, key)
		}
	}
}
