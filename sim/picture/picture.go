// Package picture draws the pictures of the simulators' people: a background
// of the person's own colour, something that moves, and the name in letters that
// are readable on a small tile. It also looks at pictures that came back.
// Start reading at [Scene.Draw].
package picture

import (
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"math"
	"strconv"
	"strings"
)

// Scene is what a camera sees or a screen shows.
type Scene struct {
	Name   string
	Colour color.RGBA // of most of the picture
	Slides bool       // a shared screen: a page with lines, a new one every second
}

// New returns a black picture of a size, rounded up to even numbers.
func New(width, height int) *image.YCbCr {
	return image.NewYCbCr(image.Rect(0, 0, width+width&1, height+height&1), image.YCbCrSubsampleRatio420)
}

// Draw draws the scene at a moment, given as a part (0 to 1) of its loop.
func (s Scene) Draw(img *image.YCbCr, part float64) {
	b := img.Bounds()
	w, h := b.Dx(), b.Dy()
	fill(img, b, s.Colour)
	ink := contrast(s.Colour)
	if s.Slides {
		s.lines(img, part, ink)
	} else {
		angle := 2 * math.Pi * part
		r := h / 10
		disc(img, w/2+int(float64(w)*0.38*math.Cos(angle)), h/2+int(float64(h)*0.36*math.Sin(angle)), r, ink)
	}
	Text(img, image.Rect(w/12, h*2/5, w-w/12, h*3/5), s.Name, ink)
}

// lines is a page of text that nobody can read; the page changes eight times in
// a loop.
func (s Scene) lines(img *image.YCbCr, part float64, ink color.RGBA) {
	b := img.Bounds()
	page := int(part * 8)
	for i := range 10 {
		if i >= 3 && i <= 6 { // the name stands here
			continue
		}
		y := b.Dy() * (i + 1) / 12
		length := b.Dx() * (40 + (i*37+page*53)%45) / 100
		fill(img, image.Rect(b.Dx()/12, y, b.Dx()/12+length, y+max(b.Dy()/60, 1)), ink)
	}
}

// contrast is black on light colours and white on dark ones.
func contrast(c color.RGBA) color.RGBA {
	if 299*int(c.R)+587*int(c.G)+114*int(c.B) > 140_000 {
		return color.RGBA{A: 255}
	}
	return color.RGBA{255, 255, 255, 255}
}

func fill(img *image.YCbCr, r image.Rectangle, c color.RGBA) {
	r = r.Intersect(img.Bounds())
	if r.Empty() {
		return
	}
	y, cb, cr := color.RGBToYCbCr(c.R, c.G, c.B)
	for row := r.Min.Y; row < r.Max.Y; row++ {
		set(img.Y[img.YOffset(r.Min.X, row):][:r.Dx()], y)
		if row&1 == 0 {
			n := (r.Max.X+1)/2 - r.Min.X/2
			set(img.Cb[img.COffset(r.Min.X, row):][:n], cb)
			set(img.Cr[img.COffset(r.Min.X, row):][:n], cr)
		}
	}
}

func set(b []byte, v byte) {
	for i := range b {
		b[i] = v
	}
}

func disc(img *image.YCbCr, x, y, r int, c color.RGBA) {
	for dy := -r; dy <= r; dy++ {
		half := int(math.Sqrt(float64(r*r - dy*dy)))
		fill(img, image.Rect(x-half, y+dy, x+half+1, y+dy+1), c)
	}
}

// Text writes a line as large as the rectangle allows, in its middle.
func Text(img *image.YCbCr, r image.Rectangle, text string, c color.RGBA) {
	runes := []rune(strings.ToUpper(text))
	if len(runes) == 0 {
		return
	}
	size := max(min(r.Dx()/(len(runes)*glyphStep), r.Dy()/glyphHeight), 1)
	x := r.Min.X + (r.Dx()-len(runes)*glyphStep*size)/2
	y := r.Min.Y + (r.Dy()-glyphHeight*size)/2
	for _, char := range runes {
		glyph(img, x, y, size, char, c)
		x += glyphStep * size
	}
}

