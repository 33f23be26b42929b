package prompt

import (
	"math"
	"testing"
)

func TestEverySentenceIsSpokenAtEveryRate(t *testing.T) {
	for _, name := range Names() {
		seconds := 0.0
		for _, rate := range []int{16000, 8000, 48000} {
			pcm, err := Get(name, rate)
			if err != nil {
				t.Fatal(err)
			}
			got := float64(len(pcm)) / float64(rate)
			if got < 0.3 || got > 4 {
				t.Errorf("%s at %d Hz lasts %.2f s", name, rate, got)
			}
			if seconds == 0 {
				seconds = got
			}
			if math.Abs(got-seconds) > 0.01 {
				t.Errorf("%s lasts %.2f s at %d Hz and %.2f s at 16000 Hz", name, got, rate, seconds)
			}
			if l := loudness(pcm); l < -32 || l > -12 {
				t.Errorf("%s at %d Hz has %.0f dBFS, want a voice", name, rate, l)
			}
		}
	}
}

func TestTheFilesAreSmall(t *testing.T) {
	total := 0
	for _, name := range Names() {
		file, err := files.ReadFile("audio/" + string(name) + ".wav")
		if err != nil {
			t.Fatal(err)
		}
		total += len(file)
	}
	if total > 400_000 {
		t.Errorf("the sentences are %d octets, want less than 400,000", total)
	}
}

func TestUnknownNamesAndRatesAreErrors(t *testing.T) {
	if _, err := Get("hello", 8000); err == nil {
		t.Error("a sentence that does not exist was found")
	}
	if _, err := Get(Muted, 44100); err == nil {
		t.Error("a rate that does not exist was made")
	}
}

func loudness(pcm []int16) float64 {
	sum := 0.0
	for _, v := range pcm {
		sum += float64(v) * float64(v)
	}
	return 10 * math.Log10(sum/float64(len(pcm))/(32768*32768)+1e-12)
}

func FuzzMuLaw(f *testing.F) {
	for _, name := range Names() {
		file, _ := files.ReadFile("audio/" + string(name) + ".wav")
		f.Add(file[:min(len(file), 200)])
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		if octets, err := muLaw(file); err == nil && len(octets) > len(file) {
			t.Error("more samples than octets")
		}
	})
}
