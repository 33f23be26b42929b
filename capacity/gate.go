// Package capacity decides whether this node can carry one more call: by the ports
// that are configured and by the processor time that is measured. A call that runs is
// never ended for it. Start reading at [Gate.Admit].
package capacity

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"tandem/alarm"
	"tandem/call"
)

// Limits are what a node may carry. The zero value bounds nothing.
type Limits struct {
	Ports int     // legs at once; 0 is no limit
	CPU   float64 // share of the processors, 0 to 1, from which no call is let in; 0 is no limit
}

// Validate names the field that is wrong.
func (l Limits) Validate() error {
	var errs []error
	if l.Ports < 0 {
		errs = append(errs, errors.New("ports: must not be negative"))
	} else if l.Ports > 0 && l.Ports < portsOfCall {
		errs = append(errs, fmt.Errorf("ports: %d is less than the %d that one call takes", l.Ports, portsOfCall))
	}
	if l.CPU != 0 && (l.CPU < 0.1 || l.CPU > 1) || l.CPU != l.CPU {
		errs = append(errs, fmt.Errorf("cpu: %v is not between 0.1 and 1", l.CPU))
	}
	return errors.Join(errs...)
}

// portsOfCall are taken when a call comes in, one for each leg: who was let in does
// not fail for want of a port when the B-leg is dialled, hunted or replaced.
const portsOfCall = 2

// A Gate lets calls in. The zero value with a Log is ready to use and lets all in.
type Gate struct {
	Alarms    Alarms                  // may be nil
	Emergency func(alias string) bool // calls that are let in whatever the load; may be nil
	Log       *slog.Logger

	read func() (usage, error) // instead of the system's, in tests

	mu      sync.Mutex // guards what follows
	limits  Limits
	used    int     // ports
	load    float64 // share of the processors, smoothed
	known   bool    // load was measured
	hot     bool    // load is too high
	full    bool    // a call was refused for want of ports, and it is not much better yet
	refused [reasons]uint64
}

// Alarms is the part of the alarm board the gate needs.
type Alarms interface {
	Raise(alarm.Alarm)
	Clear(key string)
}

var _ call.Admission = (*Gate)(nil)

// Reason is why a call was not let in.
type Reason int

const (
	Ports Reason = iota
	CPU
	reasons
)

func (r Reason) String() string { return [...]string{"ports", "cpu"}[r] }

const (
	portsKey = "capacity/ports"
	cpuKey   = "capacity/cpu"
	slack    = 0.1 // of CPU: so much below the limit calls are let in again
)

// Apply puts l in force. Calls that run stay.
func (g *Gate) Apply(l Limits) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.limits = l
	g.judgeLocked()
	g.roomLocked()
}

// Admit implements [call.Admission].
func (g *Gate) Admit(r call.Request) (done func(), err error) {
	urgent := g.Emergency != nil && g.Emergency(r.To)
	g.mu.Lock()
	defer g.mu.Unlock()
	if !urgent {
		if err := g.admitLocked(); err != nil {
			g.Log.Warn("call not let in", "from", r.From, "to", r.To, "err", err)
			return nil, err
		}
	}
	g.used += portsOfCall
	return sync.OnceFunc(g.release), nil
}

func (g *Gate) admitLocked() error {
	switch {
	case g.limits.Ports > 0 && g.used+portsOfCall > g.limits.Ports:
		g.refused[Ports]++
		g.full = true
		g.raiseLocked(alarm.Alarm{
			Key: portsKey, Severity: alarm.Critical, Title: "Calls are refused: all ports are taken",
			Detail: fmt.Sprintf("All %d ports are taken; a call takes %d.", g.limits.Ports, portsOfCall),
			Do:     "Raise limits.ports if the machine can carry more (see tandem_cpu_ratio), or add a node.",
		})
		return refuse(30*time.Second, "all %d ports are taken", g.limits.Ports)
	case g.hot:
		g.refused[CPU]++
		return refuse(10*time.Second, "the processors are busy to %.0f %%, calls are let in below %.0f %%", 100*g.load, 100*(g.limits.CPU-slack))
	}
	return nil
}

func refuse(retry time.Duration, format string, args ...any) error {
	return &call.RefusalError{Ended: call.Ended{Cause: call.Congestion, Retry: retry}, Err: fmt.Errorf(format, args...)}
}

func (g *Gate) release() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.used -= portsOfCall
	g.roomLocked()
}

// roomLocked ends the alarm when a tenth of the ports, or one call's, is free again.
func (g *Gate) roomLocked() {
	room := g.limits.Ports - g.used
	if g.full && (g.limits.Ports == 0 || room >= max(portsOfCall, g.limits.Ports/10)) {
		g.full = false
		g.clearLocked(portsKey)
	}
}

// measured takes a new figure of the load.
func (g *Gate) measured(load float64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	const weight = 0.3 // of the new one: a burst of a second refuses nobody
	if g.known {
		load = weight*load + (1-weight)*g.load
	}
	g.load, g.known = load, true
	g.judgeLocked()
}

// judgeLocked closes the gate at the limit and opens it well below, so that it does
// not flutter.
func (g *Gate) judgeLocked() {
	limit := g.limits.CPU
	switch {
	case !g.hot && limit > 0 && g.known && g.load >= limit:
		g.hot = true
		g.Log.Warn("the processors are busy: no call is let in", "load", g.load, "limit", limit)
		g.raiseLocked(alarm.Alarm{
			Key: cpuKey, Severity: alarm.Critical, Title: "Calls are refused: the processors are busy",
			Detail: fmt.Sprintf("%.0f %% of the processors are in use; from %.0f %% on no call is let in.", 100*g.load, 100*limit),
			Do:     "See what else runs on the machine. If it is the calls, add processors or a node, or give rooms smaller pictures.",
		})
	case g.hot && (limit == 0 || g.load < limit-slack):
		g.hot = false
		g.Log.Info("the processors have room for calls again", "load", g.load)
		g.clearLocked(cpuKey)
	}
}

// The board takes alarms without waiting, so the lock may be held over it.
func (g *Gate) raiseLocked(a alarm.Alarm) {
	if g.Alarms != nil {
		g.Alarms.Raise(a)
	}
}

func (g *Gate) clearLocked(key string) {
	if g.Alarms != nil {
		g.Alarms.Clear(key)
	}
}

// Stats are the gate's figures.
type Stats struct {
	Used, Limit int               // ports; a Limit of 0 is none
	Load        float64           // share of the processors, 0 to 1
	Known       bool              // Load was measured
	Refused     map[Reason]uint64 // calls since the start
}

// Stats returns the figures as they are now.
func (g *Gate) Stats() Stats {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := Stats{Used: g.used, Limit: g.limits.Ports, Load: g.load, Known: g.known, Refused: make(map[Reason]uint64, reasons)}
	for r, n := range g.refused {
		s.Refused[Reason(r)] = n
	}
	return s
}
