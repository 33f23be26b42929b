package route

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"tandem/call"
	"tandem/internal/rewrite"
)

// Config is the dial plan as a person writes it.
type Config struct {
	Numbers   Plan                `yaml:"numbers,omitempty"`
	Emergency EmergencyConfig     `yaml:"emergency,omitempty"`
	Groups    map[string][]Target `yaml:"groups,omitempty"` // ring groups: name -> who rings at once
	Rules     []RuleConfig        `yaml:"rules,omitempty"`  // in the order of their priority, equal ones as written
	Tests     []Test              `yaml:"tests,omitempty"`  // where calls must go; a configuration that breaks one is refused
	Zone      string              `yaml:"zone,omitempty"`   // time zone of rules that have times, such as Europe/Berlin
}

// EmergencyConfig says what happens to emergency numbers. They never go to
// Google Voice, whatever the rules say.
type EmergencyConfig struct {
	Numbers []string `yaml:"numbers,omitempty"` // in addition to 911, 933, 112 and 999
	To      []Target `yaml:"to,omitempty"`      // trunks; without one the caller gets a clear refusal
}

// RuleConfig is one rule.
type RuleConfig struct {
	Name       string        `yaml:"name"`
	Note       string        `yaml:"note,omitempty"`     // what it is for, for people
	Off        bool          `yaml:"off,omitempty"`      // skipped
	Priority   int           `yaml:"priority,omitempty"` // lower is tried first
	From       []string      `yaml:"from,omitempty"`     // connectors ("sipua", "gvoice") or names of devices, trunks, accounts; default any
	Caller     string        `yaml:"caller,omitempty"`   // RE2 that must match the whole caller number
	Match      string        `yaml:"match,omitempty"`    // RE2 that must match the whole alias; default any
	Replace    string        `yaml:"replace,omitempty"`  // what the alias becomes; $1 or \1 stands for the first group
	To         []Target      `yaml:"to"`                 // tried in order
	Within     time.Duration `yaml:"within,omitempty"`   // answer limit of each target; default 2m
	StopOn     []call.Cause  `yaml:"stop_on,omitempty"`  // causes that end the hunt; default: declined, forbidden
	EarlyMedia string        `yaml:"early_media,omitempty"`
	Registered bool          `yaml:"registered,omitempty"`  // only callers that are registered here
	Protocols  []string      `yaml:"protocols,omitempty"`   // only calls by one of these: sip, webrtc (SIP over a WebSocket), gvoice, h323, meet
	Locations  []string      `yaml:"locations,omitempty"`   // only callers in one of these locations
	Networks   []string      `yaml:"networks,omitempty"`    // only callers at one of these addresses or networks
	CallerTags []string      `yaml:"caller_tags,omitempty"` // only devices with one of these tags
	Headers    []HeaderMatch `yaml:"headers,omitempty"`     // only calls that were sent with all of these headers
	Codecs     []string      `yaml:"codecs,omitempty"`      // only callers that offer one of these: opus, g722, pcmu, pcma, h264, vp8
	FullURI    bool          `yaml:"full_uri,omitempty"`    // match sees the whole URI that was dialled, with scheme and parameters
	When       []Window      `yaml:"when,omitempty"`        // only at one of these times
	Except     []Window      `yaml:"except,omitempty"`      // not at these
	Zone       string        `yaml:"zone,omitempty"`        // time zone of when and except; default dial_plan.zone
	Tag        string        `yaml:"tag,omitempty"`         // goes into the records of its calls
	Open       bool          `yaml:"open,omitempty"`        // callers without registration may use it to call out
	Continue   bool          `yaml:"continue,omitempty"`    // when its targets are exhausted, go on with the rules below
}

