package dialog

import "sync"

// A mailbox runs functions one after the other, in the order they were posted,
// without a goroutine of its own: whoever posts to an idle mailbox runs it
// until it is empty. Posting from inside a function only queues, so that a
// callback may call back, and no lock is held while a function runs.
type mailbox struct {
	mu    sync.Mutex // guards what follows
	queue []func()
	busy  bool
}

// mailboxLimit bounds what the far end can queue up by requests while a
// callback is slow. Answers and timers are bounded by what we asked for.
const mailboxLimit = 256

// post queues fn and runs the mailbox if nobody does.
func (m *mailbox) post(fn func()) {
	m.mu.Lock()
	m.queue = append(m.queue, fn)
	if m.busy {
		m.mu.Unlock()
		return
	}
	m.run()
}

// offer is post for the far end's requests: it reports false, and drops fn, if
// the mailbox is full.
func (m *mailbox) offer(fn func()) bool {
	m.mu.Lock()
	if len(m.queue) >= mailboxLimit {
		m.mu.Unlock()
		return false
	}
	m.queue = append(m.queue, fn)
	if m.busy {
		m.mu.Unlock()
		return true
	}
	m.run()
	return true
}

// run empties the queue. It is called with mu held and returns without it.
func (m *mailbox) run() {
	m.busy = true
	for i := 0; i < len(m.queue); i++ {
		fn := m.queue[i]
		m.queue[i] = nil
		m.mu.Unlock()
		fn()
		m.mu.Lock()
		if i == len(m.queue)-1 || i >= mailboxLimit { // start over, or the array only grows
			m.queue = append(m.queue[:0], m.queue[i+1:]...)
			i = -1
		}
	}
	m.busy = false
	m.mu.Unlock()
}
