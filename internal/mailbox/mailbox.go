// Package mailbox is an ordered, bounded queue between goroutines that may not
// wait for each other: posting never blocks, one goroutine takes.
package mailbox

import "sync"

// A Box holds what was posted and not taken yet. The zero value is ready to use.
type Box[T any] struct {
	Limit int // Offer refuses more than so many waiting items; 0 is 256. Set it before the first Offer

	mu      sync.Mutex // guards what follows
	closed  bool
	items   []T
	signal  chan struct{}
	refused uint64
}

// Post queues v and reports whether somebody will take it: not when the box
// is closed. It is for what must not be lost and is bounded by its nature.
func (b *Box[T]) Post(v T) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.postLocked(v)
}

// Offer is Post for what a far end can send at will: a full box refuses it.
func (b *Box[T]) Offer(v T) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	limit := b.Limit
	if limit == 0 {
		limit = 256
	}
	if len(b.items) >= limit {
		b.refused++
		return false
	}
	return b.postLocked(v)
}

func (b *Box[T]) postLocked(v T) bool {
	if b.closed {
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

// Refused counts the posts and offers that found the box closed or full.
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
