package video

// Rect is a part of a picture, in luma samples.
type Rect struct{ X, Y, W, H int }

// Empty says whether nothing is in r.
func (r Rect) Empty() bool { return r.W <= 0 || r.H <= 0 }

// Intersect is what is in both.
func (r Rect) Intersect(o Rect) Rect {
	x, y := max(r.X, o.X), max(r.Y, o.Y)
	w, h := min(r.X+r.W, o.X+o.W)-x, min(r.Y+r.H, o.Y+o.H)-y
	if w <= 0 || h <= 0 {
		return Rect{}
	}
	return Rect{x, y, w, h}
}

// Inset is r without a border of n samples.
func (r Rect) Inset(n int) Rect {
	return Rect{r.X + n, r.Y + n, max(r.W-2*n, 0), max(r.H-2*n, 0)}
}

// Even is r with even corners and sizes, inside r: chroma planes have half the
// resolution.
func (r Rect) Even() Rect {
	x, y := (r.X+1)&^1, (r.Y+1)&^1
	return Rect{x, y, max(r.X+r.W-x, 0) &^ 1, max(r.Y+r.H-y, 0) &^ 1}
}

// Fit is the largest even part of box, in its middle, that has the shape of a
// picture of w by h: the whole picture is seen between bars.
func Fit(w, h int, box Rect) Rect {
	if w <= 0 || h <= 0 || box.Empty() {
		return Rect{}
	}
	fw, fh := box.W, (box.W*h+w/2)/w
	if fh > box.H {
		fw, fh = (box.H*w+h/2)/h, box.H
	}
	fw, fh = min((fw+1)&^1, box.W), min((fh+1)&^1, box.H)
	return Rect{box.X + (box.W-fw)/2&^1, box.Y + (box.H-fh)/2&^1, fw, fh}
}

// Fill is the largest part of a picture of w by h, in its middle, that has the
// shape of box: the box is full, and the picture's edges may be cut.
func Fill(w, h int, box Rect) Rect {
	if w <= 0 || h <= 0 || box.Empty() {
		return Rect{}
	}
	cw, ch := w, (w*box.H+box.W/2)/box.W
	if ch > h {
		cw, ch = (h*box.W+box.H/2)/box.H, h
	}
	cw, ch = max(min(cw, w), 1), max(min(ch, h), 1)
	return Rect{(w - cw) / 2 &^ 1, (h - ch) / 2 &^ 1, cw, ch}
}

// Between is the rectangle that lies t of the way from r to o, 0 <= t <= 1.
func (r Rect) Between(o Rect, t float64) Rect {
	at := func(a, b int) int { return a + int(float64(b-a)*t+0.5*sign(b-a)) }
	return Rect{at(r.X, o.X), at(r.Y, o.Y), at(r.W, o.W), at(r.H, o.H)}
}

func sign(n int) float64 {
	if n < 0 {
		return -1
	}
	return 1
}
