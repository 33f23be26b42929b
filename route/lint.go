package route

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Severity says how likely a person has to do something.
type Severity string

// The severities of warnings.
const (
	Danger  Severity = "danger"  // strangers could call at the owner's cost
	Warning Severity = "warning" // most likely a mistake
	Hint    Severity = "hint"    // good to know
)

// A Finding is something in a dial plan that is allowed and most likely not
// meant.
type Finding struct {
	Rule     string   `json:"rule,omitempty"` // its name; empty: about the whole plan
	Field    string   `json:"field"`          // "rules[2].match"
	Severity Severity `json:"severity"`
	Text     string   `json:"text"`
}

// Surroundings are what a dial plan does not know of the gateway it is for.
type Surroundings struct {
	Trunks, Accounts []string
	Guests           bool              // calls of strangers are taken
	Devices          map[string]string // tags by names
	Locations        []Location
	Protocols        []string  // that calls can come by here
	Now              time.Time // what is past then does not come again; zero: unknown
	Implied          int       // how many of the rules, the last ones, follow from the rest of the configuration
}

// Lint looks for likely mistakes in a plan that [New] takes.
func Lint(c Config, around Surroundings) []Finding {
	l := &linter{plan: c, around: around, own: len(c.Rules) - around.Implied}
	l.uri = of(`(?is:(?:sips?|tel):.*)`)
	l.never, l.start, l.number = l.neverSeen(), of(`\+\d{1,6}`), of(`\+\d{7,15}`)
	if len(c.Emergency.To) == 0 {
		l.find(-1, "emergency.to", Hint, "Emergency numbers are refused with a sentence: no trunk for them is configured.")
	}
	for i, r := range c.Rules {
		l.rules = append(l.rules, l.look(i, r))
	}
	slices.SortStableFunc(l.rules, func(a, b *linted) int { return a.Priority - b.Priority })
	for n, r := range l.rules {
		if r.Off || r.at >= l.own && r.Name != outboundRule {
			continue
		}
		l.matchesSomething(r)
		l.holdsSometime(r)
		l.relay(r)
		l.shadow(r, l.rules[:n])
	}
	return l.found
}

const outboundRule = "outbound" // as config names it

type linter struct {
	plan   Config
	around Surroundings
	own    int       // rules that a person wrote
	rules  []*linted // in the order they are looked at
	found  []Finding

	never         []neverSeen
	start, number *linted // beginnings of telephone numbers, and whole ones
	uri           *linted // whole URIs
}

// linted is a rule with what its expression means.
type linted struct {
	RuleConfig
	at         int // in the configuration
	leadsOut   bool
	re         *regexp.Regexp
	filter     filter
	language   language
	known      bool // language is
	conditions conditions
	example    string // the shortest text it matches
	any        bool   // there is such a text
}

func (l *linter) look(i int, r RuleConfig) *linted {
	out := of(r.Match)
	out.RuleConfig, out.at = r, i
	out.conditions = r.compileConditions(l.plan.Zone, func(error, string) {}) // New tells what is wrong
	for _, t := range r.To {
		out.leadsOut = out.leadsOut || t.leadsOut(l.plan.Groups)
	}
	return out
}

// of is what an expression means.
func of(expr string) *linted {
	out := new(linted)
	re, err := regexp.Compile("^(?:" + anyOr(expr) + ")$")
	if err != nil {
		return out // New refuses it
	}
	out.re, out.filter = re, newFilter(anyOr(expr))
	if out.language, err = newLanguage(anyOr(expr)); err == nil {
		out.example, out.any, err = out.language.example()
	}
	out.known = err == nil
	return out
}

func (l *linter) find(rule int, field string, s Severity, format string, args ...any) {
	f := Finding{Field: field, Severity: s, Text: fmt.Sprintf(format, args...)}
	if rule >= 0 {
		f.Rule, f.Field = l.plan.Rules[rule].Name, fmt.Sprintf("rules[%d].%s", rule, field)
		if rule >= l.own {
			f.Field = "rules"
		}
	}
	l.found = append(l.found, f)
}

// matchesSomething finds expressions that match nothing, nothing that ever
// arrives, or less than was meant.
func (l *linter) matchesSomething(r *linted) {
	if !r.known || r.Match == "" {
		return
	}
	if !r.any {
		l.find(r.at, "match", Warning, "%s matches no text at all.", r.Match)
		return
	}
	if r.FullURI {
		if !r.meets(l.uri) {
			l.find(r.at, "match", Warning, "%s never matches: with full_uri it is compared with a whole URI, such as sip:anna@example.com;transport=tls.", r.Match)
		}
		return
	}
	for _, never := range l.never {
		if r.within(never.linted) {
			l.find(r.at, "match", Warning, "%s never matches: %s", r.Match, fmt.Sprintf(never.why, r.example))
			return
		}
	}
	if r.within(l.start) {
		l.find(r.at, "match", Warning, `%s matches exactly %s and no longer number: a match is for the whole number. For numbers that begin so write %s\d+.`,
			r.Match, r.example, strings.TrimRight(strings.TrimLeft(r.Match, "^"), "$"))
	}
	if strings.HasPrefix(r.Match, "^") || strings.HasSuffix(r.Match, "$") && !strings.HasSuffix(r.Match, `\$`) {
		l.find(r.at, "match", Hint, "The anchors ^ and $ in %s say nothing: a match is for the whole number anyway.", r.Match)
	}
}

