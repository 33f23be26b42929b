package codec

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// sine is n samples of a tone with the given level below full scale.
func sine(freq, dBFS float64, rate, n int) []int16 {
	amplitude := math.MaxInt16 * math.Pow(10, dBFS/20)
	pcm := make([]int16, n)
	for i := range pcm {
		pcm[i] = int16(math.Round(amplitude * math.Sin(2*math.Pi*freq*float64(i)/float64(rate))))
	}
	return pcm
}

// toneSNR is the power of the tone in pcm, whatever its phase, over that of all else, in dB.
func toneSNR(pcm []int16, freq float64, rate int) float64 {
	var cross, quad, power float64
	for i, v := range pcm {
		w := 2 * math.Pi * freq * float64(i) / float64(rate)
		cross += float64(v) * math.Sin(w)
		quad += float64(v) * math.Cos(w)
		power += float64(v) * float64(v)
	}
	n := float64(len(pcm))
	signal := 2 * (cross*cross + quad*quad) / n
	return 10 * math.Log10(signal/max(power-signal, 1e-9))
}

func rms(pcm []int16) float64 {
	var sum float64
	for _, v := range pcm {
		sum += float64(v) * float64(v)
	}
	return math.Sqrt(sum / float64(max(len(pcm), 1)))
}

func skipWithout(t testing.TB, name string) {
	t.Helper()
	if !Available(name) {
		t.Skip(name + " is not in this build")
	}
}

func TestAToneComesThroughEveryCodec(t *testing.T) {
	for _, c := range []struct {
		name  string
		rate  int
		floor float64 // dB
	}{
		{"PCMU", 8000, 35},
		{"PCMA", 8000, 35},
		{"G722", 16000, 35},
		{"OPUS", 8000, 18},
		{"OPUS", 16000, 18},
		{"OPUS", 48000, 18},
	} {
		t.Run(fmt.Sprint(c.name, c.rate), func(t *testing.T) {
			skipWithout(t, c.name)
			e, err := NewEncoder(Params{Name: c.name, Rate: c.rate})
			if err != nil {
				t.Fatal(err)
			}
			d, err := NewDecoder(c.name, c.rate)
			if err != nil {
				t.Fatal(err)
			}
			in := sine(1000, -10, c.rate, c.rate)
			var out []int16
			for frame := range slices.Chunk(in, c.rate/50) {
				payload, err := e.Encode(nil, frame)
				if err != nil {
					t.Fatal(err)
				}
				if out, err = d.Decode(out, payload); err != nil {
					t.Fatal(err)
				}
			}
			if len(out) != len(in) {
				t.Fatalf("%d samples came out, want %d", len(out), len(in))
			}
			snr := toneSNR(out[c.rate/4:], 1000, c.rate)
			gain := 20 * math.Log10(rms(out[c.rate/4:])/rms(in))
			t.Logf("SNR %.1f dB, gain %.2f dB", snr, gain)
			if snr < c.floor || math.Abs(gain) > 0.5 {
				t.Errorf("SNR %.1f dB, want %.1f; gain %.2f dB", snr, c.floor, gain)
			}
		})
	}
}

func TestWhatDoesNotFitIsRefusedWithASentence(t *testing.T) {
	for _, p := range []Params{{Name: "G729", Rate: 8000}, {Name: "PCMU", Rate: 16000}, {Name: "G722", Rate: 8000}, {Name: "OPUS", Rate: 44100}} {
		if _, err := NewEncoder(p); err == nil {
			t.Errorf("an encoder for %+v", p)
		}
		if _, err := NewDecoder(p.Name, p.Rate); err == nil {
			t.Errorf("a decoder for %+v", p)
		}
	}
}

func FuzzDecoders(f *testing.F) {
	f.Add([]byte{0x48, 1, 2, 3}, 160)
	f.Add([]byte{0x03, 0x3f}, 1)
	f.Fuzz(func(t *testing.T, payload []byte, n int) {
		if len(payload) > 1500 {
			return
		}
		n = n & 0x3ff
		for _, name := range []string{"PCMU", "G722", "OPUS"} {
			if !Available(name) {
				continue
			}
			rate := 8000
			if name == "G722" {
				rate = 16000
			}
			d, err := NewDecoder(name, rate)
			if err != nil {
				t.Fatal(err)
			}
			out, _ := d.Decode(nil, payload)
			if len(out) > 3000 {
				t.Fatalf("%s: %d samples of %d octets", name, len(out), len(payload))
			}
			if got := len(d.Conceal(nil, n)); got != n {
				t.Fatalf("%s: %d samples, want %d", name, got, n)
			}
			if r, ok := d.(Recoverer); ok {
				r.Recover(nil, payload, n)
			}
			d.Decode(out[:0], payload)
		}
		var noise ComfortNoise
		noise.Update(payload)
		noise.Generate(nil, n)
	})
}

func speech(rate, n int) []int16 {
	rnd := rand.New(rand.NewPCG(3, 4))
	pcm := make([]int16, n)
	phase := 0.0
	for i := range pcm {
		s := float64(i) / float64(rate)
		phase += 2 * math.Pi * (120 + 30*math.Sin(3*s)) / float64(rate)
		v := 0.0
		for h := 1.0; h < 12; h++ {
			v += math.Sin(h*phase) / h
		}
		pcm[i] = int16(6000*v*math.Abs(math.Sin(5*s))/2 + 50*rnd.NormFloat64())
	}
	return pcm
}
