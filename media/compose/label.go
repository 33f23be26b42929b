package compose

import (
	"image"
	"image/color"
	"strconv"

	"tandem/media/video"
)

// The colours. Text is white on dark, at a contrast of 7:1 and more.
const (
	colourBack    = 0x121418 // between the tiles
	colourTile    = 0x24272d // a tile without a picture
	colourPill    = 0x202124 // under text
	colourSpeaker = 0x6ea8ff // around who speaks
	colourMuted   = 0xff8a80
	colourRed     = 0xd93025
	colourText    = 0xffffff
)

// avatarColours are behind initials.
func avatarColours() [10]uint32 {
	return [10]uint32{0x1a73e8, 0xc5221f, 0x188038, 0x9334e6, 0xb06000, 0x12797d, 0xa50e5c, 0x3c5a99, 0x6d4c41, 0x5f6368}
}

// artist draws everything that is not a participant's picture, for one height of
// picture.
type artist struct {
	type_   *typesetter
	sprites sprites
	unit    float64 // pixels of a picture of 720 rows
}

// px is a size of a 720-row picture in pixels.
func (a *artist) px(v float64) float32 { return float32(v * a.unit) }

func even(v float32) int { return (int(v) + 2) &^ 1 }

// textSize is the size of a name in a tile: readable from the other end of a room also
// in a small one.
func (a *artist) textSize(tile video.Rect) float64 {
	return min(max(float64(tile.H)*0.075, 17*a.unit), 24*a.unit)
}

// label is the name of a participant with its signs.
func (a *artist) label(p *Participant, tile video.Rect) *sprite {
	size := a.textSize(tile)
	signs := 0
	for i, set := range []bool{p.Muted, p.Hand, p.Presenter} {
		if set {
			signs |= 1 << i
		}
	}
	return a.sprites.get(spriteKey{spriteLabel, p.Name, tile.W, int(size * 8), signs}, func() *image.RGBA {
		var icons []sign
		if p.Hand {
			icons = append(icons, sign{iconHand, shade(0xfdd663, 1)})
		}
		if p.Presenter {
			icons = append(icons, sign{iconScreen, shade(colourText, 1)})
		}
		if p.Muted {
			icons = append(icons, sign{iconMuted, shade(colourMuted, 1)})
		}
		name := p.Name
		if a.type_.clean(name, medium) == "" {
			name = "Participant" // no name, or one in a script without a font here
		}
		return a.pill(icons, name, medium, size, shade(colourPill, 0.78), float32(tile.W)-a.px(16))
	})
}

type sign struct {
	icon  icon
	shade color.Color
}

// pill is a line of text with signs before it, on a round ground. It is never wider
// than room.
func (a *artist) pill(signs []sign, text string, w weight, size float64, ground color.Color, room float32) *image.RGBA {
	side, pad, box := float32(size*1.16), float32(size*0.52), float32(size*1.72)
	lead := float32(len(signs)) * (side + pad*0.5)
	text = a.type_.cut(a.type_.clean(text, w), w, size, room-lead-2*pad)
	width := lead + 2*pad + a.type_.width(text, w, size)
	if text == "" {
		width -= pad * 0.5
	}
	p := newPaint(even(width), even(box))
	p.fill(ground, func() { p.round(0, 0, width, box, box*0.36) })
	x := pad
	for _, s := range signs {
		s.icon(p.at(x, (box-side)/2, side/24), s.shade)
		x += side + pad*0.5
	}
	a.type_.draw(p, text, w, size, x, box/2+float32(size*0.36), shade(colourText, 1))
	return p.img
}

