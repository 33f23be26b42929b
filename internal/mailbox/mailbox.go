// Package mailbox is an ordered, bounded queue between goroutines that may not
// wait for each other: posting never blocks, one goroutine takes.
package mailbox

import "sync"

// A Box holds what was posted and not taken yet. The zero value is ready to
// use and unbounded; set Limit before the first Post.
type Box[T any] struct {
	Limit int // items that may wait; Post refuses more. 0 is no limit

	mu      sync.Mutex // guards what follows
	closed  bool
	items   []T
	signal  chan struct{}
	refused uint64
}

// Post queues v and reports whether somebody will take it: not when the box
// is closed or full.
func (b *Box[T]) Post(v T) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed || b.Limit > 0 && len(b.items) >= b.Limit {
		b.refused++
		return false
	}
	b.items = append(b.items, v)
	b.wakeLocked()
	return true
}

// Ready receives a value when there may be something to take.
func (b *Box[T]) Ready() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.signal == nil {
		b.signal = make(chan struct{}, 1)
	}
	if len(b.items) > 0 {
		b.wakeLocked()
	}
	return b.signal
}

// Take returns the oldest item; false when there is none.
func (b *Box[T]) Take() (T, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var none T
	if len(b.items) == 0 {
		return none, false
	}
	v := b.items[0]
	b.items[0] = none
	b.items = b.items[1:]
	if len(b.items) > 0 {
		b.wakeLocked()
	}
	return v, true
}

// Close refuses further posts and returns what nobody took.
func (b *Box[T]) Close() []T {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	left := b.items
	b.items = nil
	return left
}

// Refused counts the posts that found the box closed or full.
func (b *Box[T]) Refused() uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.refused
}

func (b *Box[T]) wakeLocked() {
	if b.signal == nil {
		return
	}
	select {
	case b.signal <- struct{}{}:
	default:
	}
}
