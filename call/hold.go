package call

import "time"

// A DurableRecorder is a Recorder that knows when a record has reached the store.
// An answer waits for that, so that a call somebody was told of leaves a record
// even when the gateway is killed the moment after.
type DurableRecorder interface {
	Recorder
	// Stored is closed when the record with id is in the store, or cannot be put
	// there now; nil says that it is there, or that waiting is in vain. It does
	// not block.
	Stored(id string) <-chan struct{}
}

// recordLimit is how long an answer waits for the store. A person does not pick
// up so fast that it matters; a store that takes longer must not clip the greeting.
const recordLimit = 500 * time.Millisecond

// hold is the B-leg's answer while it waits for the call's record; its legs' other
// events go on, but for the B-leg's own, which come in order.
type hold struct {
	what   any
	stored <-chan struct{}
	limit  *time.Timer
}

// expired never fires while nothing is held.
func (h *hold) expired() <-chan time.Time {
	if h.limit == nil {
		return nil
	}
	return h.limit.C
}

// holds keeps what B said until the record is stored; false when there is no need.
func (c *Call) holds(what any, s state) bool {
	d, ok := c.Recorder.(DurableRecorder)
	if !ok || s.up || s.phase >= Active || !answers(what) {
		return false
	}
	stored := d.Stored(c.ID)
	if stored == nil {
		return false
	}
	c.held = hold{what, stored, time.NewTimer(recordLimit)}
	return true
}

// answers reports whether A is told that the call is up because of what.
func answers(what any) bool {
	if p, ok := what.(Progress); ok {
		return p.Lobby
	}
	_, ok := what.(Answered)
	return ok
}

// unhold returns what was held and holds nothing more.
func (c *Call) unhold() any {
	h := c.held
	c.held = hold{}
	if h.limit != nil && !h.limit.Stop() {
		c.log.Warn("call answered before its record was stored", "limit", recordLimit)
	}
	return h.what
}
