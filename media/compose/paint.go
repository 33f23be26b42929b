package compose

import (
	"image"
	"image/color"
	"image/draw"
	"math"
	"sync"

	"golang.org/x/image/vector"
)

// paint draws anti-aliased shapes on an image.
type paint struct {
	img    *image.RGBA
	ox, oy float32 // added to every coordinate, after scaling
	scale  float32
	path   []point // of the shape that is being drawn
	used   *image.Rectangle
}

// point is a step of a path: a corner, or one of the three points of a curve.
type point struct {
	kind stepKind
	x, y float32
}

type stepKind uint8

const (
	stepMove stepKind = iota
	stepLine
	stepCurve
	stepClose
)

func newPaint(w, h int) *paint {
	return &paint{img: newDrawing(w, h), scale: 1, used: &image.Rectangle{}}
}

// drawings are images that nobody needs any more: a screen is four times the size of the
// picture that is made of it.
var drawings sync.Pool

// newDrawing returns a transparent image.
func newDrawing(w, h int) *image.RGBA {
	old, _ := drawings.Get().(*image.RGBA)
	if old == nil || cap(old.Pix) < 4*w*h {
		return image.NewRGBA(image.Rect(0, 0, w, h))
	}
	old.Pix, old.Stride, old.Rect = old.Pix[:4*w*h], 4*w, image.Rect(0, 0, w, h)
	clear(old.Pix)
	return old
}

// discard lets another drawing have the memory of one, of which no part is used any more.
func discard(img *image.RGBA) { drawings.Put(img) }

// at is the same image with another origin and scale.
func (p *paint) at(x, y, scale float32) *paint {
	return &paint{img: p.img, used: p.used, ox: p.ox + x*p.scale, oy: p.oy + y*p.scale, scale: p.scale * scale}
}

// fill paints what the function draws. Only the part of the image that the shape covers
// is worked on.
func (p *paint) fill(c color.Color, shape func()) {
	p.path = p.path[:0]
	shape()
	box := p.bounds().Intersect(p.img.Bounds())
	if box.Empty() {
		return
	}
	*p.used = p.used.Union(box)
	r := vector.NewRasterizer(box.Dx(), box.Dy())
	dx, dy := -float32(box.Min.X), -float32(box.Min.Y)
	for i := 0; i < len(p.path); i++ {
		switch q := p.path[i]; q.kind {
		case stepMove:
			r.MoveTo(q.x+dx, q.y+dy)
		case stepLine:
			r.LineTo(q.x+dx, q.y+dy)
		case stepClose:
			r.ClosePath()
		case stepCurve:
			b, e := p.path[i+1], p.path[i+2]
			r.CubeTo(q.x+dx, q.y+dy, b.x+dx, b.y+dy, e.x+dx, e.y+dy)
			i += 2
		}
	}
	r.Draw(p.img, box, image.NewUniform(c), image.Point{})
}

// bounds is the part of the image that the path may cover.
func (p *paint) bounds() image.Rectangle {
	x0, y0, x1, y1 := math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)
	for _, q := range p.path {
		if q.kind != stepClose {
			x0, x1 = min(x0, float64(q.x)), max(x1, float64(q.x))
			y0, y1 = min(y0, float64(q.y)), max(y1, float64(q.y))
		}
	}
	if x0 > x1 {
		return image.Rectangle{}
	}
	return image.Rect(int(math.Floor(x0)), int(math.Floor(y0)), int(math.Ceil(x1))+1, int(math.Ceil(y1))+1)
}

// drawn is the part of the image that was drawn on, with even corners and sides.
func (p *paint) drawn() *image.RGBA {
	r := *p.used
	r.Min.X, r.Min.Y, r.Max.X, r.Max.Y = r.Min.X&^1, r.Min.Y&^1, (r.Max.X+1)&^1, (r.Max.Y+1)&^1
	return p.img.SubImage(r).(*image.RGBA)
}

func (p *paint) all(c color.Color) {
	*p.used = p.img.Bounds()
	draw.Draw(p.img, p.img.Bounds(), image.NewUniform(c), image.Point{}, draw.Src)
}

func (p *paint) move(x, y float32) { p.step(stepMove, x, y) }
func (p *paint) line(x, y float32) { p.step(stepLine, x, y) }
func (p *paint) close()            { p.path = append(p.path, point{kind: stepClose}) }

func (p *paint) cube(ax, ay, bx, by, x, y float32) {
	p.step(stepCurve, ax, ay)
	p.step(stepCurve, bx, by)
	p.step(stepCurve, x, y)
}

func (p *paint) step(kind stepKind, x, y float32) {
	p.path = append(p.path, point{kind, p.ox + x*p.scale, p.oy + y*p.scale})
}

const kappa = 0.5522847 // of the cubic curve that is nearly a quarter of a circle

// circle goes around like the quadrangles of stroke, so that both add up.
func (p *paint) circle(x, y, r float32) {
	k := r * kappa
	p.move(x+r, y)
	p.cube(x+r, y-k, x+k, y-r, x, y-r)
	p.cube(x-k, y-r, x-r, y-k, x-r, y)
	p.cube(x-r, y+k, x-k, y+r, x, y+r)
	p.cube(x+k, y+r, x+r, y+k, x+r, y)
	p.close()
}

// round is a rectangle with round corners.
func (p *paint) round(x, y, w, h, r float32) {
	r = min(r, w/2, h/2)
	k := r - r*kappa
	p.move(x+r, y)
	p.line(x+w-r, y)
	p.cube(x+w-k, y, x+w, y+k, x+w, y+r)
	p.line(x+w, y+h-r)
	p.cube(x+w, y+h-k, x+w-k, y+h, x+w-r, y+h)
	p.line(x+r, y+h)
	p.cube(x+k, y+h, x, y+h-k, x, y+h-r)
	p.line(x, y+r)
	p.cube(x, y+k, x+k, y, x+r, y)
	p.close()
}

// stroke is a line with round ends and joints.
func (p *paint) stroke(width float32, points ...[2]float32) {
	for i, a := range points {
		p.circle(a[0], a[1], width/2)
		if i+1 == len(points) {
			return
		}
		b := points[i+1]
		dx, dy := b[0]-a[0], b[1]-a[1]
		l := float32(math.Hypot(float64(dx), float64(dy)))
		if l == 0 {
			continue
		}
		nx, ny := -dy/l*width/2, dx/l*width/2
		p.move(a[0]+nx, a[1]+ny)
		p.line(b[0]+nx, b[1]+ny)
		p.line(b[0]-nx, b[1]-ny)
		p.line(a[0]-nx, a[1]-ny)
		p.close()
	}
}

// arc is a stroke along a part of a circle, in degrees clockwise from the right.
func (p *paint) arc(width, x, y, r float32, from, to float64) {
	const steps = 16
	var points [steps + 1][2]float32
	for i := range points {
		angle := (from + (to-from)*float64(i)/steps) * math.Pi / 180
		points[i] = [2]float32{x + r*float32(math.Cos(angle)), y + r*float32(math.Sin(angle))}
	}
	p.stroke(width, points[:]...)
}

// shade is a colour of 24 bits with an opacity.
func shade(rgb uint32, opacity float64) color.NRGBA {
	return color.NRGBA{uint8(rgb >> 16), uint8(rgb >> 8), uint8(rgb), uint8(opacity*255 + 0.5)}
}
