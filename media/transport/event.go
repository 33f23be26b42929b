package transport

import "sync"

// maxEvents bounds what waits for a callback; a session has a handful in its life.
const maxEvents = 16

// events calls the owner's callback, one event at a time and in order, from a
// goroutine that lives as long as events wait.
type events struct {
	mu      sync.Mutex // guards what follows
	f       func(Event)
	queue   []Event
	running bool
	closed  bool
	done    sync.WaitGroup
}

// OnEvent registers f. It is called one event at a time from a goroutine of the
// session: it must not block and must not call Close. Events that came before are
// reported at once; nil unregisters.
func (s *Session) OnEvent(f func(Event)) {
	e := &s.events
	e.mu.Lock()
	defer e.mu.Unlock()
	e.f = f
	e.startLocked()
}

// emit reports an event. It may be called with any lock of the session held.
func (s *Session) emit(ev Event) {
	s.log.Info("media path", "now", ev.Kind.String(), "err", ev.Err)
	e := &s.events
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed || len(e.queue) == maxEvents {
		return
	}
	e.queue = append(e.queue, ev)
	e.startLocked()
}

func (e *events) startLocked() {
	if e.closed || e.running || e.f == nil || len(e.queue) == 0 {
		return
	}
	e.running = true
	e.done.Add(1)
	go e.drain()
}

func (e *events) drain() {
	defer e.done.Done()
	for {
		e.mu.Lock()
		if len(e.queue) == 0 || e.f == nil || e.closed {
			e.running = false
			e.mu.Unlock()
			return
		}
		ev, f := e.queue[0], e.f
		e.queue = e.queue[1:]
		e.mu.Unlock()
		f(ev)
	}
}

// close waits for a running callback; no other follows.
func (e *events) close() {
	e.mu.Lock()
	e.closed = true
	e.mu.Unlock()
	e.done.Wait()
}
