package tone

import (
	"math"
	"math/bits"
	"math/cmplx"
)

// Silent is the level of no signal at all, in dBFS.
const Silent = -120.0

// Measure finds the strongest frequency of a signal, in Hz, and the level of all of
// it, where 0 dBFS is a full-scale sine. It looks at the last 16384 samples for the
// frequency; of silence it is 0.
func Measure(pcm []int16, rate int) (freq, dBFS float64) {
	dBFS = Level(pcm)
	if dBFS <= Silent || len(pcm) < 16 {
		return 0, dBFS
	}
	return strongest(pcm[max(0, len(pcm)-16384):], rate), dBFS
}

// Level is the power of a signal; 0 dBFS is that of a full-scale sine.
func Level(pcm []int16) (dBFS float64) {
	var sum float64
	for _, v := range pcm {
		sum += float64(v) * float64(v)
	}
	return decibel(sum / float64(max(len(pcm), 1)) * 2)
}

// LevelAt is the level of one frequency in a signal, by a Goertzel filter.
func LevelAt(pcm []int16, rate int, freq float64) (dBFS float64) {
	if len(pcm) == 0 {
		return Silent
	}
	w := 2 * math.Pi * freq / float64(max(rate, 1))
	c := 2 * math.Cos(w)
	var s1, s2 float64
	for _, v := range pcm {
		s1, s2 = float64(v)+c*s1-s2, s1
	}
	half := float64(len(pcm)) / 2
	return decibel((s1*s1 + s2*s2 - c*s1*s2) / (half * half))
}

// decibel is a squared amplitude against full scale.
func decibel(square float64) float64 {
	return max(10*math.Log10(square/(math.MaxInt16*math.MaxInt16)+1e-12), Silent)
}

// strongest is the frequency of the highest peak in the spectrum under a Hann
// window, between the bins by a parabola through their logarithms.
func strongest(pcm []int16, rate int) float64 {
	size := 1 << bits.Len(uint(len(pcm)-1))
	x := make([]complex128, size)
	for i, v := range pcm {
		hann := 0.5 - 0.5*math.Cos(2*math.Pi*(float64(i)+0.5)/float64(len(pcm)))
		x[i] = complex(float64(v)*hann, 0)
	}
	transform(x)
	best := 1
	for i := 1; i < size/2; i++ {
		if cmplx.Abs(x[i]) > cmplx.Abs(x[best]) {
			best = i
		}
	}
	a := math.Log(cmplx.Abs(x[best-1]) + 1e-9)
	b := math.Log(cmplx.Abs(x[best]) + 1e-9)
	c := math.Log(cmplx.Abs(x[best+1]) + 1e-9)
	shift := 0.0
	if d := a - 2*b + c; d < 0 {
		shift = (a - c) / 2 / d
	}
	return (float64(best) + shift) * float64(rate) / float64(size)
}

// transform is the discrete Fourier transform, in place; len(x) is a power of two.
func transform(x []complex128) {
	n := len(x)
	shift := 64 - bits.Len(uint(n-1))
	for i := range x {
		if j := int(bits.Reverse64(uint64(i)) >> shift); n > 1 && j > i {
			x[i], x[j] = x[j], x[i]
		}
	}
	for half := 1; half < n; half *= 2 {
		turn := cmplx.Exp(complex(0, -math.Pi/float64(half)))
		for start := 0; start < n; start += 2 * half {
			w := complex(1, 0)
			for i := start; i < start+half; i++ {
				odd := w * x[i+half]
				x[i], x[i+half] = x[i]+odd, x[i]-odd
				w *= turn
			}
		}
	}
}
