// Package tone makes and measures audio: call progress tones, test signals and WAV
// files, all of 16-bit samples, mono. Start reading at [Generator] and [Measure].
package tone

import (
	"math"
	"strings"
	"time"
)

// A Generator plays a tone with its cadence for ever. It has no clock: it knows how
// many samples it has made.
type Generator struct {
	rate      int
	steps     []step
	current   int // step
	at        int // samples into it
	amplitude float64
	n         float64 // samples since the beginning, for the phase
}

// A step of a cadence is a time with tones, or silence when it has none.
type step struct {
	length time.Duration // 0: for ever
	freqs  []float64     // Hz, of equal level
}

const progressLevel = -19 // dBFS of each tone, what networks send (ITU-T E.180)

// Fill overwrites pcm with the next samples.
func (g *Generator) Fill(pcm []int16) {
	for i := range pcm {
		pcm[i] = g.next()
	}
}

func (g *Generator) next() int16 {
	s := &g.steps[g.current]
	var v float64
	for _, f := range s.freqs {
		v += math.Sin(2 * math.Pi * f * g.n / float64(g.rate))
	}
	v *= g.amplitude * g.edge(s)
	g.n++
	g.at++
	if s.length > 0 && g.at >= g.samples(s.length) {
		g.at, g.n = 0, 0
		g.current = (g.current + 1) % len(g.steps)
	}
	return int16(math.Round(min(max(v, math.MinInt16), math.MaxInt16)))
}

// edge softens the beginning and end of a step over 4 ms: it must not click.
func (g *Generator) edge(s *step) float64 {
	if s.length == 0 || len(s.freqs) == 0 {
		return 1
	}
	soft := g.rate / 250
	distance := min(g.at+1, g.samples(s.length)-g.at)
	return min(float64(distance)/float64(soft), 1)
}

func (g *Generator) samples(d time.Duration) int {
	return int(d * time.Duration(g.rate) / time.Second)
}

func newGenerator(rate int, dBFS float64, steps []step) *Generator {
	return &Generator{rate: max(rate, 1), steps: steps, amplitude: math.MaxInt16 * math.Pow(10, dBFS/20)}
}

// Sine is a plain tone of a level relative to a full-scale sine.
func Sine(freq, dBFS float64, rate int) *Generator {
	return newGenerator(rate, dBFS, []step{{0, []float64{freq}}})
}

// Ringback is what a caller hears while the far end rings. country is an ISO 3166
// code of two letters; empty or unknown means the United States.
func Ringback(country string, rate int) *Generator {
	return newGenerator(rate, progressLevel, planOf(country).ringback)
}

// Busy is what a caller hears when the far end is busy.
func Busy(country string, rate int) *Generator {
	return newGenerator(rate, progressLevel, planOf(country).busy)
}

// Congestion is what a caller hears when the network cannot reach the far end
// (reorder tone).
func Congestion(country string, rate int) *Generator {
	return newGenerator(rate, progressLevel, planOf(country).congestion)
}

// plan is a country's tones.
type plan struct{ ringback, busy, congestion []step }

func planOf(country string) plan {
	if p, ok := plans[strings.ToUpper(country)]; ok {
		return p
	}
	return plans["US"]
}
