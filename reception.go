package tandem

import (
	"context"

	"tandem/leg/meet"
	"tandem/leg/reception"
	"tandem/media"
)

// meetings looks up what callers type at a reception.
type meetings struct{ *meet.Connector }

var _ reception.Resolver = meetings{}

// Resolve implements [reception.Resolver].
func (m meetings) Resolve(ctx context.Context, token, id string) (string, error) {
	s, err := m.Connector.Resolve(ctx, token, id)
	return s.Title, err
}

// loopBeside is the loop a reception speaks on: the caller's, so that no packet
// changes goroutines.
func (g *Gateway) loopBeside(beside media.Loop) (media.Loop, error) {
	return g.Engine.LoopBeside(beside)
}

// emergency reports whether an alias is an emergency number now.
func (g *Gateway) emergency(alias string) bool { return g.dialer.now.Load().table.Emergency(alias) }
