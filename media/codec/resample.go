package codec

import (
	"fmt"
	"math"
	"slices"
)

// Resampler changes the rate of one stream by 2, 3 or 6 with a short polyphase
// filter (1.6 to 2 ms of delay at 8 kHz). It keeps the end of each block for the next.
type Resampler struct {
	up, down int
	taps     int         // of one phase
	phases   [][]float32 // up of them, each reversed: oldest sample first
	buffer   []float32   // taps-1 samples of the block before, then the block
	skip     int         // input samples to pass before the next output, when going down
}

// tapsPerPhase is counted at the lower of the two rates.
const tapsPerPhase = 32

// NewResampler returns a resampler between two of 8000, 16000 and 48000 Hz.
func NewResampler(from, to int) (*Resampler, error) {
	known := []int{8000, 16000, 48000}
	if !slices.Contains(known, from) || !slices.Contains(known, to) {
		return nil, fmt.Errorf("codec: cannot resample from %d to %d Hz, only between 8000, 16000 and 48000", from, to)
	}
	r := &Resampler{up: max(to/from, 1), down: max(from/to, 1)}
	r.taps = tapsPerPhase * r.down
	r.design()
	r.buffer = make([]float32, r.taps-1, r.taps-1+960)
	return r, nil
}

// design makes a sinc with a Kaiser window, its cut-off a little below half the
// lower rate, and deals its taps out to the phases.
func (r *Resampler) design() {
	factor := max(r.up, r.down)
	n := tapsPerPhase * factor
	cutoff := 0.46 / float64(factor) // of the higher rate
	r.phases = make([][]float32, r.up)
	for p := range r.phases {
		r.phases[p] = make([]float32, r.taps)
	}
	for i := range n {
		x := float64(i) - float64(n-1)/2
		w := kaiser(2*x/float64(n-1), 7)
		v := 2 * cutoff * sinc(2*cutoff*x) * w * float64(r.up)
		r.phases[i%r.up][r.taps-1-i/r.up] = float32(v)
	}
}

// Resample appends the block at the new rate to dst: exactly len(src)*to/from
// samples when that is whole.
func (r *Resampler) Resample(dst, src []int16) []int16 {
	if r.up == r.down {
		return append(dst, src...)
	}
	history := r.taps - 1
	r.buffer = r.buffer[:history]
	for _, v := range src {
		r.buffer = append(r.buffer, float32(v))
	}
	at := r.skip
	for ; at < len(src); at += r.down {
		window := r.buffer[at : at+r.taps]
		for _, phase := range r.phases {
			dst = append(dst, convolve(phase, window))
		}
	}
	r.skip = at - len(src)
	copy(r.buffer, r.buffer[len(src):])
	return dst
}

func convolve(taps, window []float32) int16 {
	var a, b, c, d float32
	window = window[:len(taps)]
	for i := 0; i+3 < len(taps); i += 4 {
		a += taps[i] * window[i]
		b += taps[i+1] * window[i+1]
		c += taps[i+2] * window[i+2]
		d += taps[i+3] * window[i+3]
	}
	v := a + b + c + d
	return int16(math.Round(float64(min(max(v, math.MinInt16), math.MaxInt16))))
}

func sinc(x float64) float64 {
	if x == 0 {
		return 1
	}
	return math.Sin(math.Pi*x) / (math.Pi * x)
}

// kaiser is the window's value at x in -1 to 1.
func kaiser(x, beta float64) float64 {
	return bessel(beta*math.Sqrt(max(1-x*x, 0))) / bessel(beta)
}

// bessel is the modified Bessel function I0, by its series.
func bessel(x float64) float64 {
	sum, term := 1.0, 1.0
	for k := 1.0; term > 1e-12*sum; k++ {
		term *= x * x / (4 * k * k)
		sum += term
	}
	return sum
}
