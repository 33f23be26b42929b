package tracing

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"time"

	"tandem/call"
)

const (
	maxWaiting = 2048 // calls; newer ones are dropped and counted
	batch      = 128  // calls in one request
	every      = 5 * time.Second
	postTime   = 10 * time.Second
	lastTime   = 3 * time.Second // for what waits when the gateway stops
	idleTime   = time.Minute
	maxTries   = 4
	firstWait  = time.Second
)

// An Exporter sends the calls that have ended to a collector. Fill in the fields, then
// Run; Ended may be called before and at any time.
type Exporter struct {
	Config  Config
	Node    string // of this machine
	Version string
	Log     *slog.Logger

	mu      sync.Mutex // guards what follows
	waiting []call.Record
	stats   Stats
	failing bool // the log was told
}

// Stats counts calls.
type Stats struct{ Sent, Failed, Dropped uint64 }

// Stats returns what became of calls so far.
func (x *Exporter) Stats() Stats {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.stats
}

// Ended takes a call that is over. It does not block.
func (x *Exporter) Ended(r call.Record) {
	if x.Config.URL == "" {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if len(x.waiting) >= maxWaiting {
		x.stats.Dropped++
		return
	}
	x.waiting = append(x.waiting, r)
}

// Run sends until ctx is done, then what waits, for a moment.
func (x *Exporter) Run(ctx context.Context) error {
	if x.Config.URL == "" {
		<-ctx.Done()
		return nil
	}
	to, err := x.Config.endpoint()
	if err != nil {
		return err
	}
	c := client()
	defer c.CloseIdleConnections()
	tick := time.NewTicker(every)
	defer tick.Stop()
	for ctx.Err() == nil {
		select {
		case <-tick.C:
			x.flush(ctx, c, to)
		case <-ctx.Done():
		}
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastTime)
	defer cancel()
	x.flush(last, c, to)
	return nil
}

// flush sends all that waits.
func (x *Exporter) flush(ctx context.Context, c *http.Client, to string) {
	for {
		x.mu.Lock()
		some := x.waiting[:min(batch, len(x.waiting))]
		x.waiting = x.waiting[len(some):]
		x.mu.Unlock()
		if len(some) == 0 {
			return
		}
		err := x.deliver(ctx, c, to, some)
		x.note(len(some), err)
		if err != nil && ctx.Err() != nil {
			return
		}
	}
}

// note counts, and tells the log when sending begins to fail and when it works again.
func (x *Exporter) note(n int, err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if err == nil {
		x.stats.Sent += uint64(n)
	} else {
		x.stats.Failed += uint64(n)
	}
	if was := x.failing; was != (err != nil) {
		x.failing = !was
		if err != nil {
			x.Log.Warn("traces are not taken; those of ended calls are lost", "err", err)
		} else {
			x.Log.Info("traces are taken again")
		}
	}
}

// deliver posts one request, again while the collector says that this could help.
func (x *Exporter) deliver(ctx context.Context, c *http.Client, to string, some []call.Record) error {
	body, err := json.Marshal(x.request(some))
	if err != nil {
		return fmt.Errorf("write a trace: %w", err)
	}
	for n := 0; ; n++ {
		again, err := x.post(ctx, c, to, body)
		if err == nil || !again || n+1 == maxTries {
			return err
		}
		wait := time.NewTimer(firstWait << n)
		select {
		case <-wait.C:
		case <-ctx.Done():
			wait.Stop()
			return err
		}
	}
}

// post sends a request; again says whether it may be sent once more (OTLP, failures).
func (x *Exporter) post(ctx context.Context, c *http.Client, to string, body []byte) (again bool, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(body))
	if err != nil {
		return false, fmt.Errorf("make the request: %w", err)
	}
	r.Header.Set("Content-Type", "application/json")
	if a := x.Config.Authorization.Reveal(); a != "" {
		r.Header.Set("Authorization", a)
	}
	resp, err := c.Do(r)
	if err != nil {
		if u := (*url.Error)(nil); errors.As(err, &u) {
			err = u.Err
		}
		return true, fmt.Errorf("the collector does not answer: %w", err)
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10)) // so that the connection is used again
	switch resp.StatusCode {
	case http.StatusOK, http.StatusAccepted, http.StatusNoContent:
		return false, nil
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		again = true
	}
	return again, fmt.Errorf("the collector answered %s", resp.Status)
}

func (x *Exporter) request(some []call.Record) request {
	var res resource
	res.Resource.Attributes = []attribute{text("service.name", "tandem"), text("service.version", x.Version)}
	if x.Node != "" {
		res.Resource.Attributes = append(res.Resource.Attributes, text("service.instance.id", x.Node))
	}
	var s scope
	s.Scope.Name, s.Scope.Version = "tandem", x.Version
	for _, r := range some {
		s.Spans = append(s.Spans, spans(r, x.Config.Numbers)...)
	}
	res.Scopes = []scope{s}
	return request{[]resource{res}}
}
