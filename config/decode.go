package config

import (
	"encoding"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"

	"tandem/token"
)

// decoder walks a document and a value side by side and collects what is wrong.
type decoder struct {
	file    string
	refs    References
	anchors map[string]ast.Node // &name
	nodes   int
	errs    Errors
	places  map[string]place // where each field's value stands

	most    int  // values it may hold; 0 is maxNodes
	kept    bool // secrets may be masked: somebody fills them in afterwards
	literal bool // secrets are never references
}

// place is a line and column of the file, from 1.
type place struct{ line, column int }

// placeOf is where a node begins: a mapping with its first key.
func placeOf(n ast.Node) (p place) {
	switch at := n.(type) {
	case *ast.MappingNode:
		if len(at.Values) > 0 {
			return placeOf(at.Values[0])
		}
	case *ast.MappingValueNode:
		n = at.Key
	}
	p.line, p.column = position(n.GetToken())
	return p
}

// fail notes an error about the node; field is the path to it.
func (d *decoder) fail(n ast.Node, field, format string, args ...any) {
	if len(d.errs) >= maxErrors {
		return
	}
	line, column := position(n.GetToken())
	d.errs = append(d.errs, &Error{File: d.file, Line: line, Column: column, Field: field, Msg: fmt.Sprintf(format, args...)})
}

// value decodes the node into a settable value.
func (d *decoder) value(n ast.Node, to reflect.Value, field string, depth int) {
	d.nodes++
	most := d.most
	if most == 0 {
		most = maxNodes
	}
	if depth > maxDepth || d.nodes > most {
		d.fail(n, field, "this holds too much: more than %d values, or more than %d inside each other", most, maxDepth)
		d.nodes = most // whatever follows fails at once
		return
	}
	d.places[field] = placeOf(n)
	n, ok := d.resolve(n, field)
	if !ok {
		return
	}
	if _, null := n.(*ast.NullNode); null {
		return // "name:" without a value leaves the default
	}
	if d.special(n, to, field) {
		return
	}
	switch to.Kind() {
	case reflect.Pointer:
		if to.IsNil() {
			to.Set(reflect.New(to.Type().Elem()))
		}
		d.value(n, to.Elem(), field, depth+1)
	case reflect.Struct:
		d.structure(n, to, field, depth)
	case reflect.Map:
		d.mapping(n, to, field, depth)
	case reflect.Slice:
		d.list(n, to, field, depth)
	case reflect.Interface, reflect.Array:
		d.foreign(n, to, field)
	default:
		d.scalar(n, to, field)
	}
}

// resolve follows anchors, aliases and tags to the node that has the value.
func (d *decoder) resolve(n ast.Node, field string) (ast.Node, bool) {
	for range maxDepth {
		switch at := n.(type) {
		case *ast.AnchorNode:
			d.anchors[at.Name.GetToken().Value] = at.Value
			n = at.Value
		case *ast.AliasNode:
			name := at.Value.GetToken().Value
			target, ok := d.anchors[name]
			if !ok {
				d.fail(n, field, "*%s is not defined: no &%s comes before it", name, name)
				return nil, false
			}
			n = target
		case *ast.TagNode:
			n = at.Value
		case nil:
			return nil, false
		default:
			return n, true
		}
	}
	d.fail(n, field, "aliases lead in a circle")
	return nil, false
}

// special decodes the types that read themselves, and those with a syntax of
// their own, and says whether the value was one.
func (d *decoder) special(n ast.Node, to reflect.Value, field string) bool {
	switch v := to.Addr().Interface().(type) {
	case *token.Secret:
		if text, ok := d.text(n, field, "a text"); ok {
			d.secret(n, v, text, field)
		}
	case *time.Duration:
		if text, ok := d.text(n, field, "a duration such as 30s"); ok {
			duration, err := ParseDuration(text)
			if err != nil {
				d.fail(n, field, "%v", err)
			}
			*v = duration
		}
	case yaml.BytesUnmarshaler, yaml.InterfaceUnmarshaler, yaml.NodeUnmarshaler:
		d.foreign(n, to, field)
	case encoding.TextUnmarshaler:
		if text, ok := d.text(n, field, "a text"); ok {
			if err := v.UnmarshalText([]byte(text)); err != nil {
				d.fail(n, field, "%v", err)
			}
		}
	default:
		return false
	}
	return true
}

// foreign lets go-yaml decode the node.
func (d *decoder) foreign(n ast.Node, to reflect.Value, field string) {
	defer func() {
		if recover() != nil {
			d.fail(n, field, "this value cannot be read")
		}
	}()
	err := yaml.NodeToValue(n, to.Addr().Interface(), yaml.Strict())
	var known yaml.Error
	switch {
	case errors.As(err, &known): // its Error would show the lines around
		d.fail(n, field, "%s", known.GetMessage())
	case err != nil:
		d.fail(n, field, "%v", err)
	}
}

