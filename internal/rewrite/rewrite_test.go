package rewrite

import (
	"strings"
	"testing"
)

func TestRewrites(t *testing.T) {
	for _, c := range []struct{ match, replace, in, want string }{
		{"", "", "123", "123"},
		{`\d+`, "", "123", "123"},
		{`\d{3}`, "", "1234", ""},
		{`1|12`, "", "12", "12"}, // the whole text, whichever branch
		{`ABC`, "", "abc", "abc"},
		{`(\d+)`, `\1@example.com`, "12", "12@example.com"},
		{`(\d+)`, `$1@example.com`, "12", "12@example.com"},
		{`(\d+)`, `$1x`, "12", "12x"},
		{`(\d)(\d)`, `\2\1`, "12", "21"},
		{`(?P<id>\d+)`, `\g<id>0${id}`, "1", "101"},
		{`(\d+)`, `\g<1>5`, "1", "15"},
		{`\d+`, `\0`, "12", "12"},
		{`(\d+)`, `$$\\\1`, "1", `$\1`},
		{`(\d+)`, `fixed`, "1", "fixed"},
	} {
		r, err := Compile(c.match, c.replace)
		if err != nil {
			t.Errorf("%s -> %s: %v", c.match, c.replace, err)
			continue
		}
		if got, _ := r.Apply(c.in); got != c.want {
			t.Errorf("%s -> %s of %q: %q, want %q", c.match, c.replace, c.in, got, c.want)
		}
	}
}

func TestWhatCannotBeWrittenIsToldWithAWayOut(t *testing.T) {
	for _, c := range []struct{ match, replace, want string }{
		{`(?=1)\d+`, "", "look-ahead"},
		{`(?!1)\d+`, "", "instead of"},
		{`(?<=9)\d+`, "", "look-behind"},
		{`(?<!9)\d+`, "", "look-behind"},
		{`(\d)\1`, "", "back-references"},
		{`\d++`, "", "possessive"},
		{`(?>\d+)`, "", "atomic"},
		{`(\d`, "", "missing closing )"},
		{`\d+`, `\1`, "no group"},
		{`(\d+)`, `\x`, "neither a group"},
		{`(\d+)`, `${1`, "neither a group"},
		{`(\d+)`, `$`, "neither a group"},
		{`(?P<id>\d+)`, `${name}`, "no group"},
	} {
		_, err := Compile(c.match, c.replace)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s -> %s: %v, want something on %q", c.match, c.replace, err, c.want)
		}
	}
}

func FuzzRewrite(f *testing.F) {
	f.Add(`(\d+)`, `\1@$1${1}\g<1>$$`, "123")
	f.Add(`(?P<a>.)`, `\g<a>`, "x")
	f.Fuzz(func(t *testing.T, match, replace, in string) {
		if len(match) > 200 || len(in) > 200 {
			return
		}
		r, err := Compile(match, replace)
		if err != nil {
			return
		}
		if out, ok := r.Apply(in); !ok && out != "" {
			t.Errorf("%q although it does not match", out)
		}
	})
}
