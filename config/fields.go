package config

import (
	"reflect"
	"strings"
	"unicode"
)

// fieldsOf maps the names of a struct's fields to where they are. The fields of
// embedded structs without a tag, and of those tagged ",inline", are its own.
func fieldsOf(t reflect.Type) map[string][]int {
	fields := make(map[string][]int)
	for i := range t.NumField() {
		f := t.Field(i)
		name, inline := nameOf(f)
		if name == "" {
			continue
		}
		if inline {
			inner := f.Type
			if inner.Kind() == reflect.Pointer {
				inner = inner.Elem()
			}
			for name, index := range fieldsOf(inner) {
				if _, ok := fields[name]; !ok {
					fields[name] = append([]int{i}, index...)
				}
			}
			continue
		}
		fields[name] = []int{i}
	}
	return fields
}

// nameOf returns the field's name in the file; empty when it has none there.
func nameOf(f reflect.StructField) (name string, inline bool) {
	tag, tagged := f.Tag.Lookup("yaml")
	name, options, _ := strings.Cut(tag, ",")
	inner := f.Type
	if inner.Kind() == reflect.Pointer {
		inner = inner.Elem()
	}
	embeds := inner.Kind() == reflect.Struct && (f.Anonymous && name == "" || strings.Contains(","+options+",", ",inline,"))
	switch {
	case name == "-" || !f.IsExported():
		return "", false
	case embeds:
		return f.Name, true
	case tagged && name != "":
		return name, false
	}
	return snake(f.Name), false
}

// snake turns a Go name into the file's: ClientID is client_id, RTPPortMin is
// rtp_port_min.
func snake(name string) string {
	runes := []rune(name)
	var b strings.Builder
	for i, r := range runes {
		upper := unicode.IsUpper(r)
		if i > 0 && upper && (!unicode.IsUpper(runes[i-1]) || i+1 < len(runes) && unicode.IsLower(runes[i+1])) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// fieldByIndex is reflect's, but makes the embedded pointers on the way.
func fieldByIndex(v reflect.Value, index []int) reflect.Value {
	for n, i := range index {
		if n > 0 && v.Kind() == reflect.Pointer {
			if v.IsNil() {
				v.Set(reflect.New(v.Type().Elem()))
			}
			v = v.Elem()
		}
		v = v.Field(i)
	}
	return v
}

// suggest returns "; did you mean x?" for the name that is nearest, when one is
// near enough to be a slip, and the names there are otherwise.
func suggest(name string, known []string) string {
	best, least := "", 1+min(len(name), 40)/3
	for _, k := range known {
		if d := distance(fold(name), fold(k)); d < least || d == least && best == "" {
			best, least = k, d
		}
	}
	if best != "" {
		return "; did you mean " + best + "?"
	}
	if len(known) == 0 {
		return ""
	}
	return "; known are " + strings.Join(known, ", ")
}

// fold makes clientID, client-id and client_id the same.
func fold(s string) string {
	s = string([]rune(s)[:min(len([]rune(s)), 60)])
	return strings.ToLower(strings.NewReplacer("_", "", "-", "", " ", "").Replace(s))
}

// distance counts the letters to change, add, remove or swap with their
// neighbour to make one word of the other.
func distance(a, b string) int {
	before, last := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row := make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}
