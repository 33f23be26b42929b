package codec

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"tandem/media/codec/opus"
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

func TestLawsKnowTheirOwnOctets(t *testing.T) {
	for _, l := range []Law{MuLaw, ALaw} {
		var all [256]byte
		for i := range all {
			all[i] = byte(i)
		}
		back := l.Compress(nil, l.Expand(nil, all[:]))
		for i, b := range back {
			if b != byte(i) && !(l == MuLaw && i == 0x7f && b == 0xff) { // PCMU has two zeros
				t.Errorf("%v: octet %#02x came back as %#02x", l, i, b)
			}
		}
		if v := l.Expand(nil, []byte{l.Silence()}); v[0] > 8 || v[0] < -8 {
			t.Errorf("%v: silence is %d", l, v[0])
		}
	}
}

// Values of ITU-T G.711 tables 1a to 2b, at the scale of 16 bits.
func TestLawsHaveTheValuesOfG711(t *testing.T) {
	for _, c := range []struct {
		law   Law
		octet byte
		want  int16
	}{
		{MuLaw, 0x80, 32124},
		{MuLaw, 0x00, -32124},
		{MuLaw, 0xff, 0},
		{MuLaw, 0x8f, 16764},
		{MuLaw, 0xfe, 8},
		{ALaw, 0xaa, 32256},
		{ALaw, 0x2a, -32256},
		{ALaw, 0xd5, 8},
		{ALaw, 0x55, -8},
		{ALaw, 0x85, 4224},
	} {
		if got := c.law.Expand(nil, []byte{c.octet}); got[0] != c.want {
			t.Errorf("%v %#02x: %d, want %d", c.law, c.octet, got[0], c.want)
		}
	}
}

func TestLawsTakeTheNearestValue(t *testing.T) {
	for _, l := range []Law{MuLaw, ALaw} {
		for v := math.MinInt16; v <= math.MaxInt16; v++ {
			got := int(l.Expand(nil, l.Compress(nil, []int16{int16(v)}))[0])
			// Half a step: 1/32 of the magnitude and the bias, and the bits not looked at.
			if allowed := max(v, -v)/32 + 16; max(got-v, v-got) > allowed && v > -32124 && v < 32124 {
				t.Fatalf("%v: %d became %d", l, v, got)
			}
		}
	}
}

