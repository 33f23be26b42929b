//go:build peers

package vpx

import (
	"testing"

	"tandem/internal/vectors"
)

// TestDecoderConforms decodes streams that use all of VP8 (RFC 6386): what comes out must
// be what FFmpeg's decoder gives, to the bit.
func TestDecoderConforms(t *testing.T) {
	t.Parallel()
	vectors.Conform(t, "libvpx", vectors.Rows{
		{"profile 0: six taps, normal loop filter", "176x144", "-profile:v 0"},
		{"profile 1: bilinear, simple loop filter", "176x144", "-profile:v 1"},
		{"profile 2: bilinear", "176x144", "-profile:v 2"},
		{"profile 3: bilinear, whole chroma vectors", "176x144", "-profile:v 3"},
		{"eight token partitions", "320x240", "-slices 8"},
		{"odd size", "175x143", ""},
		{"smaller than a macroblock", "16x8", ""},
		{"golden and alternate references", "176x144", "-auto-alt-ref 1 -lag-in-frames 16 -arnr-strength 5 -g 12"},
		{"error resilient", "176x144", "-error-resilient default"},
		{"independent partitions", "320x240", "-error-resilient partitions -slices 4"},
		{"sharp", "176x144", "-sharpness 7"},
		{"very coarse", "176x144", "-qmin 63 -qmax 63 -b:v 10k"},
		{"very fine", "176x144", "-qmin 0 -qmax 2 -b:v 5M"},
		{"real time", "640x360", "-deadline realtime -cpu-used -6 -static-thresh 1"},
		{"720 lines", "1280x720", "-deadline realtime -cpu-used 8 -b:v 1500k"},
	}, NewDecoder)
}
