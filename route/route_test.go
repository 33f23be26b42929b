package route

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"tandem/call"
)

func table(t *testing.T, c Config) *Table {
	t.Helper()
	tb, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return tb
}

func TestRoute(t *testing.T) {
	plan := Config{
		Numbers: Plan{Area: "555"},
		Groups:  map[string][]Target{"family": {{Device: "kitchen"}, {Device: "study"}}},
		Rules: []RuleConfig{
			{Name: "fall-back", Priority: 90, Match: `\+\d+`, To: []Target{{Trunk: "carrier"}}},
			{Name: "anyone may ring the desk", Priority: 5, Match: `desk`, To: []Target{{Device: "desk"}}},
			{Name: "extension", Priority: 5, Match: `1(\d\d)`, Replace: "ext$1", To: []Target{{Device: "pbx"}}},
			{Name: "home number", From: []string{"home"}, Match: `\+15550100001`, To: []Target{{Group: "family", Within: 20 * time.Second}, {Device: "mailbox"}}},
			{Name: "nuisance", Priority: -1, Caller: `\+1900.*`, To: []Target{{Device: "mailbox"}}},
			{Name: "out", Priority: 10, From: []string{SIP}, Match: `\+1\d{10}`, To: []Target{{Account: "home"}, {Account: "work"}}, Continue: true, StopOn: []call.Cause{call.Busy}},
		},
	}
	tb := table(t, plan)
	gv := func(account, to string) call.Destination {
		return call.Destination{Connector: GoogleVoice, Target: account, To: to, Out: true, Stop: []call.Cause{call.Busy}}
	}
	dev := func(name, to string) call.Destination {
		return call.Destination{Connector: SIP, Target: name, To: to}
	}
	trunk := func(name, to string) call.Destination {
		return call.Destination{Connector: SIP, Target: name, To: to, Out: true}
	}
	for _, tt := range []struct {
		name string
		req  call.Request
		want []call.Destination
		err  error
	}{
		{
			"ten digits go out over Google Voice, then the trunk",
			call.Request{Connector: SIP, Via: "kitchen", To: "(212) 555-0147"},
			[]call.Destination{gv("home", "+12125550147"), gv("work", "+12125550147"), trunk("carrier", "+12125550147")},
			nil,
		},
		{
			"seven digits get the area code",
			call.Request{Connector: SIP, Via: "kitchen", To: "2550147"},
			[]call.Destination{gv("home", "+15552550147"), gv("work", "+15552550147"), trunk("carrier", "+15552550147")},
			nil,
		},
		{"international goes to the trunk", call.Request{Connector: SIP, Via: "kitchen", To: "011442079460000"}, []call.Destination{trunk("carrier", "+442079460000")}, nil},
		{"a stranger cannot call out", call.Request{Connector: SIP, To: "+12125550147"}, nil, call.ErrNoRoute},
		{"a stranger can ring a device", call.Request{Connector: SIP, To: "desk"}, []call.Destination{dev("desk", "desk")}, nil},
		{"rewriting", call.Request{Connector: SIP, Via: "kitchen", To: "142"}, []call.Destination{dev("pbx", "ext42")}, nil},
		{"a match must be whole", call.Request{Connector: SIP, Via: "kitchen", To: "1423"}, nil, call.ErrNoRoute},
		{
			"a number rings the family, then the mailbox",
			call.Request{Connector: GoogleVoice, Via: "home", To: "+15550100001", From: "+12125550147"},
			[]call.Destination{{To: "+15550100001", Within: 20 * time.Second, Parallel: []call.Destination{dev("kitchen", "+15550100001"), dev("study", "+15550100001")}}, dev("mailbox", "+15550100001")},
			nil,
		},
		{"a caller rule comes first", call.Request{Connector: GoogleVoice, Via: "home", To: "+15550100001", From: "19005550000"}, []call.Destination{dev("mailbox", "+15550100001")}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tb.Route(tt.req)
			if !errors.Is(err, tt.err) || !reflect.DeepEqual(got, tt.want) {
				t.Errorf("Route = %+v, %v; want %+v, %v\n%s", got, err, tt.want, tt.err, tb.Explain(tt.req))
			}
		})
	}
}

