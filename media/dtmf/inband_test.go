package dtmf

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"tandem/media/tone"
)

// pair is a key's tones with own levels (dBFS) and frequencies off by a share.
func pair(key rune, low, high, off float64, rate int, d time.Duration) []int16 {
	pcm := make([]int16, int(d)*rate/int(time.Second))
	f1, f2 := tones(key)
	for i := range pcm {
		s := 2 * math.Pi * float64(i) / float64(rate) * (1 + off)
		pcm[i] = int16(math.MaxInt16 * (math.Pow(10, low/20)*math.Sin(f1*s) + math.Pow(10, high/20)*math.Sin(f2*s+1)))
	}
	return pcm
}

func silence(rate int, d time.Duration) []int16 {
	return make([]int16, int(d)*rate/int(time.Second))
}

// detect gives pcm to a detector in frames of 20 ms.
func detect(rate int, pcm []int16) (got []Digit) {
	d := NewDetector(rate)
	pcm = append(slices.Clone(pcm), silence(rate, 100*time.Millisecond)...)
	for frame := range slices.Chunk(pcm, rate/50) {
		if digit, ok := d.Detect(frame); ok {
			got = append(got, digit)
		}
	}
	return got
}

func TestTheDetectorHearsTheGeneratorsKeys(t *testing.T) {
	for _, rate := range []int{8000, 16000, 48000} {
		g := NewGenerator(rate)
		for _, k := range keypad {
			if err := g.Send(Digit{Key: k}); err != nil {
				t.Fatal(err)
			}
		}
		var pcm []int16
		frame := make([]int16, rate/50)
		for g.Fill(frame) {
			pcm = append(pcm, frame...)
		}
		got := detect(rate, pcm)
		if keys(got) != keypad {
			t.Errorf("%d Hz: %q", rate, keys(got))
		}
		for _, d := range got {
			if d.Duration < 75*time.Millisecond || d.Duration > 125*time.Millisecond {
				t.Errorf("%d Hz: %q lasted %v, want 100 ms", rate, d.Key, d.Duration)
			}
		}
	}
	if NewGenerator(8000).Send(Digit{Key: Flash}) == nil {
		t.Error("a flash has a tone")
	}
}

// ITU-T Q.24, table A-1, with its ranges of frequency, level, twist and time.
func TestTheDetectorsTolerances(t *testing.T) {
	ms := time.Millisecond
	for _, c := range []struct {
		name      string
		low, high float64
		off       float64
		length    time.Duration
		want      bool
	}{
		{"nominal", -10, -8, 0, 100 * ms, true},
		{"1.5 % high", -10, -10, 0.015, 100 * ms, true},
		{"1.5 % low", -10, -10, -0.015, 100 * ms, true},
		{"4 % high", -10, -10, 0.04, 100 * ms, false},
		{"4 % low", -10, -10, -0.04, 100 * ms, false},
		{"loud", -7, -7, 0, 100 * ms, true},
		{"quiet", -38, -36, 0, 100 * ms, true},
		{"too quiet", -56, -56, 0, 100 * ms, false},
		{"low tone 4 dB stronger", -10, -14, 0, 100 * ms, true},
		{"high tone 7 dB stronger", -17, -10, 0, 100 * ms, true},
		{"low tone 12 dB stronger", -8, -20, 0, 100 * ms, false},
		{"40 ms", -10, -10, 0, 40 * ms, true},
		{"15 ms", -10, -10, 0, 15 * ms, false},
		{"one tone only", -10, -90, 0, 100 * ms, false},
	} {
		for _, k := range keypad {
			for phase := range 8 { // where the tone begins in a block
				pcm := slices.Concat(silence(8000, time.Duration(20+phase*2)*ms), pair(k, c.low, c.high, c.off, 8000, c.length))
				got := keys(detect(8000, pcm))
				if want := map[bool]string{true: string(k), false: ""}[c.want]; got != want {
					t.Errorf("%s: key %q heard as %q", c.name, k, got)
					break
				}
			}
		}
	}
}

func TestKeysAreHeardInNoiseAndFastDialling(t *testing.T) {
	rnd := rand.New(rand.NewPCG(7, 8))
	var pcm []int16
	for _, k := range keypad {
		pcm = slices.Concat(pcm, pair(k, -13, -12, 0, 8000, 50*time.Millisecond), silence(8000, 50*time.Millisecond))
	}
	for i := range pcm { // 15 dB below
		pcm[i] += int16(rnd.NormFloat64() * 0.04 * math.MaxInt16)
	}
	if got := keys(detect(8000, pcm)); got != keypad {
		t.Errorf("got %q", got)
	}
}

func TestADropoutDoesNotSplitAKey(t *testing.T) {
	pcm := pair('5', -10, -10, 0, 8000, 200*time.Millisecond)
	clear(pcm[800:880]) // 10 ms
	if got := keys(detect(8000, pcm)); got != "5" {
		t.Errorf("got %q", got)
	}
}

// Talk-off: twenty minutes of a signal like speech, in several voices, has no digit.
func TestSpeechIsNoDigit(t *testing.T) {
	minutes := 20
	if testing.Short() {
		minutes = 5
	}
	frame := make([]int16, 160)
	var speech *tone.Speech
	d := NewDetector(8000)
	for n := range minutes * 3000 {
		if n%3000 == 0 {
			speech = tone.NewSpeech(8000, uint64(n))
		}
		speech.Fill(frame)
		if digit, ok := d.Detect(frame); ok {
			t.Errorf("%q heard in speech, at %v", digit.Key, time.Duration(n)*tick)
		}
	}
}

func TestCallProgressTonesAreNoDigits(t *testing.T) {
	frame := make([]int16, 160)
	for _, country := range []string{"US", "DE", "GB", "FR", "JP"} {
		for _, g := range []*tone.Generator{tone.Ringback(country, 8000), tone.Busy(country, 8000), tone.Congestion(country, 8000)} {
			d := NewDetector(8000)
			for range 500 {
				g.Fill(frame)
				if digit, ok := d.Detect(frame); ok {
					t.Errorf("%s: %q", country, digit.Key)
				}
			}
		}
	}
}

func TestDetectingDoesNotAllocate(t *testing.T) {
	d := NewDetector(8000)
	pcm := slices.Concat(pair('5', -10, -10, 0, 8000, 60*time.Millisecond), silence(8000, 60*time.Millisecond))
	d.Detect(pcm)
	if n := testing.AllocsPerRun(100, func() { d.Detect(pcm) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkDetector(b *testing.B) {
	d := NewDetector(8000)
	pcm := pair('5', -10, -10, 0, 8000, 20*time.Millisecond)
	for b.Loop() {
		d.Detect(pcm)
	}
}
