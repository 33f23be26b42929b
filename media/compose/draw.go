package compose

import (
	"tandem/media/codec/yuv"
	"tandem/media/video"
)

// draw draws a tile at a place: the picture, the corners, the ring, the name.
func (c *Compositor) draw(t *tile, at video.Rect) {
	part := c.canvas.Crop(at)
	if part.Width < 16 || part.Height < 16 {
		return
	}
	switch {
	case t.plus > 0:
		yuv.Cover(&part, c.artist.plus(t.plus, t.rect).pic)
	case t.straight: // it is there
	case t.hasPicture():
		t.copyTo(&part)
	case t.person != nil:
		yuv.Cover(&part, c.artist.avatar(t.person, t.rect.W, t.rect.H).pic)
	default:
		y, u, v := luma(colourBack)
		yuv.Fill(&part, y, u, v)
	}
	if t.plus == 0 && !c.config.NoNames {
		c.name(t, at)
	}
	if t.kind != presentation && at.W < c.config.Width { // one that fills the picture has no frame
		c.frame(t, at)
	}
}

// name writes who it is at the lower left, and whether the camera is off at the upper
// right.
func (c *Compositor) name(t *tile, at video.Rect) {
	pad := int(c.artist.px(8))
	var label *sprite
	switch {
	case t.person != nil:
		label = c.artist.label(t.person, t.rect)
	case c.state.Presenter != "":
		label = c.artist.presenter(c.state.Presenter, t.rect)
	default:
		return
	}
	c.sign(t, label, at.X+pad, at.Y+at.H-label.pic.Height-pad*3/4)
	if t.person != nil && !t.person.Camera {
		off := c.artist.cameraOff(t.rect)
		c.sign(t, off, at.X+at.W-off.pic.Width-pad, at.Y+pad)
	}
}

// frame rounds the corners, and draws a ring around who speaks.
func (c *Compositor) frame(t *tile, at video.Rect) {
	thick, ring := even(c.artist.px(3)), uint32(0)
	if t.ring {
		ring = colourSpeaker
		y, u, v := luma(colourSpeaker)
		for _, r := range []video.Rect{
			{X: at.X, Y: at.Y, W: at.W, H: thick},
			{X: at.X, Y: at.Y + at.H - thick, W: at.W, H: thick},
			{X: at.X, Y: at.Y, W: thick, H: at.H},
			{X: at.X + at.W - thick, Y: at.Y, W: thick, H: at.H},
		} {
			if t.straight {
				t.hidden.save(c.canvas, r)
			}
			edge := c.canvas.Crop(r)
			yuv.Fill(&edge, y, u, v)
		}
	}
	corners := c.artist.corners(ring, thick)
	side := corners[0].pic.Width
	for i, s := range corners {
		c.sign(t, s, at.X+(at.W-side)*(i%2), at.Y+(at.H-side)*(i/2))
	}
}

// overlays are drawn over the tiles whenever one of them was; uncover takes them away.
func (c *Compositor) overlays() {
	pad := int(c.artist.px(20))
	if s := c.artist.indicators(c.state.Indicators); s != nil {
		c.over(s, pad, pad)
	}
	if len(c.phones) > 0 {
		s := c.artist.phones(c.phones)
		c.over(s, c.config.Width-s.pic.Width-pad, pad)
	}
	if s := c.artist.notice(&c.state, c.config.Width); s != nil {
		c.over(s, (c.config.Width-s.pic.Width)/2, pad)
	}
}
