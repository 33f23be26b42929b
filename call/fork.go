package call

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"tandem/media"
)

// Fork makes one leg of several that ring at once: a group of devices, or the
// contacts of one device. The first to answer takes the call, the others are told
// that it was answered elsewhere. Who declines (603) declines for all; who is
// busy only for itself. Early media of a fork is not passed: there is no telling
// whose it should be.
func Fork(legs []Leg) Leg {
	f := &fork{legs: legs, events: make(chan Event, 4*len(legs)+4)}
	f.info = legs[0].Info()
	var ids, via, remote []string
	for _, l := range legs {
		i := l.Info()
		ids, via, remote = append(ids, i.ID), append(via, i.Via), append(remote, i.Remote)
	}
	f.info.ID = strings.Join(ids, "+")
	via = slices.Compact(via)
	f.one = len(via) == 1
	f.info.Via = strings.Join(via, "+")
	f.info.Remote = strings.Join(remote, ", ")
	var all sync.WaitGroup
	for _, l := range legs {
		all.Go(func() { f.follow(l) })
	}
	go func() { // ends with the last leg, which has promised to
		all.Wait()
		f.last()
		close(f.events)
	}()
	return f
}

type fork struct {
	legs   []Leg
	info   Info
	one    bool // all legs lead to the same device
	events chan Event
	winner atomic.Pointer[Leg]

	mu    sync.Mutex // guards what follows
	rang  bool
	asked bool // the call has hung up
	end   Ended
	ended bool // end is set
	said  bool // the fork's own Ended is out
}

func (f *fork) Info() Info { return f.info }

func (f *fork) Events() <-chan Event { return f.events }

func (f *fork) Media() media.Session {
	if w := f.winner.Load(); w != nil {
		return (*w).Media()
	}
	return nil
}

func (f *fork) Do(ev Event) {
	if w := f.winner.Load(); w != nil {
		(*w).Do(ev)
		return
	}
	if end, ok := ev.(Ended); ok {
		f.mu.Lock()
		f.asked = true
		f.mu.Unlock()
		f.endOthers(nil, end)
	}
}

func (f *fork) endOthers(but Leg, end Ended) {
	for _, l := range f.legs {
		if l != but {
			l.Do(end)
		}
	}
}

// follow reads one leg to its end.
func (f *fork) follow(l Leg) {
	for ev := range l.Events() {
		switch ev := ev.(type) {
		case Progress:
			f.progress(l)
		case Answered:
			f.answered(l, ev)
		case Ended:
			f.legEnded(l, ev)
		default:
			if w := f.winner.Load(); w != nil && *w == l {
				f.events <- ev
			}
		}
	}
}

func (f *fork) progress(l Leg) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.rang && f.winner.Load() == nil {
		f.rang = true
		f.events <- Progress{}
	}
}

func (f *fork) answered(l Leg, ev Answered) {
	f.mu.Lock()
	won := f.winner.Load() == nil && !f.asked
	if won {
		f.winner.Store(&l)
		f.events <- ev
	}
	f.mu.Unlock()
	if won {
		f.endOthers(l, Ended{Cause: AnsweredElsewhere})
		return
	}
	l.Do(Ended{Cause: AnsweredElsewhere})
}

func (f *fork) legEnded(l Leg, ev Ended) {
	f.mu.Lock()
	defer f.mu.Unlock()
	w := f.winner.Load()
	if !f.one {
		ev.Forward = "" // one member's forwarding is not the group's wish
	}
	switch {
	case w != nil && *w == l: // the others may take their time to let go
		f.end, f.ended, f.said = ev, true, true
		f.events <- ev
	case w == nil && (!f.ended || weight(ev.Cause) > weight(f.end.Cause)):
		f.end, f.ended = ev, true
	}
	if w == nil && ev.Cause == Rejected && !f.asked {
		f.asked = true
		f.endOthers(l, Ended{Cause: AnsweredElsewhere}) // Do only posts, so the lock may be held over it
	}
}

// last says Ended when every leg refused.
func (f *fork) last() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.said {
		f.events <- f.end
	}
}

// weight orders the refusals of a fork: the one that tells the caller most wins
// (RFC 3261 §16.7 step 6).
func weight(c Cause) int {
	switch c {
	case Rejected:
		return 5
	case Busy:
		return 4
	case NoAnswer:
		return 3
	case Cancelled, AnsweredElsewhere:
		return 2
	case Unreachable:
		return 1
	}
	return 0
}
