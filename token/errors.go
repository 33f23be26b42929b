package token

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
)

// What a caller branches on, with errors.Is.
var (
	// ErrInvalidGrant: the refresh token is revoked, expired or not of this
	// client. Trying again does not help; a person must give consent again.
	ErrInvalidGrant = errors.New("the refresh token is no longer accepted")
	// ErrInvalidClient: the OAuth client id or secret is wrong or deleted.
	ErrInvalidClient = errors.New("the OAuth client is not accepted")
	// ErrTimeout: the endpoint or the command did not answer in time.
	ErrTimeout = errors.New("no answer in time")
	// ErrAnswer: the answer is too large, or holds no token.
	ErrAnswer = errors.New("the answer is not a token")
)

// StatusError is an HTTP answer of the token endpoint other than 200. It is
// also an [ErrInvalidGrant] or [ErrInvalidClient] when the endpoint says so.
type StatusError struct {
	Status      int    // HTTP status code
	Code        string // the "error" of RFC 6749 §5.2, such as invalid_grant; may be empty
	Description string // the endpoint's own words, cut to one short line; may be empty
}

// Error is a sentence with all the endpoint said.
func (e *StatusError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "the token endpoint answered %d", e.Status)
	if e.Code != "" {
		fmt.Fprintf(&b, " %s", e.Code)
	}
	if e.Description != "" {
		fmt.Fprintf(&b, " (%s)", e.Description)
	}
	return b.String()
}

// Is maps the codes of RFC 6749 §5.2 to the sentinels.
func (e *StatusError) Is(target error) bool {
	switch e.Code {
	case "invalid_grant":
		return target == ErrInvalidGrant
	case "invalid_client", "unauthorized_client", "deleted_client":
		return target == ErrInvalidClient
	}
	return false
}

// line makes text from outside fit for one line of a log: printable, short.
func line(s string, limit int) string {
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, s)
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > limit {
		return string(r[:limit]) + "…"
	}
	return s
}
