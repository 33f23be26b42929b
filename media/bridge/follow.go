package bridge

import (
	"strings"
	"time"

	"tandem/media"
	"tandem/media/compose"
	"tandem/media/video"
)

// pursuit is whether a room's picture is drawn and coded for it, or is that of another
// room which sees the same. It belongs to the conference's goroutine.
//
//	         same for 1 s         a keyframe came
//	drawing --------------> joining -----------> following
//	   ^                                             | another picture, or the other room is gone
//	   └──────────── leaving <───────────────────────┘
//	     pictures are here
//
// While it is joining a room still draws; while it is leaving it collects pictures and
// goes on with those of the other room.
type pursuit struct {
	phase    pursuitPhase
	since    time.Time // of the phase; drawing, joining: when another room was first seen to draw the same
	differs  time.Time // following: since when something else is to be seen; zero: it is not
	notYet   time.Time // no attempt before
	own      *cast     // what others may follow; nil: nothing
	follower *follower // joining, following, leaving
	keys     int       // keyframes asked of the leader
	keysFrom time.Time
	state    compose.State // that is to be seen
	fresh    bool          // and was not offered yet
}

type pursuitPhase uint8

const (
	drawing pursuitPhase = iota
	joining
	following
	leaving
)

func (p pursuitPhase) String() string {
	return [...]string{"drawing", "joining", "following", "leaving"}[p]
}

const (
	sameFor    = time.Second // before a room follows
	differsFor = time.Second // before it draws again: who has the floor is not found out at the same moment
	// Pictures of all who are seen have come by then.
	leaveTime = 150 * time.Millisecond
	// A room that asks for keyframes more often than that in ten seconds draws for itself: its
	// path is bad, and all would have to bear it.
	mostKeys = 4
	keysTime = 10 * time.Second
	badPath  = 30 * time.Second
)

// sharing is by which rooms find each other; false when they cannot.
func (c *conference) sharing() (castKey, bool) {
	if c.options.Commons == nil || c.roster.Stage != media.Joined {
		return castKey{}, false
	}
	for i := range c.roster.People {
		if rest, ok := strings.CutPrefix(c.roster.People[i].ID, "spaces/"); ok {
			space, _, _ := strings.Cut(rest, "/")
			k := castKey{space, c.screen.format}
			k.format.bitrate = 0
			return k, true
		}
	}
	return castKey{}, false
}

// pursue decides who draws the picture that is due now. It reports whether pictures are to
// be put together here.
func (c *conference) pursue(now time.Time) bool {
	p := &c.chase
	key, ok := c.sharing()
	if !ok {
		c.drawAgain(now)
		c.withdraw()
		return true
	}
	switch p.phase {
	case drawing, joining:
		c.seek(now, key)
	case following:
		c.compare(now, key)
	case leaving:
		if now.Sub(p.since) >= leaveTime {
			c.drawAgain(now)
		}
	}
	return p.phase != following
}

// seek looks for another room that draws the same.
func (c *conference) seek(now time.Time, key castKey) {
	p, s := &c.chase, c.options.Commons
	if p.own != nil && p.own.key != key {
		c.withdraw()
	}
	var state *compose.State
	if p.fresh || p.own == nil {
		state, p.fresh = &p.state, false
	}
	p.own = s.offer(p.own, key, c.screen.ask, state, c.screen.rate, c.slow.level)
	if p.phase == joining {
		if v := s.look(p.follower, &p.state, c.screen.format.bitrate); v.ended || !v.same {
			c.drawAgain(now)
		}
		return
	}
	other := s.find(p.own, key, &p.state, c.screen.format.bitrate)
	switch {
	case other == nil || now.Before(p.notYet):
		p.since = time.Time{}
	case p.since.IsZero():
		p.since = now
	case now.Sub(p.since) >= sameFor:
		if p.follower = s.follow(other, c.poke); p.follower != nil {
			p.phase = joining
		}
	}
}

