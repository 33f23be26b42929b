package token

import (
	"errors"
	"fmt"
	"os"
)

// ErrNotStaged says that there is no certificate to put in force or to discard.
var ErrNotStaged = errors.New("no certificate is staged")

// Activate puts the staged certificate in force now. Calls that run keep what they
// joined with.
func (g *Gateway) Activate() (GatewayStatus, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := g.loadLocked(); err != nil {
		return GatewayStatus{}, err
	}
	if g.staged == nil {
		return g.statusLocked(), ErrNotStaged
	}
	err := g.promoteLocked()
	return g.statusLocked(), err
}

// Discard forgets the staged certificate and its key.
func (g *Gateway) Discard() (GatewayStatus, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := g.loadLocked(); err != nil {
		return GatewayStatus{}, err
	}
	if g.staged == nil {
		return g.statusLocked(), ErrNotStaged
	}
	// The key goes last: a certificate without one is no credential.
	for _, name := range []string{stagedCert, stagedKey} {
		if err := os.Remove(g.path(name)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return g.statusLocked(), fmt.Errorf("discard the staged certificate: %w", err)
		}
	}
	g.staged = nil
	return g.statusLocked(), nil
}
