package meet

import (
	"fmt"
	"image"
	"image/color"
	"math"
	"sync"

	"tandem/sim/opus"
	"tandem/sim/picture"
	"tandem/sim/vp8"
)

// frame is one VP8 frame on its way to viewers.
type frame struct {
	data  []byte
	key   bool
	tid   int    // temporal layer; -1: none
	stamp uint32 // 90 kHz, of its source
}

// reel is one layer of a scripted person's camera or screen. It is encoded as it is
// first seen and kept: a keyframe, the rest of the round, and a second round
// that begins without a keyframe and can be played forever.
type reel struct {
	scene         picture.Scene
	film          func(img *image.YCbCr, n int) // in its place; may be nil
	width, height int
	fps, kbps     int
	rounds        int // frames of one round

	mu      sync.Mutex // guards everything below
	frames  [][]byte
	encoder *vp8.Encoder
	canvas  *image.YCbCr
	err     error
}

const reelSeconds = 2

// at returns frame i. Frames are asked for in order, or again from the first.
func (r *reel) at(i int) ([]byte, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for len(r.frames) <= i && r.err == nil {
		r.err = r.encodeNext()
	}
	if r.err != nil {
		return nil, r.err
	}
	return r.frames[i], nil
}

func (r *reel) encodeNext() error {
	i := len(r.frames)
	if i == 0 {
		var err error
		if r.encoder, err = vp8.NewEncoder(r.width, r.height, r.fps, r.kbps); err != nil {
			return err
		}
		r.canvas = picture.New(r.width, r.height)
	}
	if r.encoder == nil {
		return fmt.Errorf("the gallery is closed")
	}
	if r.film != nil {
		r.film(r.canvas, i%r.rounds)
	} else {
		r.scene.Draw(r.canvas, float64(i%r.rounds)/float64(r.rounds))
	}
	data, err := r.encoder.Encode(r.canvas, r.kind(i))
	if err != nil {
		return err
	}
	if r.frames = append(r.frames, data); len(r.frames) == 2*r.rounds {
		r.encoder.Close()
		r.encoder, r.canvas = nil, nil
	}
	return nil
}

func (r *reel) kind(i int) vp8.Kind {
	switch {
	case i == 0:
		return vp8.Key
	case i == r.rounds:
		return vp8.Return
	case i%2 == 1:
		return vp8.Enhancement
	}
	return vp8.Base
}

// next is the position after i.
func (r *reel) next(i int) int {
	if i++; i >= 2*r.rounds {
		return r.rounds
	}
	return i
}

func (r *reel) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.encoder != nil {
		r.encoder.Close()
		r.encoder = nil
	}
}

// reelKey is what makes a reel.
type reelKey struct {
	name          string
	colour        color.RGBA
	slides        bool
	width, height int
	fps           int
}

// gallery keeps the reels and voices of all scripted people.
type gallery struct {
	film func(img *image.YCbCr, n int) // may be nil

	mu     sync.Mutex // guards everything below
	reels  map[reelKey]*reel
	voices map[voiceKey]*speech
}

func newGallery(film func(img *image.YCbCr, n int)) *gallery {
	return &gallery{film: film, reels: map[reelKey]*reel{}, voices: map[voiceKey]*speech{}}
}

func (g *gallery) reel(k reelKey) *reel {
	g.mu.Lock()
	defer g.mu.Unlock()
	r := g.reels[k]
	if r == nil {
		r = &reel{
			scene: picture.Scene{Name: k.name, Colour: k.colour, Slides: k.slides}, width: k.width, height: k.height,
			fps: k.fps, kbps: layerRate(k.height) / 1000, rounds: k.fps * reelSeconds, film: g.film,
		}
		g.reels[k] = r
	}
	return r
}

func (g *gallery) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, r := range g.reels {
		r.close()
	}
}

// layerRate is about what a layer of a height needs, in bit/s.
func layerRate(height int) int {
	switch {
	case height <= 200:
		return 150_000
	case height <= 400:
		return 500_000
	case height <= 800:
		return 1_500_000
	}
	return 2_500_000
}

type voiceKey struct {
	tone  float64
	level float64
}

// speech is a scripted person's voice: a hum of one pitch with some overtones,
// in syllables, so that it is told apart and passes for speech.
type speech struct {
	once   sync.Once
	frames [][]byte
	levels []float64 // dBov
	err    error
}

const speechFrames = 100 // 2 s

func (g *gallery) voice(tone, level float64) *speech {
	k := voiceKey{tone, level}
	g.mu.Lock()
	v := g.voices[k]
	if v == nil {
		v = &speech{}
		g.voices[k] = v
	}
	g.mu.Unlock()
	v.once.Do(func() { v.err = v.record(tone, level) })
	return v
}

func (v *speech) record(tone, level float64) error {
	e, err := opus.NewEncoder()
	if err != nil {
		return err
	}
	defer e.Close()
	amplitude := 32767 * math.Sqrt2 * math.Pow(10, level/20)
	pcm := make([]int16, opus.FrameSamples)
	for f := range speechFrames {
		var sum float64
		for i := range pcm {
			t := float64(f*opus.FrameSamples+i) / opus.EncodeRate
			envelope := 0.65 + 0.35*math.Cos(2*math.Pi*4*t) // syllables
			w := 2 * math.Pi * tone * t
			x := amplitude * envelope * (0.92*math.Sin(w) + 0.15*math.Sin(2*w) + 0.08*math.Sin(3*w))
			pcm[i] = int16(max(min(x, 32767), -32768))
			sum += x * x
		}
		packet, err := e.Encode(pcm)
		if err != nil {
			return err
		}
		v.frames = append(v.frames, packet)
		v.levels = append(v.levels, 10*math.Log10(max(sum/float64(len(pcm)), 1)/(32768*32768)))
	}
	return nil
}
