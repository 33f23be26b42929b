package bridge

import (
	"time"

	"tandem/media"
	"tandem/media/codec/yuv"
	"tandem/media/compose"
	"tandem/media/video"
)

// screen is the room's picture of a meeting: composed, encoded, sent in time.
type screen struct {
	*outlet
	compositor *compose.Compositor
}

func newScreen(sink media.Sink, info media.StreamInfo, now time.Time, count *videoCounters) (*screen, error) {
	f := formatFor(info)
	c, err := compose.New(compose.Config{Width: f.width, Height: f.height})
	if err != nil {
		return nil, err
	}
	s := &screen{newOutlet(sink, info, now, count), c}
	if err := s.open(f); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// resized takes over limits that have changed, and reports whether the picture is to have
// another size or rate.
func (s *screen) resized(info media.StreamInfo) bool {
	f := formatFor(info)
	if f.width != s.format.width || f.height != s.format.height || f.rate != s.format.rate {
		return true
	}
	s.format.bitrate = f.bitrate
	s.follow()
	return false
}

// draw composes the picture, sends it when it is worth a frame, and reports whether it
// differs from the one before.
func (s *screen) draw(now time.Time) bool {
	pic, changed := s.compositor.Tick(now)
	s.show(now, pic, changed)
	return changed
}

// String prints "compose 1280x720@30 -> H264 1500k", or "another room's 1280x720@30 …".
func (s *screen) String() string {
	if s.encoder == nil {
		return "another room's " + s.outlet.String()
	}
	return "compose " + s.outlet.String()
}

// slides are a presentation that has a stream of its own: whole, at its own size, and
// sharp rather than fluent.
type slides struct {
	*outlet
	canvas *video.Picture // the last picture; nil before the first
	fresh  bool           // it was not shown yet
	put    time.Time
}

// slideRate is how many pictures a second a presentation has at most.
const slideRate = 15

func newSlides(sink media.Sink, info media.StreamInfo, now time.Time, count *videoCounters) *slides {
	return &slides{outlet: newOutlet(sink, info, now, count)}
}

// set takes the newest picture, which is lent for the call.
func (s *slides) set(now time.Time, pic *video.Picture) {
	if now.Sub(s.put) < time.Second/slideRate-frameSlack {
		return
	}
	most := formatFor(s.sink.Info())
	box := video.Rect{W: min(most.width, pic.Width), H: min(most.height, pic.Height)}
	fit := video.Fit(pic.Width, pic.Height, box).Even()
	if fit.W < 32 || fit.H < 32 {
		return
	}
	if s.canvas == nil || s.canvas.Width != fit.W || s.canvas.Height != fit.H {
		f := most
		f.width, f.height, f.rate, f.screen = fit.W, fit.H, min(f.rate, slideRate), true
		if err := s.open(f); err != nil {
			s.count.errors.Add(1)
			return
		}
		s.canvas = video.New(fit.W, fit.H)
		s.cut()
	}
	yuv.Scale(s.canvas, pic, yuv.Best(pic.Width, pic.Height, fit.W, fit.H))
	s.fresh, s.put = true, now
}

// frameSlack is by how much a picture may come before its time.
const frameSlack = 10 * time.Millisecond

// draw sends what is to be sent. A presentation that has ended is not repeated.
func (s *slides) draw(now time.Time) {
	if s.canvas == nil || now.Sub(s.put) > goneAfter {
		return
	}
	s.show(now, s.canvas, s.fresh)
	s.fresh = false
}

// String prints "content 1280x720@15 -> H264 1500k".
func (s *slides) String() string {
	if s.encoder == nil {
		return "content -> " + s.info.Codec
	}
	return "content " + s.outlet.String()
}
