package reception

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"tandem/call"
	"tandem/media"
	"tandem/media/prompt"
)

// script drives a state without a clock: each word is something that happens.
//
//	a digit, * or #   a key, a second after what came before
//	+12s              so much time passes, in steps of 100 ms
//	found, found=X    the service knows the meeting (X is its title)
//	no=CAUSE          it does not
//	stop=CAUSE        and the caller has guessed too often
//	late              an answer to a lookup that was given up
//	back=CAUSE        the transfer did not work
type script struct {
	t   *testing.T
	now time.Time
	s   state
	log []string
}

func newDesk(t *testing.T, c Config) *desk {
	t.Helper()
	if c.Name == "" {
		c.Name = "front"
	}
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	d, err := c.open()
	if err != nil {
		t.Fatal(err)
	}
	for name := range d.speech { // a second each makes times easy to read
		d.speech[name] = make([]int16, rate)
	}
	return d
}

func play(t *testing.T, c Config, words string) *script {
	t.Helper()
	p := &script{t: t, now: time.Unix(1e9, 0), s: state{desk: newDesk(t, c)}}
	p.step(began{})
	for _, w := range strings.Fields(words) {
		p.word(w)
	}
	return p
}

func (p *script) word(w string) {
	name, value, _ := strings.Cut(w, "=")
	cause := func() call.Cause {
		var c call.Cause
		if err := c.UnmarshalText([]byte(value)); err != nil {
			p.t.Fatal(err)
		}
		return c
	}
	switch name {
	case "found":
		p.step(found{look: p.s.looks, title: value})
	case "no":
		p.step(found{look: p.s.looks, err: call.Refusal(cause(), errors.New("no"))})
	case "stop":
		p.step(found{look: p.s.looks, err: call.Refusal(cause(), errors.New("no")), stop: true})
	case "late":
		p.step(found{look: p.s.looks - 1, title: "late"})
	case "back":
		p.step(back{cause: cause()})
	default:
		if d, err := time.ParseDuration(strings.TrimPrefix(w, "+")); w[0] == '+' && err == nil {
			p.wait(d)
			return
		}
		for _, k := range w {
			p.wait(time.Second)
			p.step(key(k))
		}
	}
}

func (p *script) wait(d time.Duration) {
	for end := p.now.Add(d); p.now.Before(end); {
		p.now = p.now.Add(100 * time.Millisecond)
		if at := p.s.wake(); !at.IsZero() && !at.After(p.now) {
			p.step(passed{})
		}
	}
}

func (p *script) step(what any) {
	var todo []any
	p.s, todo = p.s.step(p.now, what)
	for _, do := range todo {
		switch do := do.(type) {
		case say:
			if len(do) > 0 {
				p.log = append(p.log, fmt.Sprint("say ", []prompt.Name(do)))
			}
		case look:
			p.log = append(p.log, "look "+do.id)
		case pass:
			p.log = append(p.log, "pass "+do.to)
		case end:
			p.log = append(p.log, "end "+do.Cause.String())
		}
	}
}

const id = "1234567890123"

