package compose

import (
	"tandem/media/codec/yuv"
	"tandem/media/video"
)

// tile is one place of the picture and who is in it.
type tile struct {
	id     string // of a participant or a presentation
	person *Participant
	kind   tileKind
	rect   video.Rect // where it goes
	from   video.Rect // where it comes from, while it moves
	ring   bool       // who speaks
	plus   int        // how many it stands for: the last tile, when there are more people
	source bool       // a picture came
	buffer *video.Picture
	memory *video.Picture // of the buffer, which may be a part of it
	fit    video.Rect     // of a presentation: where in the buffer it is
	dirty  bool

	straight bool       // the picture is on the canvas, and not in the buffer
	outer    video.Rect // the part of the canvas that it was scaled to
	hidden   patches    // of it, under the signs and around the tile
}

type tileKind uint8

const (
	small tileKind = iota
	large
	presentation
)

// What of a picture may be cut off to fill a tile: nothing of a presentation, little
// of the speaker, more of others, whose faces are in the middle.
const (
	cutSmall = 0.36
	cutLarge = 0.12
)

// accept scales a picture to the tile.
func (t *tile) accept(pic, scratch *video.Picture) {
	t.source, t.dirty = true, true
	if w, h, ok := t.snap(pic.Width, pic.Height); ok && t.kind != presentation {
		t.size(w, h)
		yuv.Scale(t.buffer, pic, yuv.Best(pic.Width, pic.Height, w, h))
	} else {
		t.size(t.rect.W, t.rect.H)
		switch {
		case t.kind == presentation:
			t.letterbox(pic)
		case t.cut(pic) <= t.mayCut():
			yuv.Cover(t.buffer, pic)
		default:
			t.backdrop(pic, scratch)
		}
	}
	if t.person != nil && t.person.Frozen {
		yuv.Grey(t.buffer)
	}
}

// snap is a size just above the tile's to which a picture is scaled much faster and
// more sharply than to the tile's own: all of it, three quarters, half, and so on. What
// is above the tile's size, a few samples at the edges, is not shown.
func (t *tile) snap(w, h int) (int, int, bool) {
	const most = 1.07
	fits := func(n, tile int) bool { return n >= tile && float64(n) <= float64(tile)*most && n%2 == 0 }
	for _, eighths := range [...]int{8, 6, 4, 3, 2} {
		sw, sh := w*eighths/8, h*eighths/8
		if fits(sw, t.rect.W) && fits(sh, t.rect.H) {
			return sw, sh, true
		}
	}
	return 0, 0, false
}

// size makes a buffer of a size when there is none.
func (t *tile) size(w, h int) {
	if t.buffer != nil && t.buffer.Width == w && t.buffer.Height == h {
		return
	}
	if m := t.memory; m == nil || m.Width < w || m.Height < h || m.Width*m.Height > 2*w*h {
		t.memory = video.New(w, h)
	}
	part := t.memory.Crop(video.Rect{W: w, H: h})
	t.buffer, t.fit = &part, video.Rect{}
}

// copyTo draws the last picture in a place, which while the tile moves may be of another
// size and shape than its own.
func (t *tile) copyTo(part *video.Picture) {
	if part.Width != t.rect.W || part.Height != t.rect.H || part.Width > t.buffer.Width || part.Height > t.buffer.Height {
		yuv.Cover(part, t.buffer)
		return
	}
	middle := t.buffer.Crop(video.Rect{
		X: (t.buffer.Width - part.Width) / 2, Y: (t.buffer.Height - part.Height) / 2, W: part.Width, H: part.Height,
	})
	yuv.Copy(part, &middle)
}

// letterbox shows the whole picture on the ground between the tiles.
func (t *tile) letterbox(pic *video.Picture) {
	fit := video.Fit(pic.Width, pic.Height, video.Rect{W: t.rect.W, H: t.rect.H}).Even()
	if t.fit != fit {
		t.fit = fit
		y, u, v := luma(colourBack)
		yuv.Fill(t.buffer, y, u, v)
	}
	part := t.buffer.Crop(fit)
	yuv.Scale(&part, pic, yuv.Best(pic.Width, pic.Height, part.Width, part.Height))
}

// mayCut is what of a picture may be cut off.
func (t *tile) mayCut() float64 {
	if t.kind == large {
		return cutLarge
	}
	return cutSmall
}

// cut is the part of a picture that would be lost if it filled the tile.
func (t *tile) cut(pic *video.Picture) float64 {
	part := video.Fill(pic.Width, pic.Height, video.Rect{W: t.rect.W, H: t.rect.H})
	return 1 - float64(part.W*part.H)/float64(pic.Width*pic.Height)
}

// backdrop shows the whole picture before itself, large, blurred and dark.
func (t *tile) backdrop(pic, scratch *video.Picture) {
	yuv.Cover(scratch, pic)
	for i, v := range scratch.Y {
		scratch.Y[i] = byte(16 + (int(v)-16)*9/20)
	}
	smooth(scratch.Y, scratch.StrideY)
	smooth(scratch.U, scratch.StrideC)
	smooth(scratch.V, scratch.StrideC)
	yuv.Scale(t.buffer, scratch, yuv.Bilinear)
	fit := video.Fit(pic.Width, pic.Height, video.Rect{W: t.rect.W, H: t.rect.H}).Even()
	part := t.buffer.Crop(fit)
	yuv.Scale(&part, pic, yuv.Best(pic.Width, pic.Height, part.Width, part.Height))
}

// hasPicture says whether there is something to show but an avatar.
func (t *tile) hasPicture() bool {
	return t.source && (t.straight || t.buffer != nil) && (t.person == nil || t.person.Camera)
}

// smooth takes the edges out of a small plane: each sample is drawn toward its
// neighbours, first in its row and then in its column.
func smooth(b []byte, stride int) {
	for _, step := range []int{1, stride} {
		before := int(b[0])
		for i := step; i+step < len(b); i++ {
			if step > 1 {
				before = int(b[i-step])
			}
			here := int(b[i])
			b[i] = byte((before + 2*here + int(b[i+step])) / 4)
			before = here
		}
	}
}
