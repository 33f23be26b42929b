package compose

import (
	_ "embed" // the fonts
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"strings"
	"unicode"

	"golang.org/x/image/font"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
)

// The fonts are free: see fonts/LICENSE-*.txt.
var (
	//go:embed fonts/Inter-Medium.otf
	interMedium []byte
	//go:embed fonts/Inter-SemiBold.otf
	interSemiBold []byte
	//go:embed fonts/DroidSansFallback.ttf
	droidFallback []byte // Chinese, Japanese, Korean
)

// weight is one of the two weights of the text.
type weight uint8

const (
	medium weight = iota
	semiBold
)

// typesetter draws text. It has caches and belongs to one goroutine.
type typesetter struct {
	fonts    [2]*sfnt.Font
	fallback *sfnt.Font
	faces    map[faceKey]font.Face
	buffer   sfnt.Buffer
}

type faceKey struct {
	font *sfnt.Font
	size int // 1/4 pixels
}

func newTypesetter() (*typesetter, error) {
	t := &typesetter{faces: map[faceKey]font.Face{}}
	for i, b := range [][]byte{interMedium, interSemiBold, droidFallback} {
		f, err := opentype.Parse(b)
		if err != nil {
			return nil, fmt.Errorf("compose: an embedded font: %w", err)
		}
		if i < len(t.fonts) {
			t.fonts[i] = f
		} else {
			t.fallback = f
		}
	}
	return t, nil
}

// face is a font at a size in pixels.
func (t *typesetter) face(f *sfnt.Font, size float64) font.Face {
	key := faceKey{f, int(size*4 + 0.5)}
	face, ok := t.faces[key]
	if !ok {
		var err error
		face, err = opentype.NewFace(f, &opentype.FaceOptions{Size: float64(key.size) / 4, DPI: 72, Hinting: font.HintingNone})
		if err != nil {
			panic("compose: a face of an embedded font: " + err.Error())
		}
		t.faces[key] = face
	}
	return face
}

// fontFor is the font that has a letter; nil when none has.
func (t *typesetter) fontFor(r rune, w weight) *sfnt.Font {
	for _, f := range []*sfnt.Font{t.fonts[w], t.fallback} {
		if i, err := f.GlyphIndex(&t.buffer, r); err == nil && i != 0 {
			return f
		}
	}
	return nil
}

// clean leaves out what cannot be drawn: control characters, emoji, letters of scripts
// without a font here.
func (t *typesetter) clean(s string, w weight) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r) || t.fontFor(r, w) == nil:
			return -1
		}
		return r
	}, s))
}

// each calls f for every letter with its face and its place in the line.
func (t *typesetter) each(s string, w weight, size float64, f func(face font.Face, r rune, x fixed.Int26_6)) fixed.Int26_6 {
	x, before := fixed.Int26_6(0), rune(-1)
	var last *sfnt.Font
	for _, r := range s {
		file := t.fontFor(r, w)
		if file == nil {
			continue
		}
		if before >= 0 && file == last {
			x += t.kern(file, size, before, r)
		}
		face := t.face(file, size)
		if f != nil {
			f(face, r, x)
		}
		advance, _ := face.GlyphAdvance(r)
		x += advance
		before, last = r, file
	}
	return x
}

// kern is by how much two letters stand closer. The one of a [font.Face] is of another
// size: it does not scale.
func (t *typesetter) kern(f *sfnt.Font, size float64, a, b rune) fixed.Int26_6 {
	i, err1 := f.GlyphIndex(&t.buffer, a)
	j, err2 := f.GlyphIndex(&t.buffer, b)
	k, err3 := f.Kern(&t.buffer, i, j, fixed.Int26_6(size*64), font.HintingNone)
	if err1 != nil || err2 != nil || err3 != nil {
		return 0
	}
	return k
}

// width is how wide a line is, in pixels.
func (t *typesetter) width(s string, w weight, size float64) float32 {
	return float32(t.each(s, w, size, nil)) / 64
}

// draw writes a line that begins at x on the base line y.
func (t *typesetter) draw(p *paint, s string, w weight, size float64, x, y float32, c color.Color) {
	origin := fixed.Point26_6{X: fixed.Int26_6(x * 64), Y: fixed.Int26_6(y * 64)}
	ink := image.NewUniform(c)
	t.each(s, w, size, func(face font.Face, r rune, dx fixed.Int26_6) {
		place, mask, from, _, ok := face.Glyph(fixed.Point26_6{X: origin.X + dx, Y: origin.Y}, r)
		if ok {
			*p.used = p.used.Union(place.Intersect(p.img.Bounds()))
			draw.DrawMask(p.img, place, ink, image.Point{}, mask, from, draw.Over)
		}
	})
}

// centred writes a line whose middle is at x.
func (t *typesetter) centred(p *paint, s string, w weight, size float64, x, y float32, c color.Color) {
	t.draw(p, s, w, size, x-t.width(s, w, size)/2, y, c)
}

// cut shortens a line to a width, with an ellipsis.
func (t *typesetter) cut(s string, w weight, size float64, room float32) string {
	if t.width(s, w, size) <= room {
		return s
	}
	letters := []rune(s)
	for n := len(letters) - 1; n > 0; n-- {
		short := strings.TrimRight(string(letters[:n]), " ") + "…"
		if t.width(short, w, size) <= room {
			return short
		}
	}
	return ""
}

// wrap breaks a text into lines of at most a width, at most four of them.
func (t *typesetter) wrap(s string, w weight, size float64, room float32) []string {
	const most = 4
	var lines []string
	line := ""
	for _, word := range strings.Fields(s) {
		longer := strings.TrimSpace(line + " " + word)
		if line != "" && t.width(longer, w, size) > room {
			lines, longer = append(lines, line), word
		}
		line = longer
	}
	lines = append(lines, line)
	if len(lines) > most {
		lines = append(lines[:most-1], strings.Join(lines[most-1:], " "))
	}
	for i := range lines {
		lines[i] = t.cut(lines[i], w, size, room)
	}
	return lines
}

// initials are the first letters of the first and the last word of a name.
func initials(name string) string {
	words := strings.FieldsFunc(name, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	if len(words) == 0 {
		return "?"
	}
	first := []rune(words[0])[:1]
	if len(words) > 1 && first[0] < 0x2e80 { // one ideograph says enough
		first = append(first, []rune(words[len(words)-1])[0])
	}
	return strings.ToUpper(string(first))
}
