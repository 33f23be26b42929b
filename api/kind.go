package api

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"tandem/config"
	"tandem/identity"
	"tandem/token"
)

// A kind is a list of named things in the configuration, all with the same operations.
type kind interface {
	path() string  // of its resources: "devices"
	field() string // of the configuration: "sip.devices"
	one() string   // a word for one of them: "device"
	// names are those of the configuration's, in its order.
	names(c *config.Config) []string
	get(c *config.Config, name string) (v any, at string, ok bool)
	// found are the places, among names, of those that have the text, in lower case,
	// in them.
	found(c *config.Config, text string) []int
	at(c *config.Config, place int) any
	put(c *config.Config, name string, text []byte) (newName string, err error) // name "" adds
	remove(c *config.Config, name string) bool
}

// list is a kind that is a list in the configuration.
type list[T any] struct {
	under, in, word string
	all             func(*config.Config) *[]T
	name            func(*T) *string
}

func (k list[T]) path() string  { return k.under }
func (k list[T]) field() string { return k.in }
func (k list[T]) one() string   { return k.word }

func (k list[T]) names(c *config.Config) []string {
	all := *k.all(c)
	names := make([]string, len(all))
	for i := range all {
		names[i] = *k.name(&all[i])
	}
	return names
}

func (k list[T]) index(c *config.Config, name string) int {
	all := *k.all(c)
	for i := range all {
		if *k.name(&all[i]) == name {
			return i
		}
	}
	return -1
}

func (k list[T]) get(c *config.Config, name string) (any, string, bool) {
	i := k.index(c, name)
	if i < 0 {
		return nil, "", false
	}
	return &(*k.all(c))[i], fmt.Sprintf("%s[%d]", k.in, i), true
}

func (k list[T]) at(c *config.Config, place int) any { return &(*k.all(c))[place] }

func (k list[T]) found(c *config.Config, text string) (places []int) {
	all := *k.all(c)
	for i := range all {
		if mentions(reflect.ValueOf(&all[i]).Elem(), text) {
			places = append(places, i)
		}
	}
	return places
}

func (k list[T]) put(c *config.Config, name string, text []byte) (string, error) {
	var v, old T
	if err := config.FromJSON(text, &v); err != nil {
		return "", &bodyError{err}
	}
	all := k.all(c)
	i := k.index(c, name)
	if name != "" {
		old = (*all)[i]
		if *k.name(&v) == "" {
			*k.name(&v) = name
		}
	}
	newName := *k.name(&v)
	if newName != name { // Change finds the secrets of what keeps its name
		if err := config.KeepSecrets(&v, &old); err != nil {
			return "", &bodyError{err}
		}
	}
	if err := k.free(c, name, newName); err != nil {
		return "", err
	}
	*all = slices.Clone(*all)
	if name == "" {
		*all = append(*all, v)
	} else {
		(*all)[i] = v
	}
	return newName, nil
}

func (k list[T]) free(c *config.Config, name, newName string) error {
	if newName == "" {
		return &identity.InputError{Field: "name", Message: "a " + k.word + " needs a name"}
	}
	if newName != name && k.index(c, newName) >= 0 {
		return taken(k.word, newName)
	}
	return nil
}

func taken(word, name string) error {
	return huma.Error409Conflict(fmt.Sprintf("there is a %s %q already", word, clip(name, 60)))
}

func (k list[T]) remove(c *config.Config, name string) bool {
	i := k.index(c, name)
	if i < 0 {
		return false
	}
	all := k.all(c)
	*all = slices.Delete(slices.Clone(*all), i, i+1)
	return true
}

// mentions looks for a text in the texts of a value, but not in its secrets.
func mentions(v reflect.Value, text string) bool {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		return !v.IsNil() && mentions(v.Elem(), text)
	case reflect.String:
		return v.Type() != reflect.TypeFor[token.Secret]() && containsFold(v.String(), text)
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			if mentions(v.Index(i), text) {
				return true
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Field(i); f.CanInterface() && mentions(f, text) {
				return true
			}
		}
	}
	return false
}

// containsFold looks for a text in lower case. Nearly all texts are ASCII, and need no
// copy.
func containsFold(s, lower string) bool {
	for first := 0; first+len(lower) <= len(s); first++ {
		n := 0
		for n < len(lower) {
			c := s[first+n]
			if c >= 0x80 {
				return strings.Contains(strings.ToLower(s), lower)
			}
			if c >= 'A' && c <= 'Z' {
				c += 'a' - 'A'
			}
			if c != lower[n] {
				break
			}
			n++
		}
		if n == len(lower) {
			return true
		}
	}
	return false
}
