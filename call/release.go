package call

// release forgets the leg at side; it ends on its own.
func (c *Call) release(side Side) {
	l := c.legs[side]
	c.legs[side] = nil
	if side == B {
		c.held = hold{} // the answer of a leg that is let go counts no more
	}
	if l == nil || silent(l) {
		return
	}
	c.old.Add(1)
	c.crew.Go(func() {
		defer c.old.Done()
		drain(l)
	})
}

// silent reports whether nothing can come from a leg any more.
func silent(l Leg) bool {
	select {
	case _, more := <-l.Events():
		return !more
	default:
		return false
	}
}

// abandon leaves legs that broke their promise to end; nobody waits for them.
func (c *Call) abandon(s state) {
	for side, l := range c.legs {
		if l != nil && !s.gone[side] {
			c.log.Error("a leg did not end in time", "side", Side(side), "leg", l.Info())
			go drain(l)
		}
	}
}

func drain(l Leg) {
	for range l.Events() {
	}
}
