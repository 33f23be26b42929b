package call

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"tandem/media"
)

// A Steered is a Bridge to a meeting that somebody else than the room can steer.
type Steered interface {
	// Layout changes what the room sees.
	Layout(name string) error
}

// A Muter is a Bridge that can keep what one side says from the other.
type Muter interface {
	// Mute says whether the other side hears side.
	Mute(side Side, on bool) error
	// Muted reports whether each side, A and B, is not heard.
	Muted() (a, b bool)
}

// A Speaker is a media session of a meeting with a chat.
type Speaker interface{ Say(text string) }

// Transfer sends the A-leg of a call elsewhere: its B-leg is let go, and to is
// routed as if A had dialled it.
func (s *Switch) Transfer(ctx context.Context, id, to string) error {
	if to == "" {
		return errors.New("a transfer needs somewhere to go")
	}
	return s.order(ctx, id, func(c *Call) (any, Side, error) {
		if c.Phase() != Active || c.legs[B] == nil {
			return nil, A, ErrNotNow
		}
		return Transfer{To: to, Wish: true, Leave: true}, B, nil
	})
}

// A key sent by somebody else than a person is held, and followed, for so long.
const keyHold = 120 * time.Millisecond

// Keys sends DTMF keys to one side of a call.
func (s *Switch) Keys(ctx context.Context, id string, side Side, keys string) error {
	if keys == "" || len(keys) > 64 || strings.Trim(keys, "0123456789*#ABCD") != "" {
		return fmt.Errorf("%q are no keys; they are 0 to 9, *, # and A to D, 64 at most", keys)
	}
	return s.order(ctx, id, func(c *Call) (any, Side, error) {
		if c.Phase() != Active || side > B || c.legs[side] == nil {
			return nil, A, ErrNotNow
		}
		for _, key := range keys {
			c.legs[side].Do(Digit{Key: key, Hold: keyHold})
		}
		return nil, A, nil
	})
}

// Mute says whether one side of a call is heard by the other. It holds for the leg,
// also when the other one is replaced by a transfer.
func (s *Switch) Mute(ctx context.Context, id string, side Side, on bool) error {
	return s.order(ctx, id, func(c *Call) (any, Side, error) {
		b, ok := c.bridge.(Muter)
		if !ok || c.Phase() != Active || side > B || c.legs[side] == nil {
			return nil, A, ErrNotNow
		}
		if err := b.Mute(side, on); err != nil {
			return nil, A, err
		}
		c.muted = slices.DeleteFunc(c.muted, func(id string) bool { return id == c.legs[side].Info().ID })
		if on {
			c.muted = append(c.muted, c.legs[side].Info().ID)
		}
		return nil, A, nil
	})
}

// hush mutes, in a new bridge, the legs that were muted in the one before.
func (c *Call) hush() {
	b, ok := c.bridge.(Muter)
	for _, side := range []Side{A, B} {
		if ok && slices.Contains(c.muted, c.legs[side].Info().ID) {
			if err := b.Mute(side, true); err != nil {
				c.log.Info("a muted leg is heard now", "side", side, "why", err)
			}
		}
	}
}

// Layout changes what the room of a call sees of the meeting.
func (s *Switch) Layout(ctx context.Context, id, name string) error {
	return s.steer(ctx, id, func(b Steered) error { return b.Layout(name) })
}

func (s *Switch) steer(ctx context.Context, id string, f func(Steered) error) error {
	return s.order(ctx, id, func(c *Call) (any, Side, error) {
		b, ok := c.bridge.(Steered)
		if !ok || c.Phase() != Active {
			return nil, A, ErrNotNow
		}
		return nil, A, f(b)
	})
}

// Say writes a line into the chat of the meeting of a call.
func (s *Switch) Say(ctx context.Context, id, text string) error {
	return s.order(ctx, id, func(c *Call) (any, Side, error) {
		for _, l := range []Leg{c.legs[B], c.legs[A]} {
			if l == nil || c.Phase() != Active {
				continue
			}
			if m, ok := l.Media().(media.Meeting); ok {
				if speaker, ok := m.(Speaker); ok {
					speaker.Say(text)
					return nil, A, nil
				}
			}
		}
		return nil, A, ErrNotNow
	})
}