func (d *decoder) structure(n ast.Node, to reflect.Value, field string, depth int) {
	fields := fieldsOf(to.Type())
	d.pairs(n, field, func(key string, at ast.Node, value ast.Node) {
		index, ok := fields[key]
		if !ok {
			d.fail(at, join(field, key), "this field is not known%s", suggest(key, slices.Sorted(maps.Keys(fields))))
			return
		}
		d.value(value, fieldByIndex(to, index), join(field, key), depth+1)
	})
}

func (d *decoder) mapping(n ast.Node, to reflect.Value, field string, depth int) {
	if to.Type().Key().Kind() != reflect.String {
		d.foreign(n, to, field)
		return
	}
	if to.IsNil() {
		to.Set(reflect.MakeMap(to.Type()))
	}
	d.pairs(n, field, func(key string, _ ast.Node, value ast.Node) {
		k := reflect.ValueOf(key).Convert(to.Type().Key())
		v := reflect.New(to.Type().Elem()).Elem()
		if old := to.MapIndex(k); old.IsValid() {
			v.Set(old)
		}
		d.value(value, v, join(field, key), depth+1)
		to.SetMapIndex(k, v)
	})
}

func (d *decoder) list(n ast.Node, to reflect.Value, field string, depth int) {
	seq, ok := n.(*ast.SequenceNode)
	if !ok {
		d.fail(n, field, "want a list (lines that begin with a dash), not %s", kindOf(n))
		return
	}
	list := reflect.MakeSlice(to.Type(), len(seq.Values), len(seq.Values))
	for i, v := range seq.Values {
		d.value(v, list.Index(i), fmt.Sprintf("%s[%d]", field, i), depth+1)
	}
	to.Set(list)
}

// pairs calls f for each "key: value" of a mapping; a key comes once.
func (d *decoder) pairs(n ast.Node, field string, f func(key string, at, value ast.Node)) {
	var values []*ast.MappingValueNode
	switch m := n.(type) {
	case *ast.MappingNode:
		values = m.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{m}
	default:
		d.fail(n, field, "want fields (name: value), not %s", kindOf(n))
		return
	}
	seen := make(map[string]int)
	for _, v := range values {
		if v.Key.IsMergeKey() {
			d.fail(v.Key, field, "merge keys (<<) are not supported; write the fields out")
			continue
		}
		key := v.Key.GetToken().Value
		line, _ := position(v.Key.GetToken())
		if first, again := seen[key]; again {
			if first == 0 { // JSON tells no lines
				d.fail(v.Key, join(field, key), "this field is given twice")
				continue
			}
			d.fail(v.Key, join(field, key), "this field was given in line %d already", first)
			continue
		}
		seen[key] = line
		f(key, v.Key, v.Value)
	}
}

// text returns a scalar as it is written.
func (d *decoder) text(n ast.Node, field, want string) (string, bool) {
	switch v := n.(type) {
	case *ast.StringNode:
		return v.Value, true
	case *ast.LiteralNode:
		return v.Value.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return v.GetToken().Value, true
	}
	d.fail(n, field, "want %s, not %s", want, kindOf(n))
	return "", false
}

// scalar decodes the kinds of Go that hold one word.
func (d *decoder) scalar(n ast.Node, to reflect.Value, field string) {
	text, ok := d.text(n, field, "one value")
	if !ok {
		return
	}
	var err error
	number := strings.ReplaceAll(text, "_", "")
	switch bits := to.Type(); to.Kind() {
	case reflect.String:
		to.SetString(text)
	case reflect.Bool:
		b, ok := n.(*ast.BoolNode)
		if !ok {
			d.fail(n, field, "want true or false, not %q", short(text))
			return
		}
		to.SetBool(b.Value)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		var i int64
		i, err = strconv.ParseInt(number, 10, bits.Bits())
		to.SetInt(i)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		var u uint64
		u, err = strconv.ParseUint(number, 10, bits.Bits())
		to.SetUint(u)
	case reflect.Float32, reflect.Float64:
		var f float64
		f, err = strconv.ParseFloat(number, bits.Bits())
		to.SetFloat(f)
	default:
		panic(fmt.Sprintf("config: a field of type %s cannot be read from a file", to.Type()))
	}
	if err != nil {
		d.fail(n, field, "want %s, not %q", numberName(to.Type()), short(text))
	}
}

func numberName(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Float32, reflect.Float64:
		return "a number"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		limit := uint64(1)<<(t.Bits()-1) - 1
		return fmt.Sprintf("a whole number from -%d to %d", limit+1, limit)
	}
	return fmt.Sprintf("a whole number from 0 to %d", ^uint64(0)>>(64-t.Bits()))
}

func kindOf(n ast.Node) string {
	switch n.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		return "fields"
	case *ast.SequenceNode:
		return "a list"
	case *ast.NullNode:
		return "nothing"
	}
	return "a single value"
}

func join(field, key string) string {
	key = short(key)
	if field == "" {
		return key
	}
	return field + "." + key
}

// short cuts a text from the file to what fits in a sentence.
func short(s string) string {
	if r := []rune(s); len(r) > 60 {
		return string(r[:60]) + "…"
	}
	return s
}
