package call

import "time"

// begin opens the call's record.
func (c *Call) begin() {
	c.record = Record{
		ID: c.ID, Node: c.Node, Began: time.Now(), From: c.Request.From, FromName: c.Request.FromName,
		To: c.Request.To, A: c.legRecord(c.legs[A]), Cause: Lost,
	}
	c.publish()
	c.log.Info("call began", "a", c.legs[A].Info(), "from", c.Request.From, "to", c.Request.To)
	if c.Recorder != nil {
		c.Recorder.Began(c.record)
	}
}

// finish closes the record after the last leg has gone.
func (c *Call) finish() {
	c.unjoin()
	for _, msg := range c.inbox.Close() {
		switch msg := msg.(type) {
		case askLeg:
			msg.reply(nil, errNoSuchLeg)
		case gotLeg:
			if msg.leg != nil {
				discard(msg.leg)
			}
		case order:
			msg.reply <- ErrNoCall
		}
	}
	c.record.Ended = time.Now()
	if !c.record.Answered.IsZero() {
		c.record.Talked = c.record.Ended.Sub(c.record.Answered)
	}
	c.publish()
	if c.Recorder != nil {
		c.Recorder.Ended(c.record)
	}
	c.log.Info("call ended", "cause", c.record.Cause, "text", c.record.Text, "talked", c.record.Talked, "path", c.record.Path)
	c.old.Wait()
}

// note writes into the record what the step from s to next means.
func (c *Call) note(at Side, what any, s, next state) {
	switch ev := what.(type) {
	case Ended:
		if at == B && s.phase < Active {
			c.tried(ev)
		}
	case refused:
		c.tried(ev.end)
	case timedOut:
		if s.phase < Active {
			c.tried(Ended{Cause: NoAnswer})
		}
	}
	switch {
	case next.phase == Early && c.record.Rang.IsZero():
		c.record.Rang = time.Now()
	case next.phase == Active && s.phase != Active:
		if c.record.Answered.IsZero() {
			c.record.Answered = time.Now()
		}
		c.noteMedia()
	case next.phase >= Ending && s.phase < Ending:
		c.record.Cause, c.record.Text = next.end.Cause, next.end.Text
		c.noteMedia()
	}
}

func (c *Call) tried(end Ended) {
	if c.now.Connector == "" && len(c.now.Parallel) == 0 {
		return // routing failed: there was no destination
	}
	c.record.Tried = append(c.record.Tried, Attempt{c.now.Connector, c.now.Target, c.now.To, end.Cause, end.Text})
}

// noteMedia keeps the figures of the legs while they are still there.
func (c *Call) noteMedia() {
	if l := c.legs[A]; l != nil {
		c.record.A = c.legRecord(l)
	}
	if l := c.legs[B]; l != nil {
		c.record.B = c.legRecord(l)
	}
	c.stale = true
}

// legRecord is what the leg says of itself, with what the bridges know of it.
func (c *Call) legRecord(l Leg) LegRecord {
	if l == nil {
		return LegRecord{}
	}
	id := l.Info().ID
	late := c.late[id]
	for i, n := range c.lateNow() {
		if c.joined[i] == id {
			late += n
		}
	}
	return legRecord(l, late)
}

// lateNow is what the present bridge has counted.
func (c *Call) lateNow() (n [2]uint64) {
	if b, ok := c.bridge.(LateCounter); ok {
		n[0], n[1] = b.Late()
	}
	return n
}

// keepLate keeps what a bridge has counted that is about to go.
func (c *Call) keepLate() {
	for i, n := range c.lateNow() {
		if n == 0 {
			continue
		}
		if c.late == nil {
			c.late = make(map[string]uint64)
		}
		c.late[c.joined[i]] += n
	}
}

func (c *Call) publish() {
	c.stale = false
	r := c.record
	r.Tried = append([]Attempt(nil), r.Tried...)
	c.public.Store(&r)
	if c.Watch != nil {
		c.Watch(Running{r, c.Phase()})
	}
}
