package opus

import "testing"

// The configurations of RFC 6716 table 2, and the counts of §3.2.
func TestSamplesReadsTheFirstOctets(t *testing.T) {
	for _, c := range []struct {
		name   string
		packet []byte
		want   int // at 48 kHz; 0: an error
	}{
		{"SILK 10 ms", []byte{0 << 3}, 480},
		{"SILK 20 ms", []byte{1 << 3}, 960},
		{"SILK 40 ms", []byte{6 << 3}, 1920},
		{"SILK 60 ms", []byte{11 << 3}, 2880},
		{"hybrid 10 ms", []byte{12 << 3}, 480},
		{"hybrid 20 ms", []byte{15 << 3}, 960},
		{"CELT 2.5 ms", []byte{16 << 3}, 120},
		{"CELT 5 ms", []byte{21 << 3}, 240},
		{"CELT 20 ms", []byte{31 << 3}, 960},
		{"two frames", []byte{1<<3 | 1}, 1920},
		{"two frames of two sizes", []byte{1<<3 | 2}, 1920},
		{"six frames", []byte{1<<3 | 3, 6}, 5760},
		{"seven frames are more than 120 ms", []byte{1<<3 | 3, 7}, 0},
		{"no frames", []byte{1<<3 | 3, 0}, 0},
		{"no count", []byte{1<<3 | 3}, 0},
		{"nothing", nil, 0},
	} {
		got, err := Samples(c.packet, 48000)
		if got != c.want || (err == nil) != (c.want != 0) {
			t.Errorf("%s: %d, %v", c.name, got, err)
		}
	}
}
