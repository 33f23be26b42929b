package config

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"tandem/token"
)

// A bound is what a field may hold. Nothing, 0 and an empty text always may: they
// stand for the default.
type bound struct {
	long        int     // characters of a text, entries of a list
	least, most float64 // of a number; of a duration, in seconds
	lines       bool    // a text may have several lines
}

const (
	longName   = 250    // characters of a name, a tag, a pattern
	longText   = 2000   // characters of a text that the tables below do not name
	longSecret = 8192   // of a secret
	longList   = 1000   // entries of a list that they do not name
	longTable  = 20_000 // of lists that are resources
	largest    = 1e9    // of a number

	minute, hour, day = 60, 3600, 86400 // seconds
)

// textBounds are the characters that texts may have, by the name of their field; a
// name with a path counts there only. The figures are those of the project's
// reference, sections 4, 5 and 9.
func textBounds() map[string]bound {
	name, word := bound{long: longName}, bound{long: 100}
	all := map[string]bound{
		"note": {long: 250, lines: true}, "notice": {long: 500, lines: true},
		"sip.devices[].password": word, "sip.proxies[].address": {long: 255}, "meet.access_tokens[].secret": word,
		"google_voice[].profile": word, "google_voice[].number": {long: 16},
		"node": {long: 255}, "caller_id": word, "area": word, "country": word, "international": word, "zone": word,
		"expect": {long: 1000}, "dial_plan.tests[].to": name,
	}
	for _, field := range []string{
		"name", "tag", "match", "replace", "post_match", "post_replace", "caller", "display", "title", "tenant", "label", "user", "auth_user", "realm", "domain",
		"device", "trunk", "account", "group", "meet", "reception", "proxy", "token", "location", "number", "aliases[]", "caller_tags[]", "from[]", "locations[]",
		"nodes[]", "networks[]", "peers[]", "allow[]", "numbers[]", "barred[]", "allowed[]", "codecs[]", "protocols[]", "digest[]", "trusted_proxies[]",
	} {
		all[field] = name
	}
	return all
}

// numberBounds are those of numbers and durations.
func numberBounds() map[string]bound {
	port, calls, spend := bound{least: 1, most: 65535}, bound{least: 1, most: 100_000}, bound{least: -1, most: 1e6}
	lobby := bound{least: 1, most: 15 * minute}
	return map[string]bound{
		"dial_plan.rules[].priority": {least: 1, most: 200},
		"port":                       port, "port_min": port, "port_max": port,
		"max_calls": calls, "limits.calls": calls, "limits.ports": {least: 2, most: 1e6}, "media.workers": {least: 1, most: 1024},
		"sip.guard.failures": {least: 5, most: 200}, "receptions[].guard.wrong": {least: 5, most: 200},
		"sip.register.contacts": {least: 1, most: 100},
		"per_minute":            spend, "at_once": spend, "burst": spend,
		"within": {least: 1, most: hour}, "lobby": lobby, "sip.guard.within": {least: 1, most: day}, "receptions[].guard.within": {least: 1, most: day},
		"block": {least: 1, most: 30 * day}, "stop": {least: 1, most: 30 * day},
		"receptions[].total": {least: 30, most: day}, "no_input": {least: 1, most: hour}, "between": {least: 1, most: hour},
	}
}

// tables are the lists that are resources.
func tables() []string {
	return []string{"sip.devices", "sip.trunks", "sip.proxies", "google_voice", "meet.access_tokens", "locations", "receptions", "dial_plan.rules", "dial_plan.tests"}
}

// bounds are the tables.
type bounds struct {
	texts, numbers map[string]bound
	tables         []string
}

func allBounds() *bounds { return &bounds{textBounds(), numberBounds(), tables()} }

// of is the bound of a field, by its whole path or by its name.
func (all *bounds) of(path string, t reflect.Type) bound {
	last := path[strings.LastIndexByte(path, '.')+1:]
	find := func(table map[string]bound, otherwise bound) bound {
		for _, at := range []string{path, last} {
			if b, ok := table[at]; ok {
				return b
			}
		}
		return otherwise
	}
	switch {
	case t == reflect.TypeFor[token.Secret]():
		return find(all.texts, bound{long: longSecret})
	case t == reflect.TypeFor[time.Duration]():
		return find(all.numbers, bound{least: -3650 * day, most: 3650 * day})
	case t.Kind() == reflect.String:
		return find(all.texts, bound{long: longText})
	case t.Kind() == reflect.Slice, t.Kind() == reflect.Map:
		if slices.Contains(all.tables, path) {
			return bound{long: longTable}
		}
		return bound{long: longList}
	}
	return find(all.numbers, bound{least: -largest, most: largest})
}

// A checker knows the bounds of a type and of all within it.
type checker struct {
	bound
	fields map[int]*checker // of a struct
	names  map[int]string   // "" for those whose fields are its own
	inner  *checker         // of a list or a map
}

