// Package video is the vocabulary of pictures: what decoders give, the compositor
// arranges and encoders take. It has no codec, no clock and no goroutine. Start
// reading at [Picture].
package video

import (
	"errors"
	"fmt"
)

// MaxPixels is the largest picture this gateway decodes: 4096x2304 (level 5.2 of
// H.264). A header that announces more is an attack on memory, not a camera.
const MaxPixels = 4096 * 2304

// ErrDamaged comes with a picture, or instead of one, that was decoded from data
// with errors or without its references. The picture may be shown; the far end
// should be asked for a keyframe.
var ErrDamaged = errors.New("video: the picture is damaged")

// ErrSize says that a picture is empty or larger than MaxPixels.
var ErrSize = errors.New("video: the picture's size is not one this gateway handles")

// ErrClosed says that a codec was used after Close.
var ErrClosed = errors.New("video: the codec is closed")

// A Picture is one frame of 8-bit I420 (BT.601, limited range). Chroma planes are
// half as wide and high as luma, rounded up.
//
// Ownership: a Picture is either owned, lent or pooled.
//   - New gives a picture that its holder owns; the garbage collector frees it.
//   - A decoder and a compositor lend theirs: it may be read until the next call on
//     whoever lent it, or its Close, and it is not to be written to. Who needs it
//     for longer copies it.
//   - A Pool's picture is counted: see Pool.
type Picture struct {
	Width, Height    int
	Y, U, V          []byte
	StrideY, StrideC int // octets from one row to the next; C is of both chroma planes

	pool *Pool
	refs int32 // atomic; of pooled pictures
}

// New returns a black picture in one piece of memory. It panics when the size is
// not positive or above MaxPixels: sizes from the wire are to be checked before.
func New(width, height int) *Picture {
	if err := Check(width, height); err != nil {
		panic(fmt.Sprintf("video: a picture of %dx%d", width, height))
	}
	p := &Picture{}
	p.shape(width, height, make([]byte, Size(width, height)))
	p.Black()
	return p
}

// Check returns ErrSize when no picture can have this size.
func Check(width, height int) error {
	if width < 1 || height < 1 || width > MaxPixels || height > MaxPixels/width {
		return ErrSize
	}
	return nil
}

// Size is the octets of a picture without gaps between its rows.
func Size(width, height int) int {
	return width*height + 2*half(width)*half(height)
}

func half(n int) int { return (n + 1) / 2 }

// ChromaWidth is the width of the U and V planes.
func (p *Picture) ChromaWidth() int { return half(p.Width) }

// ChromaHeight is the height of the U and V planes.
func (p *Picture) ChromaHeight() int { return half(p.Height) }

// shape lays the planes out in b.
func (p *Picture) shape(width, height int, b []byte) {
	luma, chroma := width*height, half(width)*half(height)
	p.Width, p.Height = width, height
	p.StrideY, p.StrideC = width, half(width)
	p.Y = b[:luma:luma]
	p.U = b[luma : luma+chroma : luma+chroma]
	p.V = b[luma+chroma : luma+2*chroma : luma+2*chroma]
}

// Black makes the picture black.
func (p *Picture) Black() {
	set(p.Y, 16)
	set(p.U, 128)
	set(p.V, 128)
}

func set(b []byte, v byte) {
	for i := range b {
		b[i] = v
	}
}

// Valid says whether the planes hold what the sizes announce.
func (p *Picture) Valid() bool {
	if p == nil || Check(p.Width, p.Height) != nil {
		return false
	}
	cw, ch := p.ChromaWidth(), p.ChromaHeight()
	return p.StrideY >= p.Width && p.StrideC >= cw &&
		len(p.Y) >= p.StrideY*(p.Height-1)+p.Width &&
		len(p.U) >= p.StrideC*(ch-1)+cw && len(p.V) >= p.StrideC*(ch-1)+cw
}

// Crop is the part of p inside r, which shares p's memory and lifetime. The corner
// of r must be even, so that the chroma planes have one, too; r is cut to p.
func (p *Picture) Crop(r Rect) Picture {
	r = r.Intersect(Rect{W: p.Width, H: p.Height})
	r.X, r.Y = r.X&^1, r.Y&^1
	if r.Empty() {
		return Picture{}
	}
	c := r.Y/2*p.StrideC + r.X/2
	return Picture{
		Width: r.W, Height: r.H, StrideY: p.StrideY, StrideC: p.StrideC,
		Y: p.Y[r.Y*p.StrideY+r.X:], U: p.U[c:], V: p.V[c:],
	}
}

// Retain adds a holder of a pooled picture.
func (p *Picture) Retain() *Picture {
	if p.pool == nil {
		panic("video: only a pooled picture can be retained; copy a lent one")
	}
	p.count(1)
	return p
}

// Release takes a holder away; the last one gives the picture back to its pool.
// It does nothing to a picture without a pool.
func (p *Picture) Release() {
	if p == nil || p.pool == nil {
		return
	}
	switch n := p.count(-1); {
	case n == 0:
		p.pool.put(p)
	case n < 0:
		panic("video: a picture was released more often than retained")
	}
}

func (p *Picture) String() string { return fmt.Sprintf("I420 %dx%d", p.Width, p.Height) }