// compare looks whether the other room still draws what is to be seen here.
func (c *conference) compare(now time.Time, key castKey) {
	p, s := &c.chase, c.options.Commons
	v := s.look(p.follower, &p.state, c.screen.format.bitrate)
	switch {
	case v.ended:
		c.takeAnother(now, key)
		return
	case p.follower.cast.key != key:
		c.leaveCast(now)
		return
	case v.strain != c.slow.level:
		// The machine is busy for both. What the other shows less is not to be made up for.
		before := c.slow.level
		c.slow.set(now, v.strain)
		c.strained(now, before)
	}
	switch {
	case v.same:
		p.differs = time.Time{}
	case p.differs.IsZero() && !v.own:
		p.differs = now
	case v.own || now.Sub(p.differs) >= differsFor:
		c.leaveCast(now)
	}
	if c.screen.asked.Swap(false) {
		c.askLeader(now)
	}
}

// askLeader passes on that the room needs a keyframe.
func (c *conference) askLeader(now time.Time) {
	p := &c.chase
	if now.Sub(p.keysFrom) > keysTime {
		p.keys, p.keysFrom = 0, now
	}
	if p.keys++; p.keys > mostKeys {
		p.notYet = now.Add(badPath)
		c.leaveCast(now)
		return
	}
	p.follower.cast.ask()
}

// takeAnother goes on with the picture of a third room when the leader is gone.
func (c *conference) takeAnother(now time.Time, key castKey) {
	p, s := &c.chase, c.options.Commons
	s.unfollow(p.follower)
	if other := s.find(p.own, key, &p.state, c.screen.format.bitrate); other != nil {
		if f := s.follow(other, c.poke); f != nil {
			p.follower = f
			return
		}
	}
	c.leaveCast(now)
}

// leaveCast begins to draw again.
func (c *conference) leaveCast(now time.Time) {
	c.chase.phase, c.chase.since = leaving, now
}

// drawAgain makes the room draw its picture itself, whatever it did.
func (c *conference) drawAgain(now time.Time) {
	p := &c.chase
	c.options.Commons.unfollow(p.follower)
	p.follower, p.differs, p.since = nil, time.Time{}, time.Time{}
	was := p.phase
	p.phase, p.fresh = drawing, true
	if c.screen != nil && c.screen.encoder == nil && was != drawing {
		if err := c.screen.open(c.screen.format); err != nil {
			c.log.Error("the room gets no picture", "err", err)
			c.screen.count.errors.Add(1)
		}
		c.screen.cut()
		p.notYet = later(p.notYet, now.Add(sameFor))
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// receive sends the frames that the leader has made.
func (c *conference) receive(now time.Time) {
	p, s := &c.chase, c.options.Commons
	for p.follower != nil {
		f := s.take(p.follower)
		if f == nil {
			return
		}
		if p.phase == joining {
			p.phase, p.since = following, now
			c.withdraw()
			c.screen.rest()
		}
		c.videoDown.shared.Add(1)
		c.screen.encoded = now
		c.screen.ship(f.at.Sub(c.screen.began), f.coded)
		s.free(f)
		if c.screen.key { // its packets were given up
			c.screen.key = false
			p.follower.cast.ask()
		}
	}
}

// withdraw lets nobody follow this room any more.
func (c *conference) withdraw() {
	c.options.Commons.end(c.chase.own)
	c.chase.own = nil
}

// made passes a frame of this room on to those that follow it.
func (c *conference) made(now time.Time, f video.Encoded) {
	if c.chase.own != nil {
		c.options.Commons.give(c.chase.own, now, f)
	}
}

// stopPursuit ends what ties the picture to others.
func (c *conference) stopPursuit() {
	p := &c.chase
	c.options.Commons.unfollow(p.follower)
	c.withdraw()
	p.follower, p.phase, p.since, p.differs, p.fresh = nil, drawing, time.Time{}, time.Time{}, true
}
