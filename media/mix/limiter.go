package mix

// output is one mix with its limiter.
type output struct {
	pcm  []int16
	gain float64
}

func newOutput(size int) output { return output{pcm: make([]int16, size), gain: 1} }

const (
	ceiling = 29000.0 // peak that the limiter keeps to, -1 dBFS
	knee    = 24000.0 // where what is left over it begins to be bent
	full    = 32767.0
	attack  = 0.002 // seconds
	release = 0.5   // seconds to come back from silence to full gain
)

// mix writes sum without minus. When several people speak at once it turns all of them
// down together, fast, and back up slowly: a sum that is cut off crackles.
func (o *output) mix(sum []int32, minus []int16, rate int) {
	want := o.target(peak(sum, minus), len(sum), rate)
	if want == 1 && o.gain == 1 {
		for s, v := range sum {
			if minus != nil {
				v -= int32(minus[s])
			}
			o.pcm[s] = int16(v)
		}
		return
	}
	down := max(int(attack*float64(rate)), 1)
	if want > o.gain {
		down = len(sum)
	}
	step, gain := (want-o.gain)/float64(down), o.gain
	for s, v := range sum {
		if minus != nil {
			v -= int32(minus[s])
		}
		if s < down {
			gain += step
		}
		o.pcm[s] = bend(float64(v) * gain)
	}
	o.gain = want
	if o.gain > 0.9999 {
		o.gain = 1
	}
}

// target is the gain at the end of a frame.
func (o *output) target(peak int32, size, rate int) float64 {
	want := 1.0
	if float64(peak) > ceiling {
		want = ceiling / float64(peak)
	}
	if want > o.gain {
		return min(want, o.gain+float64(size)/float64(rate)/release)
	}
	return want
}

func peak(sum []int32, minus []int16) int32 {
	high, low := int32(0), int32(0)
	if minus == nil {
		for _, v := range sum {
			high, low = max(high, v), min(low, v)
		}
		return max(high, -low)
	}
	for s, v := range sum {
		v -= int32(minus[s])
		high, low = max(high, v), min(low, v)
	}
	return max(high, -low)
}

// bend lets what is above the knee come closer and closer to full scale, and never
// there: it is for the first two milliseconds of a sudden shout.
func bend(v float64) int16 {
	size, sign := v, 1.0
	if v < 0 {
		size, sign = -v, -1
	}
	if size > knee {
		over := size - knee
		size = knee + (full-knee)*over/(over+full-knee)
	}
	return int16(sign * size)
}
