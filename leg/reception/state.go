package reception

import (
	"errors"
	"time"

	"tandem/call"
	"tandem/media"
	"tandem/media/prompt"
)

// A phase is where a caller is.
//
//	typing --#--> looking --found--> telling --said--> away --it worked--> (the leg ends)
//	   ^             |                                   |
//	   +--try again--+-----------------it did not work---+
//	   +--no try left, or out of time--> leaving --said--> over
type phase uint8

const (
	typing  phase = iota // keys are taken
	looking              // the service is asked for what was typed
	telling              // "You are being connected."
	away                 // the call is transferred; the outcome comes
	leaving              // "Goodbye."
	over
)

func (p phase) String() string {
	return [...]string{"typing", "looking", "telling", "away", "leaving", "over"}[p]
}

const (
	maxTyped   = 32               // keys
	meetingID  = 13               // digits of a meeting's ID
	lookWithin = 20 * time.Second // the lookup's own limit is shorter
	tail       = 300 * time.Millisecond
)

// state is all a reception remembers of a caller. step, its whole logic, has no clock
// and does no I/O.
type state struct {
	desk   *desk
	phase  phase
	since  time.Time // when phase began
	due    time.Time // when something happens by itself
	total  time.Time // when the caller's time here is over
	typed  string
	ahead  string // typed while the service is asked: the next entry, should this one be wrong
	id     string // what is looked up
	title  string // of the meeting
	notice string // why the last try failed
	left   int    // tries
	looks  int    // lookups so far; answers to older ones are late
	last   call.Ended
}

// What happens to a reception.
type (
	began  struct{}
	key    rune
	passed struct{} // time
	found  struct {
		look  int
		title string
		err   error
		stop  bool // the caller has guessed too often
	}
	back struct { // a transfer did not work
		cause call.Cause
		stop  bool
	}
)

// What a reception does.
type (
	say  []prompt.Name // in place of what is being said
	look struct {
		number int
		id     string
	}
	pass struct{ to string } // the call to what was typed
	end  struct{ call.Ended }
)

// step is pure: what happens at now leads to the next state and to what is to be done.
func (s state) step(now time.Time, what any) (state, []any) {
	switch what := what.(type) {
	case began:
		s.left, s.total = s.desk.Tries, now.Add(s.desk.Total)
		return s.listen(now, prompt.Enter)
	case key:
		switch {
		case s.phase == typing:
			return s.press(now, rune(what))
		case s.phase == looking && len(s.ahead) < maxTyped:
			s.ahead += string(rune(what))
		}
	case passed:
		return s.pass(now)
	case found:
		if s.phase == looking && what.look == s.looks {
			return s.found(now, what)
		}
	case back:
		if s.phase == away {
			s.total = s.total.Add(now.Sub(s.since)) // what happened elsewhere did not take time here
			return s.fail(now, call.Ended{Cause: what.cause}, what.stop)
		}
	}
	return s, nil
}

// enter begins a phase that ends by itself after d.
func (s state) enter(now time.Time, p phase, d time.Duration) state {
	s.phase, s.since, s.due = p, now, now.Add(d)
	return s
}

// listen says something and waits for keys.
func (s state) listen(now time.Time, names ...prompt.Name) (state, []any) {
	s = s.enter(now, typing, s.desk.lasts(names...)+s.desk.NoInput)
	s.typed = ""
	return s, []any{say(names)}
}

// press takes a key. The first one of an entry ends what is being said.
func (s state) press(now time.Time, k rune) (state, []any) {
	var todo []any
	if s.typed == "" {
		todo = append(todo, say(nil))
	}
	switch {
	case k == '*':
		s.typed, s.due = "", now.Add(s.desk.NoInput)
	case k == '#' && s.typed != "":
		return s.submit(now)
	case k >= '0' && k <= '9' && len(s.typed) < maxTyped:
		s.typed += string(k)
		s.due = now.Add(s.desk.Between)
	default: // nothing a reception has a use for
		return s, nil
	}
	return s, todo
}

// pass lets time pass.
func (s state) pass(now time.Time) (state, []any) {
	switch {
	case (s.phase == typing || s.phase == looking) && !now.Before(s.total):
		s.last = call.Ended{Cause: call.InvalidNumber, Text: "no meeting was found within the time a caller has at the reception"}
		return s.leave(now, prompt.Silent)
	case s.phase == away || s.phase == over || now.Before(s.due):
		return s, nil
	}
	switch s.phase {
	case typing:
		if s.complete() {
			return s.submit(now)
		}
		return s.fail(now, call.Ended{Cause: call.InvalidNumber, Text: "no complete meeting ID was typed in time"}, false)
	case looking:
		return s.fail(now, call.Ended{Cause: call.Unavailable, Text: "the meeting service did not answer"}, false)
	case telling:
		to, _ := s.desk.after.Apply(s.id) // it did when the ID was found
		return s.enter(now, away, 0), []any{pass{to}}
	case leaving:
		s.phase = over
		return s, []any{end{s.last}}
	}
	return s, nil
}

