package vectors

import (
	"testing"

	"tandem/media/video"
)

// Rows are the streams of a conformance test: the size of the pictures, and how FFmpeg is
// to encode them.
type Rows = []struct{ Name, Size, Options string }

// A Decoder is what is held against FFmpeg's.
type Decoder interface {
	Decode(frame []byte) (*video.Picture, error) // nil for what is not to be shown
	Close()
}

// Conform decodes the streams of all rows, made by an encoder as for [Make]: what comes
// out must be what FFmpeg's decoder gives, to the bit.
func Conform[D Decoder](t *testing.T, encoder string, rows Rows, open func() (D, error)) {
	for _, row := range rows {
		t.Run(row.Name, func(t *testing.T) {
			t.Parallel()
			v, err := Make(encoder, row.Size, row.Options)
			if err != nil {
				t.Fatal(err)
			}
			d, err := open()
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			v.conforms(t, d)
		})
	}
}

func (v *Vector) conforms(t *testing.T, d Decoder) {
	t.Helper()
	shown := 0
	for n, frame := range v.Frames {
		pic, err := d.Decode(frame)
		if err != nil {
			t.Fatalf("frame %d: %v", n, err)
		}
		if pic == nil {
			continue // an alternate reference, for one
		}
		if shown == len(v.Pictures) || !Same(pic, v.Pictures[shown]) {
			t.Fatalf("picture %d of %d differs (%v)", shown, len(v.Pictures), pic)
		}
		shown++
	}
	if shown != len(v.Pictures) {
		t.Errorf("%d pictures, want %d", shown, len(v.Pictures))
	}
}
