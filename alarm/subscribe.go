package alarm

import "slices"

// Subscribe calls f for every alarm that begins, changes or ends (then
// [Alarm.Active] is false), in that order and one at a time, until the returned
// function is called. f runs in the goroutine that raised or cleared some
// alarm: it must not block, and it may use the board.
func (b *Board) Subscribe(f func(Alarm)) (cancel func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.subscribers == nil {
		b.subscribers = make(map[int]func(Alarm))
	}
	id := b.nextID
	b.nextID++
	b.subscribers[id] = f
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.subscribers, id)
	}
}

// queueLocked remembers a change for tell. Without a subscriber nobody is
// waiting for it.
func (b *Board) queueLocked(a Alarm) {
	if len(b.subscribers) > 0 {
		b.pending = append(b.pending, a)
	}
}

// tell hands the pending changes to the subscribers. Only one goroutine tells
// at a time, so that all hear the same order; a subscriber that raises an alarm
// itself finds it told after it has returned.
func (b *Board) tell() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.telling {
		return
	}
	b.telling = true
	defer func() { b.telling = false }()
	for len(b.pending) > 0 {
		a := b.pending[0]
		b.pending = slices.Delete(b.pending, 0, 1)
		for _, f := range b.subscribersLocked() {
			b.call(f, a)
		}
	}
}

// call runs f without the lock; also when f panics, the lock is held again.
func (b *Board) call(f func(Alarm), a Alarm) {
	b.mu.Unlock()
	defer b.mu.Lock()
	f(a)
}

func (b *Board) subscribersLocked() []func(Alarm) {
	ids := make([]int, 0, len(b.subscribers))
	for id := range b.subscribers {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	fs := make([]func(Alarm), len(ids))
	for i, id := range ids {
		fs[i] = b.subscribers[id]
	}
	return fs
}
