package tone

import "math"

// Speech is a test signal with the rhythm and spectrum of speech: syllables with a
// moving pitch and vowels, hissing consonants, and pauses. The same seed gives the
// same signal.
type Speech struct {
	rate  float64
	state uint64

	left   int     // samples of the running sound
	length int     // of it
	kind   sound   //
	pitch  float64 // Hz
	glide  float64 // change of it in a second
	phase  float64 // of the voice, 0 to 1
	vowel  [3]formant
}

type sound uint8

const (
	pauseSound sound = iota
	vowelSound
	hissSound
)

// A formant is a resonance of the mouth: a filter of second order.
type formant struct{ a1, a2, gain, y1, y2 float64 }

// The first three formants of vowels, in Hz.
var vowels = [...][3]float64{
	{730, 1090, 2440}, {530, 1840, 2480}, {270, 2290, 3010}, {570, 840, 2410}, {300, 870, 2240}, {660, 1720, 2410},
}

// NewSpeech returns the signal at rate Hz.
func NewSpeech(rate int, seed uint64) *Speech {
	s := &Speech{rate: float64(max(rate, 1)), state: seed*2 + 1, pitch: 120}
	for range 8 {
		s.random()
	}
	return s
}

// Fill overwrites pcm with the next samples. Its speech level is about -22 dBFS.
func (s *Speech) Fill(pcm []int16) {
	for i := range pcm {
		if s.left == 0 {
			s.begin()
		}
		v := s.next() * s.envelope()
		s.left--
		pcm[i] = int16(min(max(v*math.MaxInt16, math.MinInt16), math.MaxInt16))
	}
}

// random is evenly distributed in 0 to 1.
func (s *Speech) random() float64 {
	s.state = s.state*6364136223846793005 + 1442695040888963407
	return float64(s.state>>11) / (1 << 53)
}

// begin chooses the next sound.
func (s *Speech) begin() {
	seconds := 0.0
	switch r := s.random(); {
	case r < 0.15:
		s.kind, seconds = pauseSound, 0.1+0.5*s.random()
	case r < 0.40:
		s.kind, seconds = hissSound, 0.04+0.08*s.random()
	default:
		s.kind, seconds = vowelSound, 0.08+0.2*s.random()
		s.pitch = 90 + 130*s.random()
		s.glide = 80 * (s.random() - 0.5)
		v := vowels[int(s.random()*float64(len(vowels)))]
		for i, f := range v {
			s.vowel[i].tune(f*(0.9+0.2*s.random()), s.rate)
		}
	}
	s.length = int(seconds * s.rate)
	s.left = max(s.length, 1)
}

// tune sets a resonance with a band of 80 Hz. Above half the rate there is none.
func (f *formant) tune(freq, rate float64) {
	if freq > 0.45*rate {
		*f = formant{}
		return
	}
	r := math.Exp(-math.Pi * 80 / rate)
	f.a1, f.a2 = 2*r*math.Cos(2*math.Pi*freq/rate), -r*r
	f.gain = (1 - r) * 3
}

func (f *formant) filter(x float64) float64 {
	y := f.gain*x + f.a1*f.y1 + f.a2*f.y2
	f.y1, f.y2 = y, f.y1
	return y
}

// next is one sample of the running sound.
func (s *Speech) next() float64 {
	switch s.kind {
	case vowelSound:
		s.pitch += s.glide / s.rate
		s.phase += s.pitch / s.rate
		s.phase -= math.Floor(s.phase)
		// The glottis opens slowly and closes at once.
		x := s.phase*s.phase - 0.333
		var v float64
		for i := range s.vowel {
			v += s.vowel[i].filter(x) / float64(i+1)
		}
		return 0.15 * v
	case hissSound:
		return 0.05 * (s.random() - s.random())
	}
	return 0
}

// envelope lets each sound swell and die away.
func (s *Speech) envelope() float64 {
	return math.Sqrt(math.Sin(math.Pi * (float64(s.left) - 0.5) / float64(s.length+1)))
}
