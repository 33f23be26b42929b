//go:build cgo

package openh264

/*
#cgo pkg-config: openh264
#cgo noescape tandem_h264_encode
#cgo nocallback tandem_h264_encode
#cgo noescape tandem_h264_copy
#cgo nocallback tandem_h264_copy
#cgo noescape tandem_h264_decode
#cgo nocallback tandem_h264_decode
#include "h264.h"
*/
import "C"

import (
	"fmt"
	"time"
	"unsafe"

	"tandem/media/video"
)

// Available says that this build has OpenH264.
const Available = true

// An Encoder encodes one stream.
type Encoder struct {
	c      *C.tandem_h264_encoder // nil after Close
	config Config
	force  bool
	closed bool
	last   int64 // time of the picture before, ms
	out    []byte
}

// NewEncoder returns an encoder, to be closed.
func NewEncoder(config Config) (*Encoder, error) {
	config, err := config.complete()
	if err != nil {
		return nil, err
	}
	e := &Encoder{config: config, last: -1}
	if err := e.open(); err != nil {
		return nil, err
	}
	return e, nil
}

// open makes the C encoder of e.config in place of the one before.
func (e *Encoder) open() error {
	c := C.tandem_h264_config{
		width: C.int(e.config.Width), height: C.int(e.config.Height),
		bitrate: C.int(e.config.Bitrate), max_bitrate: C.int(e.config.MaxBitrate),
		frame_rate: C.float(e.config.FrameRate), max_nal: C.int(e.config.MaxNAL),
		screen: flag(e.config.Screen), drop: flag(e.config.Drop),
	}
	var code C.int
	fresh := C.tandem_h264_encoder_new(&c, &code)
	if fresh == nil {
		return fmt.Errorf("openh264: an encoder of %dx%d at %d bit/s: %w", e.config.Width, e.config.Height, e.config.Bitrate, failure(code))
	}
	C.tandem_h264_encoder_free(e.c)
	e.c = fresh
	if room := max(e.config.Width*e.config.Height/4, 1<<14); len(e.out) < room {
		e.out = make([]byte, room)
	}
	return nil
}

// Size is the size of the pictures that are coded now.
func (e *Encoder) Size() (width, height int) { return e.config.Width, e.config.Height }

// SetRate changes the bit rate (bit/s) and the frame rate; 0 leaves one as it is.
// What a second may reach follows the bit rate.
func (e *Encoder) SetRate(bitrate, frameRate int) error {
	if e.closed {
		return video.ErrClosed
	}
	c := e.config
	if bitrate > 0 {
		c.Bitrate, c.MaxBitrate = bitrate, 0
	}
	if frameRate > 0 {
		c.FrameRate = frameRate
	}
	c, err := c.complete()
	if err != nil {
		return err
	}
	e.config = c
	if code := C.tandem_h264_rates(e.c, C.int(c.Bitrate), C.int(c.MaxBitrate), C.float(c.FrameRate)); code != 0 {
		return fmt.Errorf("openh264: %d bit/s at %d frames/s: %w", c.Bitrate, c.FrameRate, failure(code))
	}
	return nil
}

// RequestKey makes the next frame an IDR picture with its parameter sets.
func (e *Encoder) RequestKey() { e.force = true }

// Encode encodes pic, taken at the time at on the stream's clock, to an access unit
// with start codes. A picture of another size than the one before reopens the
// encoder and gives a keyframe. Data is empty when the frame was left out; it is
// lent until the next call.
func (e *Encoder) Encode(pic *video.Picture, at time.Duration) (video.Encoded, error) {
	if e.closed {
		return video.Encoded{}, video.ErrClosed
	}
	if !pic.Valid() {
		return video.Encoded{}, video.ErrSize
	}
	if err := e.fit(pic); err != nil {
		return video.Encoded{}, err
	}
	ms := max(at.Milliseconds(), e.last+1)
	n := C.tandem_h264_encode(e.c, octets(pic.Y), octets(pic.U), octets(pic.V), C.int(pic.StrideY), C.int(pic.StrideC),
		C.int(pic.Width), C.int(pic.Height), C.int64_t(ms), flag(e.force), octets(e.out), C.int(len(e.out)))
	if n < 0 {
		return video.Encoded{}, fmt.Errorf("openh264: encode %dx%d: %w", pic.Width, pic.Height, failure(-n))
	}
	if int(n) > len(e.out) {
		e.out = make([]byte, 2*int(n))
		n = C.tandem_h264_copy(e.c, octets(e.out), C.int(len(e.out)))
	}
	e.last = ms
	if n == 0 {
		return video.Encoded{}, nil
	}
	key := C.tandem_h264_key(e.c) != 0
	e.force = e.force && !key
	return video.Encoded{Data: e.out[:n:n], Key: key}, nil
}

// fit reopens the encoder when pic has another size.
func (e *Encoder) fit(pic *video.Picture) error {
	if pic.Width == e.config.Width && pic.Height == e.config.Height {
		return nil
	}
	before := e.config
	c := e.config
	c.Width, c.Height = pic.Width, pic.Height
	c, err := c.complete()
	if err != nil {
		return err
	}
	e.config = c
	if err := e.open(); err != nil {
		e.config = before
		return err
	}
	return nil
}

// Close frees the encoder. A second Close does nothing.
func (e *Encoder) Close() {
	C.tandem_h264_encoder_free(e.c)
	e.c, e.closed = nil, true
}

func octets(b []byte) *C.uint8_t { return (*C.uint8_t)(unsafe.SliceData(b)) }

func flag(b bool) C.int {
	if b {
		return 1
	}
	return 0
}

func failure(code C.int) error { return codecError(code) }

type codecError int

func (e codecError) Error() string { return fmt.Sprintf("OpenH264 answers %d", int(e)) }
