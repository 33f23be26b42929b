package transport

import (
	"log/slog"
	"sync"
)

// maxEvents bounds what waits for a callback; a session has a handful in its life.
const maxEvents = 32

// events writes the log and calls the owner's callback, in order, from a goroutine
// that lives as long as something waits: neither may hold up a worker.
type events struct {
	log *slog.Logger

	mu      sync.Mutex // guards what follows
	f       func(Event)
	queue   []entry
	held    []Event // came before f
	running bool
	closed  bool
	done    sync.WaitGroup
}

// entry is an event, or else a line for the log.
type entry struct {
	event *Event
	line  string
	args  []any
}

// OnEvent registers f. It is called one event at a time from a goroutine of the
// session: it must not block and must not call Close. Events that came before are
// reported at once; nil unregisters.
func (s *Session) OnEvent(f func(Event)) {
	e := &s.events
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.f = f; f == nil {
		return
	}
	var first []entry
	for i := range e.held {
		first = append(first, entry{event: &e.held[i]})
	}
	e.held = nil
	e.queue = append(first, e.queue...)
	e.startLocked()
}

// emit reports an event. It may be called with any lock of the session held.
func (s *Session) emit(ev Event) {
	args := []any{"now", ev.Kind.String()}
	if ev.Err != nil {
		args = append(args, "err", ev.Err)
	}
	s.events.add(entry{line: "media path", args: args})
	s.events.add(entry{event: &ev})
}

// note writes a line to the log. It may be called with any lock of the session held.
func (s *Session) note(line string, args ...any) { s.events.add(entry{line: line, args: args}) }

func (e *events) add(n entry) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed || len(e.queue) >= maxEvents {
		return
	}
	e.queue = append(e.queue, n)
	e.startLocked()
}

func (e *events) startLocked() {
	if e.closed || e.running || len(e.queue) == 0 {
		return
	}
	e.running = true
	e.done.Add(1)
	go e.drain()
}

func (e *events) drain() {
	defer e.done.Done()
	for {
		n, f, ok := e.take()
		if !ok {
			return
		}
		if n.event == nil {
			e.log.Info(n.line, n.args...)
			continue
		}
		f(*n.event)
	}
}

// take is the next entry; an event that has no callback yet is put aside.
func (e *events) take() (n entry, f func(Event), ok bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for len(e.queue) > 0 && !e.closed {
		n, e.queue = e.queue[0], e.queue[1:]
		if n.event == nil || e.f != nil {
			return n, e.f, true
		}
		if len(e.held) < maxEvents {
			e.held = append(e.held, *n.event)
		}
	}
	e.running = false
	return n, nil, false
}

// close waits for a running callback; no other follows.
func (e *events) close() {
	e.mu.Lock()
	e.closed = true
	e.mu.Unlock()
	e.done.Wait()
}
