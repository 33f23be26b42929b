package call

import (
	"math"
	"slices"
	"time"
)

// Side is a place a leg can have in a call.
type Side uint8

const (
	A Side = iota // the leg that called us, or the one that stays in a transfer
	B             // the leg we made
	X             // a leg that asked for a transfer and waits for its outcome
)

func (s Side) String() string { return [...]string{"A", "B", "X"}[s] }

// other is the leg a leg of a joined call talks to.
func (s Side) other() Side { return 1 - s }

// Phase is how far a call has come.
//
//	dialing ──> early ──> active ──> ending ──> over
//	   ^ │        │         │ ^         ^
//	   │ │        └─failed──│─┘         │
//	   └─│───────transfer───┘           │
//	     └──────────┴───────┴───────────┘
type Phase uint8

const (
	Dialing Phase = iota // no word of the B-leg yet
	Early                // B rings, or sends early media
	Active               // both answered, media joined
	Ending               // waiting for the legs to let go
	Over
)

func (p Phase) String() string {
	return [...]string{"dialing", "early", "active", "ending", "over"}[p]
}

const (
	// Longer than a leg needs to give up its BYE (64*T1, RFC 3261 §17.1.2.2).
	endTimeout = 40 * time.Second
	never      = math.MaxInt64
	// Phones that forward to each other would never end.
	maxMoves = 3
)

// What happens to a call besides its legs' events.
type (
	timedOut  struct{}
	stopping  struct{}            // the gateway shuts down
	refused   struct{ end Ended } // routing or dialling failed before there was a leg
	adopted   struct{ err error } // the leg asked for by fetch is at X (nil), or cannot be had
	surrender struct{}            // another call takes the leg that talks to the one at this side
	hangup    struct{ end Ended } // an administrator ends the call
)

// What step asks Run to do.
type (
	tell struct { // pass ev to the leg at side
		side Side
		ev   Event
	}
	route    struct{ to string }       // find the destinations for a new alias, dial the first
	hunt     struct{}                  // let go of B, dial the next destination
	forward  struct{ to string }       // let go of B, find the destinations for the alias it named, dial the first
	join     struct{}                  // join the media of A and B; no ringback any more
	unjoin   struct{}                  // take the media apart
	ring     struct{}                  // join, and play ringback to A while B is not to be heard
	park     struct{ side Side }       // the leg at side moves to X; the other one becomes A
	unpark   struct{}                  // the leg at X becomes B again
	letGo    struct{}                  // hang up on B and forget it
	fetch    struct{ leg string }      // ask for the leg that talks to this one
	swapIn   struct{ side Side }       // the leg at side moves to X, its partner becomes A, the fetched one B
	giveAway struct{ side Side }       // hand the leg at side to the call that asked
	timer    struct{ d time.Duration } // set the call's one timer
)

// state is everything a call remembers.
type state struct {
	phase  Phase
	gone   [3]bool // by Side: there is no leg, or it has sent Ended
	end    Ended   // the first reason to end
	up     bool    // A has been answered
	joined bool    // the bridge runs; early media joins before the answer
	left   int     // destinations not yet tried
	moves  int     // how often the call was forwarded
	stop   []Cause // causes that end the hunt at the current destination
	mute   bool    // the current destination's early media is not for A
	asks   Side    // who waits for a fetched leg
	takes  bool    // A came to take another leg's place (INVITE with Replaces)
}

func begin() state { return state{gone: [3]bool{X: true}} }

// phaseLine is what the log says of a new phase: with a cause once there is one.
func (s state) phaseLine(was Phase) []any {
	line := []any{"now", s.phase, "was", was}
	if s.phase >= Ending {
		line = append(line, "cause", s.end.Cause, "text", s.end.Text)
	}
	return line
}

// step is the whole logic of a call: no I/O, no clock, no goroutine. Given the
// state and what happened it returns the next state and what to do.
func (s state) step(at Side, what any) (state, []any) {
	switch ev := what.(type) {
	case Progress:
		if at == B && s.phase < Active {
			return s.progress(ev)
		}
	case Answered:
		if at == B && s.phase < Active {
			return s.answered(ev)
		}
	case Transfer:
		return s.transfer(at, ev)
	case adopted:
		return s.adopted(ev)
	case surrender:
		return s.surrender(at)
	case Digit:
		if s.phase == Active && at != X {
			return s, []any{tell{at.other(), ev}}
		}
	case Ended:
		return s.ended(at, ev)
	case refused:
		s.gone[B] = true
		return s.failed(ev.end)
	case timedOut:
		if s.phase == Ending { // a leg broke its promise; do not wait for ever
			s.phase = Over
			return s, nil
		}
		return s.noAnswer()
	case stopping:
		return s.finish(Ended{Cause: Shutdown})
	case hangup:
		return s.finish(ev.end)
	}
	return s, nil
}

func (s state) progress(ev Progress) (state, []any) {
	if ev.Lobby {
		return s.lobby(ev)
	}
	early := ev.Early && !s.mute
	if !early {
		ev = Progress{}
	}
	repeated := s.phase == Early && s.joined
	s.phase = Early
	switch {
	case early && !s.joined:
		s.joined = true
		if s.up {
			return s, []any{join{}}
		}
		return s, []any{tell{A, ev}, join{}}
	case early:
		return s, nil
	case s.up: // A talks to us already: only we can let it hear that B rings
		s.joined = true
		return s, []any{ring{}}
	case repeated: // Google Voice sends 180 after 183 and means it (gvsip.info, GV-C15)
		return s, []any{tell{A, ev}, ring{}}
	}
	return s, []any{tell{A, ev}}
}

