package toll

import (
	"cmp"
	"context"
	"slices"
	"time"
)

// Machines of a cluster show each other what their callers spend, so that a quota is one
// for all of them. What another machine admits is known here within about a second: so
// much can be placed beyond a quota, and no more. Machines tell ages, not times: their
// clocks need not agree.

// Shared is where machines show each other their figures.
type Shared interface {
	// Show replaces what this machine showed before.
	Show(ctx context.Context, f Figures) error
	// Others returns what the other machines show, by their names.
	Others(ctx context.Context) (map[string]Shown, error)
}

// Shown is what a machine shows; Version is another one whenever it was shown anew.
type Shown struct {
	Version int64
	Figures Figures
}

// Figures are what callers do at one machine.
type Figures struct {
	Payers map[string]Spent `json:"payers,omitempty"`
	Calls  map[string]int   `json:"calls,omitempty"` // that devices and trunks are in
}

// Empty reports whether there is nothing to show.
func (f Figures) Empty() bool { return len(f.Payers) == 0 && len(f.Calls) == 0 }

// Spent is what one payer has done lately.
type Spent struct {
	Begun   []Count       `json:"begun,omitempty"` // calls admitted in the last minute
	Tries   []Count       `json:"tries,omitempty"` // attempts in the last minute
	Live    int           `json:"live,omitempty"`  // calls out now
	Stopped time.Duration `json:"stopped,omitempty"`
}

// Count is how many there were so long ago.
type Count struct {
	Age time.Duration `json:"age"` // whole seconds
	N   int           `json:"n"`
}

const (
	showEvery = time.Second            // and looked at
	showSoon  = 200 * time.Millisecond // after a call was admitted
	showTime  = 2 * time.Second        // that the store may take
	// aliveFor is how long the calls of a machine that shows nothing new count: it is gone.
	aliveFor = 5 * time.Second
)

// other is what was seen of another machine.
type other struct {
	version int64
	seen    time.Time // when it was new
	figures Figures
}

// elsewhere is what a payer does at the other machines.
type elsewhere struct {
	begun, tries, live int
	oldest, stopped    time.Time // of begun; stopped until
}

func (g *Guard) elsewhereLocked(payer string, now time.Time) (e elsewhere) {
	for _, o := range g.others {
		s, ok := o.figures.Payers[payer]
		if !ok {
			continue
		}
		since := now.Sub(o.seen)
		for _, c := range s.Begun {
			if age := c.Age + since; age < time.Minute {
				e.begun += c.N
				if at := now.Add(-age); e.oldest.IsZero() || at.Before(e.oldest) {
					e.oldest = at
				}
			}
		}
		for _, c := range s.Tries {
			if c.Age+since < time.Minute {
				e.tries += c.N
			}
		}
		if since < aliveFor {
			e.live += s.Live
		}
		if until := o.seen.Add(s.Stopped); s.Stopped > 0 && until.After(e.stopped) {
			e.stopped = until
		}
	}
	return e
}

// Elsewhere counts the calls that a device or trunk is in at the other machines.
func (g *Guard) Elsewhere(name string) (n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, o := range g.others {
		if time.Since(o.seen) < aliveFor {
			n += o.figures.Calls[name]
		}
	}
	return n
}

// figures are this machine's.
func (g *Guard) figures(now time.Time) Figures {
	f := Figures{Payers: make(map[string]Spent)}
	if g.Calls != nil {
		f.Calls = g.Calls()
	}
	var live map[string]int
	if g.Live != nil {
		live = g.Live()
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for payer, who := range g.callers {
		s := Spent{Begun: counts(lately(who.begun, now), now), Tries: counts(lately(who.tries, now), now), Live: live[payer]}
		if left := who.stopped.Sub(now); left > 0 {
			s.Stopped = left
		}
		if len(s.Begun)+len(s.Tries)+s.Live > 0 || s.Stopped > 0 {
			f.Payers[payer] = s
		}
	}
	for payer, n := range live {
		if _, there := f.Payers[payer]; !there {
			f.Payers[payer] = Spent{Live: n}
		}
	}
	return f
}

// counts puts times into seconds of age, the oldest first.
func counts(at []time.Time, now time.Time) (all []Count) {
	for _, t := range at {
		age := now.Sub(t).Truncate(time.Second)
		if n := len(all); n > 0 && all[n-1].Age == age {
			all[n-1].N++
			continue
		}
		all = append(all, Count{age, 1})
	}
	return all
}

// Sync shows this machine's figures and looks at the others'. Run calls it.
func (g *Guard) Sync(ctx context.Context) error {
	if g.Shared == nil {
		return nil
	}
	g.syncing.Lock()
	defer g.syncing.Unlock()
	ctx, cancel := context.WithTimeout(ctx, showTime)
	defer cancel()
	mine := g.figures(time.Now())
	if !mine.Empty() || !g.shownNothing {
		if err := g.Shared.Show(ctx, mine); err != nil {
			return err
		}
		g.shownNothing = mine.Empty()
	}
	others, err := g.Shared.Others(ctx)
	if err != nil {
		return err
	}
	now := time.Now()
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.others == nil {
		g.others = make(map[string]*other)
	}
	for node, s := range others {
		if o := g.others[node]; o == nil || o.version != s.Version {
			g.others[node] = &other{s.Version, now, s.Figures}
		}
	}
	for node, o := range g.others {
		// What has gone from the store, or is long over, is forgotten.
		if _, there := others[node]; !there && now.Sub(o.seen) > time.Minute && !stoppedStill(o, now) {
			delete(g.others, node)
		}
	}
	return nil
}

func stoppedStill(o *other, now time.Time) bool {
	for _, s := range o.figures.Payers {
		if o.seen.Add(s.Stopped).After(now) {
			return true
		}
	}
	return false
}

// share keeps the figures of the machines up to date until ctx is done.
func (g *Guard) share(ctx context.Context) {
	every, soon := time.NewTicker(showEvery), time.NewTimer(time.Hour)
	defer every.Stop()
	defer soon.Stop()
	failing := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-g.kick:
			soon.Reset(showSoon) // several calls are shown together
			continue
		case <-soon.C:
		case <-every.C:
		}
		err := g.Sync(ctx)
		if ctx.Err() != nil {
			return
		}
		if err != nil && !failing {
			g.Log.Warn("what callers spend is not known from the other machines; quotas count here alone", "err", err)
		}
		failing = err != nil
	}
}

// oldestOf is the older of two times; zero is none.
func oldestOf(a, b time.Time) time.Time {
	all := slices.DeleteFunc([]time.Time{a, b}, time.Time.IsZero)
	if len(all) == 0 {
		return time.Time{}
	}
	return slices.MinFunc(all, func(a, b time.Time) int { return cmp.Compare(a.UnixNano(), b.UnixNano()) })
}