// complete reports whether what was typed looks whole, though nobody pressed '#'.
func (s state) complete() bool {
	if s.desk.Match != "" {
		_, ok := s.desk.before.Apply(s.typed)
		return ok && s.typed != ""
	}
	return len(s.typed) == meetingID
}

// submit takes what was typed for the ID.
func (s state) submit(now time.Time) (state, []any) {
	id, ok := s.desk.before.Apply(s.typed)
	if !ok || id == "" {
		return s.fail(now, call.Ended{Cause: call.MeetingUnknown, Text: "what was typed does not match the reception's expression"}, false)
	}
	s.id, s.notice, s.last, s.ahead = id, "", call.Ended{}, ""
	s.looks++
	if s.desk.Token == "" {
		return s.found(now, found{look: s.looks})
	}
	return s.enter(now, looking, lookWithin), []any{say(nil), look{s.looks, id}}
}

// found goes on with what the service said.
func (s state) found(now time.Time, f found) (state, []any) {
	if f.err != nil {
		return s.fail(now, endedBy(f.err), f.stop)
	}
	if to, ok := s.desk.after.Apply(s.id); !ok || to == "" {
		return s.fail(now, call.Ended{Cause: call.NoRoute, Text: "the ID does not match the reception's expression for after the lookup"}, false)
	}
	s.title = f.title
	return s.enter(now, telling, s.desk.lasts(prompt.Connecting)+tail), []any{say{prompt.Connecting}}
}

// fail counts a try and says what was wrong; stop leaves none.
func (s state) fail(now time.Time, why call.Ended, stop bool) (state, []any) {
	s.last, s.title = why, ""
	s.notice = why.Cause.Sentence()
	if why.Cause == call.InvalidNumber {
		s.notice = "No complete meeting ID was typed in time."
	}
	if s.left--; s.left <= 0 || stop {
		return s.leave(now, sentence(why.Cause))
	}
	ahead := s.ahead
	s, todo := s.listen(now, sentence(why.Cause), prompt.Again)
	for _, k := range ahead {
		var more []any
		s, more = s.step(now, key(k))
		todo = append(todo, more...)
	}
	return s, todo
}

func (s state) leave(now time.Time, why prompt.Name) (state, []any) {
	s = s.enter(now, leaving, s.desk.lasts(why, prompt.Goodbye)+tail)
	s.typed = ""
	return s, []any{say{why, prompt.Goodbye}}
}

// sentence tells a caller why a try failed.
func sentence(c call.Cause) prompt.Name {
	switch c {
	case call.InvalidNumber:
		return prompt.Silent
	case call.MeetingUnknown, call.NoRoute, call.UnknownNumber:
		return prompt.Unknown
	case call.MeetingOver:
		return prompt.Ended
	case call.MeetingFull, call.Busy:
		return prompt.Full
	case call.NotAdmitted, call.Rejected, call.Removed, call.VideoRefused, call.Forbidden, call.Barred, call.Emergency:
		return prompt.Refused
	case call.LobbyTimeout, call.NoAnswer:
		return prompt.Unanswered
	}
	return prompt.Unavailable
}

// endedBy is the cause of a lookup's error.
func endedBy(err error) call.Ended {
	var r *call.RefusalError
	if errors.As(err, &r) {
		why := r.Ended
		if why.Text == "" {
			why.Text = err.Error()
		}
		return why
	}
	return call.Ended{Cause: call.Unavailable, Text: err.Error()}
}

// wake is when time is to pass; zero for never.
func (s state) wake() time.Time {
	switch {
	case s.phase == away || s.phase == over:
		return time.Time{}
	case (s.phase == typing || s.phase == looking) && s.total.Before(s.due):
		return s.total
	}
	return s.due
}

// roster is what the screen shows.
func (s state) roster() media.Roster {
	r := media.Roster{Stage: media.Typing, Title: s.desk.Title, Since: s.since, Typed: s.typed, Notice: s.notice}
	switch s.phase {
	case typing:
		if s.typed != "" || s.notice == "" {
			r.Notice = s.desk.Notice
		}
	case looking:
		r.Notice = "Looking for the meeting …"
	case telling, away:
		r.Stage, r.Typed, r.Notice = media.Joining, "", "You are being connected."
		r.Title = or(s.title, s.desk.Title)
	case leaving, over:
		r.Notice = or(s.notice, "The time is over.") + " Goodbye."
	}
	return r
}
