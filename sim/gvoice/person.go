package gvoice

import (
	"fmt"
	"slices"
	"time"
)

// Person is a scripted far end: what happens when a client dials Number, and
// how the caller of an [Incoming] call behaves once it is answered.
type Person struct {
	Number string `json:"number,omitempty"` // E.164; a last "*" matches any rest
	Note   string `json:"note,omitempty"`

	// Until the answer (calls dialled by the client only).
	NoEarlyMedia bool          `json:"no_early_media,omitempty"` // the "Google number" (GV-S39)
	EarlyTone    float64       `json:"early_tone,omitempty"`     // Hz; default 440
	Ring         time.Duration `json:"ring,omitempty"`           // 180 this long after 183; 0: no 180
	AnswerAfter  time.Duration `json:"answer_after,omitempty"`   // since 183
	Refuse       int           `json:"refuse,omitempty"`         // this status instead of an answer
	NoAnswer     bool          `json:"no_answer,omitempty"`

	// After the answer.
	Tone    float64       `json:"tone,omitempty"`     // Hz; 0 sends silence
	DTMF    string        `json:"dtmf,omitempty"`     // sent by RFC 4733 before the tone
	Echo    bool          `json:"echo,omitempty"`     // send back what comes in
	TalkFor time.Duration `json:"talk_for,omitempty"` // then hang up; 0: until the client hangs up
	// StopMedia ends the call by silence instead of BYE: the far end just
	// stops sending (GV-S28).
	StopMedia bool `json:"stop_media,omitempty"`
}

// DefaultPeople are the far persons every edge knows: 555-01xx numbers.
func DefaultPeople() []Person {
	return []Person{
		{Number: "+12025550100", Note: "answers after 0.2 s and talks at 1000 Hz", AnswerAfter: 200 * time.Millisecond, Tone: 1000},
		{Number: "+12025550101", Note: "answers after 1 s, talks at 440 Hz for 3 s, hangs up", AnswerAfter: time.Second, Tone: 440, EarlyTone: 425, TalkFor: 3 * time.Second},
		{Number: "+12025550102", Note: "busy", AnswerAfter: 100 * time.Millisecond, Refuse: 486},
		{Number: "+12025550103", Note: "never answers", Ring: 200 * time.Millisecond, NoAnswer: true},
		{Number: "+12025550104", Note: "declines", AnswerAfter: 500 * time.Millisecond, Refuse: 603},
		{Number: "+12025550105", Note: "180 after 183, answers after 3 s", Ring: 300 * time.Millisecond, AnswerAfter: 3 * time.Second, NoEarlyMedia: true, Tone: 800},
		{Number: "+12025550106", Note: "a Google number: no early media", NoEarlyMedia: true, AnswerAfter: 2 * time.Second, Tone: 600},
		{Number: "+12025550107", Note: "echo", AnswerAfter: 200 * time.Millisecond, Echo: true},
		{Number: "+12025550108", Note: "voicemail: rings, greets with a beep, hangs up after 30 s", Ring: 200 * time.Millisecond, AnswerAfter: 4 * time.Second, Tone: 1400, TalkFor: 30 * time.Second},
		{Number: "+12025550109", Note: "answers and hangs up at once", AnswerAfter: 100 * time.Millisecond, TalkFor: time.Millisecond},
		{Number: "+12025550110", Note: "answers, sends DTMF 1234, then silence", AnswerAfter: 200 * time.Millisecond, DTMF: "1234"},
		{Number: "+12025550111", Note: "does not exist", AnswerAfter: 50 * time.Millisecond, Refuse: 404},
		{Number: "+12025550112", Note: "answers, then only stops its media", AnswerAfter: 200 * time.Millisecond, Tone: 700, TalkFor: 2 * time.Second, StopMedia: true},
		{Number: "+*", Note: "everybody else answers after 0.5 s and talks at 500 Hz", AnswerAfter: 500 * time.Millisecond, Tone: 500},
	}
}

// DisplayName is the variant of the caller's display name (GV-S26).
type DisplayName string

// The variants; the first is the default.
const (
	NameOnly       DisplayName = ""         // a name: "caller"
	NumberAsName   DisplayName = "number"   // the number once more
	NumberAtHost   DisplayName = "at-host"  // "+12025550123@216.239.32.1"
	NoDisplayName  DisplayName = "none"     // no display name at all
	NumberWithheld DisplayName = "withheld" // see Options.Withheld
)

// Incoming is a call from a far person to an account.
type Incoming struct {
	To      string      `json:"to"`   // the account's number
	From    string      `json:"from"` // the caller's number, E.164
	Name    string      `json:"name,omitempty"`
	Display DisplayName `json:"display,omitempty"`

	// CancelAfter is when the caller gives up, counted from the INVITE. If the
	// call was answered before, the caller stops its media and hangs up later
	// (GV-S28). 0: the caller waits for voicemail.
	CancelAfter time.Duration `json:"cancel_after,omitempty"`

	// Talk is what the caller does after the answer; the rest of Person is
	// unused here.
	Talk Person `json:"talk"`
}

// AddPerson puts a far person before all others, instead of one with the same number.
func (s *Server) AddPerson(p Person) error {
	if err := p.Validate(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.people = slices.DeleteFunc(slices.Clone(s.people), func(old Person) bool { return old.Number == p.Number })
	if len(s.people) >= maxPeople {
		return fmt.Errorf("there are %d far persons already", maxPeople)
	}
	s.people = append([]Person{p}, s.people...)
	return nil
}

// personFor finds the far person a dialled number leads to.
func (s *Server) personFor(number string) Person {
	s.mu.Lock()
	added := s.people
	s.mu.Unlock()
	for _, p := range slices.Concat(added, s.cfg.People, DefaultPeople()) {
		if p.matches(number) {
			return p
		}
	}
	return Person{}
}

func (p Person) matches(number string) bool {
	if n := len(p.Number); n > 0 && p.Number[n-1] == '*' {
		return len(number) >= n-1 && number[:n-1] == p.Number[:n-1]
	}
	return p.Number == number
}
