package metrics

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"
)

const (
	// A check that takes longer has failed, whatever it says in the end.
	checkTimeout = 5 * time.Second
	// Answers within this time are shared, so that asking often costs nothing.
	checkFresh = time.Second
)

// Health answers whether the process works (GET /healthz: when not, restart
// it) and whether it can take calls (GET /readyz: when not, send none). The
// zero value is ready to use and healthy.
type Health struct {
	mu          sync.Mutex // guards both lists
	live, ready []*check
}

// Live adds a check to both answers: one whose failure only a restart mends.
func (h *Health) Live(name string, f func() error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.live = append(h.live, &check{name: name, f: f})
}

// Ready adds a check to /readyz: one whose failure means "no calls now". f says
// in its error what a person should know; it may block, and is not called again
// while it does.
func (h *Health) Ready(name string, f func() error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ready = append(h.ready, &check{name: name, f: f})
}

// Report is the JSON answer of both.
type Report struct {
	Status string        `json:"status"` // "ok" or "fail"
	Checks []CheckReport `json:"checks"`
}

// CheckReport is one check's part of a Report.
type CheckReport struct {
	Name  string `json:"name"`
	OK    bool   `json:"ok"`
	Error string `json:"error,omitempty"`
}

// Healthz answers 200 when every Live check passes, and 503 otherwise.
func (h *Health) Healthz() http.Handler { return h.handler(func() []*check { return h.live }) }

// Readyz answers 200 when every check passes, and 503 otherwise.
func (h *Health) Readyz() http.Handler {
	return h.handler(func() []*check { return append(h.live[:len(h.live):len(h.live)], h.ready...) })
}

// Alive returns what /healthz would complain of, or nil.
func (h *Health) Alive() error {
	h.mu.Lock()
	checks := h.live
	h.mu.Unlock()
	var errs []error
	for _, c := range run(checks).Checks {
		if !c.OK {
			errs = append(errs, fmt.Errorf("%s: %s", c.Name, c.Error))
		}
	}
	return errors.Join(errs...)
}

// Mount adds GET /metrics, /healthz and /readyz to the mux.
func Mount(mux *http.ServeMux, r *Registry, h *Health) {
	mux.Handle("GET /metrics", r.Handler())
	mux.Handle("GET /healthz", h.Healthz())
	mux.Handle("GET /readyz", h.Readyz())
}

func (h *Health) handler(choose func() []*check) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		h.mu.Lock()
		checks := choose()
		h.mu.Unlock()
		report := run(checks)
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		if report.Status != "ok" {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		_ = json.NewEncoder(w).Encode(report) // the asker is gone
	})
}

// run runs the checks side by side.
func run(checks []*check) Report {
	report := Report{Status: "ok", Checks: make([]CheckReport, len(checks))}
	var all sync.WaitGroup
	for i, c := range checks {
		all.Go(func() {
			report.Checks[i] = CheckReport{Name: c.name, OK: true}
			if err := c.result(); err != nil {
				report.Checks[i] = CheckReport{Name: c.name, Error: err.Error()}
			}
		})
	}
	all.Wait()
	for _, c := range report.Checks {
		if !c.OK {
			report.Status = "fail"
		}
	}
	return report
}

// check is one named check, run by one goroutine at a time.
type check struct {
	name string
	f    func() error

	mu      sync.Mutex // guards the rest
	running *attempt
	last    *attempt
}

type attempt struct {
	begun time.Time
	done  chan struct{} // closed when err is set
	err   error
}

// result returns what a run of the check says: one that has just ended, one
// that is under way, or a new one.
func (c *check) result() error {
	a := c.attempt()
	timer := time.NewTimer(time.Until(a.begun.Add(checkTimeout)))
	defer timer.Stop()
	select {
	case <-a.done:
		return a.err
	case <-timer.C:
		return fmt.Errorf("no answer within %v", checkTimeout)
	}
}

func (c *check) attempt() *attempt {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.running != nil {
		return c.running
	}
	if c.last != nil && time.Since(c.last.begun) < checkFresh {
		return c.last
	}
	a := &attempt{begun: time.Now(), done: make(chan struct{})}
	c.running = a
	// Nobody waits for a check that hangs; there is never more than one of it.
	go func() {
		a.err = c.call()
		c.mu.Lock()
		c.running, c.last = nil, a
		c.mu.Unlock()
		close(a.done)
	}()
	return a
}

// call turns a panic of the check into its failure: a health check must not
// be what ends the gateway.
func (c *check) call() (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the check is broken: %v", r)
		}
	}()
	return c.f()
}
