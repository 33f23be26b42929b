package codec

import (
	"math"
	"testing"
)

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
