package room

import (
	"fmt"
	"image"
	"math"
	"net/netip"
	"time"

	"tandem/sim/picture"
)

// share is the shared screen of one call: a second stream of video in both directions,
// and the floor control that says when we may send.
type share struct {
	lane
	floor *floor

	agreed bool // there is a second stream; guarded by lane.mu
}

// ShareReport is what is known of a shared screen.
type ShareReport struct {
	Agreed    bool   // there is a second stream
	Floor     bool   // and floor control
	Granted   bool   // we have the floor
	Revoked   int    // how often it was taken away
	Presenter string // who else has it
	Sent      int    // pictures
	Frames    int    // shown of somebody else's
	Common    string // the colour of the last one, "#rrggbb"
	Width     int    // of the last one
}

const slidesFPS = 5

func newShare(c Config, bind string) (*share, error) {
	s := &share{}
	s.film = c
	s.film.Width, s.film.Height, s.film.FPS, s.film.Kbps, s.film.Film = 1280, 720, slidesFPS, 800, nil
	scene := picture.Scene{Name: c.Name + " SLIDES", Colour: c.Colour, Slides: true}
	s.draw = func(img *image.YCbCr, since time.Duration) { scene.Draw(img, math.Mod(since.Seconds()/8, 1)) }
	if err := s.open(bind); err != nil {
		return nil, err
	}
	var err error
	if s.floor, err = newFloor(c.Share, bind, s.granted); err != nil {
		s.lane.close()
		return nil, err
	}
	return s, nil
}

func (s *share) close() {
	s.floor.close()
	s.lane.close()
}

// granted is told by floor control whether the floor is ours.
func (s *share) granted(ours bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.key = s.key || ours && !s.rolls
	s.rolls = ours
}

// Share asks for the floor, and shares the screen while it is ours; or gives it back.
func (e *Eye) Share(on bool) { e.share.floor.ask(on) }

// Shared is what is known of the shared screen.
func (e *Eye) Shared() ShareReport {
	s := e.share
	r := s.floor.report()
	s.mu.Lock()
	defer s.mu.Unlock()
	r.Agreed, r.Sent, r.Frames = s.agreed, s.frames, s.screen.frames
	if s.screen.img != nil {
		r.Common, r.Width = picture.Hex(picture.Common(s.screen.img)), s.screen.img.Bounds().Dx()
	}
	return r
}

// SharedStill is a copy of the picture of somebody else's screen; nil before the first.
func (e *Eye) SharedStill() *image.YCbCr { return e.share.still() }

// offer is the m-lines of the shared screen and its floor control.
func (s *share) offer() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lane.describe(portOf(s.rtp)) + "a=content:slides\r\na=label:12\r\na=sendrecv\r\n" + s.floor.describe()
}

// answer is our line for one of the far end's.
func (s *share) answer(m line) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case m.floor() && s.agreed && s.floor.over(m):
		return s.floor.describe()
	case m.screen() && s.agreed:
		return s.lane.describe(portOf(s.rtp)) + fmt.Sprintf("a=content:slides\r\na=label:%s\r\na=sendrecv\r\n", m.attributes["label"])
	}
	return m.refusal()
}

// take adopts the far end's second video line and its floor control.
func (s *share) take(host netip.Addr, lines []line) {
	s.mu.Lock()
	s.agreed = false
	for _, m := range lines {
		if i := m.common(s.film.Video); m.port != 0 && m.screen() && i >= 0 {
			s.agreed = true
			s.lane.take(host, m, i)
		}
	}
	s.mu.Unlock() // floor control has a lock of its own, under which it tells us
	for _, m := range lines {
		if m.port != 0 && s.floor.over(m) {
			at := host
			if m.host.IsValid() {
				at = m.host
			}
			s.floor.take(netip.AddrPortFrom(at, m.port), m)
		}
	}
}
