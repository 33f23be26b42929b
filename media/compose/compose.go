// Package compose draws what a room sees of a meeting: the participants' pictures in a
// layout, their names and signs, and the screens around a meeting. It has no clock
// and no goroutine: the bridge that owns a compositor tells it what to show, puts the
// pictures in as they are decoded, and calls Tick once per frame. Start reading at
// [Compositor].
package compose

import (
	"fmt"
	"slices"
	"time"

	"tandem/media/codec/yuv"
	"tandem/media/video"
)

// Config is a compositor's shape.
type Config struct {
	Width, Height int // of the picture; even, at least 320x180
	// NoNames leaves the names out; NoRing the frame around who speaks.
	NoNames, NoRing bool
	// Still makes layouts change at once instead of smoothly.
	Still bool
}

// A Compositor draws the picture of one viewer, or of several who see the same. It
// belongs to one goroutine at a time. Its memory is Go's: there is nothing to close.
type Compositor struct {
	config  Config
	artist  artist
	state   State
	seats   seats
	tiles   []*tile
	canvas  *video.Picture
	scratch *video.Picture // the blurred ground behind a picture of another shape
	turned  *video.Picture // a picture that was rotated
	phones  []*Participant
	hidden  patches // under what lies over the tiles
	detour  bool    // no picture goes straight to the canvas: for tests
	whole   bool    // everything is to be drawn anew
	shown   bool    // Show was called
	moving  bool
	began   time.Time // when the movement began; zero until the next Tick
	second  int       // of the lobby's clock, as drawn
	screens screens
}

// moveTime is how long a change of the layout takes.
const moveTime = 280 * time.Millisecond

// New returns a compositor that shows nothing yet.
func New(c Config) (*Compositor, error) {
	if video.Check(c.Width, c.Height) != nil || c.Width < 320 || c.Height < 180 || c.Width%2 != 0 || c.Height%2 != 0 {
		return nil, fmt.Errorf("compose: a picture of %dx%d: %w", c.Width, c.Height, video.ErrSize)
	}
	t, err := newTypesetter()
	if err != nil {
		return nil, err
	}
	unit := min(float64(c.Height)/720, float64(c.Width)/960)
	return &Compositor{
		config: c, canvas: video.New(c.Width, c.Height), scratch: video.New(32, 18), whole: true,
		artist: artist{type_: t, sprites: sprites{}, unit: unit}, second: -1,
	}, nil
}

// Show changes what is seen. The state's list is copied.
func (c *Compositor) Show(s State) {
	if s.Layout >= layouts {
		s.Layout = OnePlusSeven
	}
	if c.shown && c.state.Equal(&s) {
		return
	}
	before := c.state
	s.Participants = slices.Clone(s.Participants)
	c.state = s
	c.place(!c.shown || before.Screen.Kind != s.Screen.Kind)
	c.shown = true
}

// Put gives the newest picture of a source: a participant's ID, or the presentation's.
// It is turned clockwise by degrees (0, 90, 180 or 270). pic is lent for the call: it
// is scaled to its tile at once, and passed over when nobody sees it.
func (c *Compositor) Put(id string, pic *video.Picture, degrees int) {
	t := c.find(id)
	if t == nil || t.plus > 0 || !pic.Valid() {
		return
	}
	if degrees != 0 {
		pic = c.turn(pic, degrees)
	}
	if c.straight(t, pic) {
		return
	}
	t.straight = false
	t.hidden.drop()
	t.accept(pic, c.scratch)
}

// turn rotates a picture into memory that is used again.
func (c *Compositor) turn(pic *video.Picture, degrees int) *video.Picture {
	w, h := pic.Width, pic.Height
	if degrees == 90 || degrees == 270 {
		w, h = h, w
	}
	if c.turned == nil || c.turned.Width != w || c.turned.Height != h {
		c.turned = video.New(w, h)
	}
	yuv.Rotate(c.turned, pic, degrees)
	return c.turned
}

func (c *Compositor) find(id string) *tile {
	for _, t := range c.tiles {
		if t.id == id {
			return t
		}
	}
	return nil
}

// Want is a source that is seen, and how large: what is to be asked of the far end and
// decoded, and no more.
type Want struct {
	ID            string
	Width, Height int
	Presentation  bool
}

// Wants appends the sources that are seen, the largest first.
func (c *Compositor) Wants(list []Want) []Want {
	for _, t := range c.tiles {
		if t.kind == presentation || t.person.Camera && t.plus == 0 {
			list = append(list, Want{t.id, t.rect.W, t.rect.H, t.kind == presentation})
		}
	}
	return list
}

