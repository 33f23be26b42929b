package route

import (
	"regexp"
	"regexp/syntax"
	"strings"
	"unicode/utf8"
)

// A filter tells of most texts without running an expression that it does not
// match them: by their length and by how they begin. It is what makes a long
// dial plan quick.
type filter struct {
	prefix   string
	min, max int // bytes; max -1 is no limit
}

// newFilter looks at an expression for whole texts. One it cannot look into
// lets everything pass.
func newFilter(expr string) filter {
	re, err := syntax.Parse(expr, syntax.Perl)
	if err != nil {
		return filter{max: -1}
	}
	f := filter{}
	f.min, f.max = lengths(re)
	if whole, err := regexp.Compile(expr); err == nil {
		f.prefix, _ = whole.LiteralPrefix()
	}
	return f
}

// passes reports whether the expression could match s.
func (f *filter) passes(s string) bool {
	return len(s) >= f.min && (f.max < 0 || len(s) <= f.max) && strings.HasPrefix(s, f.prefix)
}

// lengths are the fewest and the most bytes that a match can have; -1 is no limit.
func lengths(re *syntax.Regexp) (least, most int) {
	switch re.Op {
	case syntax.OpLiteral:
		return literalLengths(re)
	case syntax.OpCharClass:
		if len(re.Rune) == 0 {
			return 0, 0
		}
		return utf8.RuneLen(max(re.Rune[0], 0)), utf8.UTFMax
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return 1, utf8.UTFMax
	case syntax.OpCapture:
		return lengths(re.Sub[0])
	case syntax.OpStar:
		return 0, -1
	case syntax.OpPlus:
		least, _ = lengths(re.Sub[0])
		return least, -1
	case syntax.OpQuest:
		_, most = lengths(re.Sub[0])
		return 0, most
	case syntax.OpRepeat:
		least, most = lengths(re.Sub[0])
		if re.Max < 0 || most < 0 {
			return least * re.Min, -1
		}
		return least * re.Min, most * re.Max
	case syntax.OpConcat:
		return concatLengths(re.Sub)
	case syntax.OpAlternate:
		return alternateLengths(re.Sub)
	}
	return 0, 0 // matches no text, or none of its own
}

func literalLengths(re *syntax.Regexp) (least, most int) {
	for _, r := range re.Rune {
		n := utf8.RuneLen(r)
		if re.Flags&syntax.FoldCase != 0 {
			least, most = least+1, most+utf8.UTFMax // another case can be of another length
			continue
		}
		least, most = least+n, most+n
	}
	return least, most
}

func concatLengths(all []*syntax.Regexp) (least, most int) {
	for _, sub := range all {
		a, b := lengths(sub)
		least += a
		if b < 0 || most < 0 {
			most = -1
			continue
		}
		most += b
	}
	return least, most
}

func alternateLengths(all []*syntax.Regexp) (least, most int) {
	for i, sub := range all {
		a, b := lengths(sub)
		if i == 0 {
			least, most = a, b
			continue
		}
		least = min(least, a)
		if b < 0 || most < 0 {
			most = -1
			continue
		}
		most = max(most, b)
	}
	return least, most
}
