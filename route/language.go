package route

import (
	"errors"
	"regexp/syntax"
	"slices"
	"strings"
	"unicode"
)

// A language is the set of texts that an expression matches as a whole. Two of
// them are compared by walking both expressions' automata at once, which is
// exact; what takes too long is not decided.
type language struct{ prog *syntax.Prog }

// errUndecided: the expressions are too large, or hold what cannot be compared.
var errUndecided = errors.New("this cannot be told")

const (
	maxStates = 4000   // pairs of sets that are looked at
	maxInst   = 10_000 // instructions of one automaton
	maxRunes  = 400    // that the expressions tell apart
)

func newLanguage(expr string) (language, error) {
	re, err := syntax.Parse(expr, syntax.Perl)
	if err != nil {
		return language{}, err
	}
	prog, err := syntax.Compile(re.Simplify())
	if err != nil {
		return language{}, err
	}
	if len(prog.Inst) > maxInst {
		return language{}, errUndecided
	}
	for _, in := range prog.Inst {
		if in.Op == syntax.InstEmptyWidth && syntax.EmptyOp(in.Arg)&(syntax.EmptyWordBoundary|syntax.EmptyNoWordBoundary) != 0 {
			return language{}, errUndecided
		}
	}
	return language{prog}, nil
}

// states are places in an automaton, in order; those that wait for the end of
// the text are among them.
type states []uint32

// start are the states before the first rune.
func (l language) start() states {
	return l.closure([]uint32{uint32(l.prog.Start)}, syntax.EmptyBeginText|syntax.EmptyBeginLine)
}

// next are the states after one more rune.
func (l language) next(s states, r rune) states {
	var to []uint32
	for _, pc := range s {
		in := &l.prog.Inst[pc]
		switch in.Op {
		case syntax.InstRune, syntax.InstRune1, syntax.InstRuneAny, syntax.InstRuneAnyNotNL:
			if in.MatchRune(r) {
				to = append(to, in.Out)
			}
		}
	}
	return l.closure(to, 0)
}

// accepts reports whether the text may end here.
func (l language) accepts(s states) bool {
	return slices.ContainsFunc(l.closure(s, syntax.EmptyEndText|syntax.EmptyEndLine), func(pc uint32) bool {
		return l.prog.Inst[pc].Op == syntax.InstMatch
	})
}

// closure follows what takes no rune, under the conditions that hold.
func (l language) closure(from []uint32, holds syntax.EmptyOp) states {
	seen := make(map[uint32]bool)
	todo := slices.Clone(from)
	for len(todo) > 0 {
		pc := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if seen[pc] {
			continue
		}
		seen[pc] = true
		in := &l.prog.Inst[pc]
		switch in.Op {
		case syntax.InstAlt, syntax.InstAltMatch:
			todo = append(todo, in.Out, in.Arg)
		case syntax.InstCapture, syntax.InstNop:
			todo = append(todo, in.Out)
		case syntax.InstEmptyWidth:
			if syntax.EmptyOp(in.Arg)&^holds == 0 {
				todo = append(todo, in.Out)
			}
		}
	}
	var all states
	for pc := range seen {
		all = append(all, pc)
	}
	slices.Sort(all)
	return all
}

func (s states) key() string {
	var b strings.Builder
	for _, pc := range s {
		b.WriteRune(rune(pc)) // fewer than there are runes
	}
	return b.String()
}

// runes are one of each kind that the languages tell apart.
func runes(all ...language) ([]rune, error) {
	edges := map[rune]bool{0: true, '\n': true, '\n' + 1: true}
	for _, l := range all {
		for _, in := range l.prog.Inst {
			if in.Op != syntax.InstRune && in.Op != syntax.InstRune1 {
				continue
			}
			for i, r := range in.Rune {
				if i%2 == 0 || len(in.Rune) == 1 {
					edges[r] = true
				}
				if i%2 == 1 || len(in.Rune) == 1 {
					edges[r+1] = true
				}
				if syntax.Flags(in.Arg)&syntax.FoldCase != 0 {
					for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
						edges[f], edges[f+1] = true, true
					}
				}
			}
			if len(edges) > maxRunes {
				return nil, errUndecided
			}
		}
	}
	var list []rune
	for r := range edges {
		if r <= unicode.MaxRune {
			list = append(list, r)
		}
	}
	// Digits first: examples look like what people dial.
	slices.SortFunc(list, func(a, b rune) int { return order(a) - order(b) })
	return list, nil
}

func order(r rune) int {
	if r > ' ' && r < 0x7f {
		return int(r) - 0x7f
	}
	return int(r)
}

// walk goes through the texts of both languages side by side, the shortest
// first, until found says that one was.
// worth says whether it can still be found when one of them has no way on.
func walk(a, b language, found, worth func(inA, inB bool) bool) (text string, ok bool, err error) {
	type pair struct {
		a, b states
		text string
	}
	alphabet, err := runes(a, b)
	if err != nil {
		return "", false, err
	}
	seen := make(map[string]bool)
	for queue := []pair{{a.start(), b.start(), ""}}; len(queue) > 0; queue = queue[1:] {
		p := queue[0]
		if found(a.accepts(p.a), b.accepts(p.b)) {
			return p.text, true, nil
		}
		for _, r := range alphabet {
			next := pair{a: a.next(p.a, r), b: b.next(p.b, r)}
			key := next.a.key() + "/" + next.b.key()
			if seen[key] || !worth(len(next.a) > 0, len(next.b) > 0) {
				continue
			}
			if seen[key] = true; len(seen) > maxStates {
				return "", false, errUndecided
			}
			next.text = p.text + string(r)
			queue = append(queue, next)
		}
	}
	return "", false, nil
}

// within reports whether a matches nothing that b does not.
func (l language) within(b language) bool {
	_, outside, err := walk(l, b, func(inA, inB bool) bool { return inA && !inB }, func(inA, _ bool) bool { return inA })
	return err == nil && !outside
}

// example is the shortest text, and whether there is any.
func (l language) example() (string, bool, error) {
	return walk(l, l, func(in, _ bool) bool { return in }, func(in, _ bool) bool { return in })
}

// common is a text that both match, and whether there is any.
func (l language) common(b language) (string, bool, error) {
	return walk(l, b, func(inA, inB bool) bool { return inA && inB }, func(inA, inB bool) bool { return inA && inB })
}
