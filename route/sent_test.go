package route

import (
	"errors"
	"strings"
	"testing"

	"tandem/call"
)

// sentWith is a call with headers and an offer.
func sentWith(headers map[string][]string, codecs, videos []string) call.Request {
	return call.Request{Connector: SIP, Via: "kitchen", To: "100", Codecs: codecs, Videos: videos, Header: func(name string) []string {
		for n, v := range headers {
			if strings.EqualFold(n, name) {
				return v
			}
		}
		return nil
	}}
}

// F30: conditions on headers and codecs.
func TestWhatIsSentHoldsOrSaysWhyNot(t *testing.T) {
	sales := HeaderMatch{Name: "X-Department", Match: "sales|support"}
	for _, tt := range []struct {
		name string
		rule RuleConfig
		r    call.Request
		why  string // "" matches
	}{
		{"a header", RuleConfig{Headers: []HeaderMatch{sales}}, sentWith(map[string][]string{"x-department": {"Sales"}}, nil, nil), ""},
		{"one of its values", RuleConfig{Headers: []HeaderMatch{sales}}, sentWith(map[string][]string{"X-Department": {"it", "support"}}, nil, nil), ""},
		{"a part of the value", RuleConfig{Headers: []HeaderMatch{sales}}, sentWith(map[string][]string{"X-Department": {"presales"}}, nil, nil), `only for calls whose header X-Department matches sales|support; here it is "presales"`},
		{"no such header", RuleConfig{Headers: []HeaderMatch{sales}}, sentWith(nil, nil, nil), "this one has none"},
		{"no headers at all", RuleConfig{Headers: []HeaderMatch{sales}}, call.Request{Connector: SIP, Via: "kitchen", To: "100"}, "this one has none"},
		{"any value", RuleConfig{Headers: []HeaderMatch{{Name: "X-Department"}}}, sentWith(map[string][]string{"X-Department": {""}}, nil, nil), ""},
		{"all headers", RuleConfig{Headers: []HeaderMatch{sales, {Name: "User-Agent", Match: "Acme.*"}}}, sentWith(map[string][]string{"X-Department": {"sales"}, "User-Agent": {"Other"}}, nil, nil), "User-Agent matches Acme.*"},
		{"quoted", RuleConfig{Headers: []HeaderMatch{sales}}, sentWith(map[string][]string{"X-Department": {"\x1b[2J" + strings.Repeat("x", 200)}}, nil, nil), `here it is "\x1b[2J`},
		{"a codec", RuleConfig{Codecs: []string{"opus", "g722"}}, sentWith(nil, []string{"PCMU", "G722"}, nil), ""},
		{"no such codec", RuleConfig{Codecs: []string{"opus", "g722"}}, sentWith(nil, []string{"PCMU", "PCMA"}, nil), "only for callers that offer opus or g722; this one offers PCMU, PCMA"},
		{"no offer", RuleConfig{Codecs: []string{"opus"}}, sentWith(nil, nil, nil), "this one offers nothing yet"},
		{"a picture", RuleConfig{Codecs: []string{"h264"}}, sentWith(nil, []string{"PCMU"}, []string{"VP8", "H264/baseline/1"}), ""},
		{"another picture", RuleConfig{Codecs: []string{"vp8"}}, sentWith(nil, nil, []string{"H264/baseline/1"}), "offers H264/baseline/1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.rule.Name, tt.rule.To = "x", []Target{{Device: "d"}}
			x := table(t, Config{Rules: []RuleConfig{tt.rule}}).Explain(tt.r)
			step := x.Steps[len(x.Steps)-1]
			if step.Matched != (tt.why == "") || !strings.Contains(step.Why, tt.why) || strings.Contains(step.Why, "\x1b") || len(step.Why) > 300 {
				t.Errorf("matched %v, %q; want %q", step.Matched, step.Why, tt.why)
			}
		})
	}
}

func TestWhatCannotBeAskedForIsNamed(t *testing.T) {
	for field, rule := range map[string]RuleConfig{
		"rules[0].headers[0].name":  {Headers: []HeaderMatch{{Name: ""}}},
		"rules[0].headers[1].name":  {Headers: []HeaderMatch{{Name: "A"}, {Name: "a b"}}},
		"rules[0].headers[0].match": {Headers: []HeaderMatch{{Name: "A", Match: "("}}},
		"rules[0].headers":          {Headers: make([]HeaderMatch, maxHeaders+1)},
		"rules[0].codecs[1]":        {Codecs: []string{"opus", "mp3"}},
	} {
		rule.Name, rule.To = "x", []Target{{Device: "d"}}
		_, err := New(Config{Rules: []RuleConfig{rule}})
		if err == nil || !strings.Contains("\n"+err.Error(), "\n"+field+": ") {
			t.Errorf("%s: %v", field, err)
		}
	}
	for _, name := range []string{"Authorization", "proxy-authorization"} { // passwords are not for traces
		_, err := New(Config{Rules: []RuleConfig{{Name: "x", To: []Target{{Device: "d"}}, Headers: []HeaderMatch{{Name: name}}}}})
		var field *FieldError
		if !errors.As(err, &field) || field.Field != "rules[0].headers[0].name" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestARuleShadowsOnlyUnderItsHeadersAndCodecs(t *testing.T) {
	to := []Target{{Device: "kitchen"}}
	any, sales := HeaderMatch{Name: "x-a"}, HeaderMatch{Name: "X-A", Match: "sales"}
	for _, tt := range []struct {
		name          string
		first, second RuleConfig
		shadowed      bool
	}{
		{"the same header", RuleConfig{Headers: []HeaderMatch{sales}}, RuleConfig{Headers: []HeaderMatch{sales}}, true},
		{"any value before one", RuleConfig{Headers: []HeaderMatch{any}}, RuleConfig{Headers: []HeaderMatch{sales}}, true},
		{"one value before any", RuleConfig{Headers: []HeaderMatch{sales}}, RuleConfig{Headers: []HeaderMatch{any}}, false},
		{"a header before none", RuleConfig{Headers: []HeaderMatch{any}}, RuleConfig{}, false},
		{"none before a header", RuleConfig{}, RuleConfig{Headers: []HeaderMatch{any}}, true},
		{"more codecs before fewer", RuleConfig{Codecs: []string{"opus", "g722"}}, RuleConfig{Codecs: []string{"opus"}}, true},
		{"fewer codecs before more", RuleConfig{Codecs: []string{"opus"}}, RuleConfig{Codecs: []string{"opus", "g722"}}, false},
		{"codecs before none", RuleConfig{Codecs: []string{"opus"}}, RuleConfig{}, false},
	} {
		tt.first.Name, tt.first.To, tt.second.Name, tt.second.To = "a", to, "b", to
		found := Lint(Config{Rules: []RuleConfig{tt.first, tt.second}, Emergency: EmergencyConfig{To: []Target{{Trunk: "pbx"}}}}, Surroundings{})
		if got := len(found) == 1 && strings.Contains(found[0].Text, "never reached"); got != tt.shadowed {
			t.Errorf("%s: %+v", tt.name, found)
		}
	}
}
