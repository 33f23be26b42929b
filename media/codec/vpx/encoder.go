//go:build cgo

package vpx

/*
#cgo pkg-config: vpx
#cgo LDFLAGS: -lyuv
#cgo noescape tandem_encode
#cgo nocallback tandem_encode
#cgo noescape tandem_encoder_copy
#cgo nocallback tandem_encoder_copy
#cgo noescape tandem_decode
#cgo nocallback tandem_decode
#include "vp8.h"
*/
import "C"

import (
	"fmt"
	"time"
	"unsafe"

	"tandem/media/video"
)

// Available says that this build has libvpx.
const Available = true

// An Encoder encodes one source on all its layers.
type Encoder struct {
	c       *C.tandem_encoder // nil after Close
	config  Config
	rates   [MaxLayers]C.int // kbit/s, the largest layer first
	keys    int              // layers whose next frame is a keyframe, by libvpx' number
	frame   int              // number in the pattern of temporal layers
	last    int64            // timestamp of the frame before, 1/90000 s
	started bool
	out     []byte
	coded   [MaxLayers]video.Encoded
}

// NewEncoder returns an encoder, to be closed.
func NewEncoder(config Config) (*Encoder, error) {
	config, err := config.complete()
	if err != nil {
		return nil, err
	}
	c := C.tandem_config{
		layers: C.int(len(config.Layers)), frame_rate: C.int(config.FrameRate), speed: C.int(config.Speed),
		temporal: C.int(config.Temporal), screen: flag(config.Screen), drop: flag(config.Drop),
	}
	e := &Encoder{config: config}
	for i, l := range config.Layers {
		k := e.number(i)
		c.width[k], c.height[k], c.kbps[k] = C.int(l.Width), C.int(l.Height), kbps(l.Bitrate)
		e.rates[k] = c.kbps[k]
	}
	var code C.int
	if e.c = C.tandem_encoder_new(&c, &code); e.c == nil {
		return nil, fmt.Errorf("vpx: an encoder of %d layers up to %dx%d: %w", len(config.Layers),
			config.Layers[len(config.Layers)-1].Width, config.Layers[len(config.Layers)-1].Height, failure(code))
	}
	top := config.Layers[len(config.Layers)-1]
	e.out = make([]byte, max(top.Width*top.Height/4, 1<<14))
	return e, nil
}

// number is the index that libvpx has for a layer: it counts from the largest.
func (e *Encoder) number(layer int) int { return len(e.config.Layers) - 1 - layer }

// SetBitrates changes the layers' bit rates, the smallest layer first, in bit/s. A
// layer of 0 is off; when it comes back it begins with a keyframe.
func (e *Encoder) SetBitrates(rates ...int) error {
	if e.c == nil {
		return video.ErrClosed
	}
	for i := range min(len(rates), len(e.config.Layers)) {
		k, want := e.number(i), kbps(rates[i])
		if e.rates[k] == 0 && want > 0 {
			e.keys |= 1 << k
		}
		e.rates[k] = want
	}
	code := C.tandem_encoder_rates(e.c, e.rates[0], e.rates[1], e.rates[2], C.int(e.config.FrameRate))
	if code != 0 {
		return fmt.Errorf("vpx: bit rates %v: %w", rates, failure(code))
	}
	return nil
}

// RequestKey makes the next frame of a layer a keyframe.
func (e *Encoder) RequestKey(layer int) {
	if layer >= 0 && layer < len(e.config.Layers) {
		e.keys |= 1 << e.number(layer)
	}
}

// Layers are the layers as configured, the smallest first.
func (e *Encoder) Layers() []Layer { return e.config.Layers }

