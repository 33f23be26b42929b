package mix

import "math"

// A Level is how loud something is, in dBov: 0 is the loudest there is, Silence the
// other end (RFC 6464 with the sign turned).
type Level float64

// Silence is the lowest Level.
const Silence Level = -127

// Measure is the level of a frame.
func Measure(frame []int16) Level {
	sum := 0.0
	for _, v := range frame {
		sum += float64(v) * float64(v)
	}
	if sum == 0 || len(frame) == 0 {
		return Silence
	}
	return max(Silence, Level(10*math.Log10(sum/float64(len(frame))/(32768*32768))))
}
