package codec

import (
	"fmt"
	"math"
	"slices"
	"testing"
)

func TestResamplingKeepsAToneAndRemovesAliases(t *testing.T) {
	for _, c := range [][2]int{{8000, 16000}, {16000, 8000}, {8000, 48000}, {48000, 8000}, {16000, 48000}, {48000, 16000}, {8000, 8000}} {
		t.Run(fmt.Sprint(c[0], " to ", c[1]), func(t *testing.T) {
			for _, freq := range []float64{300, 1000, 3300} {
				out := resampled(t, sine(freq, -6, c[0], c[0]), c[0], c[1])
				if len(out) != c[1] {
					t.Fatalf("%d samples, want %d", len(out), c[1])
				}
				settled := out[c[1]/10:]
				snr := toneSNR(settled, freq, c[1])
				gain := 20 * math.Log10(rms(settled)/rms(sine(freq, -6, 8000, 8000)))
				if snr < 50 || math.Abs(gain) > 0.3 {
					t.Errorf("%v Hz: SNR %.1f dB, gain %.2f dB", freq, snr, gain)
				}
			}
			if c[1] >= c[0] {
				return
			}
			above := float64(c[1]) * 0.62 // folds down into speech when it is not removed
			left := resampled(t, sine(above, -6, c[0], c[0]), c[0], c[1])
			if got := 20 * math.Log10(rms(left[c[1]/10:])/16000); got > -55 {
				t.Errorf("%v Hz comes through with %.1f dB", above, got)
			}
		})
	}
	if _, err := NewResampler(8000, 44100); err == nil {
		t.Error("a resampler to 44100 Hz")
	}
}

func resampled(t *testing.T, in []int16, from, to int) (out []int16) {
	t.Helper()
	r, err := NewResampler(from, to)
	if err != nil {
		t.Fatal(err)
	}
	for block := range slices.Chunk(in, from/50) {
		out = r.Resample(out, block)
	}
	return out
}

func TestAnOddBlockDoesNotDisturbTheNext(t *testing.T) {
	r, _ := NewResampler(16000, 8000)
	in := sine(1000, -6, 16000, 16000)
	var out []int16
	for block := range slices.Chunk(in, 317) {
		out = r.Resample(out, block)
	}
	if snr := toneSNR(out[1000:], 1000, 8000); snr < 50 || len(out) != 8000 {
		t.Errorf("SNR %.1f dB in %d samples", snr, len(out))
	}
}

// A lost frame of a steady voice is concealed so that most of its power is right.
func TestConcealmentGoesOnWithTheVoice(t *testing.T) {
	for _, c := range []struct {
		name string
		rate int
	}{{"PCMU", 8000}, {"PCMA", 8000}, {"G722", 16000}} {
		in := sine(150, -10, c.rate, c.rate)
		harmonic := sine(450, -16, c.rate, c.rate)
		for i := range in {
			in[i] += harmonic[i]
		}
		e, _ := NewEncoder(Params{Name: c.name, Rate: c.rate})
		d, _ := NewDecoder(c.name, c.rate)
		var out, whole []int16
		reference, _ := NewDecoder(c.name, c.rate)
		for n, frame := range slices.Collect(slices.Chunk(in, c.rate/50)) {
			p, _ := e.Encode(nil, frame)
			whole, _ = reference.Decode(whole, p)
			if n == 20 {
				out = d.Conceal(out, len(frame))
			} else {
				out, _ = d.Decode(out, p)
			}
		}
		lost := out[c.rate*20/50 : c.rate*21/50]
		if got := distance(lost, whole[c.rate*20/50:c.rate*21/50]) / rms(lost); got > 0.45 {
			t.Errorf("%s: the concealed frame differs by %.2f of its level", c.name, got)
		}
		// No step is larger than the voice's own, at either seam.
		limit := steepest(whole) * 5 / 4
		if got := steepest(out); got > limit {
			t.Errorf("%s: a click of %d, the voice has %d", c.name, got, limit)
		}
	}
}

func steepest(pcm []int16) (step int) {
	for i := 1; i < len(pcm); i++ {
		d := int(pcm[i]) - int(pcm[i-1])
		step = max(step, d, -d)
	}
	return step
}

func TestALongLossFadesToSilence(t *testing.T) {
	d, _ := NewDecoder("PCMU", 8000)
	d.Decode(nil, MuLaw.Compress(nil, sine(200, -10, 8000, 800)))
	first := rms(d.Conceal(nil, 80))
	d.Conceal(nil, 400)
	if after := d.Conceal(nil, 160); rms(after) != 0 || first < 5000 {
		t.Errorf("level %.0f at first and %.0f after 60 ms", first, rms(after))
	}
	if fresh, _ := NewDecoder("PCMU", 8000); rms(fresh.Conceal(nil, 160)) != 0 {
		t.Error("a stream that begins with a loss does not begin with silence")
	}
}

func TestShortenAndLengthenKeepTheTone(t *testing.T) {
	for _, rate := range []int{8000, 16000, 48000} {
		in := sine(250, -10, rate, rate/50)
		short := Shorten(slices.Clone(in), rate)
		long := Lengthen(slices.Clone(in), rate)
		if len(short) >= len(in) || len(long) <= len(in) {
			t.Fatalf("%d Hz: %d samples became %d and %d", rate, len(in), len(short), len(long))
		}
		for what, pcm := range map[string][]int16{"shortened": short, "lengthened": long} {
			if snr := toneSNR(pcm, 250, rate); snr < 20 {
				t.Errorf("%d Hz: %s to %d samples, SNR %.1f dB", rate, what, len(pcm), snr)
			}
		}
	}
	for _, n := range []int{0, 1, 30, 41} {
		if got := len(Shorten(make([]int16, n), 8000)); got > n {
			t.Errorf("%d samples became %d", n, got)
		}
		Lengthen(make([]int16, n), 8000)
	}
}

func TestComfortNoiseHasItsLevelAndSpectrum(t *testing.T) {
	for _, payload := range [][]byte{{30}, {50}, {40, 200, 100, 150}, {40, 230, 20, 200, 60}} {
		var c ComfortNoise
		c.Update(payload)
		out := c.Generate(nil, 80000)
		got := 20 * math.Log10(rms(out)/math.MaxInt16)
		if want := -float64(payload[0]); math.Abs(got-want) > 1.5 {
			t.Errorf("% d: %.1f dBov, want %.1f", payload, got, want)
		}
	}
	var silent ComfortNoise
	silent.Update(nil)
	if rms(silent.Generate(nil, 160)) != 0 {
		t.Error("noise without a description")
	}
}
