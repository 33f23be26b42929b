package bridge

import (
	"time"

	"tandem/media"
	"tandem/media/simulcast"
)

// arrange gives the conference the pipelines that fit the streams as they are now. It
// runs on the conference's goroutine.
func (c *conference) arrange(now time.Time) {
	roster := c.meeting.Roster()
	c.mu.Lock()
	before := c.roster
	cut := before.Stage != roster.Stage
	c.roster, c.dirty = roster, true
	c.chatLocked(now)
	muted := c.mutedByHost(now, before.OwnAudioMuted)
	c.mu.Unlock()
	if muted && c.mic != nil {
		c.mic.mute(true)
	}
	c.arrangeAudio()
	c.arrangeVideo(now, cut)
	c.tell(now)
	pipes := c.String()
	c.print()
	if after := c.String(); after != pipes {
		c.log.Info("media path", "path", after)
	}
}

// mutedByHost takes over that somebody in the meeting has muted us; c.mu is held. before
// says whether we were. Nobody but the room itself unmutes it.
func (c *conference) mutedByHost(now time.Time, before bool) bool {
	if before || !c.roster.OwnAudioMuted || c.view.muted || c.roster.Stage != media.Joined {
		return false
	}
	c.view.muted = true
	c.view.notice, c.until = "You were muted", now.Add(noticeFor)
	return true
}

// chatFor is how long a line of the chat stays on the screen.
const chatFor = 8 * time.Second

// chatLocked shows the newest line of the chat. What was written before we came is not
// for us.
func (c *conference) chatLocked(now time.Time) {
	n := len(c.roster.Chat)
	if n == 0 || c.roster.Stage != media.Joined {
		return
	}
	line := c.roster.Chat[n-1]
	if before := c.chat; line.At.After(before) {
		c.chat = line.At
		if before.IsZero() && now.Sub(line.At) > chatFor {
			return
		}
		c.view.notice, c.until = line.From+": "+line.Text, now.Add(chatFor)
	}
}

func (c *conference) arrangeAudio() {
	sink, source := audioSink(c.room), audioSource(c.room)
	c.setVoices(sink, infoOfSink(sink))
	if c.voices != nil {
		c.voices.set(c.meeting.Sources())
		c.voices.know(c.roster.People)
		c.mu.Lock()
		ring := c.ring
		c.mu.Unlock()
		c.ringback(ring)
	}
	far := audioSink(c.meeting)
	c.setMicrophone(source, far, [2]media.StreamInfo{infoOfSource(source), infoOfSink(far)})
}

// infoOfSink is a sink's info; zero without one, or when it is on hold.
func infoOfSink(s media.Sink) media.StreamInfo {
	if s == nil {
		return media.StreamInfo{}
	}
	if i := s.Info(); i.Direction.Sends() {
		return i
	}
	return media.StreamInfo{}
}

func infoOfSource(s media.Source) media.StreamInfo {
	if s == nil {
		return media.StreamInfo{}
	}
	if i := s.Info(); i.Direction.Receives() {
		return i
	}
	return media.StreamInfo{}
}

// setVoices makes the mix anew when the room's audio is another.
func (c *conference) setVoices(sink media.Sink, info media.StreamInfo) {
	if info == c.voicesFor && (c.voices == nil || c.voices.sink == sink) {
		return
	}
	c.voicesFor = info
	c.stopTick(0)
	if old := c.voices; old != nil {
		old.close()
		c.publish(nil, c.mic)
	}
	if info.Codec == "" {
		return
	}
	v, err := newVoices(sink, c.output(sink, info, &c.down), c.poke)
	if err != nil {
		c.log.Error("the meeting cannot be heard", "err", err)
		return
	}
	c.publish(v, c.mic)
	c.stopTicks[0] = c.room.Loop().Every(mixTick, v.tick)
}

// setMicrophone makes the way to the meeting anew when one of its ends is another.
func (c *conference) setMicrophone(source media.Source, sink media.Sink, infos [2]media.StreamInfo) {
	if infos == c.micFor && source == c.micSource && (c.mic == nil || c.mic.sink == sink) {
		return
	}
	c.stopTick(1)
	if c.micSource != nil {
		c.micSource.Attach(nil)
	}
	if old := c.mic; old != nil {
		addJitter(&c.up, &old.player)
		c.publish(c.voices, nil)
	}
	c.micFor, c.micSource = infos, source
	if infos[0].Codec == "" || infos[1].Codec == "" {
		return
	}
	m, err := newMicrophone(infos[0], c.output(sink, infos[1], &c.up), c.heard)
	if err != nil {
		c.log.Error("the room cannot be heard", "err", err)
		return
	}
	c.publish(c.voices, m)
	c.mu.Lock()
	muted := c.view.muted
	c.mu.Unlock()
	m.mute(muted)
	c.stopTicks[1] = c.room.Loop().Every(mixTick, m.tick)
	source.Attach(m)
}

// publish tells the other goroutines which pipelines there are.
func (c *conference) publish(v *voices, m *microphone) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.voices, c.mic = v, m
}

func (c *conference) stopTick(n int) {
	if c.stopTicks[n] != nil {
		c.stopTicks[n]()
		c.stopTicks[n] = nil
	}
}

func (c *conference) stopAudio() {
	c.setVoices(nil, media.StreamInfo{})
	c.setMicrophone(nil, nil, [2]media.StreamInfo{})
}

