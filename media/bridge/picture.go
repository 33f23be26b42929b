package bridge

import (
	"slices"
	"strings"
	"time"

	"tandem/media"
	"tandem/media/compose"
	"tandem/media/video"
)

// picture makes the room's next picture, and reports whether it differs from the one
// before.
func (c *conference) picture(now time.Time) (moved bool) {
	c.borrow(now)
	pics := c.pull(now)
	c.look(now)
	puts := c.pursue(now)
	for i, cam := range c.cameras {
		if pic := pics[i]; pic != nil {
			c.put(now, cam, c.sourceID(cam), pic, puts)
			c.options.Commons.publish(now, c.sharedID(cam), c, pic)
		}
		if cam.lent != nil {
			cam.good = now
			c.put(now, cam, cam.shared, cam.lent, puts)
			cam.lent.Release()
			cam.lent = nil
		}
	}
	return c.chase.phase <= joining && c.screen.draw(now)
}

// borrow finds out whose pictures another room of the meeting has decoded already.
func (c *conference) borrow(now time.Time) {
	if c.options.Commons == nil {
		return
	}
	for _, cam := range c.cameras {
		if cam.shared = c.sharedID(cam); cam.unseen {
			cam.borrows = false
			continue // nothing is decoded for nobody
		}
		if c.chase.phase == following && (cam.info.Kind != media.Content || c.slides == nil) {
			if cam.borrows = c.options.Commons.decodes(now, cam.shared, c, cam.needs()); cam.borrows {
				cam.good, cam.number = now, 0
			}
			continue
		}
		had := cam.borrows && c.chase.phase == leaving
		var number uint64
		cam.lent, number, cam.borrows = c.options.Commons.borrow(now, cam.shared, c, cam.needs(), cam.number)
		if cam.borrows {
			cam.number = number
		}
		cam.borrows = cam.borrows || had // the other has not copied one yet
	}
}

// sharedID is sourceID for whom all rooms of a node know by one name: a resource name,
// which no two meetings share.
func (c *conference) sharedID(cam *camera) string {
	if p := c.person(cam); p == nil || !strings.HasPrefix(p.ID, "spaces/") || c.roster.Stage != media.Joined {
		return ""
	}
	return c.sourceID(cam)
}

// put gives somebody's picture to who shows it: the room's screen, unless another room
// draws that, and its second one.
func (c *conference) put(now time.Time, cam *camera, id string, pic *video.Picture, draws bool) {
	if id == "" {
		return
	}
	if draws {
		c.screen.compositor.Put(id, pic, 0)
	}
	if cam.info.Kind == media.Content && c.slides != nil {
		c.slides.set(now, pic)
	}
}

// mostCameras is a bound; a meeting sends eight and a presentation.
const mostCameras = 32

// pull decodes what has come on all streams.
func (c *conference) pull(now time.Time) (pics [mostCameras]*video.Picture) {
	for i, cam := range c.cameras {
		pics[i] = cam.pull(now)
	}
	c.lipSync(now)
	return pics
}

// setCameras takes the meeting's video sources as they are now.
func (c *conference) setCameras(sources []media.Source) {
	var next []*camera
	for _, src := range sources {
		info := withoutLimits(src.Info())
		if info.Kind == media.Audio || info.Codec == "" || len(next) == mostCameras {
			continue
		}
		at := slices.IndexFunc(c.cameras, func(o *camera) bool { return o.source == src && o.info == info })
		if at >= 0 {
			next = append(next, c.cameras[at])
			continue
		}
		cam, err := newCamera(src, info, "", &c.videoDown)
		if err != nil {
			c.log.Error("somebody cannot be seen", "stream", info.ID, "err", err)
			continue
		}
		next = append(next, cam)
	}
	for _, old := range c.cameras {
		if !slices.Contains(next, old) {
			old.close()
		}
	}
	for _, n := range next {
		if !slices.Contains(c.cameras, n) {
			n.source.Attach(n)
		}
	}
	c.cameras = next
}

// person is who is on a stream; nil when nobody knows.
func (c *conference) person(cam *camera) *media.Person {
	content := cam.info.Kind == media.Content
	for i := range c.roster.People {
		p := &c.roster.People[i]
		csrc := p.VideoCSRC
		if content {
			csrc = p.ContentCSRC
		}
		if cam.csrc != 0 && csrc == cam.csrc || cam.csrc == 0 && p.ID == cam.info.ID {
			return p
		}
	}
	return nil
}

// sourceID is the name under which the compositor knows a stream's pictures.
func (c *conference) sourceID(cam *camera) string {
	p := c.person(cam)
	switch {
	case p == nil:
		return ""
	case cam.info.Kind == media.Content:
		return contentID(p.ID)
	}
	return p.ID
}

