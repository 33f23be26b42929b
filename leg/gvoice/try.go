package gvoice

import (
	"context"
	"errors"
	"fmt"
)

// Try asks for an access token with the account's credentials, as the account itself
// does before it registers. It says nothing about the SIP side.
func (c *Connector) Try(ctx context.Context, account string) error {
	c.mu.Lock()
	l := c.lines[account]
	c.mu.Unlock()
	if l == nil {
		return fmt.Errorf("there is no account %q", account)
	}
	return c.TryWith(ctx, l.account)
}

// TryWith is Try for an account that this connector need not have.
func (c *Connector) TryWith(ctx context.Context, a Account) error {
	secret, _, err := c.tokens(a).Token(ctx)
	if err == nil && secret.IsZero() {
		err = errors.New("an empty access token came back")
	}
	return err
}
