// Package auth makes and checks the credentials of SIP requests: Digest
// (RFC 3261 §22, RFC 7616, RFC 8760, and the RFC 2069 form Google's web edge
// uses) and Bearer (RFC 8898, and the form with parameters of Google's telephony
// edge). Start reading at [Client.Authorize] and [Server.Check].
package auth

import (
	"errors"
	"log/slog"
	"strings"

	"tandem/sip"
)

// A Secret is a password or token. It prints as [redacted]; convert it to string
// to use it.
type Secret string

const redacted = "[redacted]"

// String hides the secret, as the methods below do.
func (Secret) String() string { return redacted }

// GoString implements fmt.GoStringer.
func (Secret) GoString() string { return redacted }

// LogValue implements slog.LogValuer.
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText covers JSON, XML and YAML.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// A Param is one name and value of a challenge or of credentials, unquoted. The
// name is in lower case.
type Param struct{ Name, Value string }

// ErrMalformed says that a challenge or credentials cannot be read.
var ErrMalformed = errors.New("auth: malformed challenge or credentials")

// maxParams is more than any scheme has; a header line is bounded by package sip.
const maxParams = 32

// usualParams is what most credentials have.
const usualParams = 12

// split reads "Scheme name=value, name="value"" or "Scheme token68". A parameter
// that comes twice is refused: two readers might take different ones.
func split(value string) (scheme, token68 string, params []Param, err error) {
	scheme, rest, _ := strings.Cut(strings.TrimSpace(value), " ")
	if rest = strings.Trim(rest, " \t"); scheme == "" || strings.ContainsAny(scheme, "=,\"") {
		return "", "", nil, ErrMalformed
	}
	if isToken68(rest) {
		return scheme, rest, nil, nil
	}
	params = make([]Param, 0, usualParams)
	for rest != "" {
		var p Param
		var ok bool
		if p, rest, ok = cutParam(rest); !ok || len(params) == maxParams || get(params, p.Name) != "" {
			return "", "", nil, ErrMalformed
		}
		params = append(params, p)
	}
	return scheme, "", params, nil
}

// isToken68 is RFC 7235 §2.1.
func isToken68(s string) bool {
	body := strings.TrimRight(s, "=")
	for i := range len(body) {
		c := body[i]
		alnum := '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z'
		if !alnum && strings.IndexByte("-._~+/", c) < 0 {
			return false
		}
	}
	return body != ""
}

// cutParam reads one parameter and the comma behind it.
func cutParam(s string) (p Param, rest string, ok bool) {
	name, rest, ok := strings.Cut(s, "=")
	p.Name = strings.ToLower(strings.Trim(name, " \t"))
	rest = strings.TrimLeft(rest, " \t")
	if !ok || p.Name == "" || strings.ContainsAny(p.Name, " \t\",") {
		return p, "", false
	}
	if strings.HasPrefix(rest, `"`) {
		p.Value, rest, ok = unquote(rest)
	} else {
		i := strings.IndexByte(rest, ',')
		if i < 0 {
			i = len(rest)
		}
		p.Value, rest = strings.Trim(rest[:i], " \t"), rest[i:]
		ok = !strings.Contains(p.Value, `"`)
	}
	if rest = strings.Trim(rest, " \t"); ok && rest != "" {
		ok = rest[0] == ','
		rest = strings.TrimLeft(rest[1:], " \t")
	}
	return p, rest, ok
}

func unquote(s string) (value, rest string, ok bool) {
	if i := strings.IndexAny(s[1:], `"\`) + 1; i > 0 && s[i] == '"' { // nothing is escaped
		return s[1:i], s[i+1:], true
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '"':
			return b.String(), s[i+1:], true
		case '\\':
			if i++; i == len(s) {
				return "", "", false
			}
		}
		b.WriteByte(s[i])
	}
	return "", "", false
}

// lines are the octets that would end a header.
var lines = strings.NewReplacer("\r", "", "\n", "")

// quote leaves line breaks out: no password and no name holds one. Other octets stay
// as they are, for there are realms in Latin-1, and both sides hash octets.
func quote(s string) string { return sip.Quote(lines.Replace(s)) }

func get(params []Param, name string) string {
	for _, p := range params {
		if p.Name == name {
			return p.Value
		}
	}
	return ""
}