func TestEmergencyNumbersNeverGoToGoogleVoice(t *testing.T) {
	rules := []RuleConfig{{Name: "everything", To: []Target{{Account: "home"}}}}
	with := table(t, Config{Rules: rules, Emergency: EmergencyConfig{Numbers: []string{"000"}, To: []Target{{Trunk: "e911"}}}})
	without := table(t, Config{Rules: rules})
	for _, n := range []string{"911", "+911", "9-1-1", "933", "112", "999", "urn:service:sos", "urn:service:sos.police"} {
		got, err := with.Route(call.Request{Connector: SIP, Via: "kitchen", To: n})
		if err != nil || len(got) != 1 || got[0].Target != "e911" {
			t.Errorf("%s goes to %+v, %v; want the emergency trunk", n, got, err)
		}
		_, err = without.Route(call.Request{Connector: SIP, Via: "kitchen", To: n})
		var r *call.RefusalError
		if !errors.As(err, &r) || r.Cause != call.Emergency {
			t.Errorf("%s without a trunk: %v, want a refusal", n, err)
		}
	}
	if got, err := with.Route(call.Request{Connector: SIP, Via: "kitchen", To: "000"}); err != nil || got[0].Target != "e911" {
		t.Errorf("a configured emergency number goes to %v, %v", got, err)
	}
	if got, err := without.Route(call.Request{Connector: SIP, Via: "kitchen", To: "9115550147"}); err != nil || got[0].Target != "home" {
		t.Errorf("a number that begins with 911 goes to %v, %v", got, err)
	}
}

func TestConfigErrorsNameTheField(t *testing.T) {
	for _, tt := range []struct {
		name string
		c    Config
		want string
	}{
		{"regex", Config{Rules: []RuleConfig{{Name: "x", Match: "(", To: []Target{{Device: "d"}}}}}, "rules[0].match"},
		{"no name", Config{Rules: []RuleConfig{{To: []Target{{Device: "d"}}}}}, "rules[0].name"},
		{"no target", Config{Rules: []RuleConfig{{Name: "x"}}}, "rules[0].to"},
		{"two in one", Config{Rules: []RuleConfig{{Name: "x", To: []Target{{Device: "d", Trunk: "t"}}}}}, "rules[0].to[0]"},
		{"no such group", Config{Rules: []RuleConfig{{Name: "x", To: []Target{{Group: "g"}}}}}, "rules[0].to[0]"},
		{"empty group", Config{Groups: map[string][]Target{"g": nil}}, "groups.g"},
		{"group in group", Config{Groups: map[string][]Target{"g": {{Group: "g"}}}}, "groups.g[0]"},
		{"early media", Config{Rules: []RuleConfig{{Name: "x", EarlyMedia: "maybe", To: []Target{{Device: "d"}}}}}, "rules[0].early_media"},
		{"911 over Google", Config{Emergency: EmergencyConfig{To: []Target{{Account: "home"}}}}, "emergency.to[0]"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := New(tt.c)
			var f *FieldError
			if !errors.As(err, &f) || f.Field != tt.want {
				t.Errorf("error %v, want one about %s", err, tt.want)
			}
		})
	}
}

func TestNormalize(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"+1 212 555 0147", "+12125550147"},
		{"12125550147", "+12125550147"},
		{"212.555.0147", "+12125550147"},
		{"5550147", "+16175550147"},
		{"011 49 30 123456", "+4930123456"},
		{"100", "100"},
		{"1234567890123", "1234567890123"},
		{"anna@example.com", "anna@example.com"},
		{"+12", "+12"},
		{"", ""},
		{"*98", "*98"},
		{"1152551234", "1152551234"},
	} {
		got, ok := Plan{Area: "617"}.Normalize(tt.in)
		if ok != (got != tt.in) && tt.in[0] != '+' || ok && got != tt.want || !ok && tt.want != tt.in {
			t.Errorf("Normalize(%q) = %q, %v; want %q", tt.in, got, ok, tt.want)
		}
	}
}

func TestExplainSaysWhy(t *testing.T) {
	tb := table(t, Config{Rules: []RuleConfig{
		{Name: "office hours", From: []string{"work"}, Match: `\d+`, To: []Target{{Device: "d"}}},
		{Name: "out", Match: `\+1\d{10}`, To: []Target{{Account: "home"}}},
	}})
	out := tb.Explain(call.Request{Connector: SIP, Via: "kitchen", From: "kitchen", To: "2125550147"}).String()
	for _, want := range []string{"number plan: 2125550147 is +12125550147", "- office hours: ", "+ out", "1. Google Voice account home dials +12125550147"} {
		if !strings.Contains(out, want) {
			t.Errorf("the trace lacks %q:\n%s", want, out)
		}
	}
	if out := tb.Explain(call.Request{Connector: SIP, Via: "kitchen", To: "911"}).String(); !strings.Contains(out, "SIP 403") {
		t.Errorf("no word of the refusal:\n%s", out)
	}
}
