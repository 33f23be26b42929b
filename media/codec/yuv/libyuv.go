//go:build cgo

package yuv

/*
#cgo LDFLAGS: -lyuv
#cgo noescape tandem_copy
#cgo nocallback tandem_copy
#cgo noescape tandem_scale
#cgo nocallback tandem_scale
#cgo noescape tandem_letterbox
#cgo nocallback tandem_letterbox
#cgo noescape tandem_rotate
#cgo nocallback tandem_rotate
#cgo noescape tandem_fill
#cgo nocallback tandem_fill
#cgo noescape tandem_chroma
#cgo nocallback tandem_chroma
#cgo noescape tandem_blend
#cgo nocallback tandem_blend
#cgo noescape tandem_from_rgba
#cgo nocallback tandem_from_rgba
#cgo noescape tandem_to_rgba
#cgo nocallback tandem_to_rgba
#include "yuv.h"
*/
import "C"

import (
	"unsafe"

	"tandem/media/video"
)

// Available says that this build has libyuv.
const Available = true

func plane(b []byte) *C.uint8_t { return (*C.uint8_t)(unsafe.SliceData(b)) }

// Copy copies src to the upper left corner of dst, as much as fits.
func Copy(dst, src *video.Picture) {
	if w, h := min(src.Width, dst.Width), min(src.Height, dst.Height); w > 0 && h > 0 {
		C.tandem_copy(plane(src.Y), plane(src.U), plane(src.V), C.int(src.StrideY), C.int(src.StrideC),
			plane(dst.Y), plane(dst.U), plane(dst.V), C.int(dst.StrideY), C.int(dst.StrideC), C.int(w), C.int(h))
	}
}

// Scale stretches or shrinks src to the whole of dst.
func Scale(dst, src *video.Picture, f Filter) {
	if empty(dst, src) {
		return
	}
	C.tandem_scale(plane(src.Y), plane(src.U), plane(src.V), C.int(src.StrideY), C.int(src.StrideC),
		C.int(src.Width), C.int(src.Height),
		plane(dst.Y), plane(dst.U), plane(dst.V), C.int(dst.StrideY), C.int(dst.StrideC),
		C.int(dst.Width), C.int(dst.Height), C.int(f))
}

func letterbox(dst, src *video.Picture, fit video.Rect) {
	if empty(dst, src) || fit.Empty() {
		return
	}
	f := Best(src.Width, src.Height, fit.W, fit.H)
	C.tandem_letterbox(plane(src.Y), plane(src.U), plane(src.V), C.int(src.StrideY), C.int(src.StrideC),
		C.int(src.Width), C.int(src.Height),
		plane(dst.Y), plane(dst.U), plane(dst.V), C.int(dst.StrideY), C.int(dst.StrideC),
		C.int(dst.Width), C.int(dst.Height),
		C.int(fit.X), C.int(fit.Y), C.int(fit.W), C.int(fit.H), C.int(f))
}

// Rotate turns src clockwise by 0, 90, 180 or 270 degrees into dst, which must have
// the size of the result. Other angles and sizes do nothing.
func Rotate(dst, src *video.Picture, degrees int) {
	if empty(dst, src) || !turns(dst, src, degrees) {
		return
	}
	C.tandem_rotate(plane(src.Y), plane(src.U), plane(src.V), C.int(src.StrideY), C.int(src.StrideC),
		C.int(src.Width), C.int(src.Height),
		plane(dst.Y), plane(dst.U), plane(dst.V), C.int(dst.StrideY), C.int(dst.StrideC), C.int(degrees))
}

// Fill gives all of dst one colour.
func Fill(dst *video.Picture, y, u, v byte) {
	if empty(dst, dst) {
		return
	}
	C.tandem_fill(plane(dst.Y), plane(dst.U), plane(dst.V), C.int(dst.StrideY), C.int(dst.StrideC),
		C.int(dst.Width), C.int(dst.Height), C.int(y), C.int(u), C.int(v))
}

// Grey takes the colour out of dst.
func Grey(dst *video.Picture) {
	if empty(dst, dst) {
		return
	}
	C.tandem_chroma(plane(dst.U), plane(dst.V), C.int(dst.StrideC), C.int(dst.ChromaWidth()), C.int(dst.ChromaHeight()), 128)
}

// Blend lays src over the upper left corner of dst: alpha has one octet for each
// luma sample of src and rows of src.Width octets; 255 shows src, 0 dst. src must
// fit into dst.
func Blend(dst, src *video.Picture, alpha []byte) {
	if empty(dst, src) || src.Width > dst.Width || src.Height > dst.Height || len(alpha) < src.Width*src.Height {
		return
	}
	C.tandem_blend(plane(src.Y), plane(src.U), plane(src.V), C.int(src.StrideY), C.int(src.StrideC),
		plane(alpha), C.int(src.Width),
		plane(dst.Y), plane(dst.U), plane(dst.V), C.int(dst.StrideY), C.int(dst.StrideC), C.int(src.Width), C.int(src.Height))
}

// FromRGBA converts an image of dst's size, 4 octets a sample, stride octets a row.
// Alpha is not looked at.
func FromRGBA(dst *video.Picture, rgba []byte, stride int) {
	if empty(dst, dst) || stride < 4*dst.Width || len(rgba) < stride*(dst.Height-1)+4*dst.Width {
		return
	}
	C.tandem_from_rgba(plane(rgba), C.int(stride), plane(dst.Y), plane(dst.U), plane(dst.V),
		C.int(dst.StrideY), C.int(dst.StrideC), C.int(dst.Width), C.int(dst.Height))
}

// ToRGBA converts src to 4 octets a sample, stride octets a row, alpha 255.
func ToRGBA(rgba []byte, stride int, src *video.Picture) {
	if empty(src, src) || stride < 4*src.Width || len(rgba) < stride*(src.Height-1)+4*src.Width {
		return
	}
	C.tandem_to_rgba(plane(src.Y), plane(src.U), plane(src.V), C.int(src.StrideY), C.int(src.StrideC),
		plane(rgba), C.int(stride), C.int(src.Width), C.int(src.Height))
}
