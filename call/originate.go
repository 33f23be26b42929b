package call

import (
	"context"
	"time"
)

// Originate calls a first destination, and when it has answered goes on as if it
// had called r.To itself. It returns the ID of the call, which runs on; a
// destination that cannot be dialled at all is an error.
func (s *Switch) Originate(ctx context.Context, first Destination, r Request) (string, error) {
	c := &Call{ID: NewID(), Request: r, Switch: s}
	dialer := s.Dialers[first.Connector]
	if dialer == nil {
		return "", ErrNoRoute
	}
	// Who answers sees whom it will be connected to.
	a, err := dialer.Dial(context.WithoutCancel(ctx), first, Request{
		Connector: first.Connector, From: r.To, To: first.To,
		Video: s.pictures(r),
	})
	if err != nil {
		return "", err
	}
	c.rings = first.Within
	if c.rings <= 0 {
		c.rings = originateLimit
	}
	s.start(ctx, c, a)
	return c.ID, nil
}

// pictures reports whether whom a request leads to may have some: then a room is asked for
// its camera. A telephone network has none.
func (s *Switch) pictures(r Request) bool {
	if s.Router == nil {
		return false
	}
	list, err := s.Router.Route(r)
	for i := 0; err == nil && i < len(list); i++ {
		list = append(list, list[i].Parallel...)
		if p, ok := s.Dialers[list[i].Connector].(interface{ Pictures() bool }); ok && p.Pictures() {
			return true
		}
	}
	return false
}

// originateLimit is how long the first destination may ring.
const originateLimit = 45 * time.Second

// picksUp waits until the A-leg of a call that was originated here picks up, and
// returns what else the call has come to.
func (c *Call) picksUp(ctx context.Context) *Ended {
	timer := time.NewTimer(c.rings)
	defer timer.Stop()
	for {
		select {
		case ev, ok := <-c.legs[A].Events():
			if !ok {
				return &Ended{Cause: ProtocolError, Text: "the leg ended without a reason"}
			}
			switch ev := ev.(type) {
			case Answered:
				c.Request.Codec, c.Request.Video, c.Request.VideoLimits, c.Request.Screen = ev.Codec, !ev.Video.None, ev.Video.Limits, ev.Video.Screen
				if ev.Video.Format != "" {
					c.Request.Videos = []string{ev.Video.Format}
				}
				if m := c.legs[A].Media(); m != nil {
					c.Request.Loop = m.Loop()
				}
				return nil
			case Ended:
				c.release(A)
				return &ev
			}
		case <-c.inbox.Ready():
			msg, ok := c.inbox.Take()
			if !ok {
				continue
			}
			if _, what := c.request(msg); what != nil {
				if h, ok := what.(hangup); ok {
					return &h.end
				}
			}
		case <-timer.C:
			return &Ended{Cause: NoAnswer}
		case <-ctx.Done():
			return &Ended{Cause: Shutdown}
		}
	}
}
