//go:build !cgo

package yuv

import "tandem/media/video"

// Available says that this build has no libyuv: the functions below do the same,
// more slowly.
const Available = false

// planes calls f for each of the three planes of dst and src.
func planes(dst, src *video.Picture, f func(d, s []byte, sd, ss, dw, dh, sw, sh int)) {
	f(dst.Y, src.Y, dst.StrideY, src.StrideY, dst.Width, dst.Height, src.Width, src.Height)
	dw, dh, sw, sh := dst.ChromaWidth(), dst.ChromaHeight(), src.ChromaWidth(), src.ChromaHeight()
	f(dst.U, src.U, dst.StrideC, src.StrideC, dw, dh, sw, sh)
	f(dst.V, src.V, dst.StrideC, src.StrideC, dw, dh, sw, sh)
}

// Copy copies src to the upper left corner of dst, as much as fits.
func Copy(dst, src *video.Picture) {
	planes(dst, src, func(d, s []byte, sd, ss, dw, dh, sw, sh int) {
		for y := range min(dh, sh) {
			copy(d[y*sd:][:min(dw, sw)], s[y*ss:])
		}
	})
}

// Scale stretches or shrinks src to the whole of dst: each sample is the mean of
// those that it covers.
func Scale(dst, src *video.Picture, _ Filter) {
	if empty(dst, src) {
		return
	}
	planes(dst, src, func(d, s []byte, sd, ss, dw, dh, sw, sh int) {
		for y := range dh {
			y0 := y * sh / dh
			y1 := max((y+1)*sh/dh, y0+1)
			for x := range dw {
				x0 := x * sw / dw
				x1 := max((x+1)*sw/dw, x0+1)
				sum := 0
				for v := y0; v < y1; v++ {
					for u := x0; u < x1; u++ {
						sum += int(s[v*ss+u])
					}
				}
				d[y*sd+x] = byte(sum / ((y1 - y0) * (x1 - x0)))
			}
		}
	})
}

func letterbox(dst, src *video.Picture, fit video.Rect) {
	if empty(dst, src) || fit.Empty() {
		return
	}
	Fill(dst, 16, 128, 128)
	part := dst.Crop(fit)
	Scale(&part, src, Box)
}

// Rotate turns src clockwise by 0, 90, 180 or 270 degrees into dst, which must have
// the size of the result. Other angles and sizes do nothing.
func Rotate(dst, src *video.Picture, degrees int) {
	if empty(dst, src) || !turns(dst, src, degrees) {
		return
	}
	planes(dst, src, func(d, s []byte, sd, ss, dw, dh, sw, sh int) {
		for y := range dh {
			for x := range dw {
				u, v := x, y
				switch degrees {
				case 90:
					u, v = y, sh-1-x
				case 180:
					u, v = sw-1-x, sh-1-y
				case 270:
					u, v = sw-1-y, x
				}
				d[y*sd+x] = s[v*ss+u]
			}
		}
	})
}

// Fill gives all of dst one colour.
func Fill(dst *video.Picture, y, u, v byte) {
	flat(dst.Y, dst.StrideY, dst.Width, dst.Height, y)
	flat(dst.U, dst.StrideC, dst.ChromaWidth(), dst.ChromaHeight(), u)
	flat(dst.V, dst.StrideC, dst.ChromaWidth(), dst.ChromaHeight(), v)
}

func flat(b []byte, stride, w, h int, value byte) {
	for y := range h {
		row := b[y*stride:][:w]
		for x := range row {
			row[x] = value
		}
	}
}

// Grey takes the colour out of dst.
func Grey(dst *video.Picture) {
	flat(dst.U, dst.StrideC, dst.ChromaWidth(), dst.ChromaHeight(), 128)
	flat(dst.V, dst.StrideC, dst.ChromaWidth(), dst.ChromaHeight(), 128)
}

// Blend lays src over the upper left corner of dst: alpha has one octet for each
// luma sample of src and rows of src.Width octets; 255 shows src, 0 dst. src must
// fit into dst.
func Blend(dst, src *video.Picture, alpha []byte) {
	w, h := src.Width, src.Height
	if empty(dst, src) || w > dst.Width || h > dst.Height || len(alpha) < w*h {
		return
	}
	mix := func(d *byte, s byte, a int) { *d = byte((int(s)*a + int(*d)*(255-a) + 127) / 255) }
	for y := range h {
		for x := range w {
			mix(&dst.Y[y*dst.StrideY+x], src.Y[y*src.StrideY+x], int(alpha[y*w+x]))
		}
	}
	for y := range src.ChromaHeight() {
		for x := range src.ChromaWidth() {
			x1, y1 := min(2*x+1, w-1), min(2*y+1, h-1)
			a := (int(alpha[2*y*w+2*x]) + int(alpha[2*y*w+x1]) + int(alpha[y1*w+2*x]) + int(alpha[y1*w+x1])) / 4
			mix(&dst.U[y*dst.StrideC+x], src.U[y*src.StrideC+x], a)
			mix(&dst.V[y*dst.StrideC+x], src.V[y*src.StrideC+x], a)
		}
	}
}

// FromRGBA converts an image of dst's size, 4 octets a sample, stride octets a row.
// Alpha is not looked at.
func FromRGBA(dst *video.Picture, rgba []byte, stride int) {
	if empty(dst, dst) || stride < 4*dst.Width || len(rgba) < stride*(dst.Height-1)+4*dst.Width {
		return
	}
	for y := range dst.Height {
		for x := range dst.Width {
			r, g, b := sample(rgba[y*stride+4*x:])
			dst.Y[y*dst.StrideY+x] = byte((66*r+129*g+25*b+128)>>8 + 16)
			dst.U[y/2*dst.StrideC+x/2] = byte((-38*r-74*g+112*b+128)>>8 + 128)
			dst.V[y/2*dst.StrideC+x/2] = byte((112*r-94*g-18*b+128)>>8 + 128)
		}
	}
}

func sample(p []byte) (r, g, b int) { return int(p[0]), int(p[1]), int(p[2]) }

// ToRGBA converts src to 4 octets a sample, stride octets a row, alpha 255.
func ToRGBA(rgba []byte, stride int, src *video.Picture) {
	if empty(src, src) || stride < 4*src.Width || len(rgba) < stride*(src.Height-1)+4*src.Width {
		return
	}
	for y := range src.Height {
		for x := range src.Width {
			c := 298 * (int(src.Y[y*src.StrideY+x]) - 16)
			d, e := int(src.U[y/2*src.StrideC+x/2])-128, int(src.V[y/2*src.StrideC+x/2])-128
			p := rgba[y*stride+4*x:]
			p[0], p[1], p[2], p[3] = clip(c+409*e), clip(c-100*d-208*e), clip(c+516*d), 255
		}
	}
}

func clip(v int) byte { return byte(min(max((v+128)>>8, 0), 255)) }
