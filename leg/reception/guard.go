package reception

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"tandem/alarm"
	"tandem/call"
)

// maxCallers bounds what the guard remembers.
const maxCallers = 1000

// guard counts unknown IDs, so that nobody finds meetings by trying.
type guard struct {
	alarms Alarms // may be nil

	mu      sync.Mutex // guards callers
	callers map[guessing]*guesses
}

type guessing struct{ reception, caller string }

type guesses struct {
	at      []time.Time // the latest ones
	blocked time.Time   // until then
	within  time.Duration
	alarmed bool
}

// idle reports whether there is nothing to remember.
func (g *guesses) idle(now time.Time) bool {
	return !now.Before(g.blocked) && !slices.ContainsFunc(g.at, func(t time.Time) bool { return now.Sub(t) < g.within })
}

// wrong counts an unknown ID and reports whether the caller is turned away now.
func (g *guard) wrong(d *desk, caller string, now time.Time) bool {
	if d.Guard.Off || slices.Contains(d.Guard.Allow, caller) {
		return false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.forgetLocked(now)
	who := guessing{d.Name, caller}
	if g.callers == nil {
		g.callers = make(map[guessing]*guesses)
	}
	if g.callers[who] == nil && len(g.callers) >= maxCallers {
		who.caller = "" // many callers who each try a little are one
	}
	c := g.callers[who]
	if c == nil {
		c = new(guesses)
		g.callers[who] = c
	}
	c.within = d.Guard.Within
	c.at = slices.DeleteFunc(append(c.at, now), func(t time.Time) bool { return now.Sub(t) >= c.within })
	if len(c.at) <= d.Guard.Wrong {
		return false
	}
	c.at, c.blocked, c.alarmed = nil, now.Add(d.Guard.Block), true
	if g.alarms != nil {
		g.alarms.Raise(alarm.Alarm{
			Key: alarmKey(who), Severity: alarm.Warning, Title: "A caller tries meeting IDs at a reception", Subject: d.Name,
			Detail: fmt.Sprintf("%s typed more than %d unknown IDs within %v and is turned away for %v", or(caller, "a guest"), d.Guard.Wrong, d.Guard.Within, d.Guard.Block),
			Do:     "Ask the caller's owner. If nobody there dialled that, change the device's password; otherwise raise the reception's guard.",
		})
	}
	return true
}

// admit refuses callers who have guessed too often.
func (g *guard) admit(d *desk, caller string, now time.Time) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.forgetLocked(now)
	if slices.Contains(d.Guard.Allow, caller) {
		return nil
	}
	for _, who := range []guessing{{d.Name, caller}, {d.Name, ""}} {
		if c := g.callers[who]; c != nil && now.Before(c.blocked) {
			return &call.RefusalError{
				Ended: call.Ended{Cause: call.Quota, Retry: c.blocked.Sub(now)},
				Err:   fmt.Errorf("%s typed too many unknown meeting IDs at the reception %s", or(caller, "a guest"), d.Name),
			}
		}
	}
	return nil
}

// forgetLocked ends what is over.
func (g *guard) forgetLocked(now time.Time) {
	for who, c := range g.callers {
		if c.alarmed && !now.Before(c.blocked) {
			c.alarmed = false
			if g.alarms != nil {
				g.alarms.Clear(alarmKey(who))
			}
		}
		if c.idle(now) {
			delete(g.callers, who)
		}
	}
}

// sweep is forgetLocked for times in which nobody calls.
func (g *guard) sweep(now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.forgetLocked(now)
}

func alarmKey(who guessing) string { return "reception/" + who.reception + "/guessing/" + who.caller }
