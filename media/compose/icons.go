package compose

import "image/color"

// icon draws a sign into a box of 24 by 24 units.
type icon func(p *paint, c color.Color)

func iconMic(p *paint, c color.Color) {
	p.fill(c, func() {
		p.round(9, 2.5, 6, 11.5, 3)
	})
	p.fill(c, func() {
		p.arc(1.8, 12, 11, 6.2, 0, 180)
		p.stroke(1.8, [2]float32{12, 17.5}, [2]float32{12, 20.5})
	})
}

// iconMuted is the microphone with a stroke through it.
func iconMuted(p *paint, c color.Color) {
	iconMic(p, c)
	crossOut(p, c)
}

// crossOut strokes through what was drawn, with a gap beside the line.
func crossOut(p *paint, c color.Color) {
	p.fill(shade(0x202124, 1), func() { p.stroke(4.6, [2]float32{4.6, 3.2}, [2]float32{20.8, 19.4}) })
	p.fill(c, func() { p.stroke(2, [2]float32{3.6, 3.6}, [2]float32{20.4, 20.4}) })
}

func iconCameraOff(p *paint, c color.Color) {
	p.fill(c, func() {
		p.round(2.5, 6.5, 13, 11, 2)
	})
	p.fill(c, func() {
		p.move(16.8, 11)
		p.line(21.5, 7.2)
		p.line(21.5, 16.8)
		p.line(16.8, 13)
		p.close()
	})
	crossOut(p, c)
}

func iconPhone(p *paint, c color.Color) {
	p.fill(c, func() {
		p.stroke(4.4, [2]float32{6.2, 5.6}, [2]float32{7.6, 7.8})
		p.stroke(4.4, [2]float32{16.2, 16.4}, [2]float32{18.4, 17.8})
		p.stroke(3.2, [2]float32{6, 6.6}, [2]float32{7, 10.4}, [2]float32{9.8, 14.2}, [2]float32{13.6, 17}, [2]float32{17.4, 18})
	})
}

func iconHand(p *paint, c color.Color) {
	p.fill(c, func() {
		for _, f := range [][4]float32{{7.6, 6, 7.6, 14}, {10.6, 3.6, 10.6, 13}, {13.6, 3.6, 13.6, 13}, {16.6, 5.6, 16.6, 14}} {
			p.stroke(2.4, [2]float32{f[0], f[1]}, [2]float32{f[2], f[3]})
		}
		p.stroke(2.6, [2]float32{4, 13.4}, [2]float32{8, 18})
	})
	p.fill(c, func() { p.round(6.4, 11, 11.4, 10.4, 4.6) })
}

func iconRecord(p *paint, _ color.Color) {
	p.fill(shade(0xff5c5c, 1), func() { p.circle(12, 12, 6.5) })
}

func iconStream(p *paint, c color.Color) {
	p.fill(c, func() {
		p.circle(12, 12, 2.6)
		p.arc(2, 12, 12, 6, -50, 50)
		p.arc(2, 12, 12, 6, 130, 230)
		p.arc(2, 12, 12, 10, -50, 50)
		p.arc(2, 12, 12, 10, 130, 230)
	})
}

func iconTranscript(p *paint, c color.Color) {
	p.fill(c, func() {
		p.stroke(2.2, [2]float32{4, 6.5}, [2]float32{20, 6.5})
		p.stroke(2.2, [2]float32{4, 12}, [2]float32{20, 12})
		p.stroke(2.2, [2]float32{4, 17.5}, [2]float32{13, 17.5})
	})
}

func iconSpark(p *paint, c color.Color) {
	star := func(x, y, r float32) {
		k := r * 0.18
		p.move(x, y-r)
		p.cube(x+k, y-k*1.6, x+k*1.6, y-k, x+r, y)
		p.cube(x+k*1.6, y+k, x+k, y+k*1.6, x, y+r)
		p.cube(x-k, y+k*1.6, x-k*1.6, y+k, x-r, y)
		p.cube(x-k*1.6, y-k, x-k, y-k*1.6, x, y-r)
		p.close()
	}
	p.fill(c, func() { star(10, 13, 8.6) })
	p.fill(c, func() { star(18.6, 5.4, 4.2) })
}

func iconPeople(p *paint, c color.Color) {
	p.fill(c, func() { p.circle(12, 8, 4.2) })
	p.fill(c, func() {
		p.move(3.6, 20.4)
		p.cube(3.6, 15.4, 7, 14, 12, 14)
		p.cube(17, 14, 20.4, 15.4, 20.4, 20.4)
		p.close()
	})
}

func iconScreen(p *paint, c color.Color) {
	p.fill(c, func() {
		p.stroke(2, [2]float32{3, 5}, [2]float32{21, 5}, [2]float32{21, 16.5}, [2]float32{3, 16.5}, [2]float32{3, 5})
		p.stroke(2, [2]float32{8, 20.4}, [2]float32{16, 20.4})
	})
}
