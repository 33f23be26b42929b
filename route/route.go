// Package route is the dial plan: it turns what was dialled into the
// destinations to try. Start reading at [Table.Explain]; the number plan is in
// number.go, the configuration in config.go, what is likely to be a mistake in lint.go.
package route

import (
	"fmt"
	"regexp"
	"slices"
	"time"

	"tandem/call"
)

// Names of the connectors a destination can lead to.
const (
	SIP         = "sipua"     // phones, rooms and trunks
	GoogleVoice = "gvoice"    // Google Voice accounts
	Meet        = "meet"      // Google Meet
	Reception   = "reception" // asks for a meeting ID

	numberPlan = "number plan" // the first step of a trace

	MeetInterop = "interop" // the way into Google Meet that a meet target takes
)

// A rule matches a request and says where it goes.
type rule struct {
	name       string
	priority   int
	from       []string       // connectors or names of devices, trunks, accounts; empty means any
	caller     *regexp.Regexp // nil means any
	match      *regexp.Regexp // must match the whole alias
	filter     filter         // of match
	replace    string         // for regexp.Expand; empty keeps the alias
	to         []Target
	leadsOut   bool // a target is a telephone network, or a group with one
	within     time.Duration
	stop       []call.Cause
	noEarly    bool
	open       bool // callers we do not know may use it to reach a telephone network
	keepsGoing bool // rules below add their destinations
	full       bool // match sees the whole URI
	tag        string
	conditions conditions
}

// A Table is a set of rules ordered by priority. It is immutable: a new
// configuration makes a new table.
type Table struct {
	plan      Plan
	emergency emergency
	groups    map[string][]Target
	rules     []rule
}

var _ call.Router = (*Table)(nil)

// Route returns the destinations of the first matching rule (and of those below
// it, when it says continue). Errors are [call.RefusalError] or [call.ErrNoRoute].
func (t *Table) Route(r call.Request) ([]call.Destination, error) {
	x := Trace{Request: r, Alias: r.To, quiet: true}
	t.decide(&x)
	return x.Destinations, x.Err
}

// Explain routes a request and tells how the decision came about. It does no
// I/O; the same code serves calls and the administrator's question.
func (t *Table) Explain(r call.Request) Trace {
	x := Trace{Request: r, Alias: r.To}
	t.decide(&x)
	return x
}

func (t *Table) decide(x *Trace) {
	dialled := x.Alias
	if x.Request.Hops == 1 {
		x.Err = call.Refusal(call.LoopDetected, fmt.Errorf("the call has no hop left (Max-Forwards)"))
		return
	}
	if t.emergency.is(dialled) {
		t.routeEmergency(x)
		return
	}
	if n, ok := t.plan.Normalize(dialled); ok && n != dialled {
		x.Alias = n
		x.say(numberPlan, true, dialled+" is "+n)
	}
	if n, ok := t.plan.Normalize(x.Request.From); ok {
		x.Request.From = n
	}
	now := clock{at: x.Request.At}
	for i := range t.rules {
		rule := &t.rules[i]
		alias, no := rule.matches(&x.Request, x.Alias, &now)
		if !x.quiet {
			x.say(rule.name, no == fits, rule.explain(no, x, alias, &now))
		}
		if no != fits {
			continue
		}
		x.Destinations = append(x.Destinations, t.destinations(rule, alias, x.Request.Proxy)...)
		if !rule.keepsGoing {
			break
		}
	}
	if len(x.Destinations) == 0 {
		x.Err = fmt.Errorf("%w %q", call.ErrNoRoute, x.Alias)
	}
}

// A mismatch is why a rule does not apply.
type mismatch uint8

const (
	fits mismatch = iota
	wrongAlias
	wrongWay
	wrongCaller
	wrongStranger
	notRegistered
	wrongProtocol
	wrongLocation
	wrongTag
	wrongNetwork
	wrongHeader
	wrongCodec
	wrongTime
	noTime
)

