package route

import (
	"strings"
	"testing"

	"tandem/call"
)

func TestTestsOfTheDialPlan(t *testing.T) {
	tb := table(t, Config{
		Groups: map[string][]Target{"family": {{Device: "kitchen"}, {Device: "study"}}, "other": {{Device: "kitchen"}}},
		Rules: []RuleConfig{
			{Name: "out", Match: `\+1\d{10}`, From: []string{"kitchen"}, To: []Target{{Account: "home"}, {Trunk: "carrier"}}},
			{Name: "nine", Match: `9(\d+)`, Replace: `\1`, To: []Target{{Trunk: "pbx"}}},
			{Name: "all", Match: `0`, To: []Target{{Group: "family"}}},
			{Name: "meeting", Match: `\d{13}`, To: []Target{{Meet: "acme"}}},
			{Name: "desk", Match: `8000`, To: []Target{{Reception: "front"}}},
			{Name: "skipped", Match: `5`, Off: true, To: []Target{{Device: "kitchen"}}},
		},
	})
	for _, tt := range []struct{ to, expect, want string }{
		{"2025550147", "account home", ""},
		{"2025550147", "account home, trunk carrier", ""},
		{"2025550147", "account home as +12025550147, trunk carrier", ""},
		{"2025550147", "trunk carrier", `"x": kitchen calls 2025550147 and goes to Google Voice account home dials +12025550147, then SIP carrier, as +12025550147 by the rule out; expected was trunk carrier`},
		{"2025550147", "account home, trunk carrier, trunk pbx", "goes to"},
		{"2025550147", "account work", "goes to"},
		{"9200", "trunk pbx as 200", ""},
		{"9200", "trunk pbx as 9200", "goes to SIP pbx, as 200"},
		{"0", "group family", ""},
		{"0", "group other", "goes to all at once"},
		{"1234567890123", "meet acme", ""},
		{"1234567890123", "meet other", "goes to"},
		{"8000", "reception front", ""},
		{"5", "refused", ""},
		{"5", "refused no_route", ""},
		{"911", "refused emergency_refused", ""},
		{"911", "refused busy", "is refused (emergency_refused)"},
		{"0", "refused", "goes to"},
	} {
		err := tb.Run(Test{Name: "x", Expect: tt.expect}, call.Request{Connector: SIP, Via: "kitchen", From: "kitchen", To: tt.to})
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s, %s: %v, want %q", tt.to, tt.expect, err, tt.want)
		}
	}
}

func TestATestThatCannotBeReadNamesItsField(t *testing.T) {
	for want, test := range map[string]Test{
		"tests[0].name":   {To: "1", Expect: "refused"},
		"tests[0].to":     {Name: "x", Expect: "refused"},
		"tests[0].expect": {Name: "x", To: "1", Expect: "kitchen"},
	} {
		if _, err := New(Config{Tests: []Test{test}}); err == nil || !strings.HasPrefix(err.Error(), want+": ") {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	for _, expect := range []string{"", "refused perhaps", "device", "device a b", "phone x", "account home,", "trunk a to b"} {
		if _, err := New(Config{Tests: []Test{{Name: "x", To: "1", Expect: expect}}}); err == nil {
			t.Errorf("%q was taken", expect)
		}
	}
}

// A stranger must not get out through a ring group either.
func TestAGroupThatLeadsOutIsNotForStrangers(t *testing.T) {
	plan := Config{
		Groups: map[string][]Target{"all": {{Device: "kitchen"}, {Trunk: "carrier"}}},
		Rules:  []RuleConfig{{Name: "all", To: []Target{{Group: "all"}}}},
	}
	if got, err := table(t, plan).Route(call.Request{Connector: SIP, To: "+12025550147"}); err == nil {
		t.Errorf("a stranger got to %+v", got)
	}
	plan.Rules[0].Open = true
	if _, err := table(t, plan).Route(call.Request{Connector: SIP, To: "+12025550147"}); err != nil {
		t.Error(err)
	}
}
