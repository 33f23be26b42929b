package audio

import "math"

// Rate is the sample rate of everything here.
const Rate = 8000 // Hz

// FrameSamples is one packet's worth of samples: 20 ms.
const FrameSamples = Rate / 50

// Tone makes a sine wave without phase jumps between frames.
type Tone struct {
	Frequency float64 // Hz; 0 is silence
	Amplitude float64 // of 32767; 0 means 0.25 (-15 dBFS RMS)
	phase     float64
}

// Read fills pcm with the next samples.
func (t *Tone) Read(pcm []int16) {
	if t.Frequency <= 0 {
		clear(pcm)
		return
	}
	amplitude := t.Amplitude
	if amplitude == 0 {
		amplitude = 0.25
	}
	step := 2 * math.Pi * t.Frequency / Rate
	for i := range pcm {
		pcm[i] = int16(amplitude * 32767 * math.Sin(t.phase))
		t.phase = math.Mod(t.phase+step, 2*math.Pi)
	}
}

// power is the Goertzel power of one frequency, as the mean square of the sine
// it would be.
func power(pcm []float64, frequency float64) float64 {
	k := 2 * math.Cos(2*math.Pi*frequency/Rate)
	var s1, s2 float64
	for _, x := range pcm {
		s1, s2 = x+k*s1-s2, s1
	}
	n := float64(len(pcm))
	return 2 * (s1*s1 + s2*s2 - k*s1*s2) / (n * n)
}

// dBFS converts a mean square of 16 bit samples to decibels of full scale.
func dBFS(meanSquare float64) float64 {
	if meanSquare < 1 {
		return -96
	}
	return 10 * math.Log10(meanSquare/(32768*32768))
}

// loudest finds the strongest frequency between 200 and 3400 Hz and its share
// of the signal's power. A steady tone is found by its hint without a search.
// pcm should hold at least 50 ms.
func loudest(pcm []float64, hint, enough float64) (frequency, meanSquare float64) {
	best, at := 0.0, hint
	try := func(part []float64, f float64) {
		if p := power(part, f); p > best {
			best, at = p, f
		}
	}
	if hint > 0 {
		try(pcm, hint)
	}
	if best < enough {
		// 100 ms resolve 10 Hz, so a coarse search of all of it would miss what
		// lies between its steps: look at less first.
		coarse := pcm[:len(pcm)*3/10]
		best = 0
		for f := 200.0; f <= 3400; f += 20 {
			try(coarse, f)
		}
		best = 0
		for f, end := at-16, at+16; f <= end; f += 4 {
			try(pcm, f)
		}
	}
	for d := 4.0; d >= 0.25; d /= 2 {
		low, high := at-d, at+d
		try(pcm, low)
		try(pcm, high)
	}
	return at, best
}