// A Target is one place a call can go to; exactly one of the first seven is set.
type Target struct {
	Device    string        `yaml:"device,omitempty"`
	Trunk     string        `yaml:"trunk,omitempty"`
	Account   string        `yaml:"account,omitempty"` // Google Voice account
	Group     string        `yaml:"group,omitempty"`
	Meet      string        `yaml:"meet,omitempty"`      // Google Meet, with this access token
	Reception string        `yaml:"reception,omitempty"` // asks for a meeting ID
	External  bool          `yaml:"external,omitempty"`  // a SIP address that was dialled: a device of ours, else by proxy or DNS
	Proxy     string        `yaml:"proxy,omitempty"`     // external: SIP proxy; default that of the caller's location, else the DNS is asked
	Lobby     time.Duration `yaml:"lobby,omitempty"`     // meet: how long the caller may wait to be admitted
	Number    string        `yaml:"number,omitempty"`    // dial this instead of the alias
	Within    time.Duration `yaml:"within,omitempty"`    // answer limit; default the rule's
}

// leadsOut reports whether the target is a telephone network, or rings one.
func (t Target) leadsOut(groups map[string][]Target) bool {
	return t.Account != "" || t.Trunk != "" || t.External ||
		slices.ContainsFunc(groups[t.Group], func(m Target) bool { return m.Account != "" || m.Trunk != "" })
}

func (t Target) check(groups map[string][]Target) error {
	set := 0
	for _, s := range []string{t.Device, t.Trunk, t.Account, t.Group, t.Meet, t.Reception} {
		if s != "" {
			set++
		}
	}
	if t.External {
		set++
	}
	switch {
	case set != 1:
		return errors.New("a target names exactly one of device, trunk, account, group, meet, reception, or is external")
	case t.Proxy != "" && !t.External:
		return errors.New("proxy is for external targets only")
	case t.Group != "" && len(groups[t.Group]) == 0:
		return fmt.Errorf("there is no group %q", t.Group)
	case t.Within < 0:
		return errors.New("within must not be negative")
	case t.Lobby < 0:
		return errors.New("lobby must not be negative")
	case t.Lobby > 0 && t.Meet == "":
		return errors.New("lobby is for meet targets only")
	}
	return nil
}

// A FieldError names the field of the configuration that is wrong, as a path:
// "rules[2].match".
type FieldError struct {
	Field string
	Err   error
}

func (e *FieldError) Error() string { return e.Field + ": " + e.Err.Error() }
func (e *FieldError) Unwrap() error { return e.Err }

func wrong(err error, field string, args ...any) error {
	return &FieldError{fmt.Sprintf(field, args...), err}
}

