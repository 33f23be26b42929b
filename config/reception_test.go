package config

import (
	"strings"
	"testing"

	"tandem/call"
	"tandem/leg/meet"
	"tandem/leg/reception"
	"tandem/route"
	"tandem/token"
)

// what is dialled to reach a service leads there before any rule is looked at.
func TestAliasesOfAReceptionComeBeforeRules(t *testing.T) {
	c := &Config{
		Receptions: []reception.Config{{Name: "front", Aliases: []string{"Meet", "8000", "(202) 555-0100", "a.b"}}},
		DialPlan: route.Config{Rules: []route.RuleConfig{{
			Name: "all", Priority: -100, To: []route.Target{{Reception: "other"}},
		}}},
	}
	table, err := route.New(c.Routes())
	if err != nil {
		t.Fatal(err)
	}
	for dialled, want := range map[string]string{
		"meet": "front", "8000": "front", "+12025550100": "front", "2025550100": "front", "a.b": "front", "axb": "other", "80000": "other",
	} {
		to, err := table.Route(call.Request{To: dialled})
		if err != nil || len(to) != 1 || to[0].Target != want {
			t.Errorf("%s leads to %+v (%v), want %s", dialled, to, err, want)
		}
	}
}

func TestReceptionsThatCannotBe(t *testing.T) {
	acme := meet.Config{Edge: "https://meet.example.com", Tokens: []token.Access{{Name: "acme", Secret: "x"}}}
	for _, c := range []struct {
		conf Config
		want string
	}{
		{Config{Receptions: []reception.Config{{}}}, "receptions[0].name: "},
		{Config{Receptions: []reception.Config{{Name: "a"}, {Name: "a"}}}, `receptions[1].name: "a" is used twice`},
		{Config{Receptions: []reception.Config{{Name: "a", Aliases: []string{"1"}}, {Name: "b", Aliases: []string{"1"}}}}, "receptions[1].aliases[0]: "},
		{Config{Meet: acme, Receptions: []reception.Config{{Name: "a", Token: "other"}}}, `receptions[0].token: there is no access token "other"`},
		{Config{Receptions: []reception.Config{{Name: "a", Match: `(?=1)`}}}, "receptions[0].match: look-ahead"},
		{Config{Outbound: []route.Target{{Reception: "a"}}}, `outbound[0].reception: there is no reception "a"`},
		{Config{Limits: Limits{Ports: 1}}, "limits.ports: "},
		{Config{Limits: Limits{CPU: 85}}, "limits.cpu: 85"},
	} {
		if err := c.conf.Validate(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
}
