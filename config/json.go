package config

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
	yamltoken "github.com/goccy/go-yaml/token"

	"tandem/token"
)

// Mask stands for a secret wherever a configuration is shown. Who sends it back
// keeps the secret; see [KeepSecrets].
const Mask = "********"

const (
	maxJSON      = 4 << 20   // bytes of a document
	maxJSONNodes = 1_000_000 // values in it: more than a file, for long dial plans that programs write
)

// JSON writes the struct with the names of the file: durations as texts ("30s"), secrets as
// [Mask], and without what is left at its default.
func JSON(v any) ([]byte, error) {
	return writeJSON(v, func(s token.Secret) string { return Mask })
}

// RevealJSON is JSON with the secrets themselves. Who calls it writes to a place
// that only those may read who know the secrets anyway.
func RevealJSON(v any) ([]byte, error) { return writeJSON(v, token.Secret.Reveal) }

func writeJSON(v any, show func(token.Secret) string) ([]byte, error) {
	e := jsonEncoder{show: show}
	e.value(reflect.ValueOf(v))
	if e.err != nil {
		return nil, fmt.Errorf("write the configuration: %w", e.err)
	}
	return e.out.Bytes(), nil
}

type jsonEncoder struct {
	out  bytes.Buffer
	show func(token.Secret) string
	err  error
}

// word writes a scalar as encoding/json does.
func (e *jsonEncoder) word(v any) {
	b, err := json.Marshal(v)
	if err != nil {
		e.err = errors.Join(e.err, err)
		return
	}
	e.out.Write(b)
}

func (e *jsonEncoder) value(v reflect.Value) {
	if !v.IsValid() || (v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface) && v.IsNil() {
		e.out.WriteString("null")
		return
	}
	switch x := v.Interface().(type) {
	case token.Secret:
		if x.IsZero() || x == cleared {
			e.word("")
			return
		}
		e.word(e.show(x))
		return
	case time.Duration:
		e.word(FormatDuration(x))
		return
	case encoding.TextMarshaler:
		text, err := x.MarshalText()
		e.err = errors.Join(e.err, err)
		e.word(string(text))
		return
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		e.value(v.Elem())
	case reflect.Struct:
		e.out.WriteByte('{')
		e.fields(v, true)
		e.out.WriteByte('}')
	case reflect.Map:
		e.mapping(v)
	case reflect.Slice, reflect.Array:
		e.out.WriteByte('[')
		for i := range v.Len() {
			if i > 0 {
				e.out.WriteByte(',')
			}
			e.value(v.Index(i))
		}
		e.out.WriteByte(']')
	default:
		e.word(v.Interface())
	}
}

// fields writes the fields of a struct; first says whether none was written yet.
func (e *jsonEncoder) fields(v reflect.Value, first bool) bool {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name, inline := nameOf(f)
		if name == "" {
			continue
		}
		if inline {
			if inner := reflect.Indirect(v.Field(i)); inner.IsValid() {
				first = e.fields(inner, first)
			}
			continue
		}
		if omits(f) && isDefault(v.Field(i)) {
			continue
		}
		if !first {
			e.out.WriteByte(',')
		}
		first = false
		e.word(name)
		e.out.WriteByte(':')
		e.value(v.Field(i))
	}
	return first
}

func (e *jsonEncoder) mapping(v reflect.Value) {
	keys := make(map[string]reflect.Value)
	for _, k := range v.MapKeys() {
		keys[fmt.Sprint(k.Interface())] = k
	}
	e.out.WriteByte('{')
	for i, name := range slices.Sorted(maps.Keys(keys)) {
		if i > 0 {
			e.out.WriteByte(',')
		}
		e.word(name)
		e.out.WriteByte(':')
		e.value(v.MapIndex(keys[name]))
	}
	e.out.WriteByte('}')
}

func omits(f reflect.StructField) bool {
	_, options, _ := strings.Cut(f.Tag.Get("yaml"), ",")
	return strings.Contains(","+options+",", ",omitempty,")
}

// isDefault reports whether nothing was said: an empty list is something, it
// switches a default list off. A struct is at its default when all in it is.
func isDefault(v reflect.Value) bool {
	if v.Kind() != reflect.Struct {
		return v.IsZero()
	}
	for i := range v.NumField() {
		if !isDefault(v.Field(i)) {
			return false
		}
	}
	return true
}

// FromJSON reads what [JSON] writes into the struct v points to, as strictly as
// [Decode] reads a file; the error is an [Errors] that names the fields. A secret
// that is the [Mask], or that is not given, is for [KeepSecrets] to fill in.
func FromJSON(text []byte, v any) error {
	to := reflect.ValueOf(v)
	if to.Kind() != reflect.Pointer {
		panic(fmt.Sprintf("config: FromJSON wants a pointer, not a %T", v))
	}
	d := &decoder{anchors: make(map[string]ast.Node), places: make(map[string]place), most: maxJSONNodes, kept: true, literal: true}
	body, err := parseJSON(text)
	if err != nil {
		return Errors{{Msg: err.Error()}}
	}
	d.value(body, to.Elem(), "", 0)
	if len(d.errs) > 0 {
		return d.errs
	}
	return nil
}

// parseJSON makes of a JSON text the tree that a YAML text would make.
func parseJSON(text []byte) (ast.Node, error) {
	if len(text) > maxJSON {
		return nil, fmt.Errorf("the document has more than %d bytes", maxJSON)
	}
	r := json.NewDecoder(bytes.NewReader(text))
	r.UseNumber()
	n, err := jsonNode(r, 0)
	if err == nil {
		if _, more := r.Token(); !errors.Is(more, io.EOF) {
			err = errors.New("something follows the document's end")
		}
	}
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &syntax):
		line := 1 + bytes.Count(text[:min(int(syntax.Offset), len(text))], []byte("\n"))
		return nil, fmt.Errorf("this is not JSON: %s in line %d", strings.TrimPrefix(syntax.Error(), "json: "), line)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return nil, errors.New("this is not JSON: it ends too soon")
	}
	return n, err
}

func jsonNode(r *json.Decoder, depth int) (ast.Node, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("more than %d values are inside each other", maxDepth)
	}
	t, err := r.Token()
	if err != nil {
		return nil, err
	}
	switch t := t.(type) {
	case json.Delim:
		if t == '{' {
			return jsonObject(r, depth)
		}
		return jsonArray(r, depth)
	case string:
		return ast.String(word(t)), nil
	case bool:
		return ast.Bool(word(fmt.Sprint(t))), nil
	case json.Number:
		// The decoder reads numbers from their text.
		return &ast.IntegerNode{BaseNode: &ast.BaseNode{}, Token: word(t.String())}, nil
	}
	return ast.Null(word("null")), nil
}

func jsonObject(r *json.Decoder, depth int) (ast.Node, error) {
	m := ast.Mapping(nil, true)
	for r.More() {
		key, err := r.Token()
		if err != nil {
			return nil, err
		}
		name, _ := key.(string) // the decoder takes nothing else
		value, err := jsonNode(r, depth+1)
		if err != nil {
			return nil, err
		}
		m.Values = append(m.Values, ast.MappingValue(nil, ast.String(word(name)), value))
	}
	_, err := r.Token()
	return m, err
}

func jsonArray(r *json.Decoder, depth int) (ast.Node, error) {
	s := ast.Sequence(nil, true)
	for r.More() {
		v, err := jsonNode(r, depth+1)
		if err != nil {
			return nil, err
		}
		s.Values = append(s.Values, v)
	}
	_, err := r.Token()
	return s, err
}

func word(s string) *yamltoken.Token { return &yamltoken.Token{Value: s} }
