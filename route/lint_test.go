package route

import (
	"strings"
	"testing"
)

func TestLintFindsWhatWasNotMeant(t *testing.T) {
	home, kitchen := []Target{{Account: "home"}}, []Target{{Device: "kitchen"}}
	around := Surroundings{Trunks: []string{"carrier"}, Accounts: []string{"home"}, Guests: true}
	emergency := EmergencyConfig{To: []Target{{Trunk: "carrier"}}}
	for _, tt := range []struct {
		name  string
		rules []RuleConfig
		want  string // of the only finding: severity field text; empty: none
	}{
		{"a plan without mistakes", []RuleConfig{
			{Name: "a", Match: `\+1\d{10}`, From: []string{"kitchen"}, To: home}, {Name: "b", Match: `\d{3}`, To: kitchen},
		}, ""},
		{"the same expression again", []RuleConfig{
			{Name: "a", Match: `\d{3}`, To: kitchen}, {Name: "b", Match: `\d\d\d`, To: kitchen},
		}, `warning rules[1].match This rule is never reached: "a" takes every call that it would (both have the same priority`},
		{"a narrow rule after a wide one", []RuleConfig{
			{Name: "b", Priority: 2, Match: `4[0-9]2`, From: []string{"kitchen"}, To: kitchen}, {Name: "a", Priority: 1, Match: `[2-5]\d+`, To: kitchen},
		}, `warning rules[0].match This rule is never reached: "a" takes`},
		{"a narrow rule before a wide one", []RuleConfig{
			{Name: "a", Priority: 1, Match: `4[0-9]2`, To: kitchen}, {Name: "b", Priority: 2, Match: `[2-5]\d+`, To: kitchen},
		}, ""},
		{"a wide rule that goes on", []RuleConfig{
			{Name: "a", Match: `.*`, To: kitchen, Continue: true}, {Name: "b", Match: `4\d`, To: kitchen},
		}, ""},
		{"a wide rule for others", []RuleConfig{
			{Name: "a", From: []string{"study"}, To: kitchen}, {Name: "b", From: []string{"kitchen"}, Match: `4\d`, To: kitchen},
		}, ""},
		{"a wide rule that is off", []RuleConfig{{Name: "a", To: kitchen, Off: true}, {Name: "b", Match: `4\d`, To: kitchen}}, ""},
		{"a wide rule that leads out lets strangers pass", []RuleConfig{
			{Name: "a", Match: `\d{3}`, To: home}, {Name: "b", Match: `444`, To: kitchen},
		}, ""},
		{"a caller rule first", []RuleConfig{{Name: "a", Caller: `\+1900.*`, To: kitchen}, {Name: "b", Match: `444`, To: kitchen}}, ""},
		{"nothing", []RuleConfig{{Name: "a", Match: `4$4`, To: kitchen}}, "warning rules[0].match 4$4 matches no text at all"},
		{"ten digits", []RuleConfig{{Name: "a", Match: `202\d{7}`, To: kitchen}}, `warning rules[0].match 202\d{7} never matches: the number plan makes +1`},
		{"an international prefix", []RuleConfig{{Name: "a", Match: `01144\d{8,}`, To: kitchen}}, "never matches: the number plan makes an international number"},
		{"an emergency number", []RuleConfig{{Name: "a", Match: `911|112`, To: kitchen}}, "never matches: 112 is an emergency number"},
		{"a prefix alone", []RuleConfig{{Name: "a", Match: `\+44`, To: kitchen}}, `matches exactly +44 and no longer number: a match is for the whole number. For numbers that begin so write \+44\d+.`},
		{"needless anchors", []RuleConfig{{Name: "a", Match: `^444$`, To: kitchen}}, "hint rules[0].match The anchors"},
		{"an open relay", []RuleConfig{{Name: "a", Match: `\+.*`, Open: true, To: home}}, "danger rules[0].open An open relay"},
		{"out again", []RuleConfig{{Name: "a", Match: `\+1\d{10}`, To: home}}, "warning rules[0].from Calls that come in by carrier, home can go out again"},
		{"out again through a group", []RuleConfig{{Name: "a", Match: `\+1\d{10}`, From: []string{"gvoice"}, To: []Target{{Group: "all"}}}}, "Calls that come in by home can go out"},
		{"extensions are not out", []RuleConfig{{Name: "a", Match: `[2-4]\d\d`, To: []Target{{Trunk: "pbx"}}}}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			plan := Config{Rules: tt.rules, Emergency: emergency, Groups: map[string][]Target{"all": {{Device: "kitchen"}, {Account: "home"}}}}
			if _, err := New(plan); err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, f := range Lint(plan, around) {
				got = append(got, string(f.Severity)+" "+f.Field+" "+f.Text)
			}
			all := strings.Join(got, "\n")
			if len(got) > 1 || (tt.want == "") != (all == "") || !strings.Contains(all, tt.want) {
				t.Errorf("got %s\nwant %s", all, tt.want)
			}
		})
	}
}

func TestLintTellsOfAPlanWithoutEmergencyTrunk(t *testing.T) {
	f := Lint(Config{}, Surroundings{})
	if len(f) != 1 || f[0].Severity != Hint || f[0].Field != "emergency.to" {
		t.Errorf("got %+v", f)
	}
}

func TestLanguagesAreCompared(t *testing.T) {
	for _, tt := range []struct {
		a, b           string
		within, common bool
	}{
		{`\d+`, `[0-9]*`, true, true},
		{`[0-9]*`, `\d+`, false, true},
		{`abc`, `(?i)ABC`, true, true},
		{`(?i)abc`, `abc`, false, true},
		{`a|b`, `b|a|c`, true, true},
		{`^a$`, `a`, true, true},
		{`(a{2}){3}`, `a{6}`, true, true},
		{`a{2,4}`, `a{3,9}`, false, true},
		{`\+1\d{10}`, `\+\d{7,15}`, true, true},
		{`[2-4]\d\d`, `\+\d+`, false, false},
		{`a$b`, `x`, true, false},
		{``, `.*`, true, true},
		{`ä+`, `\pL+`, true, true},
		{`\pL+`, `[a-zä]+`, false, true},
		{`(?s).`, `.`, false, true},
	} {
		a, err := newLanguage(tt.a)
		if err != nil {
			t.Fatal(err)
		}
		b, err := newLanguage(tt.b)
		if err != nil {
			t.Fatal(err)
		}
		text, common, _ := a.common(b)
		if tt.b == `\pL+` || tt.a == `\pL+` {
			continue // too many kinds of runes: not decided
		}
		if got := a.within(b); got != tt.within || common != tt.common {
			t.Errorf("%s in %s: %v, want %v; common %q %v, want %v", tt.a, tt.b, got, tt.within, text, common, tt.common)
		}
	}
	if _, err := newLanguage(`\ba`); err == nil {
		t.Error("word boundaries cannot be compared")
	}
}
