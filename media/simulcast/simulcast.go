// Package simulcast makes the three layers that Google Meet wants of one camera: VP8
// at about 720p, 360p and 180p from a picture of any size and shape. It splits the
// bit rate between them, turns the upper ones off when the path is narrow, and sees
// to their keyframes. Start reading at [Encoder.Encode].
package simulcast

import (
	"fmt"
	"time"

	"tandem/media/codec/vpx"
	"tandem/media/video"
)

// MaxBitrate is what Meet takes of a gateway's video, all layers together, in bit/s
// (meet-interop.md).
const MaxBitrate = 2_000_000

// Config is an encoder's shape; zero fields have defaults.
type Config struct {
	MaxBitrate int // bit/s of all layers; MaxBitrate by default
	FrameRate  int // pictures per second that are expected; 30 by default
	Temporal   int // temporal layers, 1 to 3; 1 by default
	Height     int // of the top layer of a 16:9 picture; 720 by default
	Speed      int // of the encoder, 1 to 16; 6 by default
	Screen     bool
}

// minKeyframe is the least time between two keyframes of a layer: each costs as much as
// many other frames.
const minKeyframe = 300 * time.Millisecond

// An Encoder encodes one source. It belongs to one goroutine at a time.
type Encoder struct {
	config  Config
	encoder *vpx.Encoder // nil before the first picture
	source  video.Rect   // size of the source that encoder is for
	layers  [Layers]Layer
	target  int
	wanted  [Layers]bool          // a keyframe was asked for
	keyed   [Layers]time.Duration // stream time of the last keyframe
	closed  bool
}

// Layer is one layer's state.
type Layer struct {
	Width, Height int
	Bitrate       int // bit/s; 0: off
}

// New returns an encoder, to be closed. It takes its memory with the first picture.
func New(c Config) *Encoder {
	if c.MaxBitrate <= 0 {
		c.MaxBitrate = MaxBitrate
	}
	if c.FrameRate <= 0 {
		c.FrameRate = 30
	}
	if c.Height <= 0 {
		c.Height = 720
	}
	return &Encoder{config: c, target: c.MaxBitrate}
}

// SetTarget tells what the path takes of all layers together, in bit/s.
func (e *Encoder) SetTarget(bitrate int) error {
	e.target = min(max(bitrate, 0), e.config.MaxBitrate)
	if e.encoder == nil {
		return nil
	}
	return e.split()
}

// RequestKey wants a keyframe of a layer, 0 the smallest. It is made with the next
// picture, unless the last one was less than 300 ms ago: then a little later.
func (e *Encoder) RequestKey(layer int) {
	if layer >= 0 && layer < Layers {
		e.wanted[layer] = true
	}
}

// Layers are the layers as they are now, the smallest first; without sizes before the
// first picture.
func (e *Encoder) Layers() [Layers]Layer { return e.layers }

// Encode encodes pic, taken at the time at on the stream's clock. A source whose size
// or shape changes begins anew with keyframes. The result is lent until the next call,
// the smallest layer first; a layer that is off or whose frame was dropped is missing.
func (e *Encoder) Encode(pic *video.Picture, at time.Duration) ([]video.Encoded, error) {
	if e.closed {
		return nil, video.ErrClosed
	}
	if !pic.Valid() {
		return nil, video.ErrSize
	}
	if e.encoder == nil || e.source.W != pic.Width || e.source.H != pic.Height {
		if err := e.open(pic.Width, pic.Height); err != nil {
			return nil, err
		}
	}
	for i := range e.wanted {
		if e.wanted[i] && at-e.keyed[i] >= minKeyframe && e.layers[i].Bitrate > 0 {
			e.wanted[i] = false
			e.encoder.RequestKey(i)
		}
	}
	frames, err := e.encoder.Encode(pic, at)
	for _, f := range frames {
		if f.Key {
			e.keyed[f.Layer], e.wanted[f.Layer] = at, false
		}
	}
	return frames, err
}

// open makes an encoder for sources of a size.
func (e *Encoder) open(width, height int) error {
	sizes, err := Sizes(width, height, e.config.Height)
	if err != nil {
		return err
	}
	layers, c := e.layers, vpx.Config{
		FrameRate: e.config.FrameRate, Temporal: e.config.Temporal, Speed: e.config.Speed, Screen: e.config.Screen, Drop: true,
	}
	for i, s := range sizes {
		layers[i] = Layer{Width: s.W, Height: s.H}
	}
	rates := Split(e.target, layers)
	for i := range layers {
		layers[i].Bitrate = rates[i]
		c.Layers = append(c.Layers, vpx.Layer{Width: layers[i].Width, Height: layers[i].Height, Bitrate: max(rates[i], 1000)})
	}
	fresh, err := vpx.NewEncoder(c)
	if err != nil {
		return fmt.Errorf("simulcast: %d x %d: %w", width, height, err)
	}
	if err := fresh.SetBitrates(rates[:]...); err != nil {
		fresh.Close()
		return err
	}
	if e.encoder != nil {
		e.encoder.Close()
	}
	e.encoder, e.layers, e.source = fresh, layers, video.Rect{W: width, H: height}
	return nil
}

func (e *Encoder) split() error {
	rates := Split(e.target, e.layers)
	for i := range e.layers {
		e.layers[i].Bitrate = rates[i]
	}
	return e.encoder.SetBitrates(rates[:]...)
}

// Close frees the encoder. A second Close does nothing.
func (e *Encoder) Close() {
	if e.encoder != nil {
		e.encoder.Close()
		e.encoder = nil
	}
	e.closed = true
}

// String prints the layers, for the log and the live view.
func (e *Encoder) String() string {
	s := "VP8"
	for i := Layers - 1; i >= 0; i-- {
		if l := e.layers[i]; l.Bitrate > 0 {
			s += fmt.Sprintf(" %dx%d@%d", l.Width, l.Height, l.Bitrate/1000)
		}
	}
	return s
}
