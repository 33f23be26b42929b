package gvoice

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"time"
)

// ParseConfig reads a Config from JSON. Durations are strings such as "1.5s";
// unknown names are errors.
func ParseConfig(text []byte) (Config, error) {
	var c Config
	if err := decode(bytes.NewReader(text), &c); err != nil {
		return c, err
	}
	return c, c.Validate()
}

// decode reads one JSON value in which durations may be strings such as "1.5s".
// Unknown fields are errors.
func decode(r io.Reader, into any) error {
	var raw any
	d := json.NewDecoder(r)
	if err := d.Decode(&raw); err != nil {
		return fmt.Errorf("the body is not JSON: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the JSON value")
	}
	plain, err := durations(raw, reflect.TypeOf(into).Elem())
	if err != nil {
		return err
	}
	b, err := json.Marshal(plain)
	if err != nil {
		return err
	}
	d = json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	return d.Decode(into)
}

// durations turns the strings into nanoseconds wherever t wants a Duration.
func durations(v any, t reflect.Type) (any, error) {
	if text, isText := v.(string); isText && t == reflect.TypeFor[time.Duration]() {
		d, err := time.ParseDuration(text)
		return int64(d), err
	}
	if list, ok := v.([]any); ok && t.Kind() == reflect.Slice {
		for i := range list {
			var err error
			if list[i], err = durations(list[i], t.Elem()); err != nil {
				return nil, err
			}
		}
	}
	object, ok := v.(map[string]any)
	if !ok || t.Kind() != reflect.Struct {
		return v, nil
	}
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		inner, has := object[name]
		if !has {
			continue
		}
		plain, err := durations(inner, t.Field(i).Type)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		object[name] = plain
	}
	return object, nil
}