// avatar fills a tile without a picture: initials in a circle.
func (a *artist) avatar(p *Participant, w, h int) *sprite {
	return a.sprites.get(spriteKey{spriteAvatar, p.Name, w, h, 0}, func() *image.RGBA {
		d := newPaint(w, h)
		d.all(shade(colourTile, 1))
		r := float32(min(w, h)) * 0.27
		x, y := float32(w)/2, float32(h)/2-r*0.12
		d.fill(shade(avatarColours()[hash(p.Name)%10], 1), func() { d.circle(x, y, r) })
		size := float64(r) * 0.82
		text := a.type_.clean(initials(p.Name), semiBold)
		if text == "" {
			iconPeople(d.at(x-r*0.62, y-r*0.62, r*1.24/24), shade(colourText, 1))
			return d.img
		}
		a.type_.centred(d, text, semiBold, size, x, y+float32(size*0.36), shade(colourText, 1))
		return d.img
	})
}

func hash(s string) int {
	h := uint32(2166136261)
	for i := range len(s) {
		h = (h ^ uint32(s[i])) * 16777619
	}
	return int(h >> 8)
}

// cameraOff is the sign in the corner of a tile without a picture.
func (a *artist) cameraOff(tile video.Rect) *sprite {
	size := a.textSize(tile)
	return a.sprites.get(spriteKey{kind: spriteCameraOff, h: int(size * 8)}, func() *image.RGBA {
		return a.pill([]sign{{iconCameraOff, shade(colourText, 0.9)}}, "", medium, size, shade(colourPill, 0.78), 1000)
	})
}

// presenter says whose presentation it is.
func (a *artist) presenter(name string, tile video.Rect) *sprite {
	return a.sprites.get(spriteKey{spritePresenter, name, tile.W, 0, 0}, func() *image.RGBA {
		signs := []sign{{iconScreen, shade(colourText, 1)}}
		return a.pill(signs, name+" is presenting", medium, 20*a.unit, shade(colourPill, 0.86), float32(tile.W)/2)
	})
}

// plus is a tile that stands for those without one.
func (a *artist) plus(n int, tile video.Rect) *sprite {
	return a.sprites.get(spriteKey{spritePlus, strconv.Itoa(n), tile.W, tile.H, 0}, func() *image.RGBA {
		p := newPaint(tile.W, tile.H)
		p.all(shade(colourTile, 1))
		size := min(float64(tile.H)*0.30, 64*a.unit)
		a.type_.centred(p, "+"+strconv.Itoa(n), semiBold, size, float32(tile.W)/2, float32(tile.H)/2+float32(size*0.36), shade(colourText, 1))
		return p.img
	})
}

// indicators are the red and dark signs at the top.
func (a *artist) indicators(in Indicators) *sprite {
	key := 0
	for i, set := range []bool{in.Recording, in.Streaming, in.Transcribing, in.AI} {
		if set {
			key |= 1 << i
		}
	}
	if key == 0 {
		return nil
	}
	return a.sprites.get(spriteKey{kind: spritePills, more: key}, func() *image.RGBA {
		white, dark := shade(colourText, 1), shade(colourPill, 0.86)
		var pills []*image.RGBA
		for _, i := range []struct {
			set    bool
			icon   icon
			text   string
			ground color.Color
		}{
			{in.Recording, iconRecord, "REC", dark},
			{in.Streaming, iconStream, "LIVE", shade(colourRed, 0.95)},
			{in.Transcribing, iconTranscript, "Transcript", dark},
			{in.AI, iconSpark, "AI notes", dark},
		} {
			if i.set {
				pills = append(pills, a.pill([]sign{{i.icon, white}}, i.text, semiBold, 18*a.unit, i.ground, 1000))
			}
		}
		return row(pills, even(a.px(6)))
	})
}

// row puts drawings side by side.
func row(list []*image.RGBA, gap int) *image.RGBA {
	w, h := -gap, 0
	for _, img := range list {
		w += img.Bounds().Dx() + gap
		h = max(h, img.Bounds().Dy())
	}
	out := image.NewRGBA(image.Rect(0, 0, w, h))
	x := 0
	for _, img := range list {
		paste(out, img, x, 0)
		x += img.Bounds().Dx() + gap
	}
	return out
}

