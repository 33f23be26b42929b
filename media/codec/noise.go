package codec

import (
	"math"
	"slices"
)

// ComfortNoise plays what a comfort noise payload describes: a level and, when it
// has them, the reflection coefficients of a spectrum (RFC 3389 §3). The zero
// value is silence.
type ComfortNoise struct {
	on    bool
	gain  float64 // of white noise with a variance of 1
	order int
	k     [noiseOrder]float64 // reflection coefficients
	state [noiseOrder + 1]float64
	seed  uint64
}

// More coefficients than 12 describe nothing a telephone passes on.
const noiseOrder = 12

// Update takes a payload of type 13. An empty one changes nothing.
func (c *ComfortNoise) Update(payload []byte) {
	if len(payload) == 0 {
		return
	}
	level := float64(payload[0] & 0x7f) // -dBov
	c.on = level < 96                   // less than one step of a sample is silence
	c.gain = math.MaxInt16 * math.Pow(10, -level/20)
	c.order = min(len(payload)-1, noiseOrder)
	for i := range c.order {
		c.k[i] = 258 * (float64(payload[1+i]) - 127) / 32768
		c.k[i] = min(max(c.k[i], -0.98), 0.98)
		c.gain *= math.Sqrt(1 - c.k[i]*c.k[i]) // what the filter will add
	}
}

// Generate appends n samples of the noise to dst.
func (c *ComfortNoise) Generate(dst []int16, n int) []int16 {
	start := len(dst)
	dst = slices.Grow(dst, max(n, 0))[:start+max(n, 0)]
	out := dst[start:]
	if !c.on {
		clear(out)
		return dst
	}
	for i := range out {
		out[i] = int16(min(max(c.next(), math.MinInt16), math.MaxInt16))
	}
	return dst
}

// next is one sample of white noise through an all-pole lattice.
func (c *ComfortNoise) next() float64 {
	c.seed = c.seed*6364136223846793005 + 1442695040888963407
	f := (float64(c.seed>>40)/(1<<23) - 1) * math.Sqrt(3) * c.gain // even in ±√3: variance 1
	for i := c.order - 1; i >= 0; i-- {
		f -= c.k[i] * c.state[i]
		c.state[i+1] = c.state[i] + c.k[i]*f
	}
	c.state[0] = f
	return f
}
