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
	secret, _, err := c.tokens(l.account).Token(ctx)
	if err == nil && secret.IsZero() {
		err = errors.New("an empty access token came back")
	}
	return err
}
