package picture

import (
	"bytes"
	"image/color"
	"image/png"
	"testing"
)

func TestAPersonIsKnownByTheColour(t *testing.T) {
	for _, hex := range []string{"#c03020", "#2060c0", "#f0e040", "#208040", "#000000", "#ffffff"} {
		want, err := ParseHex(hex)
		if err != nil {
			t.Fatal(err)
		}
		img := New(320, 180)
		for _, slides := range []bool{false, true} {
			Scene{Name: "Ada Example", Colour: want, Slides: slides}.Draw(img, 0.3)
			if got := Common(img); Distance(got, want) > 6 {
				t.Errorf("%s, slides %v: seen as %s", hex, slides, Hex(got))
			}
			if got := Average(img); Distance(got, want) > 100 {
				t.Errorf("%s: the average is %s", hex, Hex(got))
			}
		}
	}
}

func TestThePictureMovesAndHasTheName(t *testing.T) {
	draw := func(name string, part float64) []byte {
		img := New(160, 90)
		Scene{Name: name, Colour: color.RGBA{20, 60, 160, 255}}.Draw(img, part)
		return img.Y
	}
	if bytes.Equal(draw("Ada", 0), draw("Ada", 0.5)) {
		t.Error("nothing moves")
	}
	if bytes.Equal(draw("Ada", 0), draw("Bob", 0)) {
		t.Error("the name is not in the picture")
	}
}

func TestOddPlacesAndSizesAreSafe(t *testing.T) {
	for _, size := range [][2]int{{2, 2}, {33, 17}, {90, 160}} {
		img := New(size[0], size[1])
		for part := range 10 {
			Scene{Name: "A rather long name — with odd letters", Colour: color.RGBA{1, 2, 3, 255}}.Draw(img, float64(part)/10)
		}
		var b bytes.Buffer
		if err := PNG(&b, img); err != nil {
			t.Fatal(err)
		}
		if _, err := png.Decode(&b); err != nil {
			t.Error(err)
		}
	}
}

func TestParseHexRefuses(t *testing.T) {
	for _, s := range []string{"", "c03020", "#c0302", "#gggggg", "#c030200"} {
		if _, err := ParseHex(s); err == nil {
			t.Errorf("%q was taken", s)
		}
	}
}
