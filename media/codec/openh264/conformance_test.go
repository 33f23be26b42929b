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
	vectors.Conform(t, "libx264", vectors.Rows{
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
	}, NewDecoder)
}
