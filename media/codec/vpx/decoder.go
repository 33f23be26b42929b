//go:build cgo

package vpx

// #include "vp8.h"
import "C"

import (
	"fmt"
	"unsafe"

	"tandem/media/video"
)

// A Decoder decodes one stream. After a loss it goes on with the pictures it has,
// and says ErrDamaged until a keyframe mends them.
type Decoder struct {
	c       *C.tandem_decoder // nil after Close
	pic     video.Picture
	seen    bool // a keyframe
	damaged bool // since the last keyframe something was missing or broken
}

var _ video.Decoder = (*Decoder)(nil)

// NewDecoder returns a decoder, to be closed.
func NewDecoder() (*Decoder, error) {
	var code C.int
	c := C.tandem_decoder_new(&code)
	if c == nil {
		return nil, fmt.Errorf("vpx: a decoder: %w", failure(code))
	}
	return &Decoder{c: c}, nil
}

// Lost tells that a frame which others refer to is missing.
func (d *Decoder) Lost() { d.damaged = true }

// Decode decodes one frame.
func (d *Decoder) Decode(frame []byte) (*video.Picture, error) {
	if d.c == nil {
		return nil, video.ErrClosed
	}
	h, ok := ParseHeader(frame)
	switch {
	case !ok || !h.Key && !d.seen:
		d.damaged = true
		return nil, video.ErrDamaged
	case h.Key && video.Check(h.Width, h.Height) != nil:
		return nil, fmt.Errorf("vpx: a keyframe of %dx%d: %w", h.Width, h.Height, video.ErrSize)
	case h.Key:
		d.damaged = false
	}
	code := C.tandem_decode(d.c, octets(frame), C.int(len(frame)))
	if code != 0 || d.c.corrupt != 0 {
		d.damaged = true
	}
	d.seen = d.seen || code == 0 && h.Key
	if d.c.w == 0 {
		return d.none()
	}
	d.wrap()
	if d.damaged {
		return &d.pic, video.ErrDamaged
	}
	return &d.pic, nil
}

// none is the answer to a frame without a picture.
func (d *Decoder) none() (*video.Picture, error) {
	if d.damaged {
		return nil, video.ErrDamaged
	}
	return nil, nil // a frame that is not to be shown (RFC 6386 §9.1, show_frame) is no error
}

// wrap points pic at libvpx' memory.
func (d *Decoder) wrap() {
	p := &d.pic
	p.Width, p.Height, p.StrideY, p.StrideC = int(d.c.w), int(d.c.h), int(d.c.sy), int(d.c.sc)
	cw, ch := p.ChromaWidth(), p.ChromaHeight()
	p.Y = unsafe.Slice((*byte)(d.c.y), p.StrideY*(p.Height-1)+p.Width)
	p.U = unsafe.Slice((*byte)(d.c.u), p.StrideC*(ch-1)+cw)
	p.V = unsafe.Slice((*byte)(d.c.v), p.StrideC*(ch-1)+cw)
}

// Close frees the decoder and the picture it lent. A second Close does nothing.
func (d *Decoder) Close() {
	C.tandem_decoder_free(d.c)
	d.c = nil
	d.pic = video.Picture{}
}
