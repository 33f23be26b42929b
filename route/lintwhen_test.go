package route

import (
	"strings"
	"testing"
	"time"
)

func TestConditionsThatNeverHoldAreFound(t *testing.T) {
	to := []Target{{Device: "kitchen"}}
	around := Surroundings{
		Devices: map[string]string{"kitchen": "staff", "lobby": ""}, Accounts: []string{"home"}, Trunks: []string{"pbx"},
		Locations: []Location{{Name: "lab"}, {Name: "hall", Nodes: []string{"n"}}}, Protocols: []string{"sip", "gvoice"},
		Now: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC),
	}
	for _, tt := range []struct {
		name string
		rule RuleConfig
		want string // "" nothing
	}{
		{"browsers, and no WebSocket", RuleConfig{Protocols: []string{"webrtc", "h323"}}, "nothing here takes calls by webrtc or h323"},
		{"SIP and browsers", RuleConfig{Protocols: []string{"webrtc", "sip"}}, ""},
		{"an empty location", RuleConfig{Locations: []string{"lab"}}, "lab has neither networks nor machines"},
		{"one of two locations", RuleConfig{Locations: []string{"lab", "hall"}}, ""},
		{"registered trunks", RuleConfig{Registered: true, From: []string{"pbx", "gvoice"}}, "only devices register"},
		{"registered devices", RuleConfig{Registered: true, From: []string{"pbx", "kitchen"}}, ""},
		{"a tag nobody has", RuleConfig{CallerTags: []string{"guest"}}, "no device has the tag guest"},
		{"a tag others have", RuleConfig{CallerTags: []string{"staff"}, From: []string{"lobby"}}, "none of those in from"},
		{"a tag", RuleConfig{CallerTags: []string{"staff"}}, ""},
		{"the address of Google", RuleConfig{Networks: []string{"10.0.0.0/8"}, From: []string{"home"}}, "is not known"},
		{"past dates", RuleConfig{When: []Window{{Dates: []string{"2025-01-01..2026-11-01"}}}}, "all its dates are past"},
		{"dates to come", RuleConfig{When: []Window{{Dates: []string{"2025-01-01..2026-12-01"}}}}, ""},
		{"every year", RuleConfig{When: []Window{{Dates: []string{"01-01"}}}}, ""},
		{"a Thursday on a weekend", RuleConfig{When: []Window{{Dates: []string{"2026-12-24"}, Days: []string{"sat-sun"}}}}, "none of its dates is on one of its days"},
		{"all excepted", RuleConfig{When: []Window{{Days: []string{"mon"}, Hours: []string{"08:00-10:00"}}}, Except: []Window{{Days: []string{"mon-fri"}}}}, "leaves no time of the week"},
		{"some excepted", RuleConfig{When: []Window{{Days: []string{"mon"}}}, Except: []Window{{Hours: []string{"00:00-23:59"}}}}, ""},
		{"not a URI", RuleConfig{FullURI: true, Match: `\d+@example\.com`}, "compared with a whole URI"},
		{"a URI", RuleConfig{FullURI: true, Match: `.*@example\.com.*`}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.rule.Name, tt.rule.To = "x", to
			c := Config{Zone: "Europe/Berlin", Rules: []RuleConfig{tt.rule}, Emergency: EmergencyConfig{To: []Target{{Trunk: "pbx"}}}}
			if _, err := New(c); err != nil {
				t.Fatal(err)
			}
			found := Lint(c, around)
			if tt.want == "" && len(found) > 0 || tt.want != "" && (len(found) != 1 || !strings.Contains(found[0].Text, tt.want)) {
				t.Errorf("found %+v, want %q", found, tt.want)
			}
		})
	}
}

func TestARuleShadowsOnlyUnderItsConditions(t *testing.T) {
	office := []Window{{Days: []string{"mon-fri"}, Hours: []string{"08:00-18:00"}}}
	for _, tt := range []struct {
		name          string
		first, second RuleConfig
		shadowed      bool
	}{
		{"no conditions", RuleConfig{}, RuleConfig{Locations: []string{"a"}, When: office}, true},
		{"registered only", RuleConfig{Registered: true}, RuleConfig{}, false},
		{"both registered", RuleConfig{Registered: true}, RuleConfig{Registered: true}, true},
		{"tags are of devices", RuleConfig{Registered: true}, RuleConfig{CallerTags: []string{"staff"}}, true},
		{"fewer protocols", RuleConfig{Protocols: []string{"sip", "webrtc"}}, RuleConfig{Protocols: []string{"sip"}}, true},
		{"more protocols", RuleConfig{Protocols: []string{"sip"}}, RuleConfig{Protocols: []string{"sip", "webrtc"}}, false},
		{"another location", RuleConfig{Locations: []string{"a"}}, RuleConfig{Locations: []string{"b"}}, false},
		{"a part of the network", RuleConfig{Networks: []string{"10.0.0.0/8"}}, RuleConfig{Networks: []string{"10.1.0.0/16"}}, true},
		{"a larger network", RuleConfig{Networks: []string{"10.1.0.0/16"}}, RuleConfig{Networks: []string{"10.0.0.0/8"}}, false},
		{"in office hours", RuleConfig{When: office}, RuleConfig{}, false},
		{"the same hours", RuleConfig{When: office}, RuleConfig{When: office}, true},
		{"within the hours", RuleConfig{When: office}, RuleConfig{When: []Window{{Days: []string{"tue"}, Hours: []string{"09:00-10:00"}}}}, true},
		{"beyond the hours", RuleConfig{When: office}, RuleConfig{When: []Window{{Days: []string{"tue"}, Hours: []string{"09:00-19:00"}}}}, false},
		{"in another zone", RuleConfig{When: office}, RuleConfig{When: office, Zone: "UTC"}, false},
		{"not on some dates", RuleConfig{When: office, Except: []Window{{Dates: []string{"12-25"}}}}, RuleConfig{When: []Window{{Days: []string{"tue"}, Hours: []string{"09:00-10:00"}}}}, false},
		{"a URI and an alias", RuleConfig{FullURI: true, Match: "sip:1@a"}, RuleConfig{Match: "1"}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for i, r := range []*RuleConfig{&tt.first, &tt.second} {
				r.Name, r.To = []string{"first", "second"}[i], []Target{{Device: "kitchen"}}
				if r.Match == "" {
					r.Match = `1\d\d`
				}
			}
			c := Config{Zone: "Europe/Berlin", Rules: []RuleConfig{tt.first, tt.second}, Emergency: EmergencyConfig{To: []Target{{Trunk: "pbx"}}}}
			if _, err := New(c); err != nil {
				t.Fatal(err)
			}
			var shadowed bool
			for _, f := range Lint(c, Surroundings{}) {
				shadowed = shadowed || strings.Contains(f.Text, "never reached")
			}
			if shadowed != tt.shadowed {
				t.Errorf("shadowed: %v, want %v", shadowed, tt.shadowed)
			}
		})
	}
}
