package config

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"tandem/token"
)

// FromJSON sets what v points to, a part of the configuration or all of it, to what
// the JSON text says; fields it leaves out become those of the zero value. Secrets
// are the exception: one that is the [Mask] or left out stays as v had it, an
// empty one is removed. Parts of a list belong together by their name, those of a
// map by their key.
//
// The error is an [Errors] with everything that is wrong; v is then as it was.
func FromJSON(text []byte, v any) error {
	to := reflect.ValueOf(v)
	if to.Kind() != reflect.Pointer || to.IsNil() {
		panic(fmt.Sprintf("config: FromJSON wants a pointer, not a %T", v))
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var raw any
	if err := d.Decode(&raw); err != nil {
		return Errors{{File: "JSON", Msg: "this is not JSON that can be read: " + syntaxOf(err)}}
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return Errors{{File: "JSON", Msg: "something follows the JSON value"}}
	}
	r := &jsonReader{}
	fresh := reflect.New(to.Type().Elem()).Elem()
	r.value(raw, fresh, to.Elem(), "", 0)
	if len(r.errs) > 0 {
		return r.errs
	}
	to.Elem().Set(fresh)
	return nil
}

// syntaxOf is the error without what stood in the text.
func syntaxOf(err error) string {
	var s *json.SyntaxError
	switch {
	case errors.As(err, &s):
		return fmt.Sprintf("at octet %d", s.Offset)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "it ends too soon"
	}
	return "a value is out of range"
}

// jsonReader walks a JSON value, the new value and the one before side by side.
type jsonReader struct {
	errs  Errors
	nodes int
}

func (r *jsonReader) fail(field, format string, args ...any) {
	if len(r.errs) < maxErrors {
		r.errs = append(r.errs, &Error{File: "JSON", Field: field, Msg: fmt.Sprintf(format, args...)})
	}
}

// value sets to, which is zero; old is what stood there before, or not valid.
func (r *jsonReader) value(raw any, to, old reflect.Value, field string, depth int) {
	if r.nodes++; depth > maxDepth || r.nodes > 10*maxNodes {
		r.fail(field, "there is too much: more than %d values, or more than %d inside each other", 10*maxNodes, maxDepth)
		return
	}
	if raw == nil {
		return // null is the default
	}
	if r.special(raw, to, old, field) {
		return
	}
	switch to.Kind() {
	case reflect.Pointer:
		to.Set(reflect.New(to.Type().Elem()))
		if old.IsValid() && !old.IsNil() {
			old = old.Elem()
		} else {
			old = reflect.Value{}
		}
		r.value(raw, to.Elem(), old, field, depth+1)
	case reflect.Struct:
		r.structure(raw, to, old, field, depth)
	case reflect.Map:
		r.mapping(raw, to, old, field, depth)
	case reflect.Slice:
		r.list(raw, to, old, field, depth)
	default:
		r.scalar(raw, to, field)
	}
}

// special reads the types that have a syntax of their own.
func (r *jsonReader) special(raw any, to, old reflect.Value, field string) bool {
	v := to.Addr().Interface()
	switch v.(type) {
	case *token.Secret, *time.Duration, encoding.TextUnmarshaler:
	default:
		return false
	}
	text, ok := raw.(string)
	if !ok {
		r.fail(field, "want a text, not %s", kindOfJSON(raw))
		return true
	}
	switch v := v.(type) {
	case *token.Secret:
		r.secret(text, v, old, field)
	case *time.Duration:
		d, err := parseSigned(text)
		if err != nil {
			r.fail(field, "%v", err)
		}
		*v = d
	case encoding.TextUnmarshaler:
		if text == "" {
			break // not set
		}
		if err := v.UnmarshalText([]byte(text)); err != nil {
			r.fail(field, "%v", err)
		}
	}
	return true
}

// parseSigned reads what formatSigned writes. Whether a negative one makes sense,
// its field says.
func parseSigned(text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	if rest, ok := strings.CutPrefix(text, "-"); ok {
		d, err := ParseDuration(rest)
		return -d, err
	}
	return ParseDuration(text)
}

func (r *jsonReader) secret(text string, v *token.Secret, old reflect.Value, field string) {
	_, environment := environmentName(text)
	switch {
	case text == Mask:
		if old.IsValid() {
			*v = old.Interface().(token.Secret)
		}
		if v.IsZero() {
			r.fail(field, "%s stands for a secret that is kept, and there is none yet; enter the secret", Mask)
		}
	case text != "" && text == token.Secret(text).String():
		r.fail(field, "this stands for a secret that is not shown; enter the secret, or %s to keep the one there is", Mask)
	case environment || strings.HasPrefix(text, "file:"):
		r.fail(field, "only the configuration file can refer to the environment and to files; enter the secret itself")
	default:
		*v = token.Secret(text)
	}
}

func (r *jsonReader) structure(raw any, to, old reflect.Value, field string, depth int) {
	object, ok := raw.(map[string]any)
	if !ok {
		r.fail(field, "want an object, not %s", kindOfJSON(raw))
		return
	}
	fields := fieldsOf(to.Type())
	for _, key := range slices.Sorted(maps.Keys(object)) {
		index, ok := fields[key]
		if !ok {
			r.fail(join(field, key), "this field is not known%s", suggest(key, slices.Sorted(maps.Keys(fields))))
			continue
		}
		was := reflect.Value{}
		if old.IsValid() {
			was = oldField(old, index)
		}
		r.value(object[key], fieldByIndex(to, index), was, join(field, key), depth+1)
	}
	if old.IsValid() {
		keepSecrets(fields, object, to, old)
	}
}

// keepSecrets takes over those that the text does not mention, of this struct and
// of the structs in it that it does not mention either.
func keepSecrets(fields map[string][]int, object map[string]any, to, old reflect.Value) {
	for name, index := range fields {
		if _, mentioned := object[name]; mentioned {
			continue
		}
		was := oldField(old, index)
		if !was.IsValid() {
			continue
		}
		switch was.Kind() {
		case reflect.Struct:
			keepSecrets(fieldsOf(was.Type()), nil, fieldByIndex(to, index), was)
		case reflect.String:
			if s, ok := was.Interface().(token.Secret); ok && !s.IsZero() {
				fieldByIndex(to, index).Set(was)
			}
		}
	}
}

// oldField is a field of the value before; not valid when an embedded pointer on
// the way is nil.
func oldField(v reflect.Value, index []int) reflect.Value {
	f, err := v.FieldByIndexErr(index)
	if err != nil {
		return reflect.Value{}
	}
	return f
}

func (r *jsonReader) mapping(raw any, to, old reflect.Value, field string, depth int) {
	object, ok := raw.(map[string]any)
	if !ok {
		r.fail(field, "want an object, not %s", kindOfJSON(raw))
		return
	}
	to.Set(reflect.MakeMapWithSize(to.Type(), len(object)))
	for _, key := range slices.Sorted(maps.Keys(object)) {
		k := reflect.ValueOf(key).Convert(to.Type().Key())
		v, was := reflect.New(to.Type().Elem()).Elem(), reflect.Value{}
		if old.IsValid() && !old.IsNil() {
			was = old.MapIndex(k)
		}
		r.value(object[key], v, was, join(field, key), depth+1)
		to.SetMapIndex(k, v)
	}
}

func (r *jsonReader) list(raw any, to, old reflect.Value, field string, depth int) {
	all, ok := raw.([]any)
	if !ok {
		r.fail(field, "want a list, not %s", kindOfJSON(raw))
		return
	}
	if len(all) == 0 {
		return // as if it were not there
	}
	named := byName(old)
	to.Set(reflect.MakeSlice(to.Type(), len(all), len(all)))
	for i, one := range all {
		was := reflect.Value{}
		if object, ok := one.(map[string]any); ok {
			if name, ok := object["name"].(string); ok {
				was = named[name]
			}
		}
		r.value(one, to.Index(i), was, fmt.Sprintf("%s[%d]", field, i), depth+1)
	}
}

// byName finds the structs of a list by their names.
func byName(list reflect.Value) map[string]reflect.Value {
	if !list.IsValid() || list.Kind() != reflect.Slice || list.Type().Elem().Kind() != reflect.Struct {
		return nil
	}
	index, ok := fieldsOf(list.Type().Elem())["name"]
	if !ok {
		return nil
	}
	found := make(map[string]reflect.Value, list.Len())
	for i := range list.Len() {
		if f := oldField(list.Index(i), index); f.IsValid() && f.Kind() == reflect.String {
			found[f.String()] = list.Index(i)
		}
	}
	return found
}

func (r *jsonReader) scalar(raw any, to reflect.Value, field string) {
	switch to.Kind() {
	case reflect.String:
		if text, ok := raw.(string); ok {
			to.SetString(text)
			return
		}
		r.fail(field, "want a text, not %s", kindOfJSON(raw))
	case reflect.Bool:
		if b, ok := raw.(bool); ok {
			to.SetBool(b)
			return
		}
		r.fail(field, "want true or false, not %s", kindOfJSON(raw))
	default:
		r.number(raw, to, field)
	}
}

func (r *jsonReader) number(raw any, to reflect.Value, field string) {
	n, ok := raw.(json.Number)
	if !ok {
		r.fail(field, "want %s, not %s", numberName(to.Type()), kindOfJSON(raw))
		return
	}
	var err error
	bits := to.Type()
	switch to.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		var i int64
		i, err = strconv.ParseInt(n.String(), 10, bits.Bits())
		to.SetInt(i)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		var u uint64
		u, err = strconv.ParseUint(n.String(), 10, bits.Bits())
		to.SetUint(u)
	case reflect.Float32, reflect.Float64:
		var f float64
		if f, err = strconv.ParseFloat(n.String(), bits.Bits()); math.IsNaN(f) || math.IsInf(f, 0) {
			err = strconv.ErrRange
		}
		to.SetFloat(f)
	default:
		panic(fmt.Sprintf("config: a field of type %s cannot be read from JSON", to.Type()))
	}
	if err != nil {
		r.fail(field, "want %s, not %s", numberName(bits), short(n.String()))
	}
}

func kindOfJSON(raw any) string {
	switch raw.(type) {
	case map[string]any:
		return "an object"
	case []any:
		return "a list"
	case string:
		return "a text"
	case bool:
		return "true or false"
	case json.Number:
		return "a number"
	}
	return "nothing"
}
