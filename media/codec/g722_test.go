package codec

import (
	"encoding/binary"
	"math"
	"os"
	"testing"
)

// The files in testdata are what an independent G.722 (spandsp 0.0.6, 64 kbit/s)
// makes of the same noise: g722-noise.g722 of 8000 samples that get quieter in
// eight steps, g722-octets.s16le of the 4000 octets that follow.
func TestG722IsExactlyThatOfOthers(t *testing.T) {
	state := uint32(1)
	random := func() uint32 {
		state = state*1664525 + 1013904223
		return state
	}
	pcm := make([]int16, 8000)
	for i := range pcm {
		pcm[i] = int16(random()>>16) >> (i / 1000)
	}
	octets, err := newG722Encoder().Encode(nil, pcm)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range file(t, "testdata/g722-noise.g722") {
		if octets[i] != want {
			t.Fatalf("encoder: octet %d is %#02x, want %#02x", i, octets[i], want)
		}
	}

	payload := make([]byte, 4000)
	for i := range payload {
		payload[i] = byte(random() >> 24)
	}
	got, err := newG722Decoder().Decode(nil, payload)
	if err != nil {
		t.Fatal(err)
	}
	want := file(t, "testdata/g722-octets.s16le")
	for i, v := range got {
		if v == math.MaxInt16 || v == math.MinInt16 {
			continue // the other wraps around where the recommendation limits
		}
		if w := int16(binary.LittleEndian.Uint16(want[2*i:])); v != w {
			t.Fatalf("decoder: sample %d is %d, want %d", i, v, w)
		}
	}
}

func file(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if len(b) == 0 {
		t.Fatal(name + " is empty")
	}
	return b
}
