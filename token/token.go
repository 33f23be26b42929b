package token

import (
	"context"
	"time"
)

// Static is a token that somebody else keeps fresh, or a test's. It is also
// the way to run against an edge that does not check tokens.
type Static Secret

// Token returns the token; its expiry is unknown and therefore zero.
func (s Static) Token(context.Context) (Secret, time.Time, error) {
	return Secret(s), time.Time{}, nil
}

// String keeps the token out of logs, as Secret does.
func (s Static) String() string { return Secret(s).String() }

// GoString keeps the token out of %#v.
func (s Static) GoString() string { return "token.Static(" + redacted + ")" }
