package compose

import (
	"slices"

	"tandem/media/codec/yuv"
	"tandem/media/video"
)

// While nothing but the pictures changes, which is nearly always, a picture is scaled to
// its place on the canvas at once, instead of to the tile's own memory and from there. What
// the signs hide of it is put aside, so that the picture can be taken up again when the
// tile moves or gets other signs.

// straight scales a picture to its place on the canvas, and reports whether it could.
func (c *Compositor) straight(t *tile, pic *video.Picture) bool {
	if c.detour || c.whole || c.moving || c.state.Screen.Kind != Meeting ||
		t.kind == presentation || !t.person.Camera || t.person.Frozen {
		return false
	}
	w, h, ok := t.snap(pic.Width, pic.Height)
	if !ok {
		return false
	}
	outer := video.Rect{X: t.rect.X - (w-t.rect.W)/2&^1, Y: t.rect.Y - (h-t.rect.H)/2&^1, W: w, H: h}
	if outer != t.rect && !c.free(outer, t) {
		return false
	}
	c.uncover()
	part := c.canvas.Crop(outer)
	yuv.Scale(&part, pic, yuv.Best(pic.Width, pic.Height, w, h))
	t.hidden.drop()
	t.outer = outer
	c.groundAround(t)
	t.source, t.dirty, t.straight = true, true, true
	return true
}

// free says whether nothing but the ground and a tile is in a part of the canvas.
func (c *Compositor) free(part video.Rect, but *tile) bool {
	if part.Intersect(video.Rect{W: c.config.Width, H: c.config.Height}) != part {
		return false
	}
	for _, t := range c.tiles {
		if t != but && !t.rect.Intersect(part).Empty() {
			return false
		}
	}
	return true
}

// groundAround draws the ground over the edges of a picture that is larger than its tile.
func (c *Compositor) groundAround(t *tile) {
	y, u, v := luma(colourBack)
	outer, inner := t.outer, t.rect
	above, left := inner.Y-outer.Y, inner.X-outer.X
	below, right := outer.H-above-inner.H, outer.W-left-inner.W
	for _, r := range [...]video.Rect{
		{X: outer.X, Y: outer.Y, W: outer.W, H: above},
		{X: outer.X, Y: inner.Y + inner.H, W: outer.W, H: below},
		{X: outer.X, Y: inner.Y, W: left, H: inner.H},
		{X: inner.X + inner.W, Y: inner.Y, W: right, H: inner.H},
	} {
		t.hidden.save(c.canvas, r)
		edge := c.canvas.Crop(r)
		yuv.Fill(&edge, y, u, v)
	}
}

// lift takes the pictures that are on the canvas alone to the memory of their tiles.
func (c *Compositor) lift() {
	c.uncover()
	for _, t := range c.tiles {
		if t.straight {
			t.hidden.restore(c.canvas)
			t.size(t.outer.W, t.outer.H)
			part := c.canvas.Crop(t.outer)
			yuv.Copy(t.buffer, &part)
			t.straight = false
		}
	}
}

// uncover takes what lies over the tiles away.
func (c *Compositor) uncover() { c.hidden.restore(c.canvas) }

// sign lays a sprite over a tile's picture.
func (c *Compositor) sign(t *tile, s *sprite, x, y int) {
	if t.straight {
		t.hidden.save(c.canvas, video.Rect{X: x &^ 1, Y: y &^ 1, W: s.pic.Width, H: s.pic.Height})
	}
	s.show(c.canvas, x, y)
}

// over lays a sprite over the tiles.
func (c *Compositor) over(s *sprite, x, y int) {
	c.hidden.save(c.canvas, video.Rect{X: x &^ 1, Y: y &^ 1, W: s.pic.Width, H: s.pic.Height})
	s.show(c.canvas, x, y)
}

// patches are parts of a picture as they were before something was drawn over them. Their
// memory is used again.
type patches struct {
	list   []video.Rect
	memory []byte
}

// save puts a part of a picture aside. Its corner and sides are even.
func (p *patches) save(pic *video.Picture, at video.Rect) {
	if at = at.Intersect(video.Rect{W: pic.Width, H: pic.Height}); at.Empty() {
		return
	}
	p.list = append(p.list, at)
	end := len(p.memory)
	p.memory = slices.Grow(p.memory, video.Size(at.W, at.H))[:end+video.Size(at.W, at.H)]
	part, to := pic.Crop(at), p.memory[end:]
	w, h, cw, ch := part.Width, part.Height, part.ChromaWidth(), part.ChromaHeight()
	copyRows(to, w, part.Y, part.StrideY, w, h)
	copyRows(to[w*h:], cw, part.U, part.StrideC, cw, ch)
	copyRows(to[w*h+cw*ch:], cw, part.V, part.StrideC, cw, ch)
}

// restore draws all parts again, the last one first, and forgets them.
func (p *patches) restore(pic *video.Picture) {
	for i := len(p.list) - 1; i >= 0; i-- {
		at := p.list[i]
		rest := len(p.memory) - video.Size(at.W, at.H)
		part, from := pic.Crop(at), p.memory[rest:]
		w, h, cw, ch := part.Width, part.Height, part.ChromaWidth(), part.ChromaHeight()
		copyRows(part.Y, part.StrideY, from, w, w, h)
		copyRows(part.U, part.StrideC, from[w*h:], cw, cw, ch)
		copyRows(part.V, part.StrideC, from[w*h+cw*ch:], cw, cw, ch)
		p.memory = p.memory[:rest]
	}
	p.list = p.list[:0]
}

func (p *patches) drop() { p.list, p.memory = p.list[:0], p.memory[:0] }

// copyRows copies h rows of w octets.
func copyRows(to []byte, toStride int, from []byte, fromStride, w, h int) {
	for y := range h {
		copy(to[y*toStride:][:w], from[y*fromStride:][:w])
	}
}
