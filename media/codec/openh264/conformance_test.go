//go:build peers

package openh264

import (
	"testing"

	"tandem/internal/vectors"
)

// TestDecoderConforms decodes streams of x264 with the tools that rooms use, and some they
// do not: what comes out must be what FFmpeg's decoder gives, to the bit.
func TestDecoderConforms(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ name, size, options string }{
		{"constrained baseline", "176x144", "-profile:v baseline -preset veryfast"},
		{"baseline, many references", "176x144", "-profile:v baseline -preset slow -refs 4"},
		{"main, CABAC", "176x144", "-profile:v main -bf 0 -preset medium"},
		{"main, weighted prediction", "176x144", "-profile:v main -bf 0 -x264-params weightp=2"},
		{"high, 8x8 transform", "320x240", "-profile:v high -bf 0 -preset slow"},
		{"high, CAVLC", "320x240", "-profile:v high -bf 0 -coder vlc -x264-params 8x8dct=1"},
		{"slices", "320x240", "-profile:v baseline -slices 4"},
		{"slices of limited size", "640x360", "-profile:v baseline -x264-params slice-max-size=1100"},
		{"a size that is no multiple of 16", "322x182", "-profile:v high -bf 0"},
		{"no deblocking", "176x144", "-profile:v baseline -x264-params no-deblock=1"},
		{"deblocking, strong", "176x144", "-profile:v main -bf 0 -x264-params deblock=3,3"},
		{"very coarse", "176x144", "-profile:v baseline -qp 51"},
		{"very fine", "176x144", "-profile:v high -bf 0 -qp 4"},
		{"intra refresh", "320x240", "-profile:v main -bf 0 -intra-refresh 1 -g 10"},
		{"keyframes often", "176x144", "-profile:v baseline -g 3"},
		{"portrait", "180x320", "-profile:v high -bf 0"},
		{"720 lines", "1280x720", "-profile:v high -bf 0 -preset ultrafast -g 30"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			v, err := vectors.Make("libx264", row.size, row.options)
			if err != nil {
				t.Fatal(err)
			}
			d, err := NewDecoder()
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			shown := 0
			for n, unit := range v.Frames {
				pic, err := d.Decode(unit)
				if err != nil {
					t.Fatalf("frame %d: %v", n, err)
				}
				if pic == nil {
					continue
				}
				if shown == len(v.Pictures) || !vectors.Same(pic, v.Pictures[shown]) {
					t.Fatalf("picture %d of %d differs (%v)", shown, len(v.Pictures), pic)
				}
				shown++
			}
			if shown != len(v.Pictures) {
				t.Errorf("%d pictures, want %d", shown, len(v.Pictures))
			}
		})
	}
}