func glyph(img *image.YCbCr, x, y, size int, char rune, c color.RGBA) {
	rows, ok := font[char]
	if !ok {
		rows = font['?']
	}
	for i, row := range rows {
		for bit := range glyphWidth {
			if row&(1<<(glyphWidth-1-bit)) != 0 {
				fill(img, image.Rect(x+bit*size, y+i*size, x+(bit+1)*size, y+(i+1)*size), c)
			}
		}
	}
}

// Average is the mean colour of a picture, looked at in steps of 4 pixels.
func Average(img *image.YCbCr) color.RGBA {
	var y, cb, cr, n int
	b := img.Bounds()
	for row := b.Min.Y; row < b.Max.Y; row += 4 {
		for col := b.Min.X; col < b.Max.X; col += 4 {
			y += int(img.Y[img.YOffset(col, row)])
			c := img.COffset(col, row)
			cb += int(img.Cb[c])
			cr += int(img.Cr[c])
			n++
		}
	}
	if n == 0 {
		return color.RGBA{}
	}
	r, g, bl := color.YCbCrToRGB(uint8(y/n), uint8(cb/n), uint8(cr/n))
	return color.RGBA{r, g, bl, 255}
}

// Common is the colour of most of a picture: the median of each component, so that
// letters and moving things do not count.
func Common(img *image.YCbCr) color.RGBA {
	var y, cb, cr [256]int
	n := 0
	b := img.Bounds()
	for row := b.Min.Y; row < b.Max.Y; row += 4 {
		for col := b.Min.X; col < b.Max.X; col += 4 {
			y[img.Y[img.YOffset(col, row)]]++
			c := img.COffset(col, row)
			cb[img.Cb[c]]++
			cr[img.Cr[c]]++
			n++
		}
	}
	r, g, bl := color.YCbCrToRGB(median(&y, n), median(&cb, n), median(&cr, n))
	return color.RGBA{r, g, bl, 255}
}

func median(counts *[256]int, n int) uint8 {
	for v, c := range counts {
		if n -= 2 * c; n <= 0 {
			return uint8(v)
		}
	}
	return 255
}

// Distance says how different two colours are: 0 equal, 441 black and white.
func Distance(a, b color.RGBA) float64 {
	dr, dg, db := float64(a.R)-float64(b.R), float64(a.G)-float64(b.G), float64(a.B)-float64(b.B)
	return math.Sqrt(dr*dr + dg*dg + db*db)
}

// From is a picture of any kind as one that can be looked at here.
func From(src image.Image) *image.YCbCr {
	b := src.Bounds()
	img := New(b.Dx(), b.Dy())
	for y := range b.Dy() {
		for x := range b.Dx() {
			r, g, bl, _ := src.At(b.Min.X+x, b.Min.Y+y).RGBA()
			luma, cb, cr := color.RGBToYCbCr(uint8(r>>8), uint8(g>>8), uint8(bl>>8))
			img.Y[img.YOffset(x, y)] = luma
			img.Cb[img.COffset(x, y)], img.Cr[img.COffset(x, y)] = cb, cr
		}
	}
	return img
}

// PNG writes a picture as PNG.
func PNG(w io.Writer, img *image.YCbCr) error { return png.Encode(w, img) }

// Hex is a colour as "#rrggbb".
func Hex(c color.RGBA) string { return fmt.Sprintf("#%02x%02x%02x", c.R, c.G, c.B) }

// ParseHex reads "#rrggbb".
func ParseHex(s string) (color.RGBA, error) {
	v, err := strconv.ParseUint(strings.TrimPrefix(s, "#"), 16, 32)
	if err != nil || len(s) != 7 || s[0] != '#' {
		return color.RGBA{}, fmt.Errorf("colour %q: want #rrggbb", s)
	}
	return color.RGBA{uint8(v >> 16), uint8(v >> 8), uint8(v), 255}, nil
}
