package gvoice

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"tandem/token"
)

// TokenStats counts the access tokens that accounts asked for.
type TokenStats struct {
	Fetched uint64
	Refused uint64 // the consent or the OAuth client is not accepted: a person must act
	Failed  uint64 // no answer, or none of use
}

// fetches counts for all accounts, also for those that are no more.
type fetches struct{ fetched, refused, failed atomic.Uint64 }

func (f *fetches) stats() TokenStats {
	return TokenStats{Fetched: f.fetched.Load(), Refused: f.refused.Load(), Failed: f.failed.Load()}
}

// counted is a TokenSource whose answers are counted.
type counted struct {
	TokenSource
	count *fetches
}

// Token implements [TokenSource].
func (c counted) Token(ctx context.Context) (token.Secret, time.Time, error) {
	secret, expiry, err := c.TokenSource.Token(ctx)
	switch {
	case err == nil:
		c.count.fetched.Add(1)
	case errors.Is(err, token.ErrInvalidGrant), errors.Is(err, token.ErrInvalidClient):
		c.count.refused.Add(1)
	case ctx.Err() == nil: // who gave up says nothing about the endpoint
		c.count.failed.Add(1)
	}
	return secret, expiry, err
}