func newChecker(t reflect.Type, path string, all *bounds) *checker {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	c := &checker{bound: all.of(path, t)}
	switch {
	case t.Kind() == reflect.Struct:
		c.fields, c.names = make(map[int]*checker), make(map[int]string)
		for i := range t.NumField() {
			name, inline := nameOf(t.Field(i))
			if name == "" {
				continue
			}
			at := join(path, name)
			if inline {
				name, at = "", path
			}
			c.fields[i], c.names[i] = newChecker(t.Field(i).Type, at, all), name
		}
	case t.Kind() == reflect.Slice && t.Elem().Kind() != reflect.Uint8:
		c.inner = newChecker(t.Elem(), path+"[]", all)
	case t.Kind() == reflect.Map:
		c.inner = newChecker(t.Elem(), path+".*", all)
	}
	return c
}

// A spot is where a value is, written out only when something is wrong there.
type spot struct {
	in   *spot
	name string // of a field, "" for an entry of a list
	at   int    // of an entry
}

func (s *spot) String() string {
	switch {
	case s == nil:
		return ""
	case s.name != "":
		return join(s.in.String(), s.name)
	}
	return s.in.String() + "[" + strconv.Itoa(s.at) + "]"
}

// checkBounds finds what is too long, too large or not text.
func (c *Config) checkBounds() (errs []error) {
	bad := func(at *spot, format string, args ...any) {
		if len(errs) < maxErrors {
			errs = append(errs, fmt.Errorf("%s: %s", at, fmt.Sprintf(format, args...)))
		}
	}
	newChecker(reflect.TypeFor[Config](), "", allBounds()).check(reflect.ValueOf(c).Elem(), nil, bad)
	return errs
}

type complain func(at *spot, format string, args ...any)

func (c *checker) check(v reflect.Value, at *spot, bad complain) {
	if v.IsZero() {
		return
	}
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	switch {
	case v.Type() == reflect.TypeFor[time.Duration]():
		c.duration(time.Duration(v.Int()), at, bad)
	case v.Kind() == reflect.Struct:
		for i, f := range c.fields {
			inner := at
			if c.names[i] != "" {
				inner = &spot{in: at, name: c.names[i]}
			}
			f.check(v.Field(i), inner, bad)
		}
	case c.inner != nil && v.Kind() == reflect.Slice:
		c.count(v.Len(), at, bad)
		for i := range min(v.Len(), c.long) {
			c.inner.check(v.Index(i), &spot{in: at, at: i}, bad)
		}
	case c.inner != nil:
		c.count(v.Len(), at, bad)
		for _, key := range v.MapKeys() {
			if why := UnfitName(key.String()); why != "" {
				bad(at, "a name %s", why)
				continue
			}
			c.inner.check(v.MapIndex(key), &spot{in: at, name: clipped(key.String())}, bad)
		}
	case v.Kind() == reflect.String:
		c.text(v.String(), at, bad)
	case v.CanInt():
		c.number(float64(v.Int()), at, bad)
	case v.CanUint():
		c.number(float64(v.Uint()), at, bad)
	case v.CanFloat():
		c.number(v.Float(), at, bad)
	}
}

func (c *checker) count(n int, at *spot, bad complain) {
	if n > c.long {
		bad(at, "has %d entries, more than %d", n, c.long)
	}
}

func (c *checker) text(s string, at *spot, bad complain) {
	if why := c.unfit(s); why != "" {
		bad(at, "%s", why)
	}
}

// UnfitName says why a text cannot be the name of something: it is too long, or holds
// what cannot be seen. "" is that it can.
func UnfitName(s string) string { return bound{long: longName}.unfit(s) }

// unfit says why a text cannot be; it never shows the text, which may be a secret.
func (b bound) unfit(s string) string {
	switch n := utf8.RuneCountInString(s); {
	case n > b.long:
		return fmt.Sprintf("has %d characters, more than %d", n, b.long)
	case !utf8.ValidString(s):
		return "is not text: it is not valid UTF-8"
	case strings.ContainsFunc(s, func(r rune) bool { return hidden(r) && !(b.lines && r == '\n') }):
		return "holds a character that cannot be seen, such as the end of a line"
	}
	return ""
}

// hidden characters break lines of headers and logs, control terminals, or turn the
// order of letters around (Unicode's bidirectional controls) so that a name reads as
// another one.
func hidden(r rune) bool {
	return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || unicode.Is(unicode.Bidi_Control, r)
}

func (c *checker) number(n float64, at *spot, bad complain) {
	if math.IsNaN(n) || n < c.least || n > c.most {
		bad(at, "%v is not between %v and %v", n, c.least, c.most)
	}
}

func (c *checker) duration(d time.Duration, at *spot, bad complain) {
	least, most := time.Duration(c.least)*time.Second, time.Duration(c.most)*time.Second
	switch {
	case d >= least && d <= most:
	case least < 0:
		bad(at, "%s is longer than %s", FormatDuration(d), FormatDuration(most))
	default:
		bad(at, "%s is not between %s and %s", FormatDuration(d), FormatDuration(least), FormatDuration(most))
	}
}

func clipped(s string) string { return string([]rune(s)[:min(utf8.RuneCountInString(s), 60)]) }
