// Package rewrite is what people write to change dialled texts: an expression for
// the whole text (RE2) and a replacement with groups. Start reading at [Compile].
package rewrite

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A Rule is an expression for a whole text and what the text becomes.
type Rule struct {
	match *regexp.Regexp
	to    string // for regexp.Expand; "" leaves the text as it is
}

// ErrReplace marks errors of the replacement.
var ErrReplace = errors.New("replacement")

// FieldOf is the field an error of Compile is about.
func FieldOf(err error, match, replace string) string {
	if errors.Is(err, ErrReplace) {
		return replace
	}
	return match
}

// Compile checks an expression and its replacement. Capital letters do not matter,
// and the whole text has to match.
func Compile(match, replace string) (Rule, error) {
	re, err := Whole(match, true)
	if err != nil {
		return Rule{}, err
	}
	to, err := Template(re, replace)
	return Rule{re, to}, err
}

// Whole compiles an expression for whole texts; an empty one is for any. What
// other engines know and RE2 does not is refused with how to write it.
func Whole(expr string, anyCase bool) (*regexp.Regexp, error) {
	if expr == "" {
		expr = ".*"
	}
	if _, err := regexp.Compile(expr); err != nil {
		if hint := unsupported(expr); hint != "" {
			return nil, errors.New(hint)
		}
		return nil, err
	}
	if anyCase {
		return regexp.Compile(`(?i)^(?:` + expr + `)$`)
	}
	return regexp.Compile(`^(?:` + expr + `)$`)
}

// Apply is what s becomes; false when it does not match.
func (r Rule) Apply(s string) (string, bool) {
	m := r.match.FindStringSubmatchIndex(s)
	switch {
	case m == nil:
		return "", false
	case r.to == "":
		return s, true
	}
	return string(r.match.ExpandString(nil, r.to, s, m)), true
}

// Template brings the ways in which people write groups (\1, \g<name>, $1, ${name})
// into the one of package regexp. "$$" and "\\" are a dollar and a backslash.
func Template(re *regexp.Regexp, s string) (string, error) {
	var b strings.Builder
	for s != "" {
		i := strings.IndexAny(s, `\$`)
		if i < 0 {
			b.WriteString(s)
			break
		}
		b.WriteString(s[:i])
		group, size := reference(s[i:])
		switch {
		case size == 0:
			return "", fmt.Errorf(`%w: "%s" is neither a group (\1, \g<name>, $1, ${name}) nor $$ or \\`, ErrReplace, s[i:])
		case group == "$":
			b.WriteString("$$")
		case group == `\`:
			b.WriteString(`\`)
		case !has(re, group):
			return "", fmt.Errorf("%w: the expression has no group %q", ErrReplace, group)
		default:
			b.WriteString("${" + group + "}")
		}
		s = s[i+size:]
	}
	return b.String(), nil
}

// reference reads a group at the beginning of s, which starts with \ or $, and how
// much of s it takes; 0 when it is none.
func reference(s string) (group string, size int) {
	rest := s[1:]
	if rest != "" && rest[0] == s[0] {
		return rest[:1], 2
	}
	opening, closing := "${", "}"
	if s[0] == '\\' {
		opening, closing = `\g<`, ">"
	}
	if inner, ok := strings.CutPrefix(s, opening); ok {
		name, _, ok := strings.Cut(inner, closing)
		if !ok || name == "" {
			return "", 0
		}
		return name, len(opening) + len(name) + len(closing)
	}
	n := 0
	for n < len(rest) && n < 2 && rest[n] >= '0' && rest[n] <= '9' {
		n++
	}
	if n == 0 {
		return "", 0
	}
	return rest[:n], 1 + n
}

func has(re *regexp.Regexp, group string) bool {
	if n, err := strconv.Atoi(group); err == nil {
		return n >= 0 && n <= re.NumSubexp()
	}
	return slices.Contains(re.SubexpNames(), group)
}

// unsupported says how to write what other engines know and RE2 does not; "" for an
// expression that is merely wrong.
func unsupported(expr string) string {
	for _, u := range []struct{ sign, hint string }{
		{"(?=", "look-ahead (?=…) is not supported (RE2): match what follows as a group of its own, and leave the group out of the replacement"},
		{"(?!", "negative look-ahead (?!…) is not supported (RE2): say what is allowed, such as [2-9]\\d* instead of (?!1)\\d+"},
		{"(?<=", "look-behind (?<=…) is not supported (RE2): match what stands before as a group of its own, and leave the group out of the replacement"},
		{"(?<!", "negative look-behind (?<!…) is not supported (RE2): say what is allowed to stand before"},
		{"(?>", "atomic groups (?>…) are not supported (RE2): write (?:…); the time is bounded anyway"},
		{"(?(", "conditions (?(…)…) are not supported (RE2): write both cases, with | between them"},
		{"(?#", "comments (?#…) are not supported (RE2): write them beside the expression"},
		{`\K`, `\K is not supported (RE2): match what stands before as a group of its own`},
		{`\Z`, `\Z is not supported (RE2): the whole text has to match anyway`},
		{`\h`, `\h is not supported (RE2): write [ \t]`},
	} {
		if strings.Contains(expr, u.sign) {
			return u.hint
		}
	}
	if backReference.MatchString(expr) {
		return `back-references (\1) are not supported in expressions (RE2), only in replacements: write out what may repeat`
	}
	if possessive.MatchString(expr) {
		return "possessive repetition (*+, ++, ?+) is not supported (RE2): leave the second sign out; the time is bounded anyway"
	}
	return ""
}

var (
	backReference = regexp.MustCompile(`\\([1-9]|k[<{'])`)
	possessive    = regexp.MustCompile(`[*+?}]\+`)
)
