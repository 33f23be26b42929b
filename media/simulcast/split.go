package simulcast

import (
	"math"

	"tandem/media/video"
)

// Layers is how many layers there are.
const Layers = 3

const minSide = 16 // of the smallest layer

// Sizes are the layers' sizes for a source, the smallest first: each half as wide and
// high as the next, in the source's shape. A 16:9 source gets a top layer of the given
// height; others one that fits into the same box, on its side for a portrait. A
// smaller source is not enlarged.
func Sizes(width, height, top int) ([Layers]video.Rect, error) {
	if video.Check(width, height) != nil {
		return [Layers]video.Rect{}, video.ErrSize
	}
	long, short := top*16/9, top
	if height > width {
		long, short = short, long
	}
	scale := min(1, float64(long)/float64(width), float64(short)/float64(height))
	w, h := side(float64(width)*scale), side(float64(height)*scale)
	if w/4 < minSide || h/4 < minSide {
		return [Layers]video.Rect{}, video.ErrSize
	}
	return [Layers]video.Rect{{W: w / 4, H: h / 4}, {W: w / 2, H: h / 2}, {W: w, H: h}}, nil
}

// side rounds to a multiple of 8, so that every layer has even sides. An exact multiple
// of 4 stays, such as the 180 of common screens.
func side(v float64) int {
	n := int(math.Round(v))
	if n%4 == 0 {
		return n
	}
	return int(math.Round(v/8)) * 8
}

const (
	smallArea = 320 * 180
	smallRate = 150_000 // bit/s that look good at smallArea
	growth    = 0.8     // larger pictures need less for each sample
	least     = 0.35    // of what looks good, below which a layer is no use
	comeBack  = 1.25    // how much more than the least brings a layer back
	most      = 1.5     // of what looks good, above which more is not seen
	leastRate = 30_000
)

// good is the bit rate at which a layer looks good.
func good(l Layer) int {
	return int(smallRate * math.Pow(float64(l.Width*l.Height)/smallArea, growth))
}

// Split divides a target between the layers, the smallest first, in bit/s. Each layer
// gets what looks good, from the smallest up, as long as there is some; what is then
// left goes to the largest that is on. A layer that would get too little to be of use
// is off, and so are those above it; it comes back when there is clearly more. layers
// are as they are now. The smallest is always on.
func Split(target int, layers [Layers]Layer) [Layers]int {
	var rates [Layers]int
	rest, top := target, 0
	for i, l := range layers {
		enough := float64(good(l)) * least
		if l.Bitrate == 0 {
			enough *= comeBack
		}
		if i > 0 && float64(rest) < enough {
			break
		}
		rates[i], top = max(min(good(l), rest), leastRate), i
		rest = max(rest-rates[i], 0)
	}
	for i := top; i >= 0 && rest > 0; i-- {
		more := min(rest, int(float64(good(layers[i]))*most)-rates[i])
		rates[i] += max(more, 0)
		rest -= max(more, 0)
	}
	return rates
}
