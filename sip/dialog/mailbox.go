package dialog

import "sync"

// A mailbox runs functions one after the other, in the order they were posted,
// without a goroutine of its own: whoever posts to an idle mailbox runs it
// until it is empty. Posting from inside a function only queues, so that a
// callback may call back, and no lock is held while a function runs.
type mailbox struct {
	mu    sync.Mutex // guards what follows
	queue []func()
	done  int // the first of them have been taken out
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
	if len(m.queue)-m.done >= mailboxLimit {
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
	for m.done < len(m.queue) {
		fn := m.queue[m.done]
		m.queue[m.done] = nil
		m.done++
		if m.done == len(m.queue) || m.done > mailboxLimit { // start over, or the array only grows
			m.queue, m.done = append(m.queue[:0], m.queue[m.done:]...), 0
		}
		m.mu.Unlock()
		fn()
		m.mu.Lock()
	}
	m.busy = false
	m.mu.Unlock()
}
