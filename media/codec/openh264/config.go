// Package openh264 is a thin cgo binding of OpenH264 for H.264 (ITU-T H.264): an
// encoder of constrained baseline, and a decoder of constrained baseline, main and
// high profile without interlacing. Start reading at [NewEncoder] and [NewDecoder].
//
// Encoders and decoders keep their memory outside of Go's heap until Close. Each
// belongs to one goroutine at a time.
package openh264

import (
	"fmt"

	"tandem/media/video"
)

// Config is an encoder's shape; zero fields have defaults.
type Config struct {
	Width, Height int // even, at least 16; a picture of another size reopens the encoder
	Bitrate       int // bit/s; 1,000,000 by default
	// MaxBitrate is what a second may reach, in bit/s; 1.2 times Bitrate by default.
	MaxBitrate int
	FrameRate  int  // pictures per second that are expected, 1 to 60; 30 by default
	MaxNAL     int  // octets of the largest NAL unit, for packetization mode 0; 0: no limit
	Screen     bool // slides or a desktop instead of a camera
	// Drop lets the encoder leave out frames to keep to the bit rate.
	Drop bool
}

// minNAL is the least that a NAL unit may be limited to: OpenH264 needs room for a
// macroblock and the headers.
const minNAL = 500

func (c Config) complete() (Config, error) {
	if video.Check(c.Width, c.Height) != nil || c.Width < 16 || c.Height < 16 || c.Width%2 != 0 || c.Height%2 != 0 {
		return c, fmt.Errorf("openh264: a picture of %dx%d: %w", c.Width, c.Height, video.ErrSize)
	}
	if c.Bitrate <= 0 {
		c.Bitrate = 1_000_000
	}
	if c.MaxBitrate < c.Bitrate {
		c.MaxBitrate = c.Bitrate + c.Bitrate/5
	}
	if c.FrameRate <= 0 {
		c.FrameRate = 30
	}
	c.FrameRate = min(c.FrameRate, 60)
	if c.MaxNAL != 0 {
		c.MaxNAL = max(c.MaxNAL, minNAL)
	}
	return c, nil
}
