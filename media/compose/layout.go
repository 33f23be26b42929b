package compose

import (
	"math"

	"tandem/media/video"
)

// Layout says how many participants are seen, and how large.
type Layout uint8

// The layouts. Others adapt: with fewer people than places the tiles become larger.
const (
	OnePlusSeven Layout = iota // one large, seven small
	TwoPlusTwentyOne
	Grid2
	Grid3
	Grid4
	Grid5
	OnePlusZero // the speaker alone
	layouts
)

// layoutNames are those of the REST API and the configuration.
func layoutNames() [layouts]string {
	return [layouts]string{"1:7", "2:21", "4:0", "9:0", "16:0", "25:0", "1:0"}
}

// String is the layout's short name, such as "1:7".
func (l Layout) String() string {
	if l >= layouts {
		return "?"
	}
	return layoutNames()[l]
}

// ParseLayout finds a layout by its short name.
func ParseLayout(name string) (Layout, bool) {
	for l, n := range layoutNames() {
		if n == name {
			return Layout(l), true
		}
	}
	return 0, false
}

// Next is the layout after l when a viewer steps through them: 1+7, 2+21, 2x2, 3x3,
// 4x4, 5x5, and again.
func (l Layout) Next() Layout {
	if l >= Grid5 {
		return OnePlusSeven
	}
	return l + 1
}

// Places is how many participants a layout shows at most.
func (l Layout) Places() int {
	switch l {
	case OnePlusZero:
		return 1
	case OnePlusSeven:
		return 8
	case TwoPlusTwentyOne:
		return 23
	}
	side := l.side()
	return side * side
}

// mains is how many of the places are large ones.
func (l Layout) mains() int {
	switch l {
	case OnePlusZero, OnePlusSeven:
		return 1
	case TwoPlusTwentyOne:
		return 2
	}
	return 0
}

func (l Layout) side() int { return int(l-Grid2) + 2 }

// presentationPips is how many participants are seen beside a presentation.
const presentationPips = 5

// arrange places n participants of a layout in a picture: the large ones first, then
// row by row. All corners and sizes are even.
func arrange(l Layout, width, height, n int) []video.Rect {
	n = min(n, l.Places())
	area := video.Rect{W: width, H: height}
	gap := gapFor(height)
	switch {
	case n <= 0:
		return nil
	case l == OnePlusZero:
		return []video.Rect{area}
	case l == OnePlusSeven:
		return oneMain(area, n, gap)
	case l == TwoPlusTwentyOne && n > 2:
		return twoMains(area, n, gap)
	}
	return grid(area, n, gap)
}

// gapFor is the space between two tiles.
func gapFor(height int) int { return max(height*8/720, 2) &^ 1 }

// oneMain is a main tile with up to three small ones to its right; when there are more
// the main one is of three quarters, and up to four others are below it.
func oneMain(area video.Rect, n, gap int) []video.Rect {
	in := area.Inset(gap)
	switch {
	case n == 1:
		return []video.Rect{area}
	case n <= 4:
		w := in.W / 5 &^ 1
		h := shaped(w, area)
		main := video.Rect{X: in.X, Y: in.Y, W: (in.W - gap - w) &^ 1}
		main.H = min(shaped(main.W, area), in.H&^1)
		list := []video.Rect{main}
		for i := range n - 1 {
			list = append(list, video.Rect{X: in.X + in.W - w, Y: in.Y + i*(h+gap), W: w, H: h}.Even())
		}
		centre(list[:1], area)
		centre(list[1:], area)
		return list
	}
	// Four columns and four rows of cells of the picture's own shape. The gaps are taken
	// from the cells, not added: pictures of common sizes then need no scaling, or by three
	// quarters, which is fast.
	cw, ch := area.W/4, area.H/4
	cell := func(col, row, cols, rows int) video.Rect {
		return video.Rect{X: area.X + col*cw, Y: area.Y + row*ch, W: cols * cw, H: rows * ch}.Inset(gap / 2).Even()
	}
	list := []video.Rect{cell(0, 0, 3, 3)}
	for i := range 3 {
		list = append(list, cell(3, i, 1, 1))
	}
	for i := range n - 4 {
		list = append(list, cell(i, 3, 1, 1))
	}
	return list
}

