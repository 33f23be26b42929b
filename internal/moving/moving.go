// Package moving draws moving pictures for tests and benchmarks of codecs, and
// measures how alike two pictures are.
package moving

import (
	"math"

	"tandem/media/video"
)

// Draw draws picture number n of an endless scene into p: a soft background that
// pans, a disc that goes around, and fine noise like a camera's.
func Draw(p *video.Picture, n int) {
	noise := uint32(n*2654435761 + 1)
	cx := p.Width/2 + int(float64(p.Width)/5*math.Cos(float64(n)/17))
	cy := p.Height/2 + int(float64(p.Height)/6*math.Sin(float64(n)/11))
	radius := p.Height / 4
	for y := range p.Height {
		row := p.Y[y*p.StrideY:][:p.Width]
		for x := range row {
			noise = noise*1664525 + 1013904223
			v := 60 + wave(x*256/p.Width+n/2)/3 + wave(y*256/p.Height)/4
			if dx, dy := x-cx, y-cy; dx*dx+dy*dy < radius*radius {
				v = 150 + wave((dx+dy)*512/p.Height)/4
			}
			row[x] = byte(v + int(noise>>30))
		}
	}
	for y := range p.ChromaHeight() {
		u, v := p.U[y*p.StrideC:][:p.ChromaWidth()], p.V[y*p.StrideC:][:p.ChromaWidth()]
		for x := range u {
			u[x], v[x] = byte(110+x*32/p.ChromaWidth()), byte(120+y*24/p.ChromaHeight())
			if dx, dy := 2*x-cx, 2*y-cy; dx*dx+dy*dy < radius*radius {
				u[x], v[x] = 100, 160
			}
		}
	}
}

// wave is a triangle between 0 and 127 with a period of 256.
func wave(x int) int {
	x &= 255
	if x > 127 {
		return 255 - x
	}
	return x
}

// Scene returns n pictures of the scene.
func Scene(width, height, n int) []*video.Picture {
	scene := make([]*video.Picture, n)
	for i := range scene {
		scene[i] = video.New(width, height)
		Draw(scene[i], i)
	}
	return scene
}

// PSNR is the likeness of the luma of two pictures of one size in dB: above 30 they
// look alike, 99 is the same.
func PSNR(a, b *video.Picture) float64 {
	if a == nil || b == nil || a.Width != b.Width || a.Height != b.Height {
		return 0
	}
	sum := 0.0
	for y := range a.Height {
		ra, rb := a.Y[y*a.StrideY:][:a.Width], b.Y[y*b.StrideY:][:a.Width]
		for x := range ra {
			d := float64(ra[x]) - float64(rb[x])
			sum += d * d
		}
	}
	if sum == 0 {
		return 99
	}
	return min(99, 10*math.Log10(255*255*float64(a.Width*a.Height)/sum))
}
