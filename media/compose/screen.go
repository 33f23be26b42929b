package compose

import (
	"fmt"
	"strings"
	"time"

	"tandem/media/codec/yuv"
	"tandem/media/video"
)

// screens keeps the ground of the screens, which takes a while to draw.
type screens struct {
	ground *video.Picture
}

// screen draws what is seen in place of a meeting, when it has changed.
func (c *Compositor) screen(now time.Time, alone bool) bool {
	s := c.state.Screen
	second := -1
	if s.Kind == Lobby && !s.Since.IsZero() {
		second = max(int(now.Sub(s.Since)/time.Second), 0)
	}
	if !c.whole && second == c.second {
		return false
	}
	c.second, c.whole = second, false
	if c.screens.ground == nil {
		c.screens.ground = c.screenGround()
	}
	yuv.Copy(c.canvas, c.screens.ground)
	c.hidden.drop()
	p := newPaint(c.config.Width, c.config.Height)
	defer discard(p.img)
	switch {
	case alone:
		c.alone(p)
	case s.Kind == Lobby:
		c.lobby(p, second)
	case s.Kind == Splash:
		c.splash(p)
	default:
		c.message(p)
	}
	if text := p.drawn(); !text.Bounds().Empty() {
		newSprite(text).show(c.canvas, text.Bounds().Min.X, text.Bounds().Min.Y)
	}
	c.overlays()
	return true
}

// screenGround is dark blue with two soft discs, which hold each other like the links
// of a chain.
func (c *Compositor) screenGround() *video.Picture {
	w, h := c.config.Width, c.config.Height
	p := newPaint(w, h)
	defer discard(p.img)
	for y := range h {
		t := float64(y) / float64(h)
		r, g, b := 14+10*t, 22+14*t, 40+26*t
		for x := range w {
			// A little noise hides the steps of the gradient.
			n := float64((x*7919+y*104729)%97)/97 - 0.5
			i := y*p.img.Stride + 4*x
			p.img.Pix[i], p.img.Pix[i+1], p.img.Pix[i+2], p.img.Pix[i+3] = byte(r+n), byte(g+n), byte(b+n), 255
		}
	}
	f := float32(h)
	p.fill(shade(0x3b82f6, 0.10), func() { p.circle(float32(w)-f*0.16, f*0.10, f*0.42) })
	p.fill(shade(0x22c1c3, 0.08), func() { p.circle(float32(w)-f*0.52, -f*0.06, f*0.30) })
	p.fill(shade(0x3b82f6, 0.06), func() { p.circle(f*0.05, f*1.02, f*0.36) })
	out := video.New(w, h)
	yuv.FromRGBA(out, p.img.Pix, p.img.Stride)
	return out
}

// brand is the mark at the top left.
func (c *Compositor) brand(p *paint) {
	a := &c.artist
	x, y, r := a.px(52), a.px(56), a.px(13)
	p.fill(shade(0x6ea8ff, 1), func() { p.arc(a.px(4.5), x, y, r, 0, 360) })
	p.fill(shade(0x2dd4bf, 1), func() { p.arc(a.px(4.5), x+r*1.25, y, r, 0, 360) })
	a.type_.draw(p, "Tandem", semiBold, 26*a.unit, x+r*3, y+a.px(9), shade(colourText, 0.95))
}

// centre is the middle of the screen, and how wide its text may be.
func (c *Compositor) centre() (x, y, room float32) {
	w, h := float32(c.config.Width), float32(c.config.Height)
	return w / 2, h / 2, w * 0.82
}

// lines writes lines below each other, centred, and returns where the next would be.
func (c *Compositor) lines(p *paint, text string, w weight, size float64, y float32, opacity float64) float32 {
	x, _, room := c.centre()
	size *= c.artist.unit
	for _, line := range c.artist.type_.wrap(c.artist.type_.clean(text, w), w, size, room) {
		c.artist.type_.centred(p, line, w, size, x, y, shade(colourText, opacity))
		y += float32(size * 1.35)
	}
	return y
}

// emblem is a large sign in a disc.
func (c *Compositor) emblem(p *paint, i icon, y float32, rgb uint32) {
	x, _, _ := c.centre()
	r := c.artist.px(58)
	p.fill(shade(rgb, 0.22), func() { p.circle(x, y, r) })
	p.fill(shade(rgb, 0.95), func() { p.circle(x, y, r*0.78) })
	i(p.at(x-r*0.42, y-r*0.42, r*0.84/24), shade(colourText, 1))
}

