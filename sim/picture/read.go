package picture

import (
	"image"
	"math"
	"strings"
)

// Reads says how well a line of [Text] can be read in a picture, wherever it stands and
// however large it is: near 1 is as drawn, below 0.7 it is another line or none. It is
// looked for in sizes of a third of the picture's width up to all of it. Each word has
// to be there.
func Reads(img *image.YCbCr, text string) float64 {
	line := newLine(text)
	g := sums(img)
	best := 0.0
	for dot := float64(g.width) / float64(line.width); dot*float64(line.width) > float64(g.width)/3 && dot >= 1; dot *= 0.97 {
		step := max(dot/2, 1)
		for y := 0.0; y+dot*glyphHeight <= float64(g.height); y += step {
			for x := 0.0; x+dot*float64(line.width) <= float64(g.width); x += step {
				if g.likeness(line.first, x, y, dot) > 0.5 {
					best = max(best, g.worst(line, x, y, dot))
				}
			}
		}
	}
	return best
}

// line is a line of text as dots.
type line struct {
	width int // dots
	first []dot
	words [][]dot
}

// dot is a place of a letter, in dots; ink says whether it is drawn.
type dot struct {
	x, y int
	ink  float64 // 1 or 0
}

func newLine(text string) line {
	l := line{width: glyphStep*len([]rune(text)) - 1}
	at := 0
	for _, word := range strings.Split(strings.ToUpper(text), " ") {
		var dots []dot
		for _, char := range word {
			dots = append(dots, letter(char, at)...)
			at += glyphStep
			if l.first == nil {
				l.first = dots
			}
		}
		l.words = append(l.words, dots)
		at += glyphStep // the space
	}
	return l
}

// letter is one letter with the gap before it.
func letter(char rune, at int) []dot {
	var dots []dot
	for y, row := range font[char] {
		for x := -1; x < glyphWidth; x++ {
			d := dot{x: at + x, y: y}
			if x >= 0 && row&(1<<(glyphWidth-1-x)) != 0 {
				d.ink = 1
			}
			if d.x >= 0 {
				dots = append(dots, d)
			}
		}
	}
	return dots
}

// table holds the sums of brightness of all rectangles that begin in the corner.
type table struct {
	width, height int
	v             []int64
}

func sums(img *image.YCbCr) *table {
	b := img.Bounds()
	t := &table{width: b.Dx(), height: b.Dy(), v: make([]int64, (b.Dx()+1)*(b.Dy()+1))}
	for y := range t.height {
		row := int64(0)
		for x, v := range img.Y[img.YOffset(b.Min.X, b.Min.Y+y):][:t.width] {
			row += int64(v)
			t.v[(y+1)*(t.width+1)+x+1] = t.v[y*(t.width+1)+x+1] + row
		}
	}
	return t
}

// mean is the brightness of a square.
func (t *table) mean(x, y, size float64) float64 {
	x0, y0 := int(x), int(y)
	x1, y1 := min(max(int(x+size), x0+1), t.width), min(max(int(y+size), y0+1), t.height)
	w := t.width + 1
	return float64(t.v[y1*w+x1]-t.v[y0*w+x1]-t.v[y1*w+x0]+t.v[y0*w+x0]) / float64((x1-x0)*(y1-y0))
}

// worst is how well the worst word of a line can be read at a place.
func (t *table) worst(l line, x, y, size float64) float64 {
	worst := 1.0
	for _, w := range l.words {
		worst = min(worst, t.likeness(w, x, y, size))
	}
	return worst
}

// likeness correlates dots with the picture at a place; letters are light or dark.
func (t *table) likeness(dots []dot, x, y, size float64) float64 {
	var sum, square, ink, product float64
	for _, d := range dots {
		v := t.mean(x+float64(d.x)*size, y+float64(d.y)*size, size)
		sum += v
		square += v * v
		ink += d.ink
		product += v * d.ink
	}
	n := float64(len(dots))
	spread := square - sum*sum/n
	if spread < 4*n { // it is even
		return 0
	}
	return math.Abs(product-sum*ink/n) / math.Sqrt(spread*(ink-ink*ink/n))
}
