package codec

import "slices"

// A concealer goes on with speech where a packet is missing: it repeats the last
// pitch period, fades it out within 60 ms, and fades the next good audio in over
// it. This is the waveform substitution of ITU-T G.711 Appendix I, without its
// 3.75 ms of delay: the seam is smoothed after it instead of before.
type concealer struct {
	rate    int
	history []int16 // the last 45 ms played: the longest pitch period three times
	period  []int16 // what is repeated
	mirror  []int16 // the last samples before the loss, backwards: the seam to the period
	at      int     // in period
	lost    int     // samples filled since the last good one; 0 while nothing is lost
}

func newConcealer(rate int) concealer {
	return concealer{
		rate:    rate,
		history: make([]int16, 3*maxPitch(rate)),
		period:  make([]int16, 0, maxPitch(rate)),
		mirror:  make([]int16, 0, maxPitch(rate)/4),
	}
}

// Speech has its pitch between 66 and 200 Hz as far as concealment cares: a higher
// one is found as a multiple of its period.
func minPitch(rate int) int { return rate / 200 }
func maxPitch(rate int) int { return rate * 15 / 1000 }

// fill appends n samples that stand for lost ones.
func (c *concealer) fill(dst []int16, n int) []int16 {
	start := len(dst)
	dst = slices.Grow(dst, max(n, 0))[:start+max(n, 0)]
	out := dst[start:]
	if c.lost == 0 && len(out) > 0 {
		c.begin()
	}
	for i := range out {
		out[i] = c.synthesize()
	}
	c.remember(out)
	return dst
}

// begin finds the period to repeat in what was heard last.
func (c *concealer) begin() {
	h := c.history
	p := findPitch(h, minPitch(c.rate), maxPitch(c.rate), c.rate)
	end := len(h)
	c.period = append(c.period[:0], h[end-p:]...)
	// The last quarter becomes what was before the period, so that its end runs
	// into its own beginning.
	quarter := p / 4
	c.mirror = c.mirror[:0]
	for i := range quarter {
		c.mirror = append(c.mirror, h[end-1-i])
		before := int(h[end-p-quarter+i])
		k := p - quarter + i
		c.period[k] = mix(int(c.period[k]), before, i+1, quarter)
	}
	c.at = 0
}

// synthesize makes the next sample of the loss.
func (c *concealer) synthesize() int16 {
	v := int(c.period[c.at])
	if c.lost < len(c.mirror) {
		v = int(mix(int(c.mirror[c.lost]), v, c.lost, len(c.mirror)))
	}
	if c.at++; c.at == len(c.period) {
		c.at = 0
	}
	// Full for 10 ms, then down to nothing at 60 ms.
	full, gone := c.rate/100, c.rate*6/100
	switch c.lost++; {
	case c.lost >= gone:
		return 0
	case c.lost > full:
		v = v * (gone - c.lost) / (gone - full)
	}
	return int16(v)
}

// heard notes good samples. After a loss it fades them in over the synthetic ones.
func (c *concealer) heard(pcm []int16) {
	if c.lost > 0 && len(pcm) > 0 {
		overlap := min(c.rate/250+c.lost*2/5, c.rate/100, len(pcm)) // 4 to 10 ms
		for i := range overlap {
			pcm[i] = mix(int(c.synthesize()), int(pcm[i]), i+1, overlap+1)
		}
		c.lost = 0
	}
	c.remember(pcm)
}

func (c *concealer) remember(pcm []int16) {
	n := len(c.history)
	if len(pcm) >= n {
		copy(c.history, pcm[len(pcm)-n:])
		return
	}
	copy(c.history, c.history[len(pcm):])
	copy(c.history[n-len(pcm):], pcm)
}

// mix is from a to b by step of steps.
func mix(a, b, step, steps int) int16 {
	return int16((a*(steps-step) + b*step) / steps)
}

// findPitch returns the lag, from shortest to longest, at which the end of pcm is
// most like itself: first by every second or fourth sample, then exactly. pcm is
// at least 2*longest long.
func findPitch(pcm []int16, shortest, longest, rate int) int {
	coarse := max(rate/4000, 1)
	best, highest := shortest, -1.0
	for lag := shortest; lag <= longest; lag += coarse {
		if s := similarity(pcm, lag, longest, coarse); s > highest {
			best, highest = lag, s
		}
	}
	from, to := max(best-coarse, shortest), min(best+coarse, longest)
	highest = -1
	for lag := from; lag <= to; lag++ {
		if s := similarity(pcm, lag, longest, 1); s > highest {
			best, highest = lag, s
		}
	}
	return best
}

// similarity is the normalized correlation, -1 to 1, of the last length samples
// with those lag before, looking at every step-th.
func similarity(pcm []int16, lag, length, step int) float64 {
	a := pcm[len(pcm)-length:]
	b := pcm[len(pcm)-length-lag : len(pcm)-lag]
	var cross, energyA, energyB int64
	for i := 0; i < len(a) && i < len(b); i += step {
		x, y := int64(a[i]), int64(b[i])
		cross += x * y
		energyA += x * x
		energyB += y * y
	}
	if energyA == 0 || energyB == 0 {
		return 0
	}
	return float64(cross) / sqrt(float64(energyA)*float64(energyB))
}
