package config

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"tandem/token"
)

// leaves calls f with every field that holds one word or number: its place, in a
// configuration whose lists and maps have one entry, and the bound that is on it.
func leaves(f func(field string, c *Config, v reflect.Value, b *checker)) {
	var walk func(field string, c *checker, reach func(*Config) reflect.Value)
	walk = func(field string, c *checker, reach func(*Config) reflect.Value) {
		t := reach(new(Config)).Type()
		at := func(name string, step func(reflect.Value) reflect.Value, inner *checker) {
			walk(name, inner, func(conf *Config) reflect.Value {
				v := step(reach(conf))
				if v.Kind() == reflect.Pointer {
					v.Set(reflect.New(v.Type().Elem()))
					v = v.Elem()
				}
				return v
			})
		}
		switch {
		case t == reflect.TypeFor[time.Duration]():
		case t.Kind() == reflect.Struct:
			for i, inner := range c.fields {
				name := field
				if c.names[i] != "" {
					name = join(field, c.names[i])
				}
				at(name, func(v reflect.Value) reflect.Value { return v.Field(i) }, inner)
			}
			return
		case c.inner != nil && t.Kind() == reflect.Slice:
			at(field+"[0]", func(v reflect.Value) reflect.Value {
				v.Set(reflect.MakeSlice(v.Type(), 1, 1))
				return v.Index(0)
			}, c.inner)
			return
		case t.Kind() == reflect.Map: // its values cannot be set: see TestNamesInMapsHaveBounds
			return
		}
		conf := new(Config)
		f(field, conf, reach(conf), c)
	}
	walk("", newChecker(reflect.TypeFor[Config](), "", allBounds()), func(c *Config) reflect.Value { return reflect.ValueOf(c).Elem() })
}

func TestEveryFieldHasItsBound(t *testing.T) {
	texts, numbers, durations := 0, 0, 0
	leaves(func(field string, conf *Config, v reflect.Value, b *checker) {
		wrong := func(what, want string) {
			for _, err := range conf.checkBounds() {
				if text := err.Error(); strings.HasPrefix(text, field+": ") && strings.Contains(text, want) {
					return
				}
			}
			t.Errorf("%s %s: %v, want an error with %q", field, what, conf.checkBounds(), want)
		}
		fine := func(what string) {
			if errs := conf.checkBounds(); len(errs) > 0 {
				t.Errorf("%s %s: %v", field, what, errs)
			}
		}
		switch {
		case v.Type() == reflect.TypeFor[time.Duration]():
			durations++
			v.SetInt(int64(time.Duration(b.most) * time.Second))
			fine("at its most")
			v.SetInt(v.Int() + 1)
			wrong("above", FormatDuration(time.Duration(b.most)*time.Second))
			if b.least > 0 {
				v.SetInt(int64(time.Duration(b.least)*time.Second) - 1)
				wrong("below", "is not between")
			}
		case v.Kind() == reflect.String:
			texts++
			v.SetString(strings.Repeat("ä", b.long))
			fine("at its longest")
			v.SetString(strings.Repeat("x", b.long+1))
			wrong("too long", "more than")
			for _, s := range []string{"a\r\nb", "a\x00b", "\x1b[31m", "a\u202eb", "a\u2028b"} {
				v.SetString(s)
				wrong("with hidden characters", "cannot be seen")
			}
			v.SetString("a\xffb")
			wrong("of octets", "not valid UTF-8")
		case v.CanInt() && v.Type().Bits() == 64:
			numbers++
			v.SetInt(int64(b.most))
			fine("at its most")
			v.SetInt(int64(b.most) + 1)
			wrong("above", "is not between")
			v.SetInt(int64(min(b.least, 0)) - 1)
			wrong("below", "is not between")
		}
	})
	if texts < 100 || numbers < 20 || durations < 25 {
		t.Errorf("%d texts, %d numbers and %d durations were looked at", texts, numbers, durations)
	}
}

// The figures of the project's reference, sections 3, 4, 5, 9 and 11.
func TestBoundsAreThoseOfTheReference(t *testing.T) {
	s := Schema()
	for path, want := range map[string]int{
		"dial_plan.rules[].name": 250, "dial_plan.rules[].note": 250, "dial_plan.rules[].tag": 250, "dial_plan.rules[].match": 250, "dial_plan.rules[].replace": 250,
		"receptions[].aliases[]": 250, "receptions[].match": 250, "receptions[].post_replace": 250,
		"sip.devices[].name": 250, "sip.devices[].password": 100, "sip.proxies[].address": 255,
		"meet.access_tokens[].name": 250, "meet.access_tokens[].secret": 100,
	} {
		if got := s.At(path); got == nil || got.MaxLength != want {
			t.Errorf("%s: %+v, want at most %d characters", path, got, want)
		}
	}
	for path, most := range map[string]float64{"dial_plan.rules[].priority": 200, "sip.proxies[].port": 65535, "sip.guard.failures": 200, "receptions[].guard.wrong": 200} {
		if got := s.At(path); got == nil || got.Maximum == nil || *got.Maximum != most {
			t.Errorf("%s: %+v, want at most %v", path, got, most)
		}
	}
	// Whoever misspells a field in the tables bounds nothing.
	known := make(map[string]bool)
	leaves(func(field string, _ *Config, _ reflect.Value, _ *checker) {
		path := strings.ReplaceAll(field, "[0]", "[]")
		known[path], known[path[strings.LastIndexByte(path, '.')+1:]] = true, true
	})
	for _, all := range []map[string]bound{textBounds(), numberBounds()} {
		for field := range all {
			if !known[field] && s.At(strings.TrimSuffix(field, "[]")) == nil && field != "location" {
				t.Errorf("there is no field %s", field)
			}
		}
	}
	for _, path := range tables() {
		if s.At(path) == nil || s.At(path).MaxItems != longTable {
			t.Errorf("%s: %+v", path, s.At(path))
		}
	}
}

func TestNamesInMapsHaveBounds(t *testing.T) {
	for _, name := range []string{strings.Repeat("x", 251), "a\nb", "\x1b[2J"} {
		c := new(Config)
		c.OIDC.Roles = map[string][]string{name: {"x"}}
		if errs := c.checkBounds(); len(errs) != 1 || !strings.HasPrefix(errs[0].Error(), "oidc.roles: a name ") || strings.ContainsAny(errs[0].Error(), "\n\x1b") {
			t.Errorf("%.20q: %v", name, errs)
		}
	}
	c := new(Config)
	c.OIDC.Roles = map[string][]string{"admin": {"x\r\nSet-Cookie: a"}}
	if errs := c.checkBounds(); len(errs) != 1 || !strings.HasPrefix(errs[0].Error(), "oidc.roles.admin[0]: ") {
		t.Errorf("%v", errs)
	}
}

func TestListsHaveBounds(t *testing.T) {
	c := new(Config)
	c.SIP.Domains = make([]string, longList+1)
	c.Meet.Tokens = make([]token.Access, longTable+1)
	if errs := c.checkBounds(); len(errs) != 2 || !strings.Contains(errs[0].Error()+errs[1].Error(), "sip.domains: has 1001 entries") || !strings.Contains(errs[0].Error()+errs[1].Error(), "meet.access_tokens: has 20001") {
		t.Errorf("%v", errs)
	}
	c = new(Config)
	for range 100 {
		c.SIP.Domains = append(c.SIP.Domains, "\x00")
	}
	if errs := c.checkBounds(); len(errs) != maxErrors {
		t.Errorf("%d errors are told at once, want %d", len(errs), maxErrors)
	}
}
