package gvoice

import (
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"strings"
	"time"
)

// maxConfig bounds the file that ReadConfig reads, in bytes.
const maxConfig = 1 << 20

// ReadConfig reads a Config as JSON: {"People": [{"number": "+1…", "ring": "2s"}]}.
// Durations are strings such as "1.5s"; unknown fields are errors.
func ReadConfig(r io.Reader) (Config, error) {
	var c Config
	if err := decode(io.LimitReader(r, maxConfig), &c); err != nil {
		return Config{}, err
	}
	for _, a := range c.Accounts {
		if err := a.Validate(); err != nil {
			return Config{}, err
		}
	}
	return c, nil
}

// decode reads JSON in which durations may be strings such as "1.5s". Unknown
// fields are errors.
func decode(r io.Reader, into any) error {
	var raw any
	if err := json.NewDecoder(r).Decode(&raw); err != nil {
		return fmt.Errorf("the body is not JSON: %w", err)
	}
	plain, err := durations(raw, reflect.TypeOf(into).Elem())
	if err != nil {
		return err
	}
	b, err := json.Marshal(plain)
	if err != nil {
		return err
	}
	d := json.NewDecoder(strings.NewReader(string(b)))
	d.DisallowUnknownFields()
	return d.Decode(into)
}

// durations turns the strings into nanoseconds wherever t wants a Duration.
func durations(v any, t reflect.Type) (any, error) {
	switch v := v.(type) {
	case string:
		if t != reflect.TypeFor[time.Duration]() {
			return v, nil
		}
		d, err := time.ParseDuration(v)
		return int64(d), err
	case []any:
		return v, durationsIn(v, t)
	case map[string]any:
		return v, durationsOf(v, t)
	}
	return v, nil
}

func durationsIn(list []any, t reflect.Type) error {
	if t.Kind() != reflect.Slice {
		return nil
	}
	for i, inner := range list {
		plain, err := durations(inner, t.Elem())
		if err != nil {
			return fmt.Errorf("[%d]: %w", i, err)
		}
		list[i] = plain
	}
	return nil
}

func durationsOf(object map[string]any, t reflect.Type) error {
	if t.Kind() != reflect.Struct {
		return nil
	}
	for key, inner := range object {
		f, ok := t.FieldByNameFunc(func(name string) bool { return jsonName(t, name, key) })
		if !ok {
			continue
		}
		plain, err := durations(inner, f.Type)
		if err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
		object[key] = plain
	}
	return nil
}

// jsonName reports whether encoding/json reads key into the field of that name.
func jsonName(t reflect.Type, field, key string) bool {
	f, _ := t.FieldByName(field)
	if tag, _, _ := strings.Cut(f.Tag.Get("json"), ","); tag != "" {
		field = tag
	}
	return strings.EqualFold(field, key)
}
