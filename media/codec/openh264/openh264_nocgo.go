//go:build !cgo

package openh264

import (
	"errors"
	"time"

	"tandem/media/video"
)

// Available says that this build has no H.264.
const Available = false

// ErrUnavailable is every call's answer in a build without cgo.
var ErrUnavailable = errors.New("openh264: this build has no H.264: build it with CGO_ENABLED=1 and libopenh264-dev")

// Encoder cannot be made in this build.
type Encoder struct{}

// Decoder cannot be made in this build.
type Decoder struct{ Reorder bool }

var _ video.Decoder = (*Decoder)(nil)

// NewEncoder returns ErrUnavailable, or what is wrong with the configuration.
func NewEncoder(c Config) (*Encoder, error) {
	if _, err := c.complete(); err != nil {
		return nil, err
	}
	return nil, ErrUnavailable
}

// NewDecoder returns ErrUnavailable.
func NewDecoder() (*Decoder, error) { return nil, ErrUnavailable }

// SetRate returns ErrUnavailable.
func (*Encoder) SetRate(int, int) error { return ErrUnavailable }

// RequestKey does nothing.
func (*Encoder) RequestKey() {}

// Size is nothing.
func (*Encoder) Size() (width, height int) { return 0, 0 }

// Encode returns ErrUnavailable.
func (*Encoder) Encode(*video.Picture, time.Duration) (video.Encoded, error) {
	return video.Encoded{}, ErrUnavailable
}

// Close does nothing.
func (*Encoder) Close() {}

// Lost does nothing.
func (*Decoder) Lost() {}

// Flush returns ErrUnavailable.
func (*Decoder) Flush() (*video.Picture, error) { return nil, ErrUnavailable }

// Decode returns ErrUnavailable, or what is wrong with the unit.
func (*Decoder) Decode(unit []byte) (*video.Picture, error) {
	if _, err := inspect(unit); err != nil {
		return nil, err
	}
	return nil, ErrUnavailable
}

// Close does nothing.
func (*Decoder) Close() {}
