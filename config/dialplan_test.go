package config

import (
	"strings"
	"testing"

	"tandem/route"
)

func TestATestThatFailsMakesTheConfigurationWrong(t *testing.T) {
	c, err := Load(sample)
	if err != nil {
		t.Fatal(err)
	}
	c.DialPlan.Tests = append(c.DialPlan.Tests,
		route.Test{Name: "a", From: "kitchen", To: "8001", Expect: "reception front"},
		route.Test{Name: "b", From: "kitchen", To: "8001", Expect: "trunk pbx"},
		route.Test{Name: "c", From: "nobody", To: "8001", Expect: "refused"},
		route.Test{Name: "d", From: "kitchen", To: "8001", Headers: map[string]string{"X-A": "b"}, Codecs: []string{"opus"}, Expect: "reception front"})
	err = c.Check()
	if err == nil || !strings.Contains(err.Error(), `dial_plan.tests[3].expect: "b": +12025550123 calls 8001 and goes to reception front`) ||
		!strings.Contains(err.Error(), `dial_plan.tests[4].from: there is no device, trunk or account "nobody"`) || strings.Contains(err.Error(), "tests[2]") {
		t.Errorf("got %v", err)
	}
}

func TestTheGuardThatIsOffIsTold(t *testing.T) {
	c, err := Load(sample)
	if err != nil {
		t.Fatal(err)
	}
	c.Toll.Off = true
	c.SIP.Guests = true
	c.DialPlan.Rules = append(c.DialPlan.Rules, route.RuleConfig{Name: "relay", Priority: 99, Match: `\+.*`, Open: true, To: []route.Target{{Trunk: "carrier"}}})
	var fields []string
	for _, f := range c.Lint() {
		fields = append(fields, string(f.Severity)+" "+f.Field)
	}
	if got := strings.Join(fields, ", "); got != "hint dial_plan.emergency.to, danger dial_plan.rules[4].open, warning dial_plan.rules, danger toll_guard.off" { // outbound is never reached
		t.Errorf("got %s", got)
	}
}
