// Package alarm keeps the conditions a person must know of: an account that
// cannot register, a disk that is full, a certificate about to expire. An alarm
// begins, stays while the condition lasts and ends; it always says what a
// person can do. Start reading at [Board.Raise].
package alarm

import (
	"fmt"
	"strings"
	"time"
)

// Severity says how much the condition hurts, and so who is woken by it.
type Severity int

// The severities, least first.
const (
	Info     Severity = iota // nothing is broken; worth knowing
	Warning                  // service is at risk, or one thing is degraded
	Critical                 // calls are being lost, or soon will be
)

var severityNames = [...]string{Info: "info", Warning: "warning", Critical: "critical"}

// String is the severity's lower-case name, as metrics and the API print it.
func (s Severity) String() string {
	if s < 0 || int(s) >= len(severityNames) {
		return fmt.Sprintf("severity(%d)", int(s))
	}
	return severityNames[s]
}

// MarshalText makes JSON and YAML carry the name instead of a number.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (s *Severity) UnmarshalText(text []byte) error {
	for i, name := range severityNames {
		if strings.EqualFold(name, string(text)) {
			*s = Severity(i)
			return nil
		}
	}
	return fmt.Errorf("severity %q: want one of %s", text, strings.Join(severityNames[:], ", "))
}

// Alarm is one condition. The raiser fills Key to Do; the board fills the rest.
type Alarm struct {
	// Key names the condition and what it is about, so that raising it again
	// does not make a second alarm: "gvoice/home/registration". Empty means
	// Title and Subject together.
	Key      string   `json:"key"`
	Severity Severity `json:"severity"`
	// Title is the condition in a few words, the same for every subject:
	// "Google Voice account is not registered".
	Title string `json:"title"`
	// Subject is the one thing it is about: the account, trunk or device name.
	Subject string `json:"subject,omitempty"`
	// Detail is what happened this time. It never holds a secret.
	Detail string `json:"detail,omitempty"`
	// Do is what a person can do about it, in a sentence.
	Do string `json:"do"`

	Begin time.Time `json:"begin"`        // when the condition was first raised
	Last  time.Time `json:"last"`         // when it was raised most recently
	End   time.Time `json:"end,omitzero"` // when it was cleared; zero while active
	Count int       `json:"count"`        // how often it was raised since Begin

	Acknowledged *Acknowledgement `json:"acknowledged,omitempty"` // somebody looks after it; nil: nobody yet
}

// Active says whether the condition still lasts.
func (a Alarm) Active() bool { return a.End.IsZero() }

// saysTheSame reports whether a person would read the same alarm again.
func (a Alarm) saysTheSame(b Alarm) bool {
	return a.Severity == b.Severity && a.Title == b.Title && a.Subject == b.Subject &&
		a.Detail == b.Detail && a.Do == b.Do
}
