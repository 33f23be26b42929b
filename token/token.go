package token

import (
	"context"
	"time"
)

// source is what this package's token getters share; users declare the same
// one-method interface on their side.
//
// Token returns an access token and when it expires (zero: unknown). It may
// wait for the network until ctx ends. On error the token is the last good one,
// or empty: Google Voice is sent a REGISTER even if the refresh failed (GV-C3).
type source interface {
	Token(ctx context.Context) (Secret, time.Time, error)
}

var (
	_ source = (*Source)(nil)
	_ source = (*Command)(nil)
	_ source = Static{}
)

// Static is a token that somebody else keeps fresh, or a test's.
type Static struct {
	Secret Secret
}

// Token returns the token; its expiry is not known.
func (s Static) Token(context.Context) (Secret, time.Time, error) {
	return s.Secret, time.Time{}, nil
}

// maxAnswer bounds what is read of a token endpoint's or a command's answer.
// Google's answers are larger than 1 KiB.
const maxAnswer = 64 << 10 // bytes
