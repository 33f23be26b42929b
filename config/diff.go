package config

import (
	"fmt"
	"maps"
	"reflect"
	"slices"

	"tandem/token"
)

// Difference is one field that differs between two configurations.
type Difference struct {
	Field  string `json:"field"`            // "sip.devices[kitchen].codecs"
	Before string `json:"before,omitempty"` // JSON text, secrets masked; empty: it was not there
	After  string `json:"after,omitempty"`  // JSON text, secrets masked; empty: it is gone
}

// changedSecret shows that a secret is another one than before.
const changedSecret = `"` + Mask + ` (changed)"`

// Compare returns the fields in which two values of one struct differ, in the order of the
// document. Elements of lists belong together when they have the same name.
func Compare(before, after any) []Difference {
	var out []Difference
	compare(reflect.Indirect(reflect.ValueOf(before)), reflect.Indirect(reflect.ValueOf(after)), "", &out)
	return out
}

func compare(a, b reflect.Value, field string, out *[]Difference) {
	if a.Type() == reflect.TypeFor[token.Secret]() {
		if a.String() != b.String() {
			d := Difference{field, show(a), show(b)}
			if d.Before == d.After {
				d.After = changedSecret
			}
			*out = append(*out, d)
		}
		return
	}
	switch {
	case a.Kind() == reflect.Struct && len(fieldsOf(a.Type())) > 0:
		compareFields(a, b, field, out)
	case a.Kind() == reflect.Slice && isNamed(a.Type().Elem()):
		compareNamed(a, b, field, out)
	case a.Kind() == reflect.Map:
		compareMaps(a, b, field, out)
	case !reflect.DeepEqual(a.Interface(), b.Interface()):
		*out = append(*out, Difference{field, show(a), show(b)})
	}
}

func compareFields(a, b reflect.Value, field string, out *[]Difference) {
	for i := range a.NumField() {
		name, inline := nameOf(a.Type().Field(i))
		switch {
		case inline:
			compare(reflect.Indirect(a.Field(i)), reflect.Indirect(b.Field(i)), field, out)
		case name != "":
			compare(a.Field(i), b.Field(i), join(field, name), out)
		}
	}
}

func isNamed(t reflect.Type) bool {
	if t.Kind() != reflect.Struct {
		return false
	}
	_, ok := fieldsOf(t)["name"]
	return ok
}

// compareNamed compares lists whose elements have names: what was added, what
// is gone, what changed, and whether the rest changed places.
func compareNamed(a, b reflect.Value, field string, out *[]Difference) {
	label := labelsOf(a.Type())
	was, is := byName(a), byName(b)
	var stayedA, stayedB []string
	for i := range a.Len() {
		name := label(a.Index(i), i)
		if _, ok := is[name]; !ok {
			*out = append(*out, Difference{Field: fmt.Sprintf("%s[%s]", field, name), Before: show(a.Index(i))})
			continue
		}
		stayedA = append(stayedA, name)
	}
	for i := range b.Len() {
		name := label(b.Index(i), i)
		at := fmt.Sprintf("%s[%s]", field, name)
		old, ok := was[name]
		if !ok {
			*out = append(*out, Difference{Field: at, After: show(b.Index(i))})
			continue
		}
		stayedB = append(stayedB, name)
		compare(old, b.Index(i), at, out)
	}
	if !slices.Equal(stayedA, stayedB) {
		*out = append(*out, Difference{field + " (order)", show(reflect.ValueOf(stayedA)), show(reflect.ValueOf(stayedB))})
	}
}

func byName(list reflect.Value) map[string]reflect.Value {
	m, label := make(map[string]reflect.Value, list.Len()), labelsOf(list.Type())
	for i := range list.Len() {
		m[label(list.Index(i), i)] = list.Index(i)
	}
	return m
}

func compareMaps(a, b reflect.Value, field string, out *[]Difference) {
	keys := make(map[string]reflect.Value)
	for _, k := range slices.Concat(a.MapKeys(), b.MapKeys()) {
		keys[fmt.Sprint(k.Interface())] = k
	}
	for _, name := range slices.Sorted(maps.Keys(keys)) {
		at, was, is := join(field, name), a.MapIndex(keys[name]), b.MapIndex(keys[name])
		switch {
		case !was.IsValid():
			*out = append(*out, Difference{Field: at, After: show(is)})
		case !is.IsValid():
			*out = append(*out, Difference{Field: at, Before: show(was)})
		default:
			compare(was, is, at, out)
		}
	}
}

// show is the value as JSON; nothing where nothing was said.
func show(v reflect.Value) string {
	if v.IsZero() && v.Kind() != reflect.Bool {
		return ""
	}
	text, err := JSON(v.Interface())
	if err != nil {
		return `"cannot be shown"`
	}
	return string(text)
}