// place gives everybody a tile. At once, or by a movement from the places before.
func (c *Compositor) place(atOnce bool) {
	c.lift()
	before := c.tiles
	c.tiles = nil
	c.phones = c.phones[:0]
	if c.state.Screen.Kind == Meeting {
		c.seat()
	}
	moves := false
	for i, t := range c.tiles {
		at := slices.IndexFunc(before, func(o *tile) bool { return o.id == t.id })
		if at < 0 {
			t.from, t.dirty = t.rect.Inset(t.rect.W/16).Even(), true
			moves = true
			continue
		}
		was := before[at]
		was.from, was.rect = was.rect, t.rect
		if was.from != t.rect {
			moves = true
		}
		if t.person != nil && t.person.Frozen && was.buffer != nil {
			yuv.Grey(was.buffer)
		}
		was.kind, was.person, was.ring, was.plus = t.kind, t.person, t.ring, t.plus
		c.tiles[i] = was
	}
	c.moving = moves && !atOnce && !c.config.Still && len(before) > 0
	c.began = time.Time{}
	c.whole = true // signs may have come or gone, and what was under them must come back
}

// seat makes the tiles of a meeting.
func (c *Compositor) seat() {
	people := map[string]*Participant{}
	var cameras, others []string
	for i := range c.state.Participants {
		p := &c.state.Participants[i]
		switch {
		case p.Self || people[p.ID] != nil:
			continue
		case p.Phone:
			c.phones = append(c.phones, p)
			continue
		case p.Camera:
			cameras = append(cameras, p.ID)
		default:
			others = append(others, p.ID)
		}
		people[p.ID] = p
	}
	candidates := append(cameras, others...)
	rects, places, mains := c.rects(len(candidates))
	seated := c.seats.seat(candidates, c.state.Speaker, places, mains)
	hidden := len(candidates) - len(seated) + c.state.Others
	for i, id := range seated {
		t := &tile{id: id, person: people[id], rect: rects[i], kind: small}
		if i < mains {
			t.kind = large
		}
		t.ring = id == c.state.Speaker && len(seated) > 1 && !c.config.NoRing
		if i == len(seated)-1 && hidden > 0 && t.kind != large {
			t.plus = hidden + 1 // with the one whose place it takes
		}
		c.tiles = append(c.tiles, t)
	}
}

// rects are the places of n participants; a presentation gets its tile here.
func (c *Compositor) rects(n int) (rects []video.Rect, places, mains int) {
	l, w, h := c.state.Layout, c.config.Width, c.config.Height
	if c.state.Presentation == "" {
		rects = arrange(l, w, h, n)
		return rects, len(rects), l.mains()
	}
	if l == OnePlusZero {
		n = 0
	}
	main, pips := beside(w, h, n)
	c.tiles = append(c.tiles, &tile{id: c.state.Presentation, kind: presentation, rect: main})
	return pips, len(pips), 0
}

// Tick draws what has changed and returns the picture, lent until the next call of any
// method, and whether it differs from the one before: if not, nothing needs to be
// encoded.
func (c *Compositor) Tick(now time.Time) (pic *video.Picture, changed bool) {
	alone := c.state.Screen.Kind == Meeting && len(c.tiles) == 0
	if c.state.Screen.Kind != Meeting || alone {
		return c.canvas, c.screen(now, alone)
	}
	if c.moving {
		c.move(now)
		return c.canvas, true
	}
	if c.whole {
		c.ground()
	}
	for _, t := range c.tiles {
		if t.dirty || c.whole {
			c.uncover()
			c.draw(t, t.rect)
			t.dirty = false
			changed = true
		}
	}
	if changed {
		c.overlays()
	}
	c.whole = false
	return c.canvas, changed
}

// ground is what is between the tiles.
func (c *Compositor) ground() {
	c.hidden.drop()
	y, u, v := luma(colourBack)
	yuv.Fill(c.canvas, y, u, v)
}

// luma is a colour of 24 bits in BT.601, limited range.
func luma(rgb uint32) (y, u, v byte) {
	r, g, b := int(rgb>>16), int(rgb>>8&255), int(rgb&255)
	return byte((66*r+129*g+25*b+128)>>8 + 16), byte((-38*r-74*g+112*b+128)>>8 + 128), byte((112*r-94*g-18*b+128)>>8 + 128)
}

// move draws all tiles on their way.
func (c *Compositor) move(now time.Time) {
	if c.began.IsZero() {
		c.began = now
	}
	t := float64(now.Sub(c.began)) / float64(moveTime)
	if t >= 1 {
		t, c.moving = 1, false
	}
	ease := t * t * (3 - 2*t)
	c.ground()
	for i := len(c.tiles) - 1; i >= 0; i-- { // the large ones above the others
		tile := c.tiles[i]
		c.draw(tile, tile.from.Between(tile.rect, ease).Even())
		tile.dirty = false
	}
	c.overlays()
	c.whole = false
}
