// Package token gets and keeps the credentials of outside services: OAuth
// access tokens for Google Voice, the access and gateway tokens of Google Meet, and
// the type that keeps every secret out of logs and answers. Start reading at
// [Source.Token] and [Gateway.Token].
package token

import (
	"crypto/subtle"
	"fmt"
	"io"
	"log/slog"
)

const redacted = "[redacted]"

// Secret is a password, token or key. It prints as [redacted] in fmt, slog,
// JSON, YAML and XML, with every verb; an empty one prints as nothing, so that
// "not set" stays visible. It is read like a plain string.
//
// Go cannot call methods on unexported fields: a struct that keeps a Secret in
// one and may be logged needs its own LogValue or String.
type Secret string

// Reveal returns the secret itself. Every call of it is a place to review.
func (s Secret) Reveal() string { return string(s) }

// IsZero says whether no secret is set.
func (s Secret) IsZero() bool { return s == "" }

// Equal compares in constant time, for secrets that arrive from the wire.
func (s Secret) Equal(other Secret) bool {
	return subtle.ConstantTimeCompare([]byte(s), []byte(other)) == 1
}

// String implements fmt.Stringer.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return redacted
}

// Format implements fmt.Formatter, so that %x and %q do not reveal either.
func (s Secret) Format(f fmt.State, verb rune) {
	if verb == 'q' || verb == 'v' && f.Flag('#') {
		_, _ = fmt.Fprintf(f, "%q", s.String())
		return
	}
	_, _ = io.WriteString(f, s.String())
}

// LogValue implements slog.LogValuer.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText covers JSON, XML, and whatever else asks for text.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// MarshalYAML implements goccy/go-yaml's marshaler.
func (s Secret) MarshalYAML() (any, error) { return s.String(), nil }
