package openh264

import (
	"bytes"
	"fmt"

	"tandem/media/video"
)

// NAL unit types (ITU-T H.264, table 7-1).
const (
	nalSlice = 1
	nalIDR   = 5
	nalSPS   = 7
)

// contents is what an access unit has in it.
type contents struct {
	key, slices, bidirectional bool
}

// inspect looks at the NAL units of an access unit before the decoder does. A
// sequence parameter set for pictures that are too large is an error: the decoder
// would take the memory for them.
func inspect(unit []byte) (contents, error) {
	var found contents
	for nal := range units(unit) {
		switch nal[0] & 0x1f {
		case nalSlice:
			found.slices = true
			found.bidirectional = found.bidirectional || video.BSlice(nal)
		case nalIDR:
			found.slices, found.key = true, true
		case nalSPS:
			s, err := video.ParseSPS(nal)
			if err != nil {
				continue // the decoder refuses it, too
			}
			if video.Check(s.Width, s.Height) != nil {
				return found, fmt.Errorf("openh264: a stream of %dx%d: %w", s.Width, s.Height, video.ErrSize)
			}
		}
	}
	return found, nil
}

// units yields the NAL units between start codes (Annex B), without empty ones.
func units(b []byte) func(yield func([]byte) bool) {
	return func(yield func([]byte) bool) {
		start := bytes.Index(b, startCode)
		for start >= 0 {
			b = b[start+len(startCode):]
			start = bytes.Index(b, startCode)
			nal := b
			if start >= 0 {
				nal = b[:start]
			}
			if len(nal) > 0 && !yield(nal) {
				return
			}
		}
	}
}

var startCode = []byte{0, 0, 1}
