//go:build !cgo

// Package opus is a thin cgo binding of libopus for voice (RFC 6716, RFC 7587).
// This build is without cgo: it says so, and Opus is not offered.
package opus

import "errors"

// Available says that this build has no Opus.
const Available = false

// ErrUnavailable is every call's answer in a build without cgo.
var ErrUnavailable = errors.New("opus: this build has no Opus: build it with CGO_ENABLED=1 and libopus-dev")

// Encoder cannot be made in this build.
type Encoder struct{}

// Decoder cannot be made in this build.
type Decoder struct{}

// NewEncoder returns ErrUnavailable.
func NewEncoder(Config) (*Encoder, error) { return nil, ErrUnavailable }

// NewDecoder returns ErrUnavailable.
func NewDecoder(int) (*Decoder, error) { return nil, ErrUnavailable }

// SetLoss returns ErrUnavailable.
func (*Encoder) SetLoss(int) error { return ErrUnavailable }

// Encode returns ErrUnavailable.
func (*Encoder) Encode(dst []byte, _ []int16) ([]byte, error) { return dst, ErrUnavailable }

// EncodeTable returns ErrUnavailable.
func (*Encoder) EncodeTable(dst, _ []byte, _ *[256]int16) ([]byte, error) { return dst, ErrUnavailable }

// Decode returns ErrUnavailable.
func (*Decoder) Decode(dst []int16, _ []byte) ([]int16, error) { return dst, ErrUnavailable }

// Conceal returns ErrUnavailable.
func (*Decoder) Conceal(dst []int16, _ int) ([]int16, error) { return dst, ErrUnavailable }

// Recover returns ErrUnavailable.
func (*Decoder) Recover(dst []int16, _ []byte, _ int) ([]int16, error) { return dst, ErrUnavailable }

// DecodeTable returns ErrUnavailable.
func (*Decoder) DecodeTable(dst, _ []byte, _ *[1 << 14]byte) ([]byte, error) {
	return dst, ErrUnavailable
}

// ConcealTable returns ErrUnavailable.
func (*Decoder) ConcealTable(dst, _ []byte, _ int, _ *[1 << 14]byte) ([]byte, error) {
	return dst, ErrUnavailable
}

// Version is empty in this build.
func Version() string { return "" }
