package config

import (
	"fmt"
	"reflect"
	"strconv"

	"tandem/token"
)

// cleared is a secret that was given as an empty text: it shall be none.
const cleared token.Secret = "\x00"

// KeepSecrets fills in the secrets that a document does not tell. v and old point
// to structs of one type; old may be nil. A secret of v that is the [Mask], or that was left out, becomes
// the one that old has in its place; one that was given as an empty text
// becomes none. Elements of lists belong together when they have the same name.
// The error is an [Errors] with the masks that nothing stands behind.
func KeepSecrets(v, old any) error {
	var errs Errors
	to := reflect.ValueOf(v).Elem()
	from := reflect.Indirect(reflect.ValueOf(old))
	if !from.IsValid() {
		from = reflect.Zero(to.Type())
	}
	keepSecrets(to, from, "", &errs)
	if len(errs) > 0 {
		return errs
	}
	return nil
}

func keepSecrets(to, from reflect.Value, field string, errs *Errors) {
	if !holdsSecrets(to.Type(), 0) {
		return
	}
	if s, ok := to.Interface().(token.Secret); ok {
		keepSecret(s, to, from, field, errs)
		return
	}
	switch to.Kind() {
	case reflect.Pointer:
		if to.IsNil() {
			return
		}
		was := reflect.Zero(to.Type().Elem())
		if !from.IsNil() {
			was = from.Elem()
		}
		keepSecrets(to.Elem(), was, field, errs)
	case reflect.Struct:
		for i := range to.NumField() {
			name, inline := nameOf(to.Type().Field(i))
			switch {
			case inline:
				keepSecrets(to.Field(i), from.Field(i), field, errs)
			case name != "":
				keepSecrets(to.Field(i), from.Field(i), join(field, name), errs)
			}
		}
	case reflect.Slice:
		was := counterparts(from)
		for i := range to.Len() {
			keepSecrets(to.Index(i), was(to.Index(i), i), fmt.Sprintf("%s[%d]", field, i), errs)
		}
	case reflect.Map:
		for _, k := range to.MapKeys() {
			v := reflect.New(to.Type().Elem()).Elem()
			v.Set(to.MapIndex(k))
			was := from.MapIndex(k)
			if !was.IsValid() {
				was = reflect.Zero(v.Type())
			}
			keepSecrets(v, was, join(field, fmt.Sprint(k.Interface())), errs)
			to.SetMapIndex(k, v)
		}
	}
}

func keepSecret(s token.Secret, to, from reflect.Value, field string, errs *Errors) {
	switch {
	case s == cleared:
		to.SetString("")
	case s == "":
		to.Set(from)
	case s == Mask && from.String() == "":
		*errs = append(*errs, &Error{Field: field, Msg: "this stands for a secret, and there is none here yet; enter the secret"})
	case s == Mask:
		to.Set(from)
	}
}

// counterparts finds what the element of a list was before: the one of the same
// name in from, or in the same place when elements have no names.
func counterparts(from reflect.Value) func(v reflect.Value, i int) reflect.Value {
	names := namesIn(from.Type())
	named := make(map[string]reflect.Value)
	for n := range from.Len() {
		if name, ok := names(from.Index(n)); ok {
			named[name] = from.Index(n)
		}
	}
	return func(v reflect.Value, i int) reflect.Value {
		name, ok := names(v)
		if was, found := named[name]; ok && found {
			return was
		}
		if !ok && i < from.Len() {
			return from.Index(i)
		}
		return reflect.Zero(v.Type())
	}
}

// namesIn returns what tells the name of an element of a list of this type.
func namesIn(list reflect.Type) func(reflect.Value) (string, bool) {
	var index []int
	if t := list.Elem(); t.Kind() == reflect.Struct {
		index = fieldsOf(t)["name"]
	}
	return func(v reflect.Value) (string, bool) {
		if index == nil {
			return "", false
		}
		f, err := v.FieldByIndexErr(index)
		if err != nil || f.Kind() != reflect.String {
			return "", false
		}
		return f.String(), true
	}
}

// holdsSecrets spares the walk what has none.
func holdsSecrets(t reflect.Type, depth int) bool {
	if t == reflect.TypeFor[token.Secret]() {
		return true
	}
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		return depth < maxDepth && holdsSecrets(t.Elem(), depth+1)
	case reflect.Struct:
		for i := range t.NumField() {
			if f := t.Field(i); f.IsExported() && depth < maxDepth && holdsSecrets(f.Type, depth+1) {
				return true
			}
		}
	}
	return false
}

// Secrets calls f for every secret of the struct v points to that is set; f may
// change it. The field is called by names: "sip.devices[kitchen].password".
func Secrets(v any, f func(field string, s *token.Secret)) {
	eachSecret(reflect.ValueOf(v).Elem(), "", f)
}

func eachSecret(v reflect.Value, field string, f func(string, *token.Secret)) {
	if !holdsSecrets(v.Type(), 0) {
		return
	}
	if s, ok := v.Addr().Interface().(*token.Secret); ok {
		if *s != "" {
			f(field, s)
		}
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			eachSecret(v.Elem(), field, f)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			name, inline := nameOf(v.Type().Field(i))
			switch {
			case inline:
				eachSecret(v.Field(i), field, f)
			case name != "":
				eachSecret(v.Field(i), join(field, name), f)
			}
		}
	case reflect.Slice:
		labels := labelsOf(v.Type())
		for i := range v.Len() {
			eachSecret(v.Index(i), fmt.Sprintf("%s[%s]", field, labels(v.Index(i), i)), f)
		}
	case reflect.Map:
		for _, k := range v.MapKeys() {
			e := reflect.New(v.Type().Elem()).Elem()
			e.Set(v.MapIndex(k))
			eachSecret(e, join(field, fmt.Sprint(k.Interface())), f)
			v.SetMapIndex(k, e)
		}
	}
}

// labelsOf returns how a path calls the elements of a list of this type.
func labelsOf(list reflect.Type) func(v reflect.Value, i int) string {
	names := namesIn(list)
	return func(v reflect.Value, i int) string {
		if name, ok := names(v); ok && name != "" {
			return name
		}
		return strconv.Itoa(i)
	}
}

// Clone copies the configuration; nothing of the copy is shared with it.
func (c *Config) Clone() *Config { return clone(reflect.ValueOf(c)).Interface().(*Config) }

func clone(v reflect.Value) reflect.Value {
	out := reflect.New(v.Type()).Elem()
	out.Set(v) // for what is not exported: it is never changed in place
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			out.Set(reflect.New(v.Type().Elem()))
			out.Elem().Set(clone(v.Elem()))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				out.Field(i).Set(clone(v.Field(i)))
			}
		}
	case reflect.Slice:
		if v.IsNil() {
			break
		}
		out.Set(reflect.MakeSlice(v.Type(), v.Len(), v.Len()))
		for i := range v.Len() {
			out.Index(i).Set(clone(v.Index(i)))
		}
	case reflect.Map:
		if v.IsNil() {
			break
		}
		out.Set(reflect.MakeMapWithSize(v.Type(), v.Len()))
		for _, k := range v.MapKeys() {
			out.SetMapIndex(k, clone(v.MapIndex(k)))
		}
	}
	return out
}
