package route

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"tandem/call"
)

// A Test says where one call must go. Tests run whenever the configuration is
// checked, and one that fails makes it wrong.
type Test struct {
	Name     string `yaml:"name"`
	From     string `yaml:"from,omitempty"`     // device, trunk or account the call comes in by; left out: a stranger
	Caller   string `yaml:"caller,omitempty"`   // who calls; default the device's caller ID, or its name
	To       string `yaml:"to"`                 // as the caller dials it
	Protocol string `yaml:"protocol,omitempty"` // what it comes by; default what from has
	Source   string `yaml:"source,omitempty"`   // address of the caller
	Location string `yaml:"location,omitempty"` // where the caller is; default what follows from source
	// Headers are those the call was sent with, and Codecs what the caller offers.
	Headers map[string]string `yaml:"headers,omitempty"`
	Codecs  []string          `yaml:"codecs,omitempty"`
	At      string            `yaml:"at,omitempty"` // when: "2026-12-24 10:00" in dial_plan.zone; left out: rules with times do not hold
	// Expect is "refused", "refused CAUSE", or the targets in order: "account home",
	// "trunk pbx as 9200, account home". What follows them is free.
	Expect string `yaml:"expect"`
}

// Time reads when a call would come: "2026-12-24 10:00" in the plan's time zone, or
// RFC 3339. "" is no time.
func (c Config) Time(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	zone, err := loadZone(c.Zone)
	if err != nil {
		return time.Time{}, err
	}
	if zone == nil {
		zone = time.UTC
	}
	t, err := time.ParseInLocation("2006-01-02 15:04", text, zone)
	if err != nil {
		return t, fmt.Errorf("%q is no time; write 2026-12-24 10:00, or 2026-12-24T10:00:00+01:00", text)
	}
	return t, nil
}

const refusedWord = "refused"

func checkTests(tests []Test) error {
	var errs []error
	names := make(map[string]bool)
	for i, t := range tests {
		switch {
		case t.Name == "":
			errs = append(errs, wrong(errors.New("a test needs a name"), "tests[%d].name", i))
		case names[t.Name]:
			errs = append(errs, wrong(fmt.Errorf("%q is used twice", t.Name), "tests[%d].name", i))
		}
		names[t.Name] = true
		if t.To == "" {
			errs = append(errs, wrong(errors.New("a test needs what is dialled"), "tests[%d].to", i))
		}
		if t.Protocol != "" && !slices.Contains(protocols[:], t.Protocol) {
			errs = append(errs, wrong(fmt.Errorf("%q is none of %s", t.Protocol, strings.Join(protocols[:], ", ")), "tests[%d].protocol", i))
		}
		for _, name := range slices.Sorted(maps.Keys(t.Headers)) {
			if err := checkHeader(name); err != nil {
				errs = append(errs, wrong(err, "tests[%d].headers", i))
			}
		}
		for n, c := range t.Codecs {
			if !slices.Contains(codecs[:], c) {
				errs = append(errs, wrong(fmt.Errorf("%q is none of %s", c, strings.Join(codecs[:], ", ")), "tests[%d].codecs[%d]", i, n))
			}
		}
		if _, err := parseExpect(t.Expect); err != nil {
			errs = append(errs, wrong(err, "tests[%d].expect", i))
		}
	}
	return errors.Join(errs...)
}

// expectation is what a test wants: a refusal, or destinations.
type expectation struct {
	refused bool
	cause   *call.Cause // nil is any
	targets []Target    // Number where it is said
}

func parseExpect(text string) (e expectation, err error) {
	words := strings.Fields(text)
	if len(words) > 0 && words[0] == refusedWord {
		e.refused = true
		if len(words) > 1 {
			e.cause = new(call.Cause)
			err = e.cause.UnmarshalText([]byte(strings.Join(words[1:], " ")))
		}
		return e, err
	}
	for part := range strings.SplitSeq(text, ",") {
		t, err := parseTarget(strings.Fields(part))
		if err != nil {
			return e, err
		}
		e.targets = append(e.targets, t)
	}
	return e, nil
}

func parseTarget(words []string) (t Target, err error) {
	wrong := errors.New(`want refused, "refused CAUSE", or targets such as "account home" or "trunk pbx as 9200", with commas between them`)
	if len(words) == 4 && words[2] == "as" {
		t.Number, words = words[3], words[:2]
	}
	if len(words) == 3 && words[0] == "external" && words[1] == "by" {
		t.Proxy, words = words[2], words[:1]
	}
	if len(words) == 3 && words[0] == "external" && words[1] == "as" {
		t.Number, words = words[2], words[:1]
	}
	if len(words) == 1 && words[0] == "external" {
		t.External = true
		return t, nil
	}
	if len(words) != 2 {
		return t, wrong
	}
	field, ok := map[string]*string{
		"device": &t.Device, "trunk": &t.Trunk, "account": &t.Account, "group": &t.Group, "meet": &t.Meet, "reception": &t.Reception,
	}[words[0]]
	if !ok {
		return t, wrong
	}
	*field = words[1]
	return t, nil
}

// Run routes the test's call and returns why it does not go where it must.
func (t *Table) Run(test Test, r call.Request) error {
	want, err := parseExpect(test.Expect)
	if err != nil {
		return err
	}
	x := t.Explain(r)
	if t.meets(x, want) {
		return nil
	}
	return fmt.Errorf("%q: %s calls %s and %s; expected was %s", test.Name, orUnknown(r.From), r.To, x.outcome(), test.Expect)
}

func (t *Table) meets(x Trace, want expectation) bool {
	if want.refused {
		return x.Err != nil && (want.cause == nil || *want.cause == x.cause())
	}
	if x.Err != nil || len(x.Destinations) < len(want.targets) {
		return false
	}
	for i, target := range want.targets {
		if !t.leadsTo(x.Destinations[i], target) {
			return false
		}
	}
	return true
}

func (t *Table) leadsTo(d call.Destination, target Target) bool {
	want := t.destination(target, d.To)
	return d.Connector == want.Connector && d.Target == want.Target && d.Token == want.Token && d.To == want.To &&
		d.External == want.External && (target.Proxy == "" || d.Proxy == target.Proxy) &&
		slices.EqualFunc(d.Parallel, want.Parallel, func(a, b call.Destination) bool { return reflect.DeepEqual(a, b) })
}

// cause is why the caller is refused.
func (x Trace) cause() call.Cause {
	var r *call.RefusalError
	if errors.As(x.Err, &r) {
		return r.Cause
	}
	return call.NoRoute
}

// outcome is where the call goes, in a few words.
func (x Trace) outcome() string {
	if x.Err != nil {
		return fmt.Sprintf("is refused (%s)", x.cause())
	}
	var all []string
	for _, d := range x.Destinations {
		all = append(all, describe(d))
	}
	by := ""
	for _, s := range x.Steps {
		if s.Matched && s.Rule != numberPlan {
			by = " by the rule " + s.Rule
		}
	}
	return "goes to " + strings.Join(all, ", then ") + by
}