func TestTranscodingBetweenTheLawsIsNearlyExact(t *testing.T) {
	in := sine(1000, -10, 8000, 8000)
	for _, c := range [][2]Law{{MuLaw, ALaw}, {ALaw, MuLaw}, {MuLaw, MuLaw}} {
		out := c[1].Expand(nil, Transcode(nil, c[0].Compress(nil, in), c[0], c[1]))
		if snr := toneSNR(out, 1000, 8000); snr < 33 {
			t.Errorf("%v to %v: SNR %.1f dB", c[0], c[1], snr)
		}
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

func TestFusedOpusIsTheSameAsTwoSteps(t *testing.T) {
	skipWithout(t, "OPUS")
	for _, law := range []Law{MuLaw, ALaw} {
		octets := law.Compress(nil, sine(440, -12, 8000, 8000))
		e1, _ := NewEncoder(Params{Name: "OPUS", Rate: 8000, Loss: 5})
		e2, _ := NewEncoder(Params{Name: "OPUS", Rate: 8000, Loss: 5})
		d1, _ := NewDecoder("OPUS", 8000)
		d2, _ := NewDecoder("OPUS", 8000)
		for frame := range slices.Chunk(octets, 160) {
			p1, err1 := e1.(LawEncoder).EncodeLaw(nil, frame, law)
			p2, err2 := e2.Encode(nil, law.Expand(nil, frame))
			if !slices.Equal(p1, p2) || err1 != nil || err2 != nil {
				t.Fatalf("%v: %d and %d octets, %v, %v", law, len(p1), len(p2), err1, err2)
			}
			o1, err1 := d1.(LawDecoder).DecodeLaw(nil, p1, law)
			pcm, err2 := d2.Decode(nil, p2)
			if !slices.Equal(o1, law.Compress(nil, pcm)) || err1 != nil || err2 != nil {
				t.Fatalf("%v: decoded differently, %v, %v", law, err1, err2)
			}
		}
	}
}

func TestBrokenOpusPacketsAreErrors(t *testing.T) {
	skipWithout(t, "OPUS")
	d, _ := NewDecoder("OPUS", 8000)
	for _, p := range [][]byte{nil, {0x03}, {0x03, 0x00}, {0x03, 0x3f}, {0x01, 0x02, 0x03, 0x04}} {
		if out, err := d.Decode([]int16{7}, p); err == nil || len(out) != 1 {
			t.Errorf("% x: %d samples, %v", p, len(out), err)
		}
	}
	var e opus.Error
	if _, err := d.Decode(nil, []byte{0x01, 0x02, 0x03, 0x04}); !errors.As(err, &e) {
		t.Errorf("not an error of libopus: %v", err)
	}
	if out := d.Conceal(nil, 161); len(out) != 161 {
		t.Errorf("%d samples", len(out))
	}
}

func TestInBandFECRestoresALostFrame(t *testing.T) {
	skipWithout(t, "OPUS")
	e, _ := NewEncoder(Params{Name: "OPUS", Rate: 8000, Loss: 20, Bitrate: 24000})
	recovered, _ := NewDecoder("OPUS", 8000)
	concealed, _ := NewDecoder("OPUS", 8000)
	reference, _ := NewDecoder("OPUS", 8000)
	// A tone that sweeps: what was before says little about what was lost.
	in := make([]int16, 16000)
	phase := 0.0
	for i := range in {
		phase += 2 * math.Pi * (300 + 200*math.Sin(float64(i)/90)) / 8000
		in[i] = int16(8000 * math.Sin(phase))
	}
	var packets [][]byte
	for frame := range slices.Chunk(in, 160) {
		p, _ := e.Encode(nil, frame)
		packets = append(packets, p)
	}
	var worse, better float64
	for i, p := range packets {
		want, _ := reference.Decode(nil, p)
		if i%10 != 9 || i+1 == len(packets) {
			recovered.Decode(nil, p)
			concealed.Decode(nil, p)
			continue
		}
		got, err := recovered.(Recoverer).Recover(nil, packets[i+1], 160)
		if err != nil {
			t.Fatal(err)
		}
		better += distance(got, want)
		worse += distance(concealed.Conceal(nil, 160), want)
	}
	t.Logf("error with FEC %.0f, without %.0f", better, worse)
	if better > worse*0.7 {
		t.Errorf("FEC is of no use: error %.0f, without %.0f", better, worse)
	}
}

func distance(a, b []int16) float64 {
	diff := make([]int16, len(a))
	for i := range a {
		diff[i] = int16(min(max(int(a[i])-int(b[i]), -32768), 32767))
	}
	return rms(diff)
}

func TestHotPathsDoNotAllocate(t *testing.T) {
	pcm := sine(440, -12, 48000, 960)
	octets := make([]byte, 0, 2000)
	samples := make([]int16, 0, 6000)
	for _, c := range []struct {
		name string
		rate int
	}{{"PCMU", 8000}, {"PCMA", 8000}, {"G722", 16000}, {"OPUS", 8000}, {"OPUS", 48000}} {
		if !Available(c.name) {
			continue
		}
		e, _ := NewEncoder(Params{Name: c.name, Rate: c.rate})
		d, _ := NewDecoder(c.name, c.rate)
		frame := pcm[:c.rate/50]
		payload, _ := e.Encode(nil, frame)
		noAllocation(t, c.name+" encode", func() { e.Encode(octets, frame) })
		noAllocation(t, c.name+" decode", func() { d.Decode(samples, payload) })
		noAllocation(t, c.name+" conceal", func() { d.Conceal(samples, len(frame)) })
		if l, ok := e.(LawEncoder); ok && c.rate == 8000 {
			noAllocation(t, "fused encode", func() { l.EncodeLaw(octets, payload160[:], MuLaw) })
			noAllocation(t, "fused decode", func() { d.(LawDecoder).DecodeLaw(octets, payload, ALaw) })
			noAllocation(t, "fused conceal", func() { d.(LawDecoder).ConcealLaw(octets, payload, 160, ALaw) })
		}
	}
	noAllocation(t, "transcode", func() { Transcode(octets, payload160[:], MuLaw, ALaw) })
	r, _ := NewResampler(16000, 8000)
	noAllocation(t, "resample", func() { r.Resample(samples, pcm[:320]) })
	noAllocation(t, "shorten", func() { Shorten(append(samples, pcm[:160]...), 8000) })
	noAllocation(t, "lengthen", func() { Lengthen(append(samples, pcm[:160]...), 8000) })
}

var payload160 [160]byte

func noAllocation(t *testing.T, what string, f func()) {
	t.Helper()
	f()
	if n := testing.AllocsPerRun(100, f); n != 0 {
		t.Errorf("%s: %v allocations", what, n)
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

func BenchmarkFused(b *testing.B) {
	skipWithout(b, "OPUS")
	octets := MuLaw.Compress(nil, speech(8000, 80000))
	e, _ := NewEncoder(Params{Name: "OPUS", Rate: 8000, Loss: 5})
	d, _ := NewDecoder("OPUS", 8000)
	var packets [][]byte
	for frame := range slices.Chunk(octets, 160) {
		p, _ := e.(LawEncoder).EncodeLaw(nil, frame, MuLaw)
		packets = append(packets, p)
	}
	dst := make([]byte, 0, 2000)
	b.Run("PCMU to OPUS", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			at := i % 500 * 160
			e.(LawEncoder).EncodeLaw(dst, octets[at:at+160], MuLaw)
		}
	})
	b.Run("OPUS to PCMU", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			d.(LawDecoder).DecodeLaw(dst, packets[i%500], MuLaw)
		}
	})
	b.Run("OPUS lost to PCMU", func(b *testing.B) {
		for b.Loop() {
			d.(LawDecoder).ConcealLaw(dst, nil, 160, MuLaw)
		}
	})
}

func BenchmarkCodecs(b *testing.B) {
	in := speech(16000, 16000)
	octets, samples := make([]byte, 0, 2000), make([]int16, 0, 6000)
	for _, c := range []struct {
		name string
		rate int
	}{{"PCMU", 8000}, {"G722", 16000}, {"OPUS", 16000}} {
		if !Available(c.name) {
			continue
		}
		e, _ := NewEncoder(Params{Name: c.name, Rate: c.rate})
		d, _ := NewDecoder(c.name, c.rate)
		frame := in[:c.rate/50]
		payload, _ := e.Encode(nil, frame)
		b.Run(c.name+" encode", func(b *testing.B) {
			for b.Loop() {
				e.Encode(octets, frame)
			}
		})
		b.Run(c.name+" decode", func(b *testing.B) {
			for b.Loop() {
				d.Decode(samples, payload)
			}
		})
		b.Run(c.name+" conceal", func(b *testing.B) {
			for b.Loop() {
				d.Conceal(samples, len(frame))
			}
		})
	}
	r, _ := NewResampler(16000, 8000)
	b.Run("resample 16 to 8", func(b *testing.B) {
		for b.Loop() {
			r.Resample(samples, in[:320])
		}
	})
}
