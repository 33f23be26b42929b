// Package yuv copies, scales, rotates and blends I420 pictures: a thin cgo binding
// of libyuv. Each function is one cgo call for a whole picture, allocates nothing
// and keeps nothing. To work on a part of a picture, pass a Crop of it.
//
// Pictures must be valid (video.Picture.Valid); what is empty is passed over.
package yuv

import "tandem/media/video"

// Filter says how pictures are scaled.
type Filter int

// The filters, from the cheapest to the best for making pictures smaller.
const (
	Nearest  Filter = 0
	Bilinear Filter = 2
	Box      Filter = 3 // averages all samples: for a half and less; else like Bilinear
)

// Best is the filter for scaling a picture of sw by sh to dw by dh.
func Best(sw, sh, dw, dh int) Filter {
	if dw*2 <= sw && dh*2 <= sh {
		return Box
	}
	return Bilinear
}

// Letterbox scales the whole of src into the middle of dst and makes the rest black.
func Letterbox(dst, src *video.Picture) {
	letterbox(dst, src, video.Fit(src.Width, src.Height, video.Rect{W: dst.Width, H: dst.Height}))
}

// Cover scales the middle of src so that it fills dst, cutting what does not fit.
func Cover(dst, src *video.Picture) {
	part := src.Crop(video.Fill(src.Width, src.Height, video.Rect{W: dst.Width, H: dst.Height}))
	Scale(dst, &part, Best(part.Width, part.Height, dst.Width, dst.Height))
}

// empty says whether one of the pictures has nothing in it.
func empty(a, b *video.Picture) bool {
	return a.Width <= 0 || a.Height <= 0 || b.Width <= 0 || b.Height <= 0
}

// turns says whether src turned by degrees has the size of dst.
func turns(dst, src *video.Picture, degrees int) bool {
	switch degrees {
	case 0, 180:
		return dst.Width == src.Width && dst.Height == src.Height
	case 90, 270:
		return dst.Width == src.Height && dst.Height == src.Width
	}
	return false
}
