// Package crew runs functions in goroutines that are used again. A goroutine begins
// with a small stack, which is copied each time it has to grow; one that has run a
// call before has its stack already.
package crew

import "sync"

// A Crew is goroutines that wait for the next function while others still work. When
// nothing runs any more none is left, so that nobody has to end a crew. The zero
// value is ready to use. It is safe for concurrent use.
type Crew struct {
	Idle int // goroutines that may wait for work; 0 is 256

	all sync.WaitGroup

	mu   sync.Mutex // guards what follows
	busy int
	idle []chan func() // of those that wait, the latest last
}

// Go runs f in a goroutine that Wait waits for. It does not wait for f.
func (c *Crew) Go(f func()) {
	c.mu.Lock()
	c.busy++
	if n := len(c.idle); n > 0 {
		w := c.idle[n-1]
		c.idle[n-1] = nil
		c.idle = c.idle[:n-1]
		c.mu.Unlock()
		w <- f
		return
	}
	c.mu.Unlock()
	c.all.Go(func() { c.work(f) })
}

// Wait returns when nothing runs and no goroutine is left.
func (c *Crew) Wait() { c.all.Wait() }

func (c *Crew) work(f func()) {
	w := make(chan func(), 1)
	for f != nil {
		f()
		if !c.rest(w) {
			return
		}
		f = <-w
	}
}

// rest lists a goroutine among those that wait. It reports false when there is no
// need for it; the last one at work sends the others home.
func (c *Crew) rest(w chan func()) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.busy--
	if c.busy == 0 {
		for _, other := range c.idle {
			close(other)
		}
		c.idle = nil
		return false
	}
	most := c.Idle
	if most == 0 {
		most = 256
	}
	if len(c.idle) >= most {
		return false
	}
	c.idle = append(c.idle, w)
	return true
}
