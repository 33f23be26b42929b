package config

import (
	"regexp"
	"strings"

	"github.com/goccy/go-yaml"
)

// note is what the sample says about a field.
type note struct {
	text      string
	value     string // as the sample shows it
	commented bool   // the line shows the default, or an example
}

// noteLine is a line of the sample with a field, commented out or not.
var noteLine = regexp.MustCompile(`^( *)(?:# ?( *))?(- )?([a-z][a-z0-9_]*):(?: +(.*))?$`)

// notesOf reads the sample as a person does: the fields by their indentation, and
// the comments beside them, or above them when they have a line of their own.
func notesOf(sample string) map[string]note {
	all := make(map[string]note)
	var open []struct {
		column int
		path   string
	}
	var above []string
	for line := range strings.Lines(sample) {
		line = strings.TrimRight(line, "\n")
		m := noteLine.FindStringSubmatch(line)
		if m == nil {
			if text, ok := strings.CutPrefix(strings.TrimSpace(line), "# "); ok {
				above = append(above, text)
			} else {
				above = nil
			}
			continue
		}
		column, item := len(m[1])+len(m[2]), m[3] != ""
		for len(open) > 0 && open[len(open)-1].column >= column+len(m[3]) {
			open = open[:len(open)-1]
		}
		path := m[4]
		if len(open) > 0 {
			parent := open[len(open)-1]
			if item || strings.HasSuffix(parent.path, "[]") {
				path = strings.TrimSuffix(parent.path, "[]") + "[]." + path
			} else {
				path = parent.path + "." + path
			}
			if item {
				open[len(open)-1].path = strings.TrimSuffix(parent.path, "[]") + "[]"
			}
		}
		value, text := splitNote(m[5])
		if text == "" {
			text = strings.Join(above, " ")
		}
		above = nil
		commented := strings.HasPrefix(strings.TrimSpace(line), "#")
		if _, known := all[path]; !known {
			all[path] = note{text, value, commented}
		}
		open = append(open, struct {
			column int
			path   string
		}{column + len(m[3]), path})
	}
	return all
}

// splitNote parts a value from the comment beside it.
func splitNote(s string) (value, text string) {
	if rest, ok := strings.CutPrefix(s, "# "); ok {
		return "", rest
	}
	value, text, _ = strings.Cut(s, " # ")
	return strings.TrimSpace(value), strings.TrimSpace(text)
}

// describe puts the note into the schema. The sample shows defaults and examples
// alike; a number, a duration and a switch are defaults unless the words beside
// them tell another one.
func (n note) describe(s *SchemaNode) {
	s.Description = n.text
	if n.value == "" || s.WriteOnly || strings.HasPrefix(n.value, "${") {
		return
	}
	var v any
	if yaml.Unmarshal([]byte(n.value), &v) != nil || v == nil {
		return
	}
	if s.Type == "string" {
		v = strings.Trim(n.value, `"'`)
	}
	told := strings.Contains(n.text, "default") || strings.Contains(n.text, "left out")
	if n.commented && !told && (s.Type == "boolean" || s.Type == "integer" || s.Format == "x-duration") {
		s.Default = v
		return
	}
	if s.Type != "object" {
		s.Examples = []any{v}
	}
}
