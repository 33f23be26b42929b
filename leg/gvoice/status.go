package gvoice

import (
	"fmt"
	"time"

	"tandem/alarm"
)

// State is how far an account is with Google.
type State uint8

const (
	Connecting  State = iota // no connection yet, or not any more
	Registering              // connected; the REGISTER is not answered yet
	Registered               // registered and connected: calls work in both directions
	Silent                   // Google declined our REGISTERs; we keep quiet until it forgets (GV-C10)
	Waiting                  // the last attempt failed; waiting for the next
	Stopped
	Elsewhere // another machine of the cluster holds the account
)

func (s State) String() string {
	return [...]string{"connecting", "registering", "registered", "silent", "waiting", "stopped", "elsewhere"}[s]
}

// MarshalText writes the state's name.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Status is an account's state as a person wants to know it. Registered is said
// only while the connection lives: never a stale yes.
type Status struct {
	Account string    `json:"account"`
	Number  string    `json:"number"`
	User    string    `json:"user,omitempty"`  // SIP user name of this gateway
	Label   string    `json:"label,omitempty"` // its name on Google's settings page
	State   State     `json:"state"`
	Since   time.Time `json:"since"`
	Proxy   string    `json:"proxy,omitempty"`     // where we are connected
	Until   time.Time `json:"until,omitzero"`      // the registration's end
	Next    time.Time `json:"next,omitzero"`       // when we act again
	Problem string    `json:"problem,omitempty"`   // why it is not registered
	Calls   int       `json:"calls"`               // now
	Weak    bool      `json:"weak_keys,omitempty"` // weak client keys are allowed
	Tries   uint64    `json:"registers_sent"`      // REGISTERs since the start
	Refused uint64    `json:"registers_refused"`   // of which were refused
	Flows   uint64    `json:"connections"`         // connections made since the start
	Node    string    `json:"node,omitempty"`      // the other machine that holds it
}

// set moves the account to state s and logs it.
func (l *line) set(s State, problem string) {
	l.mu.Lock()
	was := l.status.State
	if was != s || l.status.Since.IsZero() {
		l.status.Since = time.Now()
	}
	l.status.State, l.status.Problem = s, problem
	if s != Registered {
		l.status.Until = time.Time{}
	}
	l.mu.Unlock()
	if was != s {
		l.log.Info("account", "now", s, "was", was, "problem", problem)
	}
}

func (l *line) update(f func(*Status)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f(&l.status)
}

// snapshot is the status a person is shown. A connection that has just died, and
// a registration that ran out in a silence, count although their owner has not
// noticed yet.
func (l *line) snapshot() Status {
	l.mu.Lock()
	s := l.status
	l.mu.Unlock()
	s.Calls = int(l.calls.Load())
	if s.State != Registered {
		return s
	}
	switch b := l.bound.Load(); {
	case b == nil || b.flow.Err() != nil:
		s.State, s.Problem = Connecting, "the connection was lost"
	case !b.live(time.Now()):
		s.State, s.Problem = Silent, "the registration ran out while Google declined to renew it"
	}
	return s
}

// alarmAfter is how long an account may be without registration before it is
// more than a hiccup.
const alarmAfter = 2 * time.Minute

// trouble raises the account's alarm; it grows with time.
func (l *line) trouble(problem, do string) {
	if l.c.Alarms == nil {
		return
	}
	if l.troubled.IsZero() {
		l.troubled = time.Now()
	}
	sev := alarm.Warning
	if time.Since(l.troubled) >= alarmAfter {
		sev = alarm.Critical
	}
	l.c.Alarms.Raise(alarm.Alarm{
		Key: l.alarmKey(), Severity: sev, Title: "Google Voice account is not registered",
		Subject: l.account.Name, Detail: problem, Do: do,
	})
}

func (l *line) wellAgain() {
	l.troubled = time.Time{}
	if l.c.Alarms != nil {
		l.c.Alarms.Clear(l.alarmKey())
	}
}

func (l *line) alarmKey() string { return fmt.Sprintf("gvoice/%s/registration", l.account.Name) }
