package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"tandem/call"
	"tandem/identity"
)

// The kinds of events.
const (
	EventCall         = "call"
	EventAlarm        = "alarm"
	EventRegistration = "registration"
	EventConfig       = "config"
)

const (
	keepEvents   = 2048             // of the past, for listeners that come back
	queueEvents  = 1024             // that a listener may be behind; then it is sent away
	maxListeners = 200              //
	beatEvery    = 15 * time.Second // a comment that keeps proxies from closing
	eventTimeout = 10 * time.Second // a listener that takes nothing for so long is given up
)

// An event is one line of the stream.
type event struct {
	id   uint64
	kind string
	data []byte
}

// A hub hands events to listeners. Nobody who publishes waits: a listener that is too
// far behind is cut off, and comes back with its Last-Event-ID.
type hub struct {
	mu        sync.Mutex // guards what follows
	last      uint64
	past      []event // the newest last
	listeners map[*listener]struct{}
	closed    bool
	dropped   uint64 // listeners cut off
}

type listener struct {
	queue chan event // closed when it is cut off
}

// Publish tells every listener. It does not block.
func (s *Server) Publish(kind string, data any) {
	if !s.events.wanted() {
		return
	}
	text, err := json.Marshal(data)
	if err != nil {
		s.Log.Error("event not published", "kind", kind, "err", err)
		return
	}
	s.events.publish(kind, text)
}

// Changed publishes a call that has changed.
func (s *Server) Changed(r call.Running) {
	if !s.events.wanted() {
		return
	}
	kind := "changed"
	switch {
	case !r.Ended.IsZero():
		kind = "ended"
	case r.Phase == call.Dialing && r.B.ID == "":
		kind = "began"
	}
	s.Publish(EventCall, callEvent{kind, shown(r)})
}

type callEvent struct {
	Type string `json:"type" enum:"began,changed,ended"`
	Call Call   `json:"call"`
}

// Dropped counts the clients that were cut off: they took nothing for too long, or were
// too far behind.
func (s *Server) Dropped() uint64 {
	s.events.mu.Lock()
	defer s.events.mu.Unlock()
	return s.events.dropped
}

// slow counts a client that was given up while it was written to.
func (h *hub) slow(err error) {
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		return // it has gone by itself
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.dropped++
}

// wanted reports whether anybody listens, or has and may come back.
func (h *hub) wanted() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return !h.closed && (len(h.listeners) > 0 || h.last > 0)
}

func (h *hub) publish(kind string, data []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.last++
	e := event{h.last, kind, data}
	if len(h.past) == keepEvents {
		h.past = append(h.past[:0:0], h.past[keepEvents/2:]...)
	}
	h.past = append(h.past, e)
	for l := range h.listeners {
		select {
		case l.queue <- e:
		default:
			h.dropped++
			h.leaveLocked(l)
		}
	}
}

// listen adds a listener and returns what it has missed since an event; complete is
// false when that is not known any more. nil means that there are too many.
func (h *hub) listen(since uint64) (l *listener, missed []event, complete bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed || len(h.listeners) >= maxListeners {
		return nil, nil, false
	}
	if h.listeners == nil {
		h.listeners = make(map[*listener]struct{})
	}
	if h.last == 0 {
		h.last = 1 // from now on events are kept
	}
	l = &listener{queue: make(chan event, queueEvents)}
	h.listeners[l] = struct{}{}
	complete = since == h.last
	for i, e := range h.past {
		if e.id == since+1 && since > 0 {
			return l, append([]event(nil), h.past[i:]...), true
		}
	}
	return l, nil, complete
}

func (h *hub) leave(l *listener) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.leaveLocked(l)
}

func (h *hub) leaveLocked(l *listener) {
	if _, ok := h.listeners[l]; ok {
		delete(h.listeners, l)
		close(l.queue)
	}
}

// close sends every listener away.
func (h *hub) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	for l := range h.listeners {
		h.leaveLocked(l)
	}
}

type eventsInput struct {
	Last string `header:"Last-Event-ID" doc:"The last event that was seen; those after it are told again, as far as they are known."`
}

func (s *Server) registerEvents() {
	op := operation(identity.Read, http.MethodGet, "/events", "listen", "live", "Listen to what happens (server-sent events)")
	op.Description += " Events: call {type, call}, alarm, registration, config {version}; reset when events were missed: ask for everything again."
	op.Errors = append(op.Errors, http.StatusServiceUnavailable)
	op.Responses = map[string]*huma.Response{"200": {Description: "A stream that ends when its client does.", Content: map[string]*huma.MediaType{"text/event-stream": {Schema: &huma.Schema{Type: huma.TypeString}}}}}
	huma.Register(s.api, op, func(_ context.Context, in *eventsInput) (*huma.StreamResponse, error) {
		since, _ := strconv.ParseUint(in.Last, 10, 64)
		l, missed, complete := s.events.listen(since)
		if l == nil {
			return nil, huma.Error503ServiceUnavailable("too many listen already, or the gateway stops")
		}
		return &huma.StreamResponse{Body: func(ctx huma.Context) {
			defer s.events.leave(l)
			ctx.SetHeader("Content-Type", "text/event-stream")
			ctx.SetHeader("X-Accel-Buffering", "no")
			s.tell(ctx, l, missed, since > 0 && !complete)
		}}, nil
	})
}

// tell writes events until the listener or its client is gone.
func (s *Server) tell(ctx huma.Context, l *listener, missed []event, reset bool) {
	w := newPatience(ctx, eventTimeout)
	defer func() { s.events.slow(w.err) }()
	w.write("retry: 2000\n\n")
	if reset {
		w.write("event: reset\ndata: {}\n\n")
	}
	for _, e := range missed {
		w.event(e)
	}
	w.flush()
	beat := time.NewTicker(beatEvery)
	defer beat.Stop()
	for w.err == nil {
		select {
		case e, ok := <-l.queue:
			if !ok {
				return
			}
			w.event(e)
			for range len(l.queue) { // what waits goes out together
				if e, ok := <-l.queue; ok {
					w.event(e)
				}
			}
		case <-beat.C:
			w.write(": still here\n\n")
		case <-ctx.Context().Done():
			return
		}
		w.flush()
	}
}

// patience writes to a client that may be slow, and gives it up when it takes nothing
// for too long.
type patience struct {
	ctx     huma.Context
	control *http.ResponseController
	limit   time.Duration
	err     error
}

func newPatience(ctx huma.Context, limit time.Duration) *patience {
	_, w := humago.Unwrap(ctx)
	p := &patience{ctx: ctx, control: http.NewResponseController(w), limit: limit}
	_ = p.control.SetReadDeadline(time.Time{}) // else the server's limit for requests would end the answer
	p.again()
	return p
}

// again gives the client its time anew.
func (p *patience) again() { _ = p.control.SetWriteDeadline(time.Now().Add(p.limit)) }

func (p *patience) write(text string) {
	if p.err == nil {
		p.again()
		_, p.err = p.ctx.BodyWriter().Write([]byte(text))
	}
}

// Write implements io.Writer.
func (p *patience) Write(b []byte) (int, error) {
	p.again()
	return p.ctx.BodyWriter().Write(b)
}

func (p *patience) event(e event) {
	p.write(fmt.Sprintf("id: %d\nevent: %s\ndata: %s\n\n", e.id, e.kind, e.data))
}

func (p *patience) flush() {
	if p.err == nil {
		p.err = p.control.Flush()
	}
}
