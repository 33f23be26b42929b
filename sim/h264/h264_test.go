package h264

import (
	"bytes"
	"image"
	"image/color"
	"testing"

	"tandem/sim/picture"
)

func film(t *testing.T, n int) [][]byte {
	t.Helper()
	e, err := NewEncoder(320, 180, 15, 300)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	img := picture.New(320, 180)
	var out [][]byte
	for i := range n {
		picture.Scene{Name: "TEST", Colour: color.RGBA{40, 90, 160, 255}}.Draw(img, float64(i)/float64(n))
		unit, err := e.Encode(img, i == 0)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, unit)
	}
	return out
}

func TestWhatIsEncodedIsDecodedThroughPackets(t *testing.T) {
	d, err := NewDecoder()
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	var img *image.YCbCr
	for i, unit := range film(t, 10) {
		if IsKey(unit) != (i == 0) {
			t.Errorf("picture %d: key %t", i, IsKey(unit))
		}
		payloads := Split(unit, 400)
		for _, p := range payloads {
			if len(p) > 400 {
				t.Errorf("a payload of %d octets", len(p))
			}
		}
		joined, err := Join(payloads)
		if err != nil {
			t.Fatal(err)
		}
		if img, err = d.Decode(joined, img); err != nil {
			t.Fatalf("picture %d: %v", i, err)
		}
	}
	if c := picture.Common(img); img.Bounds().Dx() != 320 || img.Bounds().Dy() != 180 || picture.Distance(c, color.RGBA{40, 90, 160, 255}) > 24 {
		t.Errorf("%v of %s", img.Bounds(), picture.Hex(c))
	}
}

func TestAggregatesAreJoined(t *testing.T) {
	got, err := Join([][]byte{{0x78, 0, 2, 0x67, 1, 0, 2, 0x68, 2}, {0x65, 3}})
	if want := []byte{0, 0, 0, 1, 0x67, 1, 0, 0, 0, 1, 0x68, 2, 0, 0, 0, 1, 0x65, 3}; err != nil || !bytes.Equal(got, want) {
		t.Errorf("%x, %v", got, err)
	}
}

func TestWrongInputIsAnError(t *testing.T) {
	for _, p := range [][]byte{nil, {0x65}, {0x78, 0}, {0x78, 0, 9, 1}, {0x00, 1}, {0x7d, 1}} {
		if _, err := Join([][]byte{p}); err == nil {
			t.Errorf("%x is taken", p)
		}
	}
	for _, size := range []image.Point{{0, 0}, {15, 16}, {17, 16}, {8192, 16}} {
		if e, err := NewEncoder(size.X, size.Y, 15, 100); err == nil {
			e.Close()
			t.Errorf("an encoder of %v", size)
		}
	}
	d, err := NewDecoder()
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if _, err := d.Decode([]byte("neither a picture nor a parameter set"), nil); err == nil {
		t.Error("nonsense is a picture")
	}
}

func FuzzJoin(f *testing.F) {
	f.Add([]byte{0x78, 0, 2, 0x67, 1}, []byte{0x7c, 0x85, 1})
	f.Fuzz(func(_ *testing.T, a, b []byte) {
		if unit, err := Join([][]byte{a, b}); err == nil {
			_ = IsKey(unit)
		}
	})
}