// paste copies img into dst, where nothing was before.
func paste(dst, img *image.RGBA, x, y int) {
	for r := range img.Bounds().Dy() {
		copy(dst.Pix[(y+r)*dst.Stride+4*x:], img.Pix[r*img.Stride:][:4*img.Bounds().Dx()])
	}
}

// phones are those who joined by telephone: up to four by name, more as a number.
func (a *artist) phones(list []*Participant) *sprite {
	const most = 4
	text := ""
	for _, p := range list[:min(len(list), most)] {
		text += p.Name + "\x00" + strconv.FormatBool(p.Muted) + "\x00"
	}
	return a.sprites.get(spriteKey{spritePhones, text, len(list), 0, 0}, func() *image.RGBA {
		ground, white := shade(colourPill, 0.82), shade(colourText, 1)
		var pills []*image.RGBA
		if len(list) > most {
			pills = append(pills, a.pill([]sign{{iconPhone, white}}, strconv.Itoa(len(list))+" by phone", medium, 18*a.unit, ground, 1000))
		} else {
			for _, p := range list {
				signs := []sign{{iconPhone, white}}
				if p.Muted {
					signs = append(signs, sign{iconMuted, shade(colourMuted, 1)})
				}
				pills = append(pills, a.pill(signs, p.Name, medium, 18*a.unit, ground, a.px(260)))
			}
		}
		return column(pills, even(a.px(6)))
	})
}

// column puts drawings one below the other, all at the right edge.
func column(list []*image.RGBA, gap int) *image.RGBA {
	w, h := 0, -gap
	for _, img := range list {
		w = max(w, img.Bounds().Dx())
		h += img.Bounds().Dy() + gap
	}
	out := image.NewRGBA(image.Rect(0, 0, w, h))
	y := 0
	for _, img := range list {
		paste(out, img, w-img.Bounds().Dx(), y)
		y += img.Bounds().Dy() + gap
	}
	return out
}

// notice is a line at the top: that the viewer is muted, and a free text.
func (a *artist) notice(s *State, width int) *sprite {
	if !s.Muted && s.Notice == "" {
		return nil
	}
	muted := 0
	if s.Muted {
		muted = 1
	}
	return a.sprites.get(spriteKey{spriteNotice, s.Notice, width, muted, 0}, func() *image.RGBA {
		var pills []*image.RGBA
		if s.Muted {
			pills = append(pills, a.pill([]sign{{iconMuted, shade(colourText, 1)}}, "You are muted", semiBold, 22*a.unit, shade(colourRed, 0.95), 1000))
		}
		if s.Notice != "" {
			pills = append(pills, a.pill(nil, s.Notice, medium, 22*a.unit, shade(colourPill, 0.9), float32(width)*0.6))
		}
		return row(pills, even(a.px(10)))
	})
}

// corners are the round corners of a tile, in the order top left, top right, bottom
// left, bottom right: outside the ground, and a ring in its colour when it is not 0.
func (a *artist) corners(ring uint32, thick int) [4]*sprite {
	r := even(a.px(10))
	var list [4]*sprite
	for i := range list {
		list[i] = a.sprites.get(spriteKey{spriteCorner, "", i, thick, int(ring)}, func() *image.RGBA {
			p := newPaint(r, r)
			x, y := float32(r)*float32(1-i%2), float32(r)*float32(1-i/2)
			f := float32(r)
			p.fill(shade(colourBack, 1), func() {
				p.move(0, 0)
				p.line(f, 0)
				p.line(f, f)
				p.line(0, f)
				p.close()
				p.circle(x, y, f) // the other way around: a hole
			})
			if ring != 0 {
				p.fill(shade(ring, 1), func() { p.arc(float32(thick), x, y, f-float32(thick)/2, 0, 360) })
			}
			return p.img
		})
	}
	return list
}
