package media

import (
	"math"
	"time"
)

// MOS estimates how good a stream sounded to the one who heard it, from 1 (bad) to
// 4.5 (a perfect narrow-band call): the E-model of ITU-T G.107 with what is known
// after a call, as G.107.1's and G.113's tables say. codec is an encoding name.
// It is 0 when nothing came in.
func (s Stats) MOS(codec string) float64 {
	if s.PacketsIn == 0 {
		return 0
	}
	r := 93.2 - delayImpairment(s.delay()) - lossImpairment(codec, s.lossRate())
	switch {
	case r <= 0:
		return 1
	case r >= 100:
		return 4.5
	}
	return math.Max(1, 1+0.035*r+r*(r-60)*(100-r)*7e-6)
}

// lossRate is the part of the packets that was not heard.
func (s Stats) lossRate() float64 {
	missed := s.Lost + s.Late
	return float64(missed) / float64(max(s.PacketsIn-min(s.Late, s.PacketsIn)+missed, 1))
}

// delay is the way from mouth to ear as far as we know it: half of the round trip,
// a jitter buffer at its start, and a packet's length at either end.
func (s Stats) delay() time.Duration {
	return s.RoundTrip/2 + max(40*time.Millisecond, 2*s.Jitter) + 40*time.Millisecond
}

// delayImpairment is Id of G.107 in its usual short form: conversation suffers
// beyond 177 ms.
func delayImpairment(d time.Duration) float64 {
	ms := float64(d) / float64(time.Millisecond)
	return 0.024*ms + 0.11*math.Max(0, ms-177.3)
}

// lossImpairment is Ie,eff of G.107 for random loss: the codec's own impairment,
// and how well it bears loss (G.113 Appendix I; Opus is not in it, and its figures
// are those of a wide-band codec with concealment, on the narrow-band scale).
func lossImpairment(codec string, rate float64) float64 {
	own, bears := 0.0, 25.1 // G.711 with concealment
	switch codec {
	case "OPUS":
		own, bears = 0, 20
	case "G722":
		own, bears = 0, 13.5 // its 13 are of the wide-band scale, where G.711 has 36
	}
	percent := 100 * rate
	return own + (95-own)*percent/(percent+bears)
}
