package yuv

import (
	"testing"

	"tandem/internal/moving"
	"tandem/media/video"
)

func scene(w, h int) *video.Picture { return moving.Scene(w, h, 1)[0] }

func TestScalingKeepsThePicture(t *testing.T) {
	for _, c := range []struct{ sw, sh, dw, dh int }{
		{640, 360, 640, 360},
		{640, 360, 320, 180},
		{640, 360, 160, 90},
		{320, 180, 640, 360},
		{641, 361, 321, 181},
		{360, 640, 90, 160},
		{640, 360, 480, 270},
	} {
		src, got := scene(c.sw, c.sh), video.New(c.dw, c.dh)
		Scale(got, src, Best(c.sw, c.sh, c.dw, c.dh))
		if p := moving.PSNR(got, scene(c.dw, c.dh)); p < 28 {
			t.Errorf("%+v: %.1f dB", c, p)
		}
	}
}

func TestRotatingFourTimesGivesTheSamePicture(t *testing.T) {
	src := scene(322, 180)
	a, b := video.New(180, 322), video.New(322, 180)
	Rotate(a, src, 90)
	if a.Y[179] != src.Y[0] {
		t.Error("the upper left corner is not the upper right one")
	}
	Rotate(b, a, 270)
	if moving.PSNR(b, src) != 99 {
		t.Error("turned there and back is another picture")
	}
	Rotate(b, src, 180)
	if b.Y[0] != src.Y[179*src.StrideY+321] {
		t.Error("180 degrees")
	}
	Rotate(b, src, 45)
	Rotate(b, src, 90) // another size: nothing happens
}

func TestLetterboxShowsTheWholePictureBetweenBars(t *testing.T) {
	src, dst := scene(480, 360), video.New(640, 360)
	Fill(dst, 200, 90, 90)
	Letterbox(dst, src)
	for _, x := range []int{0, 79, 560, 639} {
		if dst.Y[180*dst.StrideY+x] != 16 || dst.U[90*dst.StrideC+x/2] != 128 {
			t.Errorf("no bar at %d", x)
		}
	}
	part := dst.Crop(video.Rect{X: 80, W: 480, H: 360})
	if moving.PSNR(&part, src) != 99 {
		t.Error("the picture was changed")
	}
}

func TestCoverFillsTheTile(t *testing.T) {
	dst := video.New(100, 100)
	Cover(dst, scene(640, 360))
	for _, i := range []int{0, 99, 99 * 100, 99*100 + 99} {
		if dst.Y[i] == 16 {
			t.Errorf("black at %d", i)
		}
	}
}

func TestBlendingWeighsByAlpha(t *testing.T) {
	dst, src := video.New(64, 32), video.New(32, 16)
	Fill(dst, 100, 128, 128)
	Fill(src, 200, 60, 60)
	alpha := make([]byte, 32*16)
	for i := range alpha {
		alpha[i] = byte(i % 32 / 8 * 85) // 0, 85, 170, 255
	}
	Blend(dst, src, alpha)
	for x, want := range map[int]int{2: 100, 12: 133, 20: 167, 30: 200, 40: 100} {
		if got := int(dst.Y[5*dst.StrideY+x]); got < want-2 || got > want+2 {
			t.Errorf("at %d: %d, want %d", x, got, want)
		}
	}
	if dst.U[15] > 64 || dst.U[1] < 126 {
		t.Error("the colour did not follow")
	}
}

func TestColoursSurviveTheWayThereAndBack(t *testing.T) {
	const w, h = 16, 8
	for _, colour := range [][3]byte{{255, 255, 255}, {0, 0, 0}, {26, 115, 232}, {234, 67, 53}, {52, 168, 83}} {
		in, out := make([]byte, 4*w*h), make([]byte, 4*w*h)
		for i := 0; i < len(in); i += 4 {
			copy(in[i:], colour[:])
		}
		p := video.New(w, h)
		FromRGBA(p, in, 4*w)
		ToRGBA(out, 4*w, p)
		for i := range colour {
			if d := int(out[i]) - int(colour[i]); d < -4 || d > 4 {
				t.Errorf("%v came back as %v", colour, out[:3])
				break
			}
		}
	}
}

func TestEmptyPicturesAreLeftAlone(t *testing.T) {
	p, none := scene(32, 32), &video.Picture{}
	for _, f := range []func(){
		func() { Copy(none, p) },
		func() { Copy(p, none) },
		func() { Scale(none, p, Box) },
		func() { Scale(p, none, Box) },
		func() { Letterbox(none, p) },
		func() { Letterbox(p, none) },
		func() { Cover(p, none) },
		func() { Cover(none, p) },
		func() { Rotate(none, p, 90) },
		func() { Fill(none, 1, 2, 3) },
		func() { Grey(none) },
		func() { Blend(none, p, nil) },
		func() { Blend(p, p, nil) },
		func() { FromRGBA(p, nil, 0) },
		func() { ToRGBA(nil, 0, p) },
	} {
		f()
	}
	if moving.PSNR(p, scene(32, 32)) != 99 {
		t.Error("the picture was changed")
	}
}

func TestNothingIsAllocated(t *testing.T) {
	src, dst, small := scene(320, 180), video.New(640, 360), video.New(160, 90)
	alpha := make([]byte, 160*90)
	if n := testing.AllocsPerRun(10, func() {
		Letterbox(dst, src)
		part := dst.Crop(video.Rect{X: 40, Y: 20, W: 160, H: 90})
		Cover(small, src)
		Blend(&part, small, alpha)
		Grey(&part)
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// A narrow rectangle is filled in another way than a wide one.
func TestFillIsExact(t *testing.T) {
	for _, w := range []int{1, 2, 4, 15, 16, 17, 18, 33} {
		pic := video.New(64, 20)
		part := pic.Crop(video.Rect{X: 6, Y: 2, W: w, H: 9})
		Fill(&part, 200, 90, 60)
		for y := range 20 {
			for x := range 64 {
				inside := x >= 6 && x < 6+w && y >= 2 && y < 11
				want := [3]byte{16, 128, 128}
				if inside {
					want[0] = 200
				}
				if x/2 >= 3 && x/2 < 3+(w+1)/2 && y/2 >= 1 && y/2 < 1+5 {
					want[1], want[2] = 90, 60
				}
				c := y/2*pic.StrideC + x/2
				if got := [3]byte{pic.Y[y*pic.StrideY+x], pic.U[c], pic.V[c]}; got != want {
					t.Fatalf("%d wide: at %d,%d %v, want %v", w, x, y, got, want)
				}
			}
		}
	}
}
