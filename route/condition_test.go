package route

import (
	"net/netip"
	"strings"
	"testing"

	"tandem/call"
)

func TestConditionsHoldOrSayWhyNot(t *testing.T) {
	base := call.Request{Connector: SIP, Via: "kitchen", From: "kitchen", To: "100", URI: "sip:100@example.com;transport=tls", Registered: true, Protocol: call.ProtocolSIP, Source: netip.MustParseAddr("10.1.2.3"), Location: "office", Tag: "staff"}
	with := func(change func(*call.Request)) call.Request {
		r := base
		change(&r)
		return r
	}
	for _, tt := range []struct {
		name string
		rule RuleConfig
		r    call.Request
		why  string // "" matches
	}{
		{"registered", RuleConfig{Registered: true}, base, ""},
		{"not registered", RuleConfig{Registered: true}, with(func(r *call.Request) { r.Registered = false }), "only for callers that are registered here"},
		{"protocol", RuleConfig{Protocols: []string{"webrtc", "sip"}}, base, ""},
		{"another protocol", RuleConfig{Protocols: []string{"webrtc", "h323"}}, base, "only for calls by webrtc or h323; this one comes by sip"},
		{"location", RuleConfig{Locations: []string{"lab", "office"}}, base, ""},
		{"another location", RuleConfig{Locations: []string{"lab"}}, base, "only for callers in lab; this one is in office"},
		{"nowhere", RuleConfig{Locations: []string{"lab"}}, with(func(r *call.Request) { r.Location = "" }), "this one is in no location"},
		{"network", RuleConfig{Networks: []string{"10.1.0.0/16"}}, base, ""},
		{"a mapped address", RuleConfig{Networks: []string{"10.1.2.3"}}, with(func(r *call.Request) { r.Source = netip.MustParseAddr("::ffff:10.1.2.3") }), ""},
		{"another network", RuleConfig{Networks: []string{"10.2.0.0/16", "2001:db8::/32"}}, base, "only for callers at 10.2.0.0/16 or 2001:db8::/32; this one is at 10.1.2.3"},
		{"no address", RuleConfig{Networks: []string{"10.2.0.0/16"}}, with(func(r *call.Request) { r.Source = netip.Addr{} }), "an address that is not known"},
		{"tag", RuleConfig{CallerTags: []string{"staff"}}, base, ""},
		{"another tag", RuleConfig{CallerTags: []string{"guest"}}, base, "only for callers with the tag guest; this one has staff"},
		{"full URI", RuleConfig{FullURI: true, Match: `sip:(\d+)@.*tls`, Replace: `9\1`}, base, ""},
		{"not the alias", RuleConfig{FullURI: true, Match: `100`}, base, `"sip:100@example.com;transport=tls" does not match 100`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.rule.Name, tt.rule.To = "x", []Target{{Device: "d"}}
			x := table(t, Config{Rules: []RuleConfig{tt.rule}}).Explain(tt.r)
			step := x.Steps[len(x.Steps)-1]
			if step.Matched != (tt.why == "") || !strings.Contains(step.Why, tt.why) {
				t.Errorf("matched %v, %q; want %q", step.Matched, step.Why, tt.why)
			}
		})
	}
}

func TestAFullURIIsRewrittenAndAnEmptyReplacementKeepsTheAlias(t *testing.T) {
	r := call.Request{Connector: SIP, Via: "k", To: "anna@example.com", URI: "sip:anna@example.com;transport=tls"}
	tb := table(t, Config{Rules: []RuleConfig{{Name: "x", FullURI: true, Match: `sip:(\w+)@.*`, Replace: `\1`, To: []Target{{Device: "d"}}}}})
	if got, err := tb.Route(r); err != nil || got[0].To != "anna" {
		t.Errorf("%+v, %v; want the group", got, err)
	}
	tb = table(t, Config{Rules: []RuleConfig{{Name: "x", Tag: "sales", FullURI: true, Match: `sip:.*`, To: []Target{{Device: "d"}}}}})
	if got, err := tb.Route(r); err != nil || got[0].To != "anna@example.com" || got[0].Tag != "sales" {
		t.Errorf("%+v, %v; want the alias as it was, and the tag", got, err)
	}
}

func TestOfTwoLocationsTheSmallerNetworkCounts(t *testing.T) {
	p, err := NewPlaces([]Location{
		{Name: "all", Networks: []string{"10.0.0.0/8"}},
		{Name: "lab", Networks: []string{"10.1.2.0/24", "2001:db8::1"}},
		{Name: "hall", Nodes: []string{"node-1"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for from, want := range map[string]string{"10.1.2.3": "lab", "10.1.3.3": "all", "2001:db8::1": "lab", "192.0.2.1": "hall", "::ffff:10.9.9.9": "all"} {
		if got := p.Of(netip.MustParseAddr(from), "node-1"); got != want {
			t.Errorf("%s is in %q, want %q", from, got, want)
		}
	}
	if got := p.Of(netip.Addr{}, "node-2"); got != "" {
		t.Errorf("a caller nobody knows where is in %q", got)
	}
	_, err = NewPlaces([]Location{{Name: "a", Networks: []string{"10.0.0.0/8"}, Nodes: []string{"n"}}, {Name: "a", Networks: []string{"10.0.0.1/8", "x"}, Nodes: []string{"n"}}})
	for _, want := range []string{"[1].name", "[1].networks[0]", "[1].networks[1]", "[1].nodes[0]"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want an error about %s", err, want)
		}
	}
}

func TestTestsCanSayWhenAndWhere(t *testing.T) {
	c := Config{Zone: "Europe/Berlin", Rules: []RuleConfig{{Name: "x", When: []Window{{Days: []string{"mon"}}}, To: []Target{{Device: "d"}}}}}
	for text, want := range map[string]string{"2026-11-23 00:30": "2026-11-22T23:30:00Z", "2026-11-23T00:30:00+01:00": "2026-11-22T23:30:00Z"} {
		got, err := c.Time(text)
		if err != nil || got.UTC().Format("2006-01-02T15:04:05Z") != want {
			t.Errorf("%s is %v, %v", text, got, err)
		}
		if err := table(t, c).Run(Test{Name: "t", Expect: "device d"}, call.Request{Connector: SIP, To: "1", At: got}); err != nil {
			t.Error(err)
		}
	}
	if _, err := c.Time("tomorrow"); err == nil {
		t.Error("tomorrow was taken as a time")
	}
}