// within reports whether the rule certainly matches nothing that the other does
// not. Most pairs are told apart by one example.
func (r *linted) within(b *linted) bool {
	return r.known && b.known && r.any && b.filter.passes(r.example) && b.re.MatchString(r.example) && r.language.within(b.language)
}

// meets reports whether the rule may match something that the other does, too.
func (r *linted) meets(b *linted) bool {
	_, some, err := r.language.common(b.language)
	return err != nil || some
}

type neverSeen struct {
	*linted
	why string
}

// neverSeen is what no rule is ever asked about.
func (l *linter) neverSeen() []neverSeen {
	emergency := slices.Concat(defaultEmergencyNumbers[:], l.plan.Emergency.Numbers)
	all := []neverSeen{{of(`\+?(?:` + strings.Join(emergency, "|") + ")"), "%s is an emergency number, and those go where emergency.to says before any rule is looked at."}}
	p := l.plan.Numbers
	if p.Off {
		return all
	}
	all = append(all, neverSeen{of(regexp.QuoteMeta(p.international()) + `\d{7,}`), "the number plan makes an international number of %s, which begins with +, before any rule is looked at. Match \\+ and the country code."})
	if p.country() != "1" {
		return all
	}
	national := `1?[2-9]\d{9}`
	if p.Area != "" {
		national += `|[2-9]\d{6}`
	}
	return append(all, neverSeen{of(national), "the number plan makes +1 and ten digits of %s before any rule is looked at. Match \\+1 and ten digits."})
}

// relay finds rules by which calls from outside can go out again, at the
// owner's cost.
func (l *linter) relay(r *linted) {
	if !r.leadsOut || !r.known || r.FullURI {
		return
	}
	example, some := r.example, l.number.re.MatchString(r.example)
	if !some {
		example, some, _ = r.language.common(l.number.language)
	}
	if !some {
		return
	}
	if r.Open && l.around.Guests && len(r.From) == 0 {
		l.find(r.at, "open", Danger, "An open relay: with sip.guests and open, anybody on the Internet can call %s and numbers like it at your cost. Name devices in from, or leave open out.", example)
		return
	}
	outside := l.outside(r)
	if len(outside) == 0 || r.Registered || len(r.CallerTags) > 0 {
		return
	}
	l.find(r.at, "from", Warning, "Calls that come in by %s can go out again by this rule, at your cost. Name in from whose calls it is for.", strings.Join(outside, ", "))
}

// outside are the trunks and accounts whose calls the rule takes, but for those
// it names itself.
func (l *linter) outside(r *linted) (names []string) {
	for _, way := range []struct {
		connector string
		names     []string
	}{{SIP, l.around.Trunks}, {GoogleVoice, l.around.Accounts}} {
		if len(r.From) == 0 || slices.Contains(r.From, way.connector) {
			names = append(names, way.names...)
		}
	}
	if len(names) > 4 {
		names = append(names[:3], fmt.Sprintf("%d more", len(names)-3))
	}
	return names
}

// shadow finds the rule before this one that takes all its calls.
func (l *linter) shadow(r *linted, before []*linted) {
	for _, b := range before {
		if b.Off || b.Continue || !covers(b, r) {
			continue
		}
		field, same := "match", ""
		if b.Priority == r.Priority && b.at < l.own {
			same = " (both have the same priority, and it stands before)"
		}
		l.find(r.at, field, Warning, "This rule is never reached: %q takes every call that it would%s.", b.Name, same)
		return
	}
}

// covers reports whether a certainly takes every call that b would.
func covers(a, b *linted) bool {
	switch {
	case a.re == nil || !b.known || !b.any || !a.filter.passes(b.example) || !a.re.MatchString(b.example):
		return false
	case len(a.From) > 0 && (len(b.From) == 0 || slices.ContainsFunc(b.From, func(f string) bool { return !slices.Contains(a.From, f) })):
		return false
	case a.Caller != "" && a.Caller != b.Caller:
		return false
	case a.FullURI != b.FullURI && anyOr(a.Match) != ".*":
		return false
	case !a.conditions.cover(&b.conditions):
		return false
	case a.leadsOut && !a.Open && (!b.leadsOut || b.Open) && len(b.From) == 0:
		return false // strangers pass a by
	}
	return anyOr(a.Match) == ".*" || a.Match == b.Match || a.known && b.language.within(a.language)
}