// shaped is the height of a tile of a width in the picture's shape, which is taken to
// be between 4:3 and 16:9.
func shaped(w int, area video.Rect) int {
	return min(max(w*area.H/area.W, w*9/16), w*3/4) &^ 1
}

// centre moves tiles to the middle of the area's height.
func centre(list []video.Rect, area video.Rect) {
	top, bottom := math.MaxInt, 0
	for _, r := range list {
		top, bottom = min(top, r.Y), max(bottom, r.Y+r.H)
	}
	shift := ((area.H-(bottom-top))/2 - top + area.Y) &^ 1
	for i := range list {
		list[i].Y += shift
	}
}

// twoMains is two tiles side by side and up to three rows of seven below.
func twoMains(area video.Rect, n, gap int) []video.Rect {
	const columns = 7
	in := area.Inset(gap)
	rows := (n - 2 + columns - 1) / columns
	w := (in.W - (columns-1)*gap) / columns &^ 1
	h := min(w*9/16, (in.H/2-rows*gap)/rows) &^ 1
	mw := (in.W - gap) / 2 &^ 1
	mh := min(in.H-rows*(h+gap), shaped(mw, area)) &^ 1
	if mh*16/9 < mw {
		mw = mh * 16 / 9 &^ 1
	}
	top := in.Y + (in.H-mh-rows*(h+gap))/2&^1
	left := in.X + (in.W-2*mw-gap)/2&^1
	list := []video.Rect{{X: left, Y: top, W: mw, H: mh}, {X: left + mw + gap, Y: top, W: mw, H: mh}}
	for i := range n - 2 {
		inRow := min(columns, n-2-i/columns*columns)
		x := in.X + (in.W-inRow*(w+gap)+gap)/2&^1
		list = append(list, video.Rect{X: x + i%columns*(w+gap), Y: top + mh + gap + i/columns*(h+gap), W: w, H: h})
	}
	return list
}

// grid is as many columns and rows as make the tiles largest, between 16:9 and the
// picture's own shape; a last row that is not full stands in the middle.
func grid(whole video.Rect, n, gap int) []video.Rect {
	area := whole.Inset(gap)
	cols, w, h := 1, 0, 0
	for c := 1; c <= n; c++ {
		r := (n + c - 1) / c
		tw, th := (area.W-(c-1)*gap)/c, (area.H-(r-1)*gap)/r
		if tw > th*16/9 {
			tw = th * 16 / 9
		} else if tall := shaped(tw, whole); th > tall {
			th = tall
		}
		if tw*th > w*h {
			cols, w, h = c, tw, th
		}
	}
	w, h = w&^1, h&^1
	rows := (n + cols - 1) / cols
	top := area.Y + (area.H-rows*(h+gap)+gap)/2&^1
	var list []video.Rect
	for i := range n {
		inRow := min(cols, n-i/cols*cols)
		x := area.X + (area.W-inRow*(w+gap)+gap)/2&^1
		list = append(list, video.Rect{X: x + i%cols*(w+gap), Y: top + i/cols*(h+gap), W: w, H: h})
	}
	return list
}

// beside is a presentation, as large as can be, and up to five participants in a
// column to its right. Without participants it fills the picture.
func beside(width, height, n int) (presentation video.Rect, pips []video.Rect) {
	area, gap := video.Rect{W: width, H: height}, gapFor(height)
	if n = min(n, presentationPips); n == 0 {
		return area, nil
	}
	in := area.Inset(gap)
	w := min(in.W/5, (in.H-(presentationPips-1)*gap)/presentationPips*16/9) &^ 1
	h := w * 9 / 16 &^ 1
	presentation = video.Rect{X: in.X, Y: in.Y, W: (in.W - gap - w) &^ 1, H: in.H &^ 1}
	for i := range n {
		pips = append(pips, video.Rect{X: in.X + in.W - w, Y: in.Y + i*(h+gap), W: w, H: h}.Even())
	}
	centre(pips, area)
	return presentation, pips
}
