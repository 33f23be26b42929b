//go:build cgo

package openh264

// #include "h264.h"
import "C"

import (
	"fmt"
	"unsafe"

	"tandem/media/video"
)

// A Decoder decodes one stream. What is missing it takes from the picture before.
type Decoder struct {
	// Reorder is for streams with B slices, whose pictures are not shown in the order in
	// which they are coded: a picture then waits for those before it, and Flush gives
	// the last ones. It is set by itself when a B slice comes. Live streams have none.
	Reorder bool

	c       *C.tandem_h264_decoder // nil after Close
	pic     video.Picture
	damaged bool // since the last IDR picture something was missing or broken
}

var _ video.Decoder = (*Decoder)(nil)

// NewDecoder returns a decoder, to be closed.
func NewDecoder() (*Decoder, error) {
	var code C.int
	c := C.tandem_h264_decoder_new(&code)
	if c == nil {
		return nil, fmt.Errorf("openh264: a decoder: %w", failure(code))
	}
	return &Decoder{c: c}, nil
}

// Lost tells that a frame which others refer to is missing.
func (d *Decoder) Lost() { d.damaged = true }

// Decode decodes one access unit with start codes. A unit without a picture, such as
// parameter sets alone, gives nil and no error.
func (d *Decoder) Decode(unit []byte) (*video.Picture, error) {
	if d.c == nil {
		return nil, video.ErrClosed
	}
	if len(unit) == 0 {
		return nil, video.ErrDamaged
	}
	found, err := inspect(unit)
	if err != nil {
		return nil, err
	}
	d.Reorder = d.Reorder || found.bidirectional
	state := C.tandem_h264_decode(d.c, octets(unit), C.int(len(unit)), flag(d.Reorder))
	switch {
	case state != 0 && found.slices:
		d.damaged = true
	case found.key && d.c.w != 0:
		d.damaged = false
	}
	if d.c.w == 0 || video.Check(int(d.c.w), int(d.c.h)) != nil {
		if found.slices && !d.Reorder {
			d.damaged = true
			return nil, video.ErrDamaged
		}
		return nil, nil // parameter sets alone are no error
	}
	d.wrap()
	if d.damaged {
		return &d.pic, video.ErrDamaged
	}
	return &d.pic, nil
}

// Flush gives a picture that still waits at the end of a stream; nil when there is none.
func (d *Decoder) Flush() (*video.Picture, error) {
	if d.c == nil {
		return nil, video.ErrClosed
	}
	C.tandem_h264_flush(d.c)
	if d.c.w == 0 || video.Check(int(d.c.w), int(d.c.h)) != nil {
		return nil, nil
	}
	d.wrap()
	return &d.pic, nil
}

// wrap points pic at OpenH264's memory.
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
	C.tandem_h264_decoder_free(d.c)
	d.c = nil
	d.pic = video.Picture{}
}
