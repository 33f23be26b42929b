package tandem

import (
	"sync"

	"tandem/call"
	"tandem/media/bridge"
	"tandem/metrics"
)

// bridges are those that run now.
type bridges struct {
	mu  sync.Mutex // guards all
	all map[*counted]struct{}
}

// counted is a bridge that is known here until it is closed.
type counted struct {
	*bridge.Bridge
	among *bridges
}

var (
	_ call.Bridge      = (*counted)(nil)
	_ call.Keypad      = (*counted)(nil)
	_ call.Muter       = (*counted)(nil)
	_ call.LateCounter = (*counted)(nil)
)

func (b *bridges) add(one *bridge.Bridge) *counted {
	c := &counted{one, b}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.all == nil {
		b.all = make(map[*counted]struct{})
	}
	b.all[c] = struct{}{}
	return c
}

// Close implements [call.Bridge].
func (c *counted) Close() {
	c.Bridge.Close()
	c.among.mu.Lock()
	defer c.among.mu.Unlock()
	delete(c.among.all, c)
}

// Key implements [call.Keypad]: keys that come by SIP INFO control a meeting.
func (c *counted) Key(from call.Side, key rune) bool { return c.Bridge.Key(from == call.B, key) }

// Mute implements [call.Muter].
func (c *counted) Mute(side call.Side, on bool) error { return c.Bridge.Mute(side == call.B, on) }

// Late implements [call.LateCounter].
func (c *counted) Late() (ofA, ofB uint64) {
	s := c.Stats()
	return s.ToB.Late, s.ToA.Late
}

// count emits how many there are of each kind.
func (b *bridges) count(emit metrics.Emit) {
	for _, kind := range bridge.Kinds() {
		emit(0, kind)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for c := range b.all {
		emit(1, c.Kind())
	}
}
