package codec

import (
	"math"
	"slices"
)

func sqrt(x float64) float64 { return math.Sqrt(x) }

// What Shorten and Lengthen ask of the audio: to be periodic, or so quiet that
// nobody hears the seam.
const (
	periodic = 0.7
	quiet    = 100 // mean magnitude of samples, about -50 dBFS
)

// Shorten takes one pitch period (2.5 to 10 ms) out of a frame without a click
// and returns the rest; in audio without a period it changes nothing. It works in
// place.
func Shorten(pcm []int16, rate int) []int16 {
	p, ok := framePitch(pcm, rate)
	if !ok {
		return pcm
	}
	at := len(pcm)/2 - p
	for i := range p {
		pcm[at+i] = mix(int(pcm[at+i]), int(pcm[at+p+i]), i+1, p+1)
	}
	return append(pcm[:at+p], pcm[at+2*p:]...)
}

// Lengthen puts one more pitch period into a frame; see Shorten. It does not
// allocate when pcm has room.
func Lengthen(pcm []int16, rate int) []int16 {
	p, ok := framePitch(pcm, rate)
	if !ok {
		return pcm
	}
	n := len(pcm)
	at := n/2 - p
	pcm = slices.Grow(pcm, p)[:n+p]
	copy(pcm[at+2*p:], pcm[at+p:n])
	// What now stands at at+2p stood at at+p: lead from it back to one period before.
	for i := range p {
		pcm[at+p+i] = mix(int(pcm[at+2*p+i]), int(pcm[at+i]), i+1, p+1)
	}
	return pcm
}

// framePitch finds the period of a frame, and whether one may be cut out or in.
func framePitch(pcm []int16, rate int) (period int, ok bool) {
	shortest, longest := rate/400, rate/100
	if len(pcm) < 2*longest {
		longest = len(pcm) / 2
	}
	if longest <= shortest {
		return 0, false
	}
	// The second half of the frame against what is before it.
	p := findPitch(pcm, shortest, longest, rate)
	if similarity(pcm, p, longest, 1) >= periodic {
		return p, true
	}
	var sum int
	for _, v := range pcm {
		sum += max(int(v), -int(v))
	}
	return longest, sum < quiet*len(pcm)
}
