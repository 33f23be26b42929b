package support

import (
	"bytes"
	"cmp"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"tandem/token"
)

// removed stands where a secret was.
const removed = "[redacted]"

// shortest is the fewest octets of a known secret that are looked for: shorter ones
// are everywhere by chance.
const shortest = 4

// shapes are what secrets look like that nobody has told us of. Groups are kept.
func shapes() []*regexp.Regexp {
	return []*regexp.Regexp{
		regexp.MustCompile(`(?is)(-----BEGIN [A-Z ]*PRIVATE KEY-----).*?(-----END|\z)`),
		regexp.MustCompile(`(?im)((?:proxy-)?authorization"?\s*[:=]\s*"?(?:bearer|digest|basic)?)[^\r\n]*`),
		regexp.MustCompile(`(?i)(\bbearer\s+)[\w.~+/=-]+`),
		regexp.MustCompile(`(inline:)[A-Za-z0-9+/=]+`),           // SDES, RFC 4568
		regexp.MustCompile(`(ice-pwd:)\S+`),                      // RFC 8839
		regexp.MustCompile(`()\bya29\.[\w.-]+`),                  // access tokens of Google
		regexp.MustCompile(`()\b1//[\w-]{10,}`),                  // and refresh tokens
		regexp.MustCompile(`()\bGOCSPX-[\w-]+`),                  // and client secrets
		regexp.MustCompile(`()\beyJ[\w-]+\.[\w-]+\.[\w-]*`),      // JSON Web Tokens
		regexp.MustCompile(`()\btdm_\w+`),                        // our API keys
		regexp.MustCompile(`(\w://[^\s/:@"]*:)[^\s/@"]+(@)`),     // URLs with a password
		regexp.MustCompile(`()\$argon2id?\$[\w$=,+/.-]+`),        // hashes of passwords
		regexp.MustCompile(`(?i)(\bresponse=)"?[0-9a-f]{32,}"?`), // digest
	}
}

// named are values whose name says that they are secrets, for text without types.
var named = regexp.MustCompile(`(?i)(\w*(?:passw(?:or)?d|secret|token|api_?key|pin)\\?"?\s*[=:]\s*\\?"?)([^\s"\\,;&}]+)`)

// A scrubber takes secrets out of text: those it knows, and what looks like one.
type scrubber struct {
	known  [][]byte // the longest first
	shapes []*regexp.Regexp
}

func newScrubber(secrets []string) *scrubber {
	s := &scrubber{shapes: shapes()}
	for _, secret := range secrets {
		if len(secret) >= shortest {
			s.known = append(s.known, []byte(secret))
		}
	}
	slices.SortFunc(s.known, func(a, b []byte) int { return cmp.Compare(len(b), len(a)) })
	return s
}

// clean returns text without secrets. Of untyped text, such as a log, what is called
// a password or a token goes, too.
func (s *scrubber) clean(text []byte, untyped bool) []byte {
	for _, secret := range s.known {
		text = bytes.ReplaceAll(text, secret, []byte(removed))
	}
	for _, shape := range s.shapes {
		replacement := "${1}" + removed
		if shape.NumSubexp() > 1 {
			replacement += "${2}"
		}
		text = shape.ReplaceAll(text, []byte(replacement))
	}
	if untyped {
		text = named.ReplaceAll(text, []byte("${1}"+removed))
	}
	return text
}

// secretsIn finds every secret of a configuration.
func secretsIn(v any) (found []string) {
	var look func(v reflect.Value)
	look = func(v reflect.Value) {
		if v.Type() == reflect.TypeFor[token.Secret]() {
			found = append(found, token.Secret(v.String()).Reveal())
			return
		}
		switch v.Kind() {
		case reflect.Pointer, reflect.Interface:
			if !v.IsNil() {
				look(v.Elem())
			}
		case reflect.Struct:
			for i := range v.NumField() {
				look(v.Field(i))
			}
		case reflect.Slice, reflect.Array:
			for i := range v.Len() {
				look(v.Index(i))
			}
		case reflect.Map:
			for _, k := range v.MapKeys() {
				look(v.MapIndex(k))
			}
		}
	}
	look(reflect.ValueOf(v))
	return slices.DeleteFunc(found, func(s string) bool { return strings.TrimSpace(s) == "" })
}