// matches returns the rewritten alias, or why the rule does not apply. What is
// cheap to find out comes first.
func (r *rule) matches(req *call.Request, alias string, now *clock) (to string, no mismatch) {
	text := alias
	if r.full {
		text = req.URI
	}
	switch {
	case !r.filter.passes(text):
		return "", wrongAlias
	case len(r.from) > 0 && !slices.Contains(r.from, req.Connector) && !slices.Contains(r.from, req.Via):
		return "", wrongWay
	case !r.match.MatchString(text):
		return "", wrongAlias
	case r.caller != nil && !r.caller.MatchString(req.From):
		return "", wrongCaller
	case !r.open && req.Via == "" && r.leadsOut:
		return "", wrongStranger
	}
	if no := r.conditions.hold(req, now); no != fits {
		return "", no
	}
	if r.replace == "" {
		return alias, fits
	}
	m := r.match.FindStringSubmatchIndex(text)
	return string(r.match.ExpandString(nil, r.replace, text, m)), fits
}

// explain puts a mismatch into words, or what a match has made of the alias.
func (r *rule) explain(no mismatch, x *Trace, alias string, now *clock) string {
	switch no {
	case fits:
		if alias != x.Alias {
			return fmt.Sprintf("%q becomes %q", x.Alias, alias)
		}
		return ""
	case wrongAlias:
		text := x.Alias
		if r.full {
			text = x.Request.URI
		}
		return fmt.Sprintf("%q does not match %s", text, written(r.match))
	case wrongWay:
		return fmt.Sprintf("the call comes in by %s, not by one of %v", cameBy(x.Request), r.from)
	case wrongCaller:
		return fmt.Sprintf("the caller %q does not match %s", x.Request.From, written(r.caller))
	case wrongStranger:
		return "callers who are not ours may not call out (open: true would allow it)"
	}
	return r.conditions.explain(no, &x.Request, now)
}

func cameBy(r call.Request) string {
	if r.Via == "" {
		return r.Connector
	}
	return r.Connector + " " + r.Via
}

// destinations turns a rule's targets into what the call switch tries in order.
func (t *Table) destinations(r *rule, alias, proxy string) []call.Destination {
	var out []call.Destination
	for _, target := range r.to {
		d := t.destination(target, alias)
		d.Stop, d.NoEarly, d.Tag = r.stop, r.noEarly, r.tag
		if d.External && d.Proxy == "" {
			d.Proxy = proxy
		}
		if d.Within == 0 {
			d.Within = r.within
		}
		out = append(out, d)
	}
	return out
}

func (t *Table) destination(target Target, alias string) call.Destination {
	d := call.Destination{Within: target.Within, To: alias}
	if target.Number != "" {
		d.To = target.Number
	}
	switch {
	case target.Account != "":
		d.Connector, d.Target, d.Out = GoogleVoice, target.Account, true
	case target.Trunk != "":
		d.Connector, d.Target, d.Out = SIP, target.Trunk, true
	case target.External:
		d.Connector, d.External, d.Proxy, d.Out = SIP, true, target.Proxy, true
	case target.Device != "":
		d.Connector, d.Target = SIP, target.Device
	case target.Reception != "":
		d.Connector, d.Target = Reception, target.Reception
	case target.Meet != "":
		d.Connector, d.Target, d.Token, d.Lobby = Meet, MeetInterop, target.Meet, target.Lobby
	case target.Group != "":
		for _, member := range t.groups[target.Group] {
			d.Parallel = append(d.Parallel, t.destination(member, alias))
		}
	}
	return d
}

// routeEmergency never leads to Google Voice, which promises nothing for
// emergency calls (reference 14.2): a configured trunk, or a clear refusal.
func (t *Table) routeEmergency(x *Trace) {
	if len(t.emergency.to) == 0 {
		x.say("emergency numbers", true, "no emergency trunk is configured; Google Voice is never used for them")
		x.Err = call.Refusal(call.Emergency, fmt.Errorf("%s is an emergency number and no emergency trunk is configured", x.Alias))
		return
	}
	x.say("emergency numbers", true, x.Alias+" goes to the emergency trunk")
	x.Destinations = t.destinations(&rule{to: t.emergency.to}, x.Alias, "")
	for i := range x.Destinations {
		x.Destinations[i].Out = false // no quota stands between a person and help
	}
}
