package call

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"tandem/media"
)

// A Steered is a Bridge to a meeting that somebody else than the room can steer.
type Steered interface {
	// Mute says whether the meeting hears the room.
	Mute(on bool) error
	// Layout changes what the room sees.
	Layout(name string) error
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

// Mute says whether the meeting of a call hears the room.
func (s *Switch) Mute(ctx context.Context, id string, on bool) error {
	return s.steer(ctx, id, func(b Steered) error { return b.Mute(on) })
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
