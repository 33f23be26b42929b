package room

import (
	"image"
	"slices"
	"time"

	"tandem/sim/h264"
	"tandem/sim/vp8"
)

// lap is how long the moving thing in the picture takes to come round.
const lap = 4 * time.Second

// encoder makes payloads of pictures.
type encoder interface {
	encode(img *image.YCbCr, key bool) ([][]byte, error)
	Close()
}

const maxPayload = 1200

type vp8Encoder struct {
	*vp8.Encoder
	id int
}

func (e *vp8Encoder) encode(img *image.YCbCr, key bool) ([][]byte, error) {
	kind := vp8.Base
	if key {
		kind = vp8.Key
	}
	frame, err := e.Encode(img, kind)
	if err != nil {
		return nil, err
	}
	e.id = (e.id + 1) & 0x7fff
	return vp8.Split(frame, vp8.Descriptor{PictureID: e.id, TL0PicIdx: -1, TID: -1, KeyIdx: -1}, maxPayload), nil
}

type h264Encoder struct{ *h264.Encoder }

func (e h264Encoder) encode(img *image.YCbCr, key bool) ([][]byte, error) {
	unit, err := e.Encode(img, key)
	if err != nil {
		return nil, err
	}
	return h264.Split(unit, maxPayload), nil
}

func newEncoder(codec string, c Config, kbps int) (encoder, error) {
	if codec == "VP8" {
		e, err := vp8.NewEncoder(c.Width, c.Height, c.FPS, kbps)
		return &vp8Encoder{Encoder: e}, err
	}
	e, err := h264.NewEncoder(c.Width, c.Height, c.FPS, kbps)
	return h264Encoder{e}, err
}

// reel is two seconds of a film, encoded.
type reel struct {
	frames [][][]byte
	at     int
}

// next is the payloads of the next picture; key begins again.
func (r *reel) next(c Config, img *image.YCbCr, enc encoder, key bool) [][]byte {
	if r.frames == nil {
		for n := range 2 * c.FPS {
			c.Film(img, n)
			payloads, err := enc.encode(img, n == 0)
			if err != nil {
				return nil
			}
			var kept [][]byte
			for _, p := range payloads {
				kept = append(kept, slices.Clone(p))
			}
			r.frames = append(r.frames, kept)
		}
	}
	if key || r.at == len(r.frames) {
		r.at = 0
	}
	r.at++
	return r.frames[r.at-1]
}
