package meet

import (
	"log/slog"
	"time"
)

// ConnectWithin shortens what a transport may need to come up.
func (c *Connector) ConnectWithin(d time.Duration) { c.timeout = d }

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }
