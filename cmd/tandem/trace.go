package main

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"tandem/evidence"
	"tandem/sip/flow"
)

const (
	traceQueue = 4096 // messages that may wait for a slow terminal; more are left out, and counted
	traceCalls = 8192 // Call-IDs whose beginning is remembered
)

// A tracer prints SIP messages as they pass: one line each, and the message
// itself when whole is set. What a slow reader does not take in time is left out.
type tracer struct {
	w     io.Writer
	whole bool

	lines   chan traced
	dropped atomic.Uint64
	done    sync.WaitGroup
	began   map[string]time.Time // by Call-ID
}

type traced struct {
	at      time.Time
	out     bool
	leg     string
	flow    *flow.Flow
	message []byte
}

// newTracer makes a tracer; the caller closes it when no message comes any more.
func newTracer(w io.Writer, whole bool) *tracer {
	t := &tracer{w: w, whole: whole, lines: make(chan traced, traceQueue), began: make(map[string]time.Time)}
	t.done.Go(func() {
		for e := range t.lines {
			t.print(e)
		}
	})
	return t
}

// Trace is the gateway's Options.Trace. It does not block.
func (t *tracer) Trace(e flow.TraceEvent) {
	if len(bytes.TrimSpace(e.Data)) == 0 {
		return // a keep-alive
	}
	select {
	case t.lines <- traced{e.At, e.Out, e.Leg, e.Flow, bytes.Clone(e.Data)}:
	default:
		t.dropped.Add(1)
	}
}

// Close prints what waits.
func (t *tracer) Close() {
	close(t.lines)
	t.done.Wait()
}

func (t *tracer) print(e traced) {
	if n := t.dropped.Swap(0); n > 0 {
		fmt.Fprintf(t.w, "… %d messages left out: they came faster than they could be printed\n", n)
	}
	m := evidence.Summarize(e.message)
	since := t.since(m.CallID, e.at)
	arrow := "-->" // to us
	if e.out {
		arrow = "<--"
	}
	line := fmt.Sprintf("%s %+9.3fs %-6s %-21s %s tandem  %-4s %s [%s]", e.at.Format("15:04:05.000"), since.Seconds(),
		e.leg, e.flow.Remote(), arrow, e.flow.Network(), m.Text, short(m.CallID))
	fmt.Fprintln(t.w, line)
	if t.whole {
		body := strings.TrimRight(string(evidence.Redact(e.message)), "\r\n")
		fmt.Fprintf(t.w, "    %s\n\n", evidence.Printable(strings.ReplaceAll(body, "\r\n", "\n    ")))
	}
}

// since is how long ago the first message of the same Call-ID passed.
func (t *tracer) since(callID string, at time.Time) time.Duration {
	began, ok := t.began[callID]
	if !ok {
		if len(t.began) >= traceCalls {
			clear(t.began)
		}
		began = at
		t.began[callID] = at
	}
	return at.Sub(began)
}

// short is enough of a Call-ID to tell calls apart.
func short(callID string) string { return evidence.Printable(evidence.Clip(callID, 12)) }
