package call

import "errors"

// An attended transfer joins the far ends of two calls (RFC 3891, RFC 5589). The
// call that was asked to (or the call of an INVITE with Replaces) fetches the leg
// that talks to the named one; the other call gives it away and ends. Calls
// never wait for each other: they post.

type (
	askLeg struct { // from another call: I want the leg that talks to this one
		id    string
		reply func(Leg, error)
	}
	gotLeg struct { // the answer
		leg Leg
		err error
	}
)

var (
	errNoSuchLeg = errors.New("the call to be taken over does not exist any more")
	errNotTalked = errors.New("the call to be taken over is not in conversation")
)

// fetch asks for the leg that talks to the one named id.
func (c *Call) fetch(id string) {
	reply := func(l Leg, err error) {
		if !c.inbox.Post(gotLeg{l, err}) && l != nil {
			discard(l)
		}
	}
	owner := c.find(id)
	if owner == nil || owner == c || !owner.inbox.Post(askLeg{id, reply}) {
		reply(nil, errNoSuchLeg)
	}
}

// discard ends a leg that nobody wants. Its events are buffered or dropped by
// the leg's own promise to end, so nobody needs to wait for it here.
func discard(l Leg) {
	l.Do(Ended{Cause: TransferDone})
	go drain(l) // ends with the leg, at most 32 s later
}

// request turns a message of another goroutine into what step understands.
func (c *Call) request(msg any) (Side, any) {
	switch msg := msg.(type) {
	case gotLeg:
		if msg.leg != nil {
			c.legs[X] = msg.leg
		}
		return X, adopted{msg.err}
	case askLeg:
		for side, l := range c.legs {
			if l != nil && (l.Info().ID == msg.id) {
				c.asker = msg.reply
				return Side(side), surrender{}
			}
		}
		msg.reply(nil, errNoSuchLeg)
		return A, nil
	case sample:
		c.noteMedia()
		c.publish()
		return A, nil
	case order:
		event, at, err := msg.do(c)
		msg.reply <- err
		return at, event
	}
	return A, msg
}

func (c *Call) giveAway(side Side) {
	reply := c.asker
	c.asker = nil
	l := c.legs[side]
	if l == nil {
		reply(nil, errNotTalked)
		return
	}
	c.legs[side] = nil
	reply(l, nil)
}
