package route

import (
	"fmt"
	"strings"

	"tandem/call"
)

// A Trace tells how a routing decision came about.
type Trace struct {
	Request      call.Request
	Alias        string // what the rules saw, after the number plan
	Steps        []Step
	Destinations []call.Destination
	Err          error // why there are none

	quiet bool // nobody reads the steps
}

// A Step is one rule that was looked at.
type Step struct {
	Rule    string
	Matched bool
	Why     string // why not, or what it did
}

func (x *Trace) say(rule string, matched bool, why string) {
	if x.quiet {
		return
	}
	x.Steps = append(x.Steps, Step{rule, matched, why})
}

// String prints the trace for a person: each rule on a line, then where the call goes.
func (x Trace) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s calls %s, coming in by %s\n", orUnknown(x.Request.From), x.Request.To, cameBy(x.Request))
	for _, s := range x.Steps {
		mark := "  -"
		if s.Matched {
			mark = "  +"
		}
		fmt.Fprintf(&b, "%s %s", mark, s.Rule)
		if s.Why != "" {
			fmt.Fprintf(&b, ": %s", s.Why)
		}
		b.WriteByte('\n')
	}
	for i, d := range x.Destinations {
		fmt.Fprintf(&b, "%d. %s\n", i+1, describe(d))
	}
	if x.Err != nil {
		fmt.Fprintf(&b, "refused: %v\n", x.Err)
		cause := x.cause()
		fmt.Fprintf(&b, "the caller gets SIP %d and: %s\n", cause.SIP(), cause.Sentence())
	}
	return b.String()
}

func orUnknown(s string) string {
	if s == "" {
		return "somebody"
	}
	return s
}

func by(proxy string) string {
	if proxy == "" {
		return "found by the DNS"
	}
	return "by the SIP proxy " + proxy
}

func describe(d call.Destination) string {
	var b strings.Builder
	switch {
	case len(d.Parallel) > 0:
		var all []string
		for _, p := range d.Parallel {
			all = append(all, describe(p))
		}
		b.WriteString("all at once: " + strings.Join(all, "; "))
	case d.Connector == GoogleVoice:
		fmt.Fprintf(&b, "Google Voice account %s dials %s", d.Target, d.To)
	case d.External:
		fmt.Fprintf(&b, "SIP address %s, %s", d.To, by(d.Proxy))
	case d.Connector == Reception:
		fmt.Fprintf(&b, "reception %s, which asks for a meeting ID and dials it", d.Target)
	case d.Connector == Meet:
		fmt.Fprintf(&b, "Google Meet meeting %s, with the access token %s", d.To, d.Token)
		if d.Lobby > 0 {
			fmt.Fprintf(&b, ", at most %v in the lobby", d.Lobby)
		}
	default:
		fmt.Fprintf(&b, "SIP %s, as %s", d.Target, d.To)
	}
	if d.Within > 0 {
		fmt.Fprintf(&b, ", for at most %v", d.Within)
	}
	return b.String()
}
