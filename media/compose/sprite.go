package compose

import (
	"image"

	"tandem/media/codec/yuv"
	"tandem/media/video"
)

// sprite is a small drawing that is laid over the picture.
type sprite struct {
	pic   *video.Picture
	alpha []byte // nil: opaque
}

// newSprite converts a drawing. Its sides must be even.
func newSprite(img *image.RGBA) *sprite {
	w, h := img.Bounds().Dx(), img.Bounds().Dy()
	pix := img.Pix[img.PixOffset(img.Bounds().Min.X, img.Bounds().Min.Y):]
	s := &sprite{pic: video.New(w, h)}
	if !img.Opaque() {
		s.alpha = make([]byte, w*h)
		for y := range h {
			row, out := pix[y*img.Stride:], s.alpha[y*w:][:w]
			for x := range out {
				out[x] = row[4*x+3]
			}
		}
		bleed(pix, img.Stride, w, h)
	}
	yuv.FromRGBA(s.pic, pix, img.Stride)
	return s
}

// bleed makes the colours independent of their opacity, and gives those that are
// transparent the colour of their neighbours: four samples share one chroma value, and
// black from outside of a letter must not darken its edge.
func bleed(pix []byte, stride, w, h int) {
	for y := 0; y+1 < h; y += 2 {
		upper, lower := pix[y*stride:], pix[(y+1)*stride:]
		for x := 0; x+1 < w; x += 2 {
			a, b := upper[4*x:4*x+8:4*x+8], lower[4*x:4*x+8:4*x+8]
			if opacity := int(a[3]) + int(a[7]) + int(b[3]) + int(b[7]); opacity != 0 && opacity != 4*255 {
				bleedBlock([4][]byte{a[:4], a[4:], b[:4], b[4:]}, opacity)
			}
		}
	}
}

func bleedBlock(block [4][]byte, opacity int) {
	var sum [3]int
	for _, p := range block {
		for c := range sum {
			sum[c] += int(p[c])
		}
	}
	for _, p := range block {
		for c := range sum {
			if p[3] == 0 {
				p[c] = byte(min(sum[c]*255/opacity, 255))
			} else {
				p[c] = byte(min(int(p[c])*255/int(p[3]), 255))
			}
		}
	}
}

// show lays the sprite over dst with its corner at x, y, which are made even. What
// is outside of dst is cut off.
func (s *sprite) show(dst *video.Picture, x, y int) {
	x, y = x&^1, y&^1
	if x < 0 || y < 0 || x+s.pic.Width > dst.Width || y+s.pic.Height > dst.Height {
		return
	}
	part := dst.Crop(video.Rect{X: x, Y: y, W: s.pic.Width, H: s.pic.Height})
	if s.alpha == nil {
		yuv.Copy(&part, s.pic)
		return
	}
	yuv.Blend(&part, s.pic, s.alpha)
}

// spriteKey names a drawing: the same key is the same drawing.
type spriteKey struct {
	kind       spriteKind
	text       string
	w, h, more int
}

type spriteKind uint8

const (
	spriteLabel spriteKind = iota
	spriteAvatar
	spritePlus
	spriteCorner
	spritePills
	spritePhones
	spriteNotice
	spriteCameraOff
	spritePresenter
)

// sprites keeps the drawings that are in use.
type sprites map[spriteKey]*sprite

// maxSprites bounds the cache; when it is full everything is drawn anew.
const maxSprites = 200

// get returns a drawing, drawing it when it is not there.
func (s sprites) get(key spriteKey, draw func() *image.RGBA) *sprite {
	if found, ok := s[key]; ok {
		return found
	}
	if len(s) >= maxSprites {
		clear(s)
	}
	img := draw()
	made := newSprite(img)
	discard(img)
	s[key] = made
	return made
}