func TestACallerAtTheReception(t *testing.T) {
	for _, c := range []struct {
		name   string
		conf   Config
		happen string
		want   []string
	}{
		{
			"V-2, V-4, V-6: an ID is typed, looked up and dialled as a new call",
			Config{Token: "acme"},
			id + "# found=Sales +2s",
			[]string{"say [enter]", "look " + id, "say [connecting]", "pass " + id},
		},
		{
			"without a token nothing is looked up",
			Config{},
			"4711# +2s",
			[]string{"say [enter]", "say [connecting]", "pass 4711"},
		},
		{
			"V-3, V-5: expressions before and after the lookup",
			Config{Token: "acme", Match: `9(\d+)`, Replace: `\1`, PostMatch: `(.*)`, PostReplace: `$1@meet.example`},
			"9" + id + "# found +2s",
			[]string{"say [enter]", "look " + id, "say [connecting]", "pass " + id + "@meet.example"},
		},
		{
			"what does not match is not looked up",
			Config{Token: "acme", Match: `9\d+`},
			"123#",
			[]string{"say [enter]", "say [unknown again]"},
		},
		{
			"an ID that does not match after the lookup is not dialled",
			Config{Token: "acme", PostMatch: `9\d+`},
			"123# found",
			[]string{"say [enter]", "look 123", "say [unknown again]"},
		},
		{
			"the star begins again",
			Config{Token: "acme"},
			"99*" + id + "#",
			[]string{"say [enter]", "look " + id},
		},
		{
			"V-8: 20 s without a key are a try; after three goodbye",
			Config{},
			"+21s +22s +23s +3s",
			[]string{"say [enter]", "say [silent again]", "say [silent again]", "say [silent goodbye]", "end invalid_number"},
		},
		{
			"20 s count from the end of what was said",
			Config{},
			"+20s",
			[]string{"say [enter]"},
		},
		{
			"V-8: 10 s between keys are a try",
			Config{},
			"123 +10s",
			[]string{"say [enter]", "say [silent again]"},
		},
		{
			"a whole ID needs no #",
			Config{Token: "acme"},
			id + " +10s",
			[]string{"say [enter]", "look " + id},
		},
		{
			"with an expression whatever matches it is whole",
			Config{Match: `\d{4}`},
			"4711 +10s",
			[]string{"say [enter]", "say [connecting]"},
		},
		{
			"V-7: two minutes in total, however busy",
			Config{},
			"1*1*1*1*1*1*1*1*1*1*1*1*1*1*1*1*1*1*1*1*1*1*1*1*1*1*1*1*1*1*1*1*1*1*1*1*1*1*1*1*1*1*1*1*1*1*1*1*1*1*1*1*1*1*1*1*1*1*1*1*1*1 +3s",
			[]string{"say [enter]", "say [silent goodbye]", "end invalid_number"},
		},
		{
			"three unknown IDs",
			Config{Token: "acme"},
			"1# no=meeting_unknown 2# no=meeting_unknown 3# no=meeting_unknown +3s",
			[]string{"say [enter]", "look 1", "say [unknown again]", "look 2", "say [unknown again]", "look 3", "say [unknown goodbye]", "end meeting_unknown"},
		},
		{
			"each refusal has its sentence",
			Config{Token: "acme", Tries: 9},
			"1# no=meeting_over 2# no=forbidden 3# no=unavailable 4# no=meeting_full 5# no=credentials_wrong 6# no=congestion",
			[]string{
				"say [enter]", "look 1", "say [ended again]", "look 2", "say [refused again]", "look 3", "say [unavailable again]", "look 4", "say [full again]",
				"look 5", "say [unavailable again]", "look 6", "say [unavailable again]",
			},
		},
		{
			"a service that does not answer is given up, and its late answer passed over",
			Config{Token: "acme"},
			"1# +20s 2# late",
			[]string{"say [enter]", "look 1", "say [unavailable again]", "look 2"},
		},
		{
			"who guesses too often has no further try",
			Config{Token: "acme"},
			"1# stop=meeting_unknown +3s",
			[]string{"say [enter]", "look 1", "say [unknown goodbye]", "end meeting_unknown"},
		},
		{
			"a transfer that failed brings the caller back",
			Config{Token: "acme"},
			"1# found +2s +35s back=lobby_timeout 2# found +2s",
			[]string{"say [enter]", "look 1", "say [connecting]", "pass 1", "say [unanswered again]", "look 2", "say [connecting]", "pass 2"},
		},
		{
			"and the last one ends it",
			Config{Token: "acme", Tries: 1},
			"1# found +2s back=not_admitted +3s",
			[]string{"say [enter]", "look 1", "say [connecting]", "pass 1", "say [refused goodbye]", "end not_admitted"},
		},
		{
			"time elsewhere is not time at the reception",
			Config{Token: "acme"},
			"1# found +2s +10m back=no_answer +20s 2#",
			[]string{"say [enter]", "look 1", "say [connecting]", "pass 1", "say [unanswered again]", "look 2"},
		},
		{
			"keys that mean nothing",
			Config{Token: "acme"},
			"#AD1B#",
			[]string{"say [enter]", "look 1"},
		},
		{
			"keys while the service is asked are the next ID",
			Config{Token: "acme"},
			"1#55#6 no=meeting_unknown no=meeting_unknown #",
			[]string{"say [enter]", "look 1", "say [unknown again]", "look 55", "say [unknown again]", "look 6"},
		},
		{
			"unless the first was right",
			Config{Token: "acme"},
			"1#55# found +2s",
			[]string{"say [enter]", "look 1", "say [connecting]", "pass 1"},
		},
		{
			"33 keys are not typed",
			Config{},
			strings.Repeat("1", 40) + "# +2s",
			[]string{"say [enter]", "say [connecting]", "pass " + strings.Repeat("1", 32)},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			if p := play(t, c.conf, c.happen); !slices.Equal(p.log, c.want) {
				t.Errorf("got  %q\nwant %q", p.log, c.want)
			}
		})
	}
}

func TestWhatACallerSees(t *testing.T) {
	type screen struct {
		stage                media.Stage
		title, notice, typed string
	}
	for _, c := range []struct {
		name, happen string
		want         screen
	}{
		{"at first", "", screen{media.Typing, "Join a meeting", defaultNotice, ""}},
		{"digits", "123", screen{media.Typing, "Join a meeting", defaultNotice, "123"}},
		{"the lookup", "123#", screen{media.Typing, "Join a meeting", "Looking for the meeting …", "123"}},
		{"the meeting's title", "123# found=Sales", screen{media.Joining, "Sales", "You are being connected.", ""}},
		{"a meeting without one", "123# found", screen{media.Joining, "Join a meeting", "You are being connected.", ""}},
		{"why not", "123# no=meeting_unknown", screen{media.Typing, "Join a meeting", call.MeetingUnknown.Sentence(), ""}},
		{"why not, until the next key", "123# no=meeting_unknown 4", screen{media.Typing, "Join a meeting", defaultNotice, "4"}},
		{"after a timeout", "1 +10s", screen{media.Typing, "Join a meeting", "No complete meeting ID was typed in time.", ""}},
		{"the end", "1# stop=meeting_unknown", screen{media.Typing, "Join a meeting", call.MeetingUnknown.Sentence() + " Goodbye.", ""}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := play(t, Config{Token: "acme"}, c.happen).s.roster()
			if got := (screen{r.Stage, r.Title, r.Notice, r.Typed}); got != c.want {
				t.Errorf("got  %+v\nwant %+v", got, c.want)
			}
		})
	}
}
