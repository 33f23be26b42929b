//go:build !cgo

package vpx

import (
	"errors"
	"time"

	"tandem/media/video"
)

// Available says that this build has no VP8.
const Available = false

// ErrUnavailable is every call's answer in a build without cgo.
var ErrUnavailable = errors.New("vpx: this build has no VP8: build it with CGO_ENABLED=1 and libvpx-dev")

// Encoder cannot be made in this build.
type Encoder struct{}

// Decoder cannot be made in this build.
type Decoder struct{}

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

// SetBitrates returns ErrUnavailable.
func (*Encoder) SetBitrates(...int) error { return ErrUnavailable }

// RequestKey does nothing.
func (*Encoder) RequestKey(int) {}

// Layers are none.
func (*Encoder) Layers() []Layer { return nil }

// Encode returns ErrUnavailable.
func (*Encoder) Encode(*video.Picture, time.Duration) ([]video.Encoded, error) {
	return nil, ErrUnavailable
}

// Close does nothing.
func (*Encoder) Close() {}

// Lost does nothing.
func (*Decoder) Lost() {}

// Decode returns ErrUnavailable.
func (*Decoder) Decode([]byte) (*video.Picture, error) { return nil, ErrUnavailable }

// Close does nothing.
func (*Decoder) Close() {}
