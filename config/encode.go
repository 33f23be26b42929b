package config

import (
	"encoding"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"tandem/token"
)

// Encode writes the struct as Decode reads it, with every field. Secrets are
// written as [redacted], which Decode refuses: an export is to be shown and
// compared, and needs its secrets back before it can be applied.
func Encode(v any) ([]byte, error) {
	return plainer{show: token.Secret.String}.write(v)
}

// Export writes the struct as a file that `tandem apply` takes, without what is left at its
// default. Secrets are the [Mask], which keeps those in the store; or themselves.
func Export(v any, secrets bool) ([]byte, error) {
	p := plainer{omit: true, show: func(token.Secret) string { return Mask }}
	if secrets {
		p.show = token.Secret.Reveal
	}
	return p.write(v)
}

// plainer turns values into what YAML has.
type plainer struct {
	omit bool // what is at its default
	show func(token.Secret) string
}

func (p plainer) write(v any) ([]byte, error) {
	b, err := yaml.MarshalWithOptions(p.plain(reflect.ValueOf(v)), yaml.IndentSequence(true))
	if err != nil {
		return nil, fmt.Errorf("write the configuration: %w", err)
	}
	return b, nil
}

// plain turns a value into what YAML has: maps in order, lists and scalars.
func (p plainer) plain(v reflect.Value) any {
	if !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil() || v.Kind() == reflect.Interface && v.IsNil() {
		return nil
	}
	switch x := v.Interface().(type) {
	case token.Secret:
		if x.IsZero() || x == cleared {
			return ""
		}
		return p.show(x)
	case time.Duration:
		return FormatDuration(x)
	case encoding.TextMarshaler:
		text, err := x.MarshalText()
		if err != nil {
			return nil
		}
		return string(text)
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		return p.plain(v.Elem())
	case reflect.Struct:
		return p.plainStruct(v)
	case reflect.Map:
		return p.plainMap(v)
	case reflect.Slice, reflect.Array:
		list := make([]any, v.Len())
		for i := range list {
			list[i] = p.plain(v.Index(i))
		}
		return list
	case reflect.String:
		return v.String()
	}
	return v.Interface()
}

func (p plainer) plainStruct(v reflect.Value) yaml.MapSlice {
	out := yaml.MapSlice{}
	for i := range v.NumField() {
		name, inline := nameOf(v.Type().Field(i))
		if name == "" || p.omit && omits(v.Type().Field(i)) && isDefault(v.Field(i)) {
			continue
		}
		value := p.plain(v.Field(i))
		if inner, ok := value.(yaml.MapSlice); inline && ok {
			out = append(out, inner...)
			continue
		}
		if !inline {
			out = append(out, yaml.MapItem{Key: name, Value: value})
		}
	}
	return out
}

func (p plainer) plainMap(v reflect.Value) yaml.MapSlice {
	out := yaml.MapSlice{}
	for _, key := range v.MapKeys() {
		out = append(out, yaml.MapItem{Key: fmt.Sprint(key.Interface()), Value: p.plain(v.MapIndex(key))})
	}
	slices.SortFunc(out, func(a, b yaml.MapItem) int { return strings.Compare(a.Key.(string), b.Key.(string)) })
	return out
}

// FormatDuration writes what ParseDuration reads, without the zero parts that
// Go's own form has: 7d, 1h30m, 30s.
func FormatDuration(d time.Duration) string {
	if d == 0 {
		return "0s"
	}
	days := d / (24 * time.Hour)
	rest := d - days*24*time.Hour
	var b strings.Builder
	if days > 0 {
		fmt.Fprintf(&b, "%dd", days)
	}
	if rest != 0 {
		s := rest.String()
		if strings.HasSuffix(s, "m0s") {
			s = strings.TrimSuffix(s, "0s")
		}
		if strings.HasSuffix(s, "h0m") {
			s = strings.TrimSuffix(s, "0m")
		}
		b.WriteString(s)
	}
	return b.String()
}