// look makes the state of the picture anew when something of it has changed, and asks
// the meeting for what it needs.
func (c *conference) look(now time.Time) {
	changed := c.streams(now)
	speaker := ""
	if c.voices != nil {
		speaker = c.voices.active()
	}
	c.mu.Lock()
	if !changed && !c.dirty && speaker == c.view.speaker {
		c.mu.Unlock()
		return
	}
	c.dirty, c.view.speaker = false, speaker
	state := stateOf(&c.roster, &c.view)
	c.mu.Unlock()
	c.screen.compositor.Show(state)
	c.chase.state, c.chase.fresh = state, true
	c.ask()
}

// streams notes who is on which stream and reports whether that is news.
func (c *conference) streams(now time.Time) bool {
	changed, n, slots := false, 0, 0
	for _, cam := range c.cameras {
		if cam.info.Kind == media.Video {
			slots++
		}
		p := c.person(cam)
		if p == nil || !cam.live(now) {
			continue
		}
		s := seen{p.ID, cam.info.Kind == media.Content, cam.info.Kind == media.Video && cam.frozen(now)}
		if n == len(c.view.streams) {
			c.view.streams, changed = append(c.view.streams, s), true
		} else if c.view.streams[n] != s {
			c.view.streams[n], changed = s, true
		}
		n++
	}
	if n != len(c.view.streams) || slots != c.view.slots {
		c.view.streams, c.view.slots, changed = c.view.streams[:n], slots, true
	}
	return changed
}

// ask tells the meeting which pictures are drawn, and no more.
func (c *conference) ask() {
	c.wants = c.screen.compositor.Wants(c.wants[:0])
	for _, cam := range c.cameras {
		id := c.sourceID(cam)
		cam.lines = c.linesOf(id)
		cam.unseen = !slices.ContainsFunc(c.wants, func(w compose.Want) bool { return w.ID == id }) &&
			(c.slides == nil || cam.info.Kind != media.Content)
	}
	views := make([]media.View, 0, len(c.wants))
	for _, w := range c.wants {
		views = append(views, media.View{Width: w.Width, Height: w.Height, Content: w.Presentation})
	}
	if c.slides != nil && !slices.ContainsFunc(views, func(v media.View) bool { return v.Content }) {
		f := formatFor(c.slides.sink.Info())
		views = slices.Insert(views, 0, media.View{Width: f.width, Height: f.height, Content: true})
	}
	if c.asked && slices.Equal(views, c.shown) {
		return
	}
	c.shown, c.asked = views, true
	c.meeting.Show(views)
}

// linesOf is the height at which a source is drawn.
func (c *conference) linesOf(id string) int {
	for _, w := range c.wants {
		if w.ID == id {
			return w.Height
		}
	}
	return 0
}

// lipsEvery is how often voices and pictures are compared.
const lipsEvery = time.Second

// lipSync holds pictures back that come before the voices they belong to.
func (c *conference) lipSync(now time.Time) {
	if now.Before(c.lips) || c.voices == nil {
		return
	}
	c.lips = now.Add(lipsEvery)
	for _, cam := range c.cameras {
		if p := c.person(cam); p != nil && p.AudioCSRC != 0 {
			if d, ok := c.voices.delay(now, p.AudioCSRC); ok {
				cam.follow(d)
			}
		}
	}
}

// schedule says when the next picture is due. now is when this one was, done when
// it was made, and all what was worked since the one before.
func (c *conference) schedule(now, done time.Time, all time.Duration) {
	d := c.screen.interval()
	before := c.slow.level
	if c.chase.phase != following && c.slow.picture(done, d, done.Sub(now), all) {
		c.strained(done, before)
	}
	if c.next = c.beat.near(c.next.Add(c.slow.period(d)), d); !c.next.After(done) {
		c.videoDown.late.Add(1)
		c.next = done.Add(c.slow.period(d) / 4)
	}
}

// strained shows less, or more again.
func (c *conference) strained(now time.Time, before strain) {
	level := c.slow.level
	c.videoDown.slowed.Add(1)
	c.log.Info("pictures of a meeting", "now", level.String(), "was", before.String())
	c.mu.Lock()
	c.view.most, c.view.blind, c.dirty = level.most(), level == soundOnly, true
	if text := level.notice(before); text != "" {
		c.view.notice, c.until = text, now.Add(noticeFor)
	}
	c.mu.Unlock()
	if c.uplink != nil {
		c.uplink.halve(level >= halfRate)
	}
	if (level == soundOnly) != (before == soundOnly) {
		c.setUplink(c.planUplink())
		c.screen.cut()
	}
}
