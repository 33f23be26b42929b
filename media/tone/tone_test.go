package tone

import (
	"bytes"
	"math"
	"slices"
	"strings"
	"testing"
)

func TestMeasureFindsFrequencyAndLevel(t *testing.T) {
	for _, rate := range []int{8000, 16000, 48000} {
		for _, c := range []struct{ freq, level float64 }{{440, -10}, {1000, 0}, {1004.3, -30}, {3100, -3}, {99, -20}} {
			pcm := make([]int16, rate/2)
			Sine(c.freq, c.level, rate).Fill(pcm)
			freq, level := Measure(pcm, rate)
			if math.Abs(freq-c.freq) > 1 || math.Abs(level-c.level) > 0.2 {
				t.Errorf("%d Hz: %v Hz %v dBFS measured as %.2f Hz %.2f dBFS", rate, c.freq, c.level, freq, level)
			}
			if at := LevelAt(pcm, rate, c.freq); math.Abs(at-c.level) > 0.5 {
				t.Errorf("%d Hz: %v Hz has %.2f dBFS, want %v", rate, c.freq, at, c.level)
			}
		}
	}
	for _, n := range []int{0, 1, 16, 1000} {
		if freq, level := Measure(make([]int16, n), 8000); freq != 0 || level != Silent {
			t.Errorf("%d samples of silence: %v Hz %v dBFS", n, freq, level)
		}
	}
}

func TestRingbackHasTheCountrysTonesAndCadence(t *testing.T) {
	for _, c := range []struct {
		country  string
		on, off  int // ms
		freqs    []float64
		generate func(string, int) *Generator
	}{
		{"US", 2000, 4000, []float64{440, 480}, Ringback},
		{"us", 2000, 4000, []float64{440, 480}, Ringback},
		{"", 2000, 4000, []float64{440, 480}, Ringback},
		{"XX", 2000, 4000, []float64{440, 480}, Ringback},
		{"DE", 1000, 4000, []float64{425}, Ringback},
		{"US", 500, 500, []float64{480, 620}, Busy},
		{"US", 250, 250, []float64{480, 620}, Congestion},
		{"FR", 500, 500, []float64{440}, Busy},
	} {
		g := c.generate(c.country, 8000)
		for range 2 { // the cadence comes again
			on, off := make([]int16, c.on*8), make([]int16, c.off*8)
			g.Fill(on)
			g.Fill(off)
			for _, f := range c.freqs {
				if level := LevelAt(on, 8000, f); math.Abs(level-progressLevel) > 1 {
					t.Errorf("%s: %v Hz has %.1f dBFS", c.country, f, level)
				}
			}
			if Level(off) != Silent {
				t.Errorf("%s: the pause has %.1f dBFS", c.country, Level(off))
			}
		}
	}
}

func TestSpeechIsSpeechLike(t *testing.T) {
	pcm := make([]int16, 8000*30)
	NewSpeech(8000, 1).Fill(pcm)
	if level := Level(pcm); level < -30 || level > -12 {
		t.Errorf("level %.1f dBFS", level)
	}
	quiet := 0
	for frame := range slices.Chunk(pcm, 160) {
		if Level(frame) < -50 {
			quiet++
		}
	}
	if share := float64(quiet) / 1500; share < 0.05 || share > 0.6 {
		t.Errorf("%.0f %% of the frames are pauses", 100*share)
	}
	again := make([]int16, len(pcm))
	NewSpeech(8000, 1).Fill(again)
	if !slices.Equal(pcm, again) {
		t.Error("the same seed gives another signal")
	}
	for _, v := range pcm {
		if v == math.MaxInt16 || v == math.MinInt16 {
			t.Fatal("it is overdriven")
		}
	}
}

func TestWAVComesBackAsItWas(t *testing.T) {
	for _, rate := range wavRates {
		pcm := make([]int16, 1001)
		Sine(440, -3, rate).Fill(pcm)
		var file bytes.Buffer
		if err := WriteWAV(&file, pcm, rate); err != nil {
			t.Fatal(err)
		}
		got, gotRate, err := ReadWAV(&file)
		if err != nil || gotRate != rate || !slices.Equal(got, pcm) {
			t.Errorf("%d samples at %d Hz, %v", len(got), gotRate, err)
		}
	}
}

func wav(parts ...string) string { return "RIFF\x00\x00\x00\x00WAVE" + strings.Join(parts, "") }

const (
	formatMono   = "fmt \x10\x00\x00\x00\x01\x00\x01\x00\x40\x1f\x00\x00\x80\x3e\x00\x00\x02\x00\x10\x00"
	formatStereo = "fmt \x10\x00\x00\x00\x01\x00\x02\x00\x40\x1f\x00\x00\x00\x7d\x00\x00\x04\x00\x10\x00"
	formatALaw   = "fmt \x10\x00\x00\x00\x06\x00\x01\x00\x40\x1f\x00\x00\x40\x1f\x00\x00\x01\x00\x08\x00"
	formatCD     = "fmt \x10\x00\x00\x00\x01\x00\x01\x00\x44\xac\x00\x00\x88\x58\x01\x00\x02\x00\x10\x00"
)

func TestWAVFilesOfOthers(t *testing.T) {
	for _, c := range []struct {
		name, file string
		want       []int16 // nil: an error
	}{
		{"an unknown chunk of odd size is passed", wav(formatMono, "LIST\x03\x00\x00\x00abc\x00", "data\x04\x00\x00\x00\x01\x00\x02\x00"), []int16{1, 2}},
		{"stereo is mixed", wav(formatStereo, "data\x04\x00\x00\x00\x02\x00\x04\x00"), []int16{3}},
		{"a stream without a size", wav(formatMono, "data\xff\xff\xff\xff\x01\x00"), []int16{1}},
		{"it ends early", wav(formatMono, "data\x08\x00\x00\x00\x01\x00\x02"), []int16{1}},
		{"A-law", wav(formatALaw, "data\x01\x00\x00\x00\x01"), nil},
		{"44.1 kHz", wav(formatCD, "data\x02\x00\x00\x00\x01\x00"), nil},
		{"no format", wav("data\x02\x00\x00\x00\x01\x00"), nil},
		{"no audio", wav(formatMono), nil},
		{"nothing", "", nil},
		{"a huge format", wav("fmt \xff\xff\xff\x7f"), nil},
	} {
		pcm, _, err := ReadWAV(strings.NewReader(c.file))
		if (err != nil) != (c.want == nil) || !slices.Equal(pcm, c.want) {
			t.Errorf("%s: %v, %v", c.name, pcm, err)
		}
	}
}

func FuzzReadWAV(f *testing.F) {
	f.Add([]byte(wav(formatStereo, "data\x04\x00\x00\x00\x02\x00\x04\x00")))
	f.Add([]byte(wav(formatMono, "LIST\x03\x00\x00\x00abc\x00", "data\xff\xff\xff\xff\x01\x00")))
	f.Fuzz(func(t *testing.T, b []byte) {
		if pcm, rate, err := ReadWAV(bytes.NewReader(b)); err == nil && (2*len(pcm) > len(b) || !slices.Contains(wavRates, rate)) {
			t.Errorf("%d samples at %d Hz of %d octets", len(pcm), rate, len(b))
		}
	})
}

func TestFillDoesNotAllocate(t *testing.T) {
	pcm := make([]int16, 160)
	ring, speech := Ringback("US", 8000), NewSpeech(8000, 1)
	if n := testing.AllocsPerRun(100, func() { ring.Fill(pcm); speech.Fill(pcm) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
