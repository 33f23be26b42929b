package meet

import (
	"image"
	"math"
	"testing"

	"tandem/sim/picture"
	"tandem/sim/vp8"
)

// TestAReelCanBePlayedForever decodes several rounds of a picture that jumps at the end of
// each: the first frame of a round must need nothing of the one before.
func TestAReelCanBePlayedForever(t *testing.T) {
	const rounds = 60
	draw := func(img *image.YCbCr, n int) { // a disc on a ground that pans, and a camera's noise
		noise := uint32(n + 1)
		for i := range img.Y {
			x, y := i%img.YStride, i/img.YStride
			noise = noise*1664525 + 1013904223
			img.Y[i] = byte(60 + (x+2*n)%256/4 + int(noise>>30))
			if dx, dy := x-100-n, y-90; dx*dx+dy*dy < 1600 {
				img.Y[i] += 80
			}
		}
	}
	r := &reel{film: draw, width: 320, height: 180, fps: 30, kbps: 150, rounds: rounds}
	defer r.close()
	d, err := vp8.NewDecoder()
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	want, got, at := picture.New(320, 180), picture.New(320, 180), 0
	for n := range 5 * rounds {
		frame, err := r.at(at)
		if err != nil {
			t.Fatal(err)
		}
		if got, err = d.Decode(frame, got); err != nil {
			t.Fatalf("frame %d: %v", n, err)
		}
		if draw(want, at%rounds); likeness(got, want) < 28 {
			t.Fatalf("frame %d, which is %d of the reel, shows another picture: %.1f dB", n, at, likeness(got, want))
		}
		at = r.next(at)
	}
}

// likeness is the PSNR of the luma of two pictures of one size, in dB.
func likeness(a, b *image.YCbCr) float64 {
	sum := 1.0
	for i := range b.Y {
		d := float64(a.Y[i]) - float64(b.Y[i])
		sum += d * d
	}
	return 10 * math.Log10(255*255*float64(len(b.Y))/sum)
}
