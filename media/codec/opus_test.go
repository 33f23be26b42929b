package codec

import (
	"errors"
	"math"
	"slices"
	"testing"

	"tandem/media/codec/opus"
)

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
