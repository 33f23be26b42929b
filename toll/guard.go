// Package toll guards against toll fraud: a stolen password or a phone that was
// broken into must not cost a fortune overnight. It bounds how often and how much
// at once a caller calls out, stops one that does not stop by itself, and bars
// destinations by the beginning of their numbers. Start reading at [Guard.Admit].
package toll

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"tandem/alarm"
	"tandem/call"
)

// A Guard admits calls that lead out, or refuses them with a cause and an alarm.
// The zero value with a Log is ready to use.
type Guard struct {
	Alarms Alarms // may be nil
	Log    *slog.Logger
	// Shared makes quotas those of all machines of a cluster; nil: there is one.
	Shared Shared
	Live   func() map[string]int // calls out of each payer, for the other machines; may be nil
	Calls  func() map[string]int // calls of each device and trunk, for the other machines; may be nil

	once sync.Once
	kick chan struct{} // something is to be shown soon

	syncing      sync.Mutex // one Sync at a time; guards shownNothing
	shownNothing bool

	mu      sync.Mutex // guards what follows
	conf    Config
	number  func(string) (string, bool)
	callers map[string]*caller // by payer: bounded by the configuration, and one for all guests
	refused [reasons]uint64
	others  map[string]*other // machines, by name
}

// Alarms is the part of the alarm board the guard needs.
type Alarms interface {
	Raise(alarm.Alarm)
	Clear(key string)
}

var _ call.Guard = (*Guard)(nil)

// caller is what the guard remembers of one payer.
type caller struct {
	begun   []time.Time // calls admitted in the last minute
	tries   []time.Time // attempts in the last minute
	stopped time.Time   // may not call out until then
	barred  time.Time   // of the last attempt to reach a barred destination
}

// Reason is why a call was refused.
type Reason int

const (
	Rate Reason = iota
	AtOnce
	Burst
	Barred
	reasons
)

func (r Reason) String() string { return [...]string{"rate", "at_once", "burst", "barred"}[r] }

// Apply puts c in force. number brings a number into E.164 and says whether it
// is one; nil leaves numbers as they are. What callers have done is not forgotten.
func (g *Guard) Apply(c Config, number func(string) (string, bool)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.conf, g.number = c, number
}

// Admit implements [call.Guard].
func (g *Guard) Admit(s call.Spending) error {
	now := time.Now()
	g.mu.Lock()
	why, err := g.admitLocked(s, now)
	if err != nil {
		g.refused[why]++
	}
	g.mu.Unlock()
	g.hurry()
	if err != nil {
		g.Log.Warn("call out refused", "payer", name(s.Payer), "to", s.To, "reason", why, "err", err)
		g.tell(why, s, err)
	}
	return err
}

// hurry has the other machines told soon.
func (g *Guard) hurry() {
	if g.Shared == nil {
		return
	}
	g.init()
	select {
	case g.kick <- struct{}{}:
	default:
	}
}

func (g *Guard) init() { g.once.Do(func() { g.kick = make(chan struct{}, 1) }) }

func (g *Guard) admitLocked(s call.Spending, now time.Time) (Reason, error) {
	if g.conf.Off {
		return 0, nil
	}
	l := g.conf.limits(s.Payer)
	who := g.callerLocked(s.Payer)
	if prefix := g.barred(l, s.Dialed, s.To); prefix != "" {
		who.barred = now
		return Barred, refuse(call.Barred, 0, "%s must not call %s: numbers that begin with %s are barred", name(s.Payer), s.To, prefix)
	}
	e := g.elsewhereLocked(s.Payer, now)
	stopped := who.stopped
	if e.stopped.After(stopped) {
		stopped = e.stopped
	}
	if now.Before(stopped) {
		return Burst, refuse(call.Quota, stopped.Sub(now), "%s was stopped until %s, it placed too many calls", name(s.Payer), stopped.UTC().Format(time.TimeOnly+" UTC"))
	}
	if s.Again {
		return 0, nil
	}
	who.tries, who.begun = lately(who.tries, now), lately(who.begun, now)
	if who.tries = append(who.tries, now); l.Burst > 0 && len(who.tries)+e.tries > l.Burst {
		who.tries, who.stopped = nil, now.Add(l.Stop)
		return Burst, refuse(call.Quota, l.Stop, "%s placed more than %d calls within a minute and is stopped for %v", name(s.Payer), l.Burst, l.Stop)
	}
	switch {
	case l.AtOnce > 0 && s.Live+e.live >= l.AtOnce:
		return AtOnce, refuse(call.Quota, 0, "%s has %d calls out already", name(s.Payer), s.Live+e.live)
	case l.PerMinute > 0 && len(who.begun)+e.begun >= l.PerMinute:
		oldest := e.oldest
		if len(who.begun) > 0 {
			oldest = oldestOf(oldest, who.begun[0])
		}
		return Rate, refuse(call.Quota, time.Minute-now.Sub(oldest), "%s has begun %d calls out within a minute", name(s.Payer), len(who.begun)+e.begun)
	}
	if l.PerMinute > 0 {
		who.begun = append(who.begun, now)
	}
	return 0, nil
}

func (g *Guard) callerLocked(payer string) *caller {
	if g.callers == nil {
		g.callers = make(map[string]*caller)
	}
	who := g.callers[payer]
	if who == nil {
		who = new(caller)
		g.callers[payer] = who
	}
	return who
}

// lately drops what is older than a minute.
func lately(at []time.Time, now time.Time) []time.Time {
	i, _ := slices.BinarySearchFunc(at, now.Add(-time.Minute), time.Time.Compare)
	return at[i:]
}

// barred returns the prefix that bars one of the numbers, "" for none. A number is
// looked at as it was dialled, as it goes out, and in E.164.
func (g *Guard) barred(l Limits, numbers ...string) string {
	for _, n := range numbers {
		for _, form := range g.forms(n) {
			no, yes := longest(l.Barred, form), longest(l.Allowed, form)
			if no != "" && len(no) > len(yes) {
				return no
			}
		}
	}
	return ""
}

func (g *Guard) forms(n string) []string {
	n, _, _ = strings.Cut(n, "@")
	if g.number != nil {
		if e164, ok := g.number(n); ok {
			return []string{e164}
		}
	}
	if len(n) >= 8 && strings.Trim(n, "0123456789") == "" { // a trunk that wants no plus
		return []string{n, "+" + n}
	}
	return []string{n}
}

// longest is the longest of the prefixes of n.
func longest(prefixes []string, n string) (found string) {
	for _, p := range prefixes {
		if strings.HasPrefix(n, p) && len(p) > len(found) {
			found = p
		}
	}
	return found
}

func refuse(c call.Cause, retry time.Duration, format string, args ...any) error {
	return &call.RefusalError{Ended: call.Ended{Cause: c, Retry: retry}, Err: fmt.Errorf(format, args...)}
}

func name(payer string) string { return cmp.Or(payer, "a guest") }

// Refused returns how many calls were refused, by reason.
func (g *Guard) Refused() map[Reason]uint64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	all := make(map[Reason]uint64, reasons)
	for r, n := range g.refused {
		all[Reason(r)] = n
	}
	return all
}

// Run ends alarms whose condition is over, and shares figures with the other machines,
// until ctx is done.
func (g *Guard) Run(ctx context.Context) error {
	g.init()
	var sharing sync.WaitGroup
	defer sharing.Wait()
	if g.Shared != nil {
		sharing.Go(func() { g.share(ctx) })
	}
	t := time.NewTicker(5 * time.Second)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-t.C:
			g.clear(now)
		}
	}
}