// New checks c and makes a table of it. All errors are reported at once.
func New(c Config) (*Table, error) {
	t := &Table{plan: c.Numbers, groups: c.Groups}
	t.emergency.numbers = append(slices.Clone(defaultEmergencyNumbers[:]), c.Emergency.Numbers...)
	t.emergency.to = c.Emergency.To
	errs := []error{checkEmergency(c.Emergency), checkGroups(c.Groups), checkTests(c.Tests)}
	if _, err := loadZone(c.Zone); err != nil {
		errs = append(errs, wrong(err, "zone"))
	}
	names := make(map[string]bool)
	for i, rc := range c.Rules {
		if names[rc.Name] {
			errs = append(errs, wrong(fmt.Errorf("%q is used twice; logs, traces and the API know a rule by its name", rc.Name), "rules[%d].name", i))
		}
		names[rc.Name] = true
		r, err := rc.compile(c.Groups, c.Zone, i)
		errs = append(errs, err)
		if !rc.Off {
			t.rules = append(t.rules, r)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	slices.SortStableFunc(t.rules, func(a, b rule) int { return cmp.Compare(a.priority, b.priority) })
	return t, nil
}

func checkEmergency(e EmergencyConfig) error {
	var errs []error
	for i, t := range e.To {
		if t.Account != "" || t.Group != "" || t.Meet != "" || t.Reception != "" || t.External {
			errs = append(errs, wrong(errors.New("emergency calls go to a trunk or a device, never to Google Voice"), "emergency.to[%d]", i))
		} else if err := t.check(nil); err != nil {
			errs = append(errs, wrong(err, "emergency.to[%d]", i))
		}
	}
	for i, n := range e.Numbers {
		if d, _, ok := strip(n); !ok || d != n {
			errs = append(errs, wrong(fmt.Errorf("%q is not a number", n), "emergency.numbers[%d]", i))
		}
	}
	return errors.Join(errs...)
}

func checkGroups(groups map[string][]Target) error {
	var errs []error
	for name, members := range groups {
		if len(members) == 0 {
			errs = append(errs, wrong(errors.New("the group is empty"), "groups.%s", name))
		}
		for i, m := range members {
			if m.Group != "" || m.Meet != "" || m.Reception != "" || m.External {
				errs = append(errs, wrong(errors.New("a group holds devices, trunks and accounts only"), "groups.%s[%d]", name, i))
			} else if err := m.check(groups); err != nil {
				errs = append(errs, wrong(err, "groups.%s[%d]", name, i))
			}
		}
	}
	return errors.Join(errs...)
}

func (rc RuleConfig) compile(groups map[string][]Target, zone string, i int) (rule, error) {
	r := rule{
		name: rc.Name, priority: rc.Priority, from: rc.From, to: rc.To, within: rc.Within, stop: rc.StopOn,
		open: rc.Open, keepsGoing: rc.Continue, noEarly: rc.EarlyMedia == "block",
		full: rc.FullURI, tag: rc.Tag,
	}
	var errs []error
	bad := func(err error, field string) { errs = append(errs, wrong(err, "rules[%d].%s", i, field)) }
	if rc.Name == "" {
		bad(errors.New("a rule needs a name; logs and traces show it"), "name")
	}
	var err error
	if r.match, err = rewrite.Whole(rc.Match, false); err != nil {
		bad(err, "match")
	} else if r.replace, err = rewrite.Template(r.match, rc.Replace); err != nil {
		bad(err, "replace")
	}
	r.filter = newFilter(anyOr(rc.Match))
	if rc.Caller != "" {
		if r.caller, err = rewrite.Whole(rc.Caller, false); err != nil {
			bad(err, "caller")
		}
	}
	r.conditions = rc.compileConditions(zone, bad)
	if rc.EarlyMedia != "" && rc.EarlyMedia != "pass" && rc.EarlyMedia != "block" {
		bad(fmt.Errorf("%q is neither pass nor block", rc.EarlyMedia), "early_media")
	}
	if rc.Within < 0 {
		bad(errors.New("must not be negative"), "within")
	}
	if len(rc.To) == 0 {
		bad(errors.New("a rule needs at least one target"), "to")
	}
	for n, t := range rc.To {
		if err := t.check(groups); err != nil {
			bad(err, fmt.Sprintf("to[%d]", n))
		}
		r.leadsOut = r.leadsOut || t.leadsOut(groups)
	}
	return r, errors.Join(errs...)
}

// anyOr is the expression, or the one for any text.
func anyOr(expr string) string {
	if expr == "" {
		return ".*"
	}
	return expr
}

// written is the expression as a person wrote it; see [rewrite.Whole].
func written(re *regexp.Regexp) string {
	return strings.TrimSuffix(strings.TrimPrefix(re.String(), "^(?:"), ")$")
}

// Targets returns every device, trunk and account the plan names, so that the
// configuration can check that they exist.
func (c Config) Targets() map[string]Target {
	all := make(map[string]Target)
	add := func(path string, ts []Target) {
		for i, t := range ts {
			all[fmt.Sprintf("%s[%d]", path, i)] = t
		}
	}
	add("emergency.to", c.Emergency.To)
	for name, members := range c.Groups {
		add("groups."+name, members)
	}
	for i, r := range c.Rules {
		add(fmt.Sprintf("rules[%d].to", i), r.To)
	}
	return all
}
