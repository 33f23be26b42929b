package alarm

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	defaultHistory   = 500
	defaultMaxActive = 1000
)

// Board holds the alarms of one gateway. The zero value is ready to use; set
// the fields before the first call. Every method may be called at any time, by
// any goroutine, and none of them waits for I/O of its own.
type Board struct {
	Log       *slog.Logger // one line per begin, change and end; nil is slog.Default
	History   int          // ended alarms kept, newest win; 0 means 500
	MaxActive int          // alarms active at once; more are counted, not kept; 0 means 1000

	mu          sync.Mutex // guards all below
	active      map[string]Alarm
	history     []Alarm // oldest first
	raised      uint64
	dropped     uint64
	subscribers map[int]func(Alarm)
	nextID      int
	pending     []Alarm // changes not yet told to the subscribers, in order
	telling     bool    // some goroutine is telling them
}

// Stats is the board's figures for the metrics.
type Stats struct {
	Active  map[Severity]int // alarms active now
	Raised  uint64           // alarms begun since start
	Dropped uint64           // alarms not kept because MaxActive was reached
}

// Raise begins the alarm, or refreshes it when it is active already: raising
// twice is the same as raising once, except that Count and Last move and new
// words replace the old ones. Subscribers and the log hear only of changes.
func (b *Board) Raise(a Alarm) {
	if a.Key == "" {
		a.Key = strings.TrimSuffix(a.Title+"/"+a.Subject, "/")
	}
	if b.put(&a) {
		b.log().Log(context.Background(), level(a.Severity), "alarm raised", "key", a.Key, "severity", a.Severity.String(),
			"title", a.Title, "subject", a.Subject, "detail", a.Detail, "do", a.Do)
		b.tell()
	}
}

// put stores a and reports whether a person should hear of it.
func (b *Board) put(a *Alarm) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	old, ok := b.active[a.Key]
	if !ok && len(b.active) >= orDefault(b.MaxActive, defaultMaxActive) {
		b.dropped++
		return false
	}
	a.Begin, a.Last, a.End, a.Count = now, now, time.Time{}, 1
	if ok {
		a.Begin, a.Count, a.Acknowledged = old.Begin, old.Count+1, old.Acknowledged
	} else {
		b.raised++
	}
	if b.active == nil {
		b.active = make(map[string]Alarm)
	}
	b.active[a.Key] = *a
	if ok && a.saysTheSame(old) {
		return false
	}
	b.queueLocked(*a)
	return true
}

// Clear ends the alarm with that key and moves it to the history. Clearing
// what is not active does nothing.
func (b *Board) Clear(key string) {
	a, ok := b.end(key)
	if !ok {
		return
	}
	b.log().Info("alarm cleared", "key", a.Key, "title", a.Title, "subject", a.Subject,
		"lasted", a.End.Sub(a.Begin).Round(time.Millisecond))
	b.tell()
}

func (b *Board) end(key string) (Alarm, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	a, ok := b.active[key]
	if !ok {
		return Alarm{}, false
	}
	a.End = time.Now()
	delete(b.active, key)
	b.history = append(b.history, a)
	if over := len(b.history) - orDefault(b.History, defaultHistory); over > 0 {
		b.history = slices.Delete(b.history, 0, over)
	}
	b.queueLocked(a)
	return a, true
}

// Active returns the alarms that last, the most severe first, then the newest.
func (b *Board) Active() []Alarm {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := make([]Alarm, 0, len(b.active))
	for _, a := range b.active {
		all = append(all, a)
	}
	slices.SortFunc(all, func(x, y Alarm) int {
		if x.Severity != y.Severity {
			return int(y.Severity - x.Severity)
		}
		if c := y.Begin.Compare(x.Begin); c != 0 {
			return c
		}
		return strings.Compare(x.Key, y.Key)
	})
	return all
}

// Ended returns the alarms that are over, the newest first.
func (b *Board) Ended() []Alarm {
	b.mu.Lock()
	defer b.mu.Unlock()
	ended := slices.Clone(b.history)
	slices.Reverse(ended)
	return ended
}

// Stats returns the board's figures.
func (b *Board) Stats() Stats {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := Stats{
		Active: map[Severity]int{Info: 0, Warning: 0, Critical: 0},
		Raised: b.raised, Dropped: b.dropped,
	}
	for _, a := range b.active {
		s.Active[a.Severity]++
	}
	return s
}

func (b *Board) log() *slog.Logger {
	if b.Log == nil {
		return slog.Default()
	}
	return b.Log
}

func level(s Severity) slog.Level {
	switch s {
	case Info:
		return slog.LevelInfo
	case Warning:
		return slog.LevelWarn
	default:
		return slog.LevelError
	}
}

func orDefault(n, otherwise int) int {
	if n <= 0 {
		return otherwise
	}
	return n
}
