package compose

import (
	"image"

	"tandem/media/codec/yuv"
	"tandem/media/video"
)

// sprite is a small drawing that is laid over the picture.
type sprite struct {
	pic    *video.Picture
	alpha  []byte
	opaque bool
}

// newSprite converts a drawing. Its sides must be even.
func newSprite(img *image.RGBA) *sprite {
	w, h := img.Bounds().Dx(), img.Bounds().Dy()
	s := &sprite{pic: video.New(w, h), alpha: make([]byte, w*h), opaque: true}
	for i := range s.alpha {
		s.alpha[i] = img.Pix[4*i+3]
		s.opaque = s.opaque && s.alpha[i] == 255
	}
	bleed(img)
	yuv.FromRGBA(s.pic, img.Pix, img.Stride)
	return s
}

// bleed makes the colours independent of their opacity, and gives those that are
// transparent the colour of their neighbours: four samples share one chroma value, and
// black from outside of a letter must not darken its edge.
func bleed(img *image.RGBA) {
	w, h := img.Bounds().Dx(), img.Bounds().Dy()
	for y := 0; y+1 < h; y += 2 {
		for x := 0; x+1 < w; x += 2 {
			block := [4]int{y*img.Stride + 4*x, y*img.Stride + 4*x + 4, (y+1)*img.Stride + 4*x, (y+1)*img.Stride + 4*x + 4}
			var sum [4]int
			for _, at := range block {
				for c := range sum {
					sum[c] += int(img.Pix[at+c])
				}
			}
			if sum[3] == 0 {
				continue
			}
			for _, at := range block {
				a := int(img.Pix[at+3])
				for c := range 3 {
					if a == 0 {
						img.Pix[at+c] = byte(min(sum[c]*255/sum[3], 255))
					} else {
						img.Pix[at+c] = byte(min(int(img.Pix[at+c])*255/a, 255))
					}
				}
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
	if s.opaque {
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
	made := newSprite(draw())
	s[key] = made
	return made
}
