package picture

import (
	"image"
	"image/color"
	"testing"
)

func TestNamesAreReadInAnySize(t *testing.T) {
	ada := Scene{Name: "Ada Example", Colour: color.RGBA{0xc0, 0x30, 0x20, 0xff}}
	for _, size := range []image.Point{{1280, 720}, {640, 360}, {320, 180}} {
		img := New(size.X, size.Y)
		ada.Draw(img, 0.3)
		if got := Reads(img, "Ada Example"); got < 0.8 {
			t.Errorf("%v: the name is read with %.2f", size, got)
		}
		if got := Reads(img, "Bob Example"); got > 0.75 {
			t.Errorf("%v: another name is read with %.2f", size, got)
		}
		if got := Reads(img, "Zoe Quill"); got > 0.6 {
			t.Errorf("%v: another name is read with %.2f", size, got)
		}
	}
	if got := Reads(New(320, 180), "Ada"); got != 0 {
		t.Errorf("a name is read in the dark: %.2f", got)
	}
}
