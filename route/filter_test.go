package route

import (
	"fmt"
	"testing"

	"tandem/call"
	"tandem/internal/rewrite"
)

func TestFiltersLoseNoMatch(t *testing.T) {
	texts := []string{"", "a", "A", "1", "12", "123", "+12025550147", "+44", "ä", "\u212a", "k", "kk", "anna@example.com", "\n", "ab", "abab"}
	for _, expr := range []string{
		`.*`, `\d+`, `\+1\d{10}`, `(?i)k`, `(?i:kk?)`, `[ä-ö]`, `a|`, `(a|ab)(c|bcd)?`, `^a$`, `(ab){1,2}`, `(?s).`, `\n`, `[^a]`, `.+@example\.com`, `a?b?`, `\x{212a}`, `(a*)*`, `x{0}`, `[^\x00-\x{10FFFF}]`,
	} {
		re, err := rewrite.Whole(expr, false)
		if err != nil {
			t.Fatal(err)
		}
		f := newFilter(expr)
		for _, s := range texts {
			if re.MatchString(s) && !f.passes(s) {
				t.Errorf("%s matches %q, and its filter %+v does not let it pass", expr, s, f)
			}
		}
	}
}

func FuzzFilter(f *testing.F) {
	f.Add(`\+1\d{10}|9(\d+)`, "+12025550147")
	f.Add(`(?i)^k[a-z]*$`, "\u212ax")
	f.Fuzz(func(t *testing.T, expr, s string) {
		if len(expr) > 100 || len(s) > 100 {
			return
		}
		re, err := rewrite.Whole(expr, false)
		if err != nil {
			return
		}
		filter := newFilter(anyOr(expr))
		if re.MatchString(s) && !filter.passes(s) {
			t.Errorf("%q matches %q, and its filter %+v does not let it pass", expr, s, filter)
		}
		l, err := newLanguage(anyOr(expr))
		if err != nil {
			return
		}
		if text, some, err := l.example(); err == nil && some && !re.MatchString(text) {
			t.Errorf("%q shall match %q", expr, text)
		}
	})
}

// thousand are rules as an office has them: blocks of extensions, numbers of
// people and countries; the last one takes the call.
func thousand() Config {
	var c Config
	for i := range 400 {
		c.Rules = append(c.Rules, RuleConfig{Name: fmt.Sprintf("person %d", i), Match: fmt.Sprintf(`\+1202555%04d`, i), To: []Target{{Device: "kitchen"}}})
	}
	for i := range 300 {
		c.Rules = append(c.Rules, RuleConfig{Name: fmt.Sprintf("block %d", i), Match: fmt.Sprintf(`%d\d\d`, 100+i), To: []Target{{Trunk: "pbx"}}})
	}
	for i := range 299 {
		c.Rules = append(c.Rules, RuleConfig{Name: fmt.Sprintf("country %d", i), Match: fmt.Sprintf(`\+%d[1-9]\d+`, 600+i), Caller: `\+1\d+`, To: []Target{{Account: "home"}}})
	}
	c.Rules = append(c.Rules, RuleConfig{Name: "the rest", Match: `\+1(\d{10})`, Replace: "$1", To: []Target{{Account: "home"}}})
	return c
}

// A call is routed by 1,000 rules in under 50 µs (issue of the control plane).
func BenchmarkRules1000(b *testing.B) {
	t, err := New(thousand())
	if err != nil {
		b.Fatal(err)
	}
	r := call.Request{Connector: SIP, Via: "kitchen", From: "+12025550123", To: "2125550147"}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := t.Route(r); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLint1000(b *testing.B) {
	plan := thousand()
	for b.Loop() {
		Lint(plan, Surroundings{})
	}
}
