package transaction

import "sync"

// calls are the callbacks of one transaction that are due. They are made without
// its mutex, in order and never two at once: whoever finds them being made only
// adds to them.
type calls struct {
	due  []func()
	busy bool
}

func (c *calls) add(fn func()) { c.due = append(c.due, fn) }

// unlock makes the calls that are due and lets go of mu, which is held.
func (c *calls) unlock(mu *sync.Mutex) {
	if c.busy || len(c.due) == 0 {
		mu.Unlock()
		return
	}
	c.busy = true
	for len(c.due) > 0 {
		fn := c.due[0]
		c.due[0] = nil
		c.due = c.due[1:]
		mu.Unlock()
		fn()
		mu.Lock()
	}
	c.busy, c.due = false, nil
	mu.Unlock()
}