func (c *Compositor) alone(p *paint) {
	c.brand(p)
	_, y, _ := c.centre()
	a := &c.artist
	c.emblem(p, iconPeople, y-a.px(110), 0x3b82f6)
	next := c.lines(p, "You are the only one here", semiBold, 46, y+a.px(20), 1)
	c.lines(p, "The others appear as soon as they join.", medium, 26, next, 0.8)
}

func (c *Compositor) lobby(p *paint, second int) {
	c.brand(p)
	_, y, _ := c.centre()
	a, s := &c.artist, c.state.Screen
	c.emblem(p, iconHand, y-a.px(150), 0x2a9d8f)
	next := c.lines(p, or(s.Title, "The meeting"), semiBold, 46, y-a.px(20), 1)
	next = c.lines(p, or(s.Text, "Someone in the meeting will let you in soon."), medium, 28, next+a.px(2), 0.86)
	if second >= 0 {
		c.chip(p, fmt.Sprintf("Waiting %d:%02d", second/60, second%60), next+a.px(30))
	}
}

// chip is a short text on a light ground, centred.
func (c *Compositor) chip(p *paint, text string, y float32) {
	a := &c.artist
	x, _, _ := c.centre()
	size := 24 * a.unit
	w := a.type_.width(text, semiBold, size)
	// The width of the widest digits: the chip does not breathe with the seconds.
	w = max(w, a.type_.width("Waiting 00:00", semiBold, size)) + a.px(44)
	p.fill(shade(colourText, 0.13), func() { p.round(x-w/2, y-a.px(32), w, a.px(48), a.px(24)) })
	a.type_.centred(p, text, semiBold, size, x, y+a.px(1), shade(colourText, 1))
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

func (c *Compositor) message(p *paint) {
	c.brand(p)
	_, y, _ := c.centre()
	next := c.lines(p, c.state.Screen.Title, semiBold, 50, y-c.artist.px(16), 1)
	c.lines(p, c.state.Screen.Text, medium, 28, next+c.artist.px(6), 0.86)
}

// splash shows the digits that were typed, in boxes of three and four.
func (c *Compositor) splash(p *paint) {
	c.brand(p)
	_, y, _ := c.centre()
	a, s := &c.artist, c.state.Screen
	next := c.lines(p, or(s.Title, "Join a meeting"), semiBold, 50, y-a.px(120), 1)
	next = c.lines(p, or(s.Text, "Type the meeting number on the keypad, then press #"), medium, 28, next+a.px(2), 0.86)
	c.digits(p, digits(s.Digits), s.Length, next+a.px(36))
	c.lines(p, "* clears what you typed", medium, 20, float32(c.config.Height)-a.px(44), 0.6)
}

// maxDigits is how many are shown; of more the last.
const maxDigits = 16

// digits leaves what a keypad can type.
func digits(s string) string {
	s = strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r == '*' || r == '#' {
			return r
		}
		return -1
	}, s)
	return s[max(len(s)-maxDigits, 0):]
}

// digits draws a box for each digit of a number with groups of 3, 3, 3 and 4 as in
// 123 456 789 0123; the next one to be typed is light.
func (c *Compositor) digits(p *paint, typed string, length int, y float32) {
	a := &c.artist
	count := min(max(length, len(typed), 1), maxDigits)
	if length == 0 {
		count = min(max(len(typed)+1, 6), maxDigits)
	}
	w, h, gap, group := a.px(52), a.px(74), a.px(8), a.px(16)
	groups := float32(0)
	for i := 1; i < count; i++ {
		if startsGroup(i, count) {
			groups++
		}
	}
	whole := float32(count)*(w+gap) - gap + groups*group
	x, _, room := c.centre()
	scale := min(1, room/whole)
	w, h, gap, group = w*scale, h*scale, gap*scale, group*scale
	x -= whole * scale / 2
	for i := range count {
		if startsGroup(i, count) {
			x += group
		}
		ground := shade(colourText, 0.10)
		if i == len(typed) {
			p.fill(shade(0x6ea8ff, 1), func() { p.round(x-a.px(3), y-a.px(3), w+a.px(6), h+a.px(6), a.px(13)) })
			p.fill(shade(0x16223c, 1), func() { p.round(x, y, w, h, a.px(10)) })
		} else {
			p.fill(ground, func() { p.round(x, y, w, h, a.px(10)) })
		}
		if i < len(typed) {
			size := 44 * a.unit * float64(scale)
			a.type_.centred(p, typed[i:i+1], semiBold, size, x+w/2, y+h/2+float32(size*0.36), shade(colourText, 1))
		}
		x += w + gap
	}
}

func startsGroup(i, count int) bool { return i > 0 && i%3 == 0 && i < count-1 }
