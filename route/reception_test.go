package route

import (
	"strings"
	"testing"

	"tandem/call"
)

func TestARuleLeadsToAReception(t *testing.T) {
	table, err := New(Config{Rules: []RuleConfig{{Name: "desk", Match: "8000", To: []Target{{Reception: "front"}}}}})
	if err != nil {
		t.Fatal(err)
	}
	x := table.Explain(call.Request{Connector: SIP, To: "8000"}) // a guest: no Via
	if len(x.Destinations) != 1 || x.Destinations[0].Connector != Reception || x.Destinations[0].Target != "front" {
		t.Errorf("%+v", x.Destinations)
	}
	if s := x.String(); !strings.Contains(s, "1. reception front, which asks for a meeting ID") {
		t.Errorf("explained as %q", s)
	}
	for _, to := range []Target{{Reception: "front", Device: "kitchen"}, {Reception: "front", Lobby: 1}} {
		if _, err := New(Config{Rules: []RuleConfig{{Name: "desk", To: []Target{to}}}}); err == nil {
			t.Errorf("%+v passed", to)
		}
	}
	if _, err := New(Config{Groups: map[string][]Target{"all": {{Reception: "front"}}}}); err == nil {
		t.Error("a reception rings in a group")
	}
	if _, err := New(Config{Emergency: EmergencyConfig{To: []Target{{Reception: "front"}}}}); err == nil {
		t.Error("a reception takes emergency calls")
	}
}