// lobby answers A, because no telephone and few rooms show early video: what A
// waits for is told by B's own screen and prompt.
func (s state) lobby(ev Progress) (state, []any) {
	var todo []any
	if !s.up {
		todo = append(todo, tell{A, Answered{Codec: ev.Codec, Video: ev.Video}})
	}
	s.phase, s.up, s.joined = Early, true, true
	// How long somebody may wait to be admitted is B's to limit, not ours.
	return s, append(todo, timer{never}, join{})
}

func (s state) answered(ev Answered) (state, []any) {
	var todo []any
	if !s.up {
		todo = append(todo, tell{A, ev})
	}
	s.phase, s.up, s.joined = Active, true, true
	todo = append(todo, timer{never}, join{})
	if !s.gone[X] {
		todo = append(todo, tell{X, Transferred{NormalClearing}}, tell{X, Ended{Cause: TransferDone}})
	}
	return s, todo
}

func (s state) transfer(at Side, ev Transfer) (state, []any) {
	if s.phase != Active || at == X || !s.gone[X] {
		return s, []any{tell{at, Transferred{Rejected}}}
	}
	if ev.Replaces != "" {
		s.asks = at
		return s, []any{fetch{ev.Replaces}}
	}
	s.phase, s.joined = Dialing, false
	s.gone[X], s.gone[B] = false, false
	todo := []any{unjoin{}, park{at}}
	if ev.Leave {
		todo = append(todo, tell{X, Ended{Cause: TransferDone}})
	}
	return s, append(todo, route{ev.To})
}

// adopted ends an attended transfer: the two far ends talk to each other.
func (s state) adopted(ev adopted) (state, []any) {
	switch {
	case s.takes && s.phase == Dialing && ev.err != nil:
		s.gone[B] = true
		return s.failed(Ended{Cause: Unreachable, Text: ev.err.Error()})
	case s.takes && s.phase == Dialing:
		s.phase, s.up, s.joined, s.takes = Active, true, true, false
		return s, []any{unpark{}, tell{A, Answered{}}, timer{never}, join{}}
	}
	if s.phase != Active { // it came too late: whoever was fetched has nobody to talk to
		if ev.err == nil {
			s.gone[X] = false
			return s, []any{tell{X, Ended{Cause: s.end.Cause}}}
		}
		return s, nil
	}
	if ev.err != nil {
		return s, []any{tell{s.asks, Transferred{Unreachable}}}
	}
	// The fetched leg is at X; it changes places with the one that asked.
	s.gone[X] = false
	return s, []any{unjoin{}, swapIn{s.asks}, join{}, tell{X, Transferred{NormalClearing}}, tell{X, Ended{Cause: TransferDone}}}
}

// surrender gives the leg that talks to the one at side at to another call.
func (s state) surrender(at Side) (state, []any) {
	if s.phase != Active || at == X || !s.gone[X] {
		return s, []any{giveAway{X}} // nobody: the asker is told no
	}
	s.joined = false
	s.gone[at.other()] = true
	s.phase, s.end = Ending, Ended{Cause: TransferDone}
	return s, []any{unjoin{}, giveAway{at.other()}, tell{at, s.end}, timer{endTimeout}}
}

func (s state) ended(at Side, ev Ended) (state, []any) {
	s.gone[at] = true
	switch {
	case s.phase == Ending:
		if s.gone == [3]bool{true, true, true} {
			s.phase = Over
		}
		return s, nil
	case at == X: // it did not wait for the outcome of its transfer
		return s, nil
	case at == B && s.phase < Active:
		return s.failed(ev)
	case at == A && s.phase < Active && !s.up:
		ev.Cause = cancelled(ev.Cause)
	}
	return s.finish(ev)
}

// A caller who hangs up before the answer cancels.
func cancelled(c Cause) Cause {
	if c == NormalClearing {
		return Cancelled
	}
	return c
}

// failed goes on after a destination refused: the next one, back to the leg
// that asked for a transfer, or the end.
func (s state) failed(end Ended) (state, []any) {
	if s.phase >= Active {
		return s.finish(end)
	}
	var todo []any
	if s.joined {
		s.joined = false
		todo = append(todo, unjoin{})
	}
	switch {
	case end.Forward != "" && s.moves < maxMoves:
		s.phase, s.gone[B] = Dialing, false
		s.moves++
		return s, append(todo, forward{end.Forward})
	case s.left > 0 && s.hunts(end.Cause):
		s.phase, s.gone[B] = Dialing, false
		return s, append(todo, hunt{})
	case !s.gone[X]:
		s.gone[B], s.gone[X] = false, true
		s.phase, s.joined = Active, true
		return s, append(todo, unpark{}, timer{never}, join{}, tell{B, Transferred{end.Cause}})
	}
	next, more := s.finish(end)
	return next, append(todo, more...)
}

func (s state) hunts(c Cause) bool {
	if s.stop != nil {
		return !slices.Contains(s.stop, c)
	}
	return !c.Final()
}

// noAnswer gives up the destination that rings.
func (s state) noAnswer() (state, []any) {
	if s.phase >= Active {
		return s, nil
	}
	end := Ended{Cause: NoAnswer}
	if s.gone[B] {
		return s.failed(end)
	}
	s.gone[B] = true // whatever it still says is not for this call
	next, todo := s.failed(end)
	return next, append([]any{letGo{}}, todo...)
}

// finish ends the call: whoever is left is told why.
func (s state) finish(end Ended) (state, []any) {
	if s.phase >= Ending {
		return s, nil
	}
	s.phase, s.end = Ending, end
	var todo []any
	if s.joined {
		s.joined = false
		todo = append(todo, unjoin{})
	}
	over := true
	for side, gone := range s.gone {
		if !gone {
			over = false
			todo = append(todo, tell{Side(side), end})
		}
	}
	if over {
		s.phase = Over
		return s, todo
	}
	return s, append(todo, timer{endTimeout})
}