// uplinkPlan is between which streams the room's picture goes.
type uplinkPlan struct {
	source media.Source
	layers [simulcast.Layers]media.Source // of a room that sends simulcast; nil without
	from   media.StreamInfo
	told   string // what the room says of its format
	sinks  [simulcast.Layers]media.Sink
	to     [simulcast.Layers]media.StreamInfo
}

// arrangeVideo gives the room its picture, and the meeting the room's. cut says that
// another screen is shown.
func (c *conference) arrangeVideo(now time.Time, cut bool) {
	sink := videoSink(c.room)
	c.setScreen(sink, infoOfSink(sink), now)
	if c.screen != nil {
		c.setCameras(c.meeting.Sources())
		if cut {
			c.screen.cut()
			c.next = now
		}
	}
	c.setUplink(c.planUplink())
	c.arrangeContent(now)
	if c.screen == nil && !c.asked {
		c.asked = true
		c.meeting.Show(nil) // a telephone needs no pictures
	}
}

// setScreen makes the room's picture anew when its stream is another; nil ends it.
func (c *conference) setScreen(sink media.Sink, info media.StreamInfo, now time.Time) {
	plain := withoutLimits(info)
	if plain == c.screenFor && (c.screen == nil || c.screen.sink == sink && !c.screen.resized(info)) {
		return
	}
	c.screenFor = plain
	c.stopPursuit()
	if c.screen != nil {
		c.screen.close()
		c.screen = nil
	}
	if info.Codec == "" {
		c.setCameras(nil)
		c.asked = false
		return
	}
	s, err := newScreen(sink, info, now, &c.videoDown)
	if err != nil {
		c.log.Error("the room gets no picture", "err", err)
		return
	}
	s.made = c.made
	c.screen, c.next, c.shown, c.asked = s, now, nil, false
	if p, ok := c.meeting.(growing); ok {
		p.Pictures()
	}
}

// withoutLimits are what a stream is, whatever its receiver takes at the moment.
func withoutLimits(i media.StreamInfo) media.StreamInfo {
	i.Limits = media.Limits{}
	return i
}

// planUplink is empty until we are in the meeting: nobody sees us before.
func (c *conference) planUplink() uplinkPlan {
	source := videoSource(c.room)
	p := uplinkPlan{source: source, from: withoutLimits(infoOfSource(source))}
	if sink := videoSink(c.room); sink != nil {
		p.told = sink.Info().FMTP
	}
	sinks := 0
	for _, s := range c.meeting.Sinks() {
		if i := s.Info(); i.Kind == media.Video && i.Codec == "VP8" && i.Direction.Sends() && i.Layer >= 0 && i.Layer < simulcast.Layers {
			p.sinks[i.Layer], p.to[i.Layer] = s, withoutLimits(i)
			sinks++
		}
	}
	p.layers = simulcastSources(c.room)
	if c.roster.Stage != media.Joined || sinks == 0 || p.from.Codec == "" || c.slow.level == soundOnly {
		return uplinkPlan{}
	}
	return p
}

func (c *conference) setUplink(p uplinkPlan) {
	if p == c.uplinkFor {
		return
	}
	c.uplinkFor = p
	if c.uplink != nil {
		c.uplink.close()
		c.uplink = nil
	}
	if p.source == nil {
		return
	}
	if p.layers[0] != nil {
		r := newLayerRelay(&p, c.maxBitrate(), c.bandwidth, &c.videoUp)
		r.seen.Store(time.Now().UnixNano())
		c.uplink = r
		return
	}
	u, err := newUplink(p.source, p.told, p.sinks, c.maxBitrate(), c.bandwidth, &c.videoUp, c.poke)
	if err != nil {
		c.log.Error("the meeting gets no picture", "err", err)
		return
	}
	u.seen = time.Now()
	u.halve(c.slow.level >= halfRate)
	c.uplink = u
}

// bandwidth is what the meeting takes of our pictures now; 0 when it is not known.
func (c *conference) bandwidth() int {
	if n, ok := c.meeting.(narrow); ok {
		return n.Bandwidth()
	}
	return 0
}

func (c *conference) maxBitrate() int {
	if c.options.MaxBitrate > 0 {
		return c.options.MaxBitrate
	}
	return simulcast.MaxBitrate
}

func videoSink(s media.Session) media.Sink {
	for _, dst := range s.Sinks() {
		if i := dst.Info(); i.Kind == media.Video && (i.Codec == "VP8" || i.Codec == "H264") {
			return dst
		}
	}
	return nil
}

// simulcastSources are the layers of a camera that come each on a source of its own; none
// when there is but one.
func simulcastSources(s media.Session) (layers [simulcast.Layers]media.Source) {
	n := 0
	for _, src := range s.Sources() {
		i := src.Info()
		if i.Kind == media.Video && i.Codec == "VP8" && i.Direction.Receives() && n < len(layers) {
			layers[n] = src
			n++
		}
	}
	if n < 2 {
		return [simulcast.Layers]media.Source{}
	}
	return layers
}

func videoSource(s media.Session) media.Source {
	for _, src := range s.Sources() {
		if i := src.Info(); i.Kind == media.Video && (i.Codec == "VP8" || i.Codec == "H264") {
			return src
		}
	}
	return nil
}
