package codec

import (
	"testing"
)

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
