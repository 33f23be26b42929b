package config

import (
	"os"
	"reflect"
	"regexp"
	"testing"
	"time"

	"tandem/token"
)

const sample = "../docs/tandem.yaml"

func TestTheSampleLoads(t *testing.T) {
	c, err := Load(sample)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.SIP.Devices) == 0 || len(c.SIP.Trunks) == 0 || len(c.Voice) == 0 || len(c.DialPlan.Rules) == 0 {
		t.Errorf("the sample does not show every kind of thing: %+v", c)
	}
}

// The sample is the reference: a field that is not in it is not documented.
func TestTheSampleNamesEveryField(t *testing.T) {
	text, err := os.ReadFile(sample)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range fieldNames(reflect.TypeFor[Config](), nil) {
		if !regexp.MustCompile(`(?m)^[ #-]*` + name + `:`).Match(text) {
			t.Errorf("%s has no line for %s", sample, name)
		}
	}
}

// fieldNames lists what a person can write into t and below it.
func fieldNames(t reflect.Type, names []string) []string {
	switch t.Kind() {
	case reflect.Slice, reflect.Map, reflect.Pointer:
		return fieldNames(t.Elem(), names)
	case reflect.Struct:
	default:
		return names
	}
	if t == reflect.TypeFor[token.Secret]() || t == reflect.TypeFor[time.Time]() || t.PkgPath() == "net/netip" {
		return names
	}
	for name, index := range fieldsOf(t) {
		names = fieldNames(t.FieldByIndex(index).Type, append(names, name))
	}
	return names
}
