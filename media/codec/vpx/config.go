// Package vpx is a thin cgo binding of libvpx for VP8 (RFC 6386): an encoder that
// makes up to three sizes of one picture in one call, and a decoder. Start reading
// at [NewEncoder] and [NewDecoder].
//
// Encoders and decoders keep their memory outside of Go's heap until Close. Each
// belongs to one goroutine at a time.
package vpx

import (
	"fmt"

	"tandem/media/video"
)

// MaxLayers is how many sizes one Encoder makes at most.
const MaxLayers = 3

// A Layer is one size of the picture.
type Layer struct {
	Width, Height int
	Bitrate       int // bit/s; 0: this layer is off for now
}

// Config is an encoder's shape; zero fields have defaults.
type Config struct {
	// Layers, the smallest first. Each must be about half as wide and high as the
	// next, which is what lets them share their motion search.
	Layers    []Layer
	FrameRate int  // pictures per second that are expected; 30 by default
	Temporal  int  // temporal layers, 1 to 3; 1 by default
	Speed     int  // 1 to 16, higher is faster and worse; 6 by default
	Screen    bool // slides or a desktop instead of a camera
	// Drop lets the encoder leave out frames when the bit rate does not suffice even
	// at the lowest quality. Without it the rate is exceeded then.
	Drop bool
}

// maxSide is the largest width or height of VP8 (RFC 6386 §9.1).
const maxSide = 1<<14 - 1

func (c Config) complete() (Config, error) {
	if len(c.Layers) < 1 || len(c.Layers) > MaxLayers {
		return c, fmt.Errorf("vpx: an encoder has 1 to %d layers, not %d", MaxLayers, len(c.Layers))
	}
	for i, l := range c.Layers {
		if video.Check(l.Width, l.Height) != nil || l.Width > maxSide || l.Height > maxSide || l.Bitrate < 0 {
			return c, fmt.Errorf("vpx: layer %d cannot be %dx%d at %d bit/s", i, l.Width, l.Height, l.Bitrate)
		}
		if i > 0 && !doubles(c.Layers[i-1], l) {
			return c, fmt.Errorf("vpx: layer %d is not twice as large as layer %d", i, i-1)
		}
	}
	c.FrameRate = within(c.FrameRate, 30, 1, 120)
	c.Temporal = within(c.Temporal, 1, 1, 3)
	c.Speed = within(c.Speed, 6, 1, 16)
	return c, nil
}

// doubles allows for the rounding of odd sizes.
func doubles(small, large Layer) bool {
	near := func(a, b int) bool { return 2*a >= b-2 && 2*a <= b+2 }
	return near(small.Width, large.Width) && near(small.Height, large.Height)
}

// within is v between low and high, or the default when v is 0.
func within(v, otherwise, low, high int) int {
	if v == 0 {
		return otherwise
	}
	return min(max(v, low), high)
}

// Header is what the first octets of a frame say (RFC 6386 §9.1).
type Header struct {
	Key           bool
	Width, Height int // of a key frame
}

// ParseHeader reads a frame's header. It is false when the frame is too short, or a
// keyframe without the start code.
func ParseHeader(frame []byte) (Header, bool) {
	if len(frame) < 3 {
		return Header{}, false
	}
	if frame[0]&1 != 0 {
		return Header{}, true
	}
	if len(frame) < 10 || frame[3] != 0x9d || frame[4] != 0x01 || frame[5] != 0x2a {
		return Header{}, false
	}
	w, h := int(frame[6])|int(frame[7])<<8, int(frame[8])|int(frame[9])<<8
	return Header{Key: true, Width: w & maxSide, Height: h & maxSide}, true
}
