package config

import (
	"bytes"
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"tandem/token"
)

// Mask stands for a secret in the JSON form: it says that there is one. Whoever
// sends it back keeps the secret.
const Mask = "********"

// JSON writes a part of the configuration, or all of it, with the names of the file.
// Fields that are not set are left out, durations are texts ("30s"), and secrets
// are the [Mask]. The order is that of the documentation.
func JSON(v any) ([]byte, error) {
	return writeJSON(v, func(token.Secret) string { return Mask })
}

// JSONRevealed is [JSON] with the secrets in it: to be kept sealed, or for an
// export that asks for them.
func JSONRevealed(v any) ([]byte, error) { return writeJSON(v, token.Secret.Reveal) }

func writeJSON(v any, secret func(token.Secret) string) ([]byte, error) {
	w := jsonWriter{secret: secret}
	w.value(reflect.ValueOf(v))
	if w.err != nil {
		return nil, fmt.Errorf("write the configuration as JSON: %w", w.err)
	}
	return w.out.Bytes(), nil
}

type jsonWriter struct {
	out    bytes.Buffer
	secret func(token.Secret) string
	err    error
}

func (w *jsonWriter) value(v reflect.Value) {
	if !v.IsValid() || (v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface) && v.IsNil() {
		w.out.WriteString("null")
		return
	}
	switch x := v.Interface().(type) {
	case token.Secret:
		w.scalar(w.secret(x))
		return
	case time.Duration:
		w.scalar(formatSigned(x))
		return
	case encoding.TextMarshaler:
		text, err := x.MarshalText()
		if err != nil {
			w.err = err
		}
		w.scalar(string(text))
		return
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		w.value(v.Elem())
	case reflect.Struct:
		w.out.WriteByte('{')
		w.fields(v, true)
		w.out.WriteByte('}')
	case reflect.Map:
		w.mapping(v)
	case reflect.Slice, reflect.Array:
		w.out.WriteByte('[')
		for i := range v.Len() {
			if i > 0 {
				w.out.WriteByte(',')
			}
			w.value(v.Index(i))
		}
		w.out.WriteByte(']')
	default:
		w.scalar(v.Interface())
	}
}

// formatSigned is FormatDuration also for the negative ones that mean "none".
func formatSigned(d time.Duration) string {
	if d < 0 {
		return "-" + FormatDuration(-d)
	}
	return FormatDuration(d)
}

func (w *jsonWriter) scalar(v any) {
	text, err := json.Marshal(v)
	if err != nil {
		w.err = err
	}
	w.out.Write(text)
}

// fields writes the fields of a struct and reports whether the next is the first one.
func (w *jsonWriter) fields(v reflect.Value, first bool) bool {
	for i := range v.NumField() {
		name, inline := nameOf(v.Type().Field(i))
		f := v.Field(i)
		switch {
		case name == "" || unset(f):
		case inline:
			if f.Kind() == reflect.Pointer {
				f = f.Elem()
			}
			first = w.fields(f, first)
		default:
			w.key(name, first)
			w.value(f)
			first = false
		}
	}
	return first
}

// unset reports whether a field says nothing: it is zero, or a list, map or part of
// the configuration with nothing in it.
func unset(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Slice, reflect.Map:
		return v.Len() == 0
	case reflect.Struct:
		if _, text := v.Interface().(encoding.TextMarshaler); text {
			return v.IsZero()
		}
		for i := range v.NumField() {
			if name, _ := nameOf(v.Type().Field(i)); name != "" && !unset(v.Field(i)) {
				return false
			}
		}
		return true
	}
	return v.IsZero()
}

func (w *jsonWriter) key(name string, first bool) {
	if !first {
		w.out.WriteByte(',')
	}
	w.scalar(name)
	w.out.WriteByte(':')
}

func (w *jsonWriter) mapping(v reflect.Value) {
	keys := v.MapKeys()
	slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
	w.out.WriteByte('{')
	for i, k := range keys {
		w.key(k.String(), i == 0)
		w.value(v.MapIndex(k))
	}
	w.out.WriteByte('}')
}