// Encode encodes pic, taken at the time at on the stream's clock, on all layers that
// are on, in one cgo call. pic is scaled to the layers' sizes; it should have their
// shape. The result is lent until the next call, the smallest layer first; a layer
// whose frame was dropped is missing.
func (e *Encoder) Encode(pic *video.Picture, at time.Duration) ([]video.Encoded, error) {
	if e.c == nil {
		return nil, video.ErrClosed
	}
	if !pic.Valid() {
		return nil, video.ErrSize
	}
	keys := e.begin()
	pts := e.timestamp(at)
	n := C.tandem_encode(e.c, octets(pic.Y), octets(pic.U), octets(pic.V), C.int(pic.StrideY), C.int(pic.StrideC),
		C.int(pic.Width), C.int(pic.Height), C.int64_t(pts), C.int(90000/e.config.FrameRate), C.int(keys), C.int(e.frame&3),
		octets(e.out), C.int(len(e.out)))
	if n < 0 {
		return nil, fmt.Errorf("vpx: encode %dx%d: %w", pic.Width, pic.Height, failure(-n))
	}
	if int(n) > len(e.out) {
		e.out = make([]byte, 2*int(n))
		C.tandem_encoder_copy(e.c, octets(e.out), C.int(len(e.out)))
	}
	e.keys, e.started, e.last = 0, true, pts
	frames := e.collect(keys)
	e.frame++
	return frames, nil
}

// begin returns the layers whose frame is to be a keyframe. One that is begins the
// pattern of temporal layers anew.
func (e *Encoder) begin() int {
	keys := e.keys
	if !e.started {
		keys = 1<<len(e.config.Layers) - 1
	}
	if keys != 0 {
		e.frame = 0
	}
	return keys
}

// timestamp is the time in 1/90000 s; it always grows.
func (e *Encoder) timestamp(at time.Duration) int64 {
	pts := int64(at/time.Microsecond) * 9 / 100
	if e.started && pts <= e.last {
		pts = e.last + 1
	}
	return pts
}

// temporal is the temporal layer of this frame, of the pattern 0 1 0 1 or 0 2 1 2,
// and whether it needs nothing but the base layer: the last of four uses layer 1.
func (e *Encoder) temporal() (id int, sync bool) {
	switch e.config.Temporal {
	case 2:
		return e.frame & 1, e.frame&1 == 1
	case 3:
		id = [4]int{0, 2, 1, 2}[e.frame&3]
		return id, id > 0 && e.frame&3 != 3
	}
	return 0, false
}

// collect describes what the C side left in e.out, the largest layer first. A
// keyframe that was asked for and dropped is asked for again.
func (e *Encoder) collect(keys int) []video.Encoded {
	temporal, sync := e.temporal()
	coded := unsafe.Slice(C.tandem_encoder_coded(e.c), MaxLayers)
	at := 0
	var start [MaxLayers]int
	for k := range e.config.Layers {
		start[k] = at
		at += int(coded[k].size)
	}
	frames := e.coded[:0]
	for layer := range e.config.Layers {
		k := e.number(layer)
		size := int(coded[k].size)
		if size == 0 {
			if e.rates[k] > 0 {
				e.keys |= keys & (1 << k)
			}
			continue
		}
		key := coded[k].key != 0
		frames = append(frames, video.Encoded{
			Layer: layer, Data: e.out[start[k] : start[k]+size : start[k]+size], Key: key, Temporal: temporal,
			Sync: sync, Discard: coded[k].discard != 0,
		})
	}
	return frames
}

// Close frees the encoder. A second Close does nothing.
func (e *Encoder) Close() {
	C.tandem_encoder_free(e.c)
	e.c = nil
}

func octets(b []byte) *C.uint8_t { return (*C.uint8_t)(unsafe.SliceData(b)) }

func kbps(bitrate int) C.int {
	if bitrate <= 0 {
		return 0
	}
	return C.int(max(bitrate/1000, 1))
}

func flag(b bool) C.int {
	if b {
		return 1
	}
	return 0
}

type codecError string

func (e codecError) Error() string { return string(e) }

func failure(code C.int) error { return codecError("libvpx says: " + C.GoString(C.tandem_error(code))) }
