package wire

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
	"time"
)

// Event is one message, or a remark, on a ladder.
type Event struct {
	At      time.Time `json:"at"`
	Out     bool      `json:"out"`  // sent by the simulator
	Peer    string    `json:"peer"` // connection, as "3 obihai.telephony.goog"
	Summary string    `json:"summary"`
	Note    string    `json:"note,omitempty"` // why it was dropped, and the like
	CallID  string    `json:"call_id,omitempty"`
	Raw     string    `json:"raw,omitempty"` // credentials removed
}

// MaxEvents and MaxBytes (of messages) bound a ladder; the oldest half goes first.
const (
	MaxEvents = 20000
	MaxBytes  = 32 << 20
)

// Ladder records what passed, in order. Its zero value is ready.
type Ladder struct {
	mu     sync.Mutex // guards what follows
	events []Event
	bytes  int
}

// Message records a message.
func (l *Ladder) Message(peer string, out bool, m *Message) {
	l.Add(Event{Peer: peer, Out: out, Summary: m.Summary(), CallID: m.CallID(), Raw: Redact(string(m.Raw))})
}

// Add records an event; At is set if it is zero.
func (l *Ladder) Add(e Event) {
	if e.At.IsZero() {
		e.At = time.Now()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.events) >= MaxEvents || l.bytes > MaxBytes {
		l.events = append(l.events[:0:0], l.events[(len(l.events)+1)/2:]...)
		l.bytes = 0
		for _, kept := range l.events {
			l.bytes += len(kept.Raw)
		}
	}
	l.events = append(l.events, e)
	l.bytes += len(e.Raw)
}

// Events is all that was recorded; with Call-IDs, only what belongs to them.
func (l *Ladder) Events(callIDs ...string) []Event {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []Event
	for _, e := range l.events {
		if len(callIDs) == 0 || contains(callIDs, e.CallID) {
			out = append(out, e)
		}
	}
	return out
}

func contains(list []string, s string) bool {
	for _, v := range list {
		if v == s {
			return true
		}
	}
	return false
}

// Text draws events one per line.
func Text(events []Event) string {
	var b strings.Builder
	for _, e := range events {
		arrow := "-->"
		if e.Out {
			arrow = "<--"
		}
		fmt.Fprintf(&b, "%s %-28s %s %s", e.At.Format("15:04:05.000"), e.Peer, arrow, e.Summary)
		if e.Note != "" {
			b.WriteString("   [" + e.Note + "]")
		}
		b.WriteString("\n")
	}
	return b.String()
}

var secret = regexp.MustCompile(`(?i)(token=|response=)("[^"]*"|[^,\s]+)|(Bearer )[A-Za-z0-9._~+/-]+=*(\r\n|$)`)

// Redact removes tokens and digest responses.
func Redact(raw string) string {
	return secret.ReplaceAllString(raw, `$1$3[redacted]$4`)
}
