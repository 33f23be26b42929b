package bridge

import (
	"time"

	"tandem/media"
)

// present carries presentations on streams of their own, in both directions.
func (c *conference) present(now time.Time) {
	if c.slides != nil {
		c.slides.draw(now)
	}
	if c.offered == nil {
		return
	}
	if pic := c.offer.pull(now); pic != nil {
		c.offered.set(now, pic)
	}
	c.offered.draw(now)
}

// arrangeContent finds the second streams of both sides.
func (c *conference) arrangeContent(now time.Time) {
	if c.screen == nil {
		c.setSlides(nil, media.StreamInfo{}, now)
		c.setOffer(nil, media.StreamInfo{}, nil, media.StreamInfo{}, now)
		return
	}
	sink := contentSink(c.room)
	c.setSlides(sink, withoutLimits(infoOfSink(sink)), now)
	source, far := contentSource(c.room), contentSink(c.meeting)
	from, to := withoutLimits(infoOfSource(source)), withoutLimits(infoOfSink(far))
	if c.roster.Stage != media.Joined || from.Codec == "" || to.Codec == "" {
		source, from, far, to = nil, media.StreamInfo{}, nil, media.StreamInfo{}
	}
	c.setOffer(source, from, far, to, now)
}

// setSlides makes the stream of the meeting's presentation anew when it is another; a
// zero info ends it.
func (c *conference) setSlides(sink media.Sink, info media.StreamInfo, now time.Time) {
	if c.slides != nil && c.slides.sink == sink && c.slides.info == info {
		return
	}
	if c.slides != nil {
		c.slides.close()
		c.slides = nil
	}
	if info.Codec != "" {
		c.slides = newSlides(sink, info, now, &c.videoDown)
	}
	c.mu.Lock()
	c.view.second, c.dirty = c.slides != nil, true
	c.mu.Unlock()
}

// setOffer makes the stream of the room's presentation anew when it is another.
func (c *conference) setOffer(source media.Source, from media.StreamInfo, sink media.Sink, to media.StreamInfo, now time.Time) {
	if c.offer != nil && c.offer.source == source && c.offer.info == from && c.offered.sink == sink && c.offered.info == to {
		return
	}
	if c.offer != nil {
		c.offer.close()
		c.offered.close()
		c.offer, c.offered = nil, nil
	}
	if source == nil {
		return
	}
	cam, err := newCamera(source, from, infoOfSink(contentSink(c.room)).FMTP, &c.videoUp)
	if err != nil {
		c.log.Error("the room's presentation cannot be seen", "err", err)
		return
	}
	cam.lenient = true
	c.offer, c.offered = cam, newSlides(sink, to, now, &c.videoUp)
	source.Attach(cam)
	source.RequestKeyframe()
}

func contentSink(s media.Session) media.Sink {
	for _, dst := range s.Sinks() {
		if i := dst.Info(); i.Kind == media.Content && (i.Codec == "VP8" || i.Codec == "H264") {
			return dst
		}
	}
	return nil
}

func contentSource(s media.Session) media.Source {
	for _, src := range s.Sources() {
		if i := src.Info(); i.Kind == media.Content && (i.Codec == "VP8" || i.Codec == "H264") {
			return src
		}
	}
	return nil
}
