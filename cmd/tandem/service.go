package main

import (
	"context"
	"log/slog"

	"tandem"
	"tandem/internal/systemd"
)

// A manager is the service manager, if there is one.
type manager struct {
	systemd.Notifier
	log *slog.Logger
}

// watch says that the gateway serves, gives signs of life until done, and says when
// it begins to stop. Calls that end meanwhile need signs of life, too.
func (m manager) watch(done, stopping <-chan struct{}, g *tandem.Gateway) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	m.told(m.Ready())
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		m.Watch(ctx, g.Health.Alive, func(err error) { m.log.Error("no sign of life for the service manager", "err", err) })
	}()
	select {
	case <-stopping:
		m.told(m.Stopping())
		<-done
	case <-done:
	}
	cancel()
	<-watched
}

func (m manager) told(err error) {
	if err != nil {
		m.log.Warn("the service manager does not hear", "err", err)
	}
}
