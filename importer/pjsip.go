package importer

import (
	"fmt"
	"slices"
	"strings"
)

// section is one [name] of an Asterisk configuration, with what its templates say.
type section struct {
	file     string
	line     int
	name     string
	template bool
	options  []option // of templates first
}

type option struct{ name, value string }

// get is the last value of an option, as Asterisk takes it.
func (s *section) get(name string) string {
	for _, o := range slices.Backward(s.options) {
		if o.name == name {
			return o.value
		}
	}
	return ""
}

func (s *section) where() string {
	return fmt.Sprintf("%s:%d [%s] type=%s", s.file, s.line, s.name, s.get("type"))
}

const (
	maxLine    = 64 << 10 // bytes
	maxOptions = 1000     // of a section, its templates' included
)

// parseAsterisk reads the sections of a file: name = value or name => value,
// comments after ;, templates in parentheses after the section's name.
func parseAsterisk(f File, known map[string]*section, r *Result) (all []*section, err error) {
	var now *section
	inComment := false
	number := 0
	for line := range strings.Lines(string(f.Text)) {
		number++
		if len(line) > maxLine {
			return nil, fmt.Errorf("%s:%d: the line is too long", f.Name, number)
		}
		line, inComment = uncomment(line, inComment)
		line = strings.TrimSpace(line)
		switch {
		case line == "":
		case strings.HasPrefix(line, "#"):
			r.note(fmt.Sprintf("%s:%d", f.Name, number), "%s is not followed; name that file on the command line, too", line)
		case strings.HasPrefix(line, "["):
			if now, err = openSection(line, all, known); err != nil {
				return nil, fmt.Errorf("%s:%d: %w", f.Name, number, err)
			}
			if now.file == "" {
				now.file, now.line = f.Name, number
				all = append(all, now)
				known[now.name] = now
			}
			if len(all) > maxObjects {
				return nil, fmt.Errorf("%s: more than %d sections", f.Name, maxObjects)
			}
		case now == nil:
			return nil, fmt.Errorf("%s:%d: %q stands before the first [section]; this is no Asterisk configuration", f.Name, number, cut(line))
		default:
			name, value, ok := strings.Cut(line, "=")
			if !ok {
				return nil, fmt.Errorf("%s:%d: %q is no option = value", f.Name, number, cut(line))
			}
			if len(now.options) >= maxOptions {
				return nil, fmt.Errorf("%s:%d: the section has more than %d options", f.Name, number, maxOptions)
			}
			now.options = append(now.options, option{strings.ToLower(strings.TrimSpace(name)), strings.TrimSpace(strings.TrimPrefix(value, ">"))})
		}
	}
	return all, nil
}

// openSection reads [name](!,template,+).
func openSection(line string, here []*section, known map[string]*section) (*section, error) {
	name, rest, ok := strings.Cut(line[1:], "]")
	if !ok {
		return nil, fmt.Errorf("%q has no closing ]", cut(line))
	}
	s := &section{name: strings.TrimSpace(name)}
	rest = strings.TrimSpace(rest)
	inner, ok := strings.CutPrefix(rest, "(")
	if !ok {
		return s, nil
	}
	inner, _, _ = strings.Cut(inner, ")")
	for part := range strings.SplitSeq(inner, ",") {
		switch part = strings.TrimSpace(part); part {
		case "":
		case "!":
			s.template = true
		case "+":
			for _, old := range slices.Backward(here) {
				if old.name == s.name {
					return old, nil // more options of the same section
				}
			}
		default:
			t := known[part]
			if t == nil {
				return nil, fmt.Errorf("[%s] is made from the template %q, which does not stand before it", cut(s.name), cut(part))
			}
			if len(s.options)+len(t.options) > maxOptions {
				return nil, fmt.Errorf("[%s] has more than %d options", cut(s.name), maxOptions)
			}
			s.options = append(s.options, t.options...)
		}
	}
	return s, nil
}

// uncomment takes comments out of a line: from ; to its end, unless it is \;,
// and ;-- to --; over lines.
func uncomment(line string, inside bool) (string, bool) {
	var b strings.Builder
	for i := 0; i < len(line); i++ {
		switch rest := line[i:]; {
		case inside:
			if strings.HasPrefix(rest, "--;") {
				inside, i = false, i+2
			}
		case strings.HasPrefix(rest, `\;`):
			b.WriteByte(';')
			i++
		case strings.HasPrefix(rest, ";--") && !strings.HasPrefix(rest, ";---"):
			inside, i = true, i+2
		case rest[0] == ';':
			return b.String(), false
		default:
			b.WriteByte(rest[0])
		}
	}
	return b.String(), inside
}

// cut shortens a text for a message. It may hold a secret behind its first part.
func cut(s string) string {
	s, _, _ = strings.Cut(s, "=")
	if r := []rune(s); len(r) > 40 {
		return string(r[:40]) + "…"
	}
	return s
}
