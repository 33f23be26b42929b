package simulcast

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"tandem/internal/cmem"
	"tandem/internal/moving"
	"tandem/media/codec/vpx"
	"tandem/media/video"
)

func TestLayersHaveTheShapeOfTheSource(t *testing.T) {
	for _, c := range []struct{ w, h, w2, h2 int }{
		{1280, 720, 1280, 720},
		{1920, 1080, 1280, 720},
		{3840, 2160, 1280, 720},
		{640, 480, 640, 480},
		{1024, 768, 960, 720},
		{1600, 1200, 960, 720},
		{720, 1280, 720, 1280},
		{1080, 1920, 720, 1280},
		{352, 288, 352, 288},
		{641, 359, 640, 360},
		{1280, 800, 1152, 720},
		{2560, 1080, 1280, 540},
	} {
		got, err := Sizes(c.w, c.h, 720)
		if err != nil || got[2].W != c.w2 || got[2].H != c.h2 {
			t.Errorf("%dx%d: %v, %v", c.w, c.h, got, err)
		}
		for i := range 2 {
			if got[i].W*2 != got[i+1].W || got[i].H*2 != got[i+1].H {
				t.Errorf("%dx%d: %v", c.w, c.h, got)
			}
		}
	}
	for _, c := range [][2]int{{0, 0}, {32, 32}, {1 << 20, 1 << 20}} {
		if _, err := Sizes(c[0], c[1], 720); !errors.Is(err, video.ErrSize) {
			t.Errorf("%v: %v", c, err)
		}
	}
}

func TestTheSplitKeepsToTheTargetAndDropsFromTheTop(t *testing.T) {
	layers := [Layers]Layer{{320, 180, 1}, {640, 360, 1}, {1280, 720, 1}}
	for _, c := range []struct {
		target, on int
	}{{2_000_000, 3}, {1_500_000, 3}, {1_100_000, 3}, {900_000, 2}, {400_000, 2}, {250_000, 1}, {100_000, 1}, {10_000, 1}} {
		rates := Split(c.target, layers)
		sum, on := 0, 0
		for i, r := range rates {
			sum += r
			if r > 0 {
				on = i + 1
			}
		}
		if on != c.on || sum > max(c.target, leastRate) || rates[0] == 0 {
			t.Errorf("%d: %v, want %d layers", c.target, rates, c.on)
		}
	}
}

func TestALayerDoesNotFlutter(t *testing.T) {
	layers := [Layers]Layer{{320, 180, 1}, {640, 360, 1}, {1280, 720, 1}}
	changes, on := 0, true
	for n := range 100 {
		rates := Split(1_075_000+n%2*40_000, layers) // around the least that the top layer needs
		for i := range layers {
			layers[i].Bitrate = rates[i]
		}
		if now := rates[2] > 0; now != on {
			changes++
			on = now
		}
	}
	if changes > 1 {
		t.Errorf("the top layer went on and off %d times", changes)
	}
}

func run(t *testing.T, e *Encoder, w, h, from, n int, each func(n int, frames []video.Encoded)) {
	t.Helper()
	pic := video.New(w, h)
	for i := from; i < from+n; i++ {
		moving.Draw(pic, i)
		frames, err := e.Encode(pic, time.Duration(i)*time.Second/30)
		if err != nil {
			t.Fatal(err)
		}
		if each != nil {
			each(i, frames)
		}
	}
}

func TestAnySourceGivesThreeLayersThatDecode(t *testing.T) {
	if !vpx.Available {
		t.Skip("no VP8")
	}
	e := New(Config{})
	defer e.Close()
	n := 0
	for _, c := range [][2]int{{1280, 720}, {640, 480}, {360, 640}, {353, 289}, {1920, 1080}} {
		var d [Layers]*vpx.Decoder
		for i := range d {
			var err error
			if d[i], err = vpx.NewDecoder(); err != nil {
				t.Fatal(err)
			}
			defer d[i].Close()
		}
		run(t, e, c[0], c[1], n, 4, func(i int, frames []video.Encoded) {
			if len(frames) != Layers {
				t.Fatalf("%v: %d layers", c, len(frames))
			}
			for _, f := range frames {
				pic, err := d[f.Layer].Decode(f.Data)
				if err != nil || f.Key != (i == n) {
					t.Fatalf("%v, frame %d, layer %d: key %v, %v", c, i, f.Layer, f.Key, err)
				}
				l := e.Layers()[f.Layer]
				want := video.New(l.Width, l.Height)
				moving.Draw(want, i)
				if p := moving.PSNR(pic, want); p < 22 {
					t.Errorf("%v, layer %d: %.1f dB", c, f.Layer, p)
				}
			}
		})
		n += 4
	}
}

func TestANarrowPathTakesLayersAway(t *testing.T) {
	if !vpx.Available {
		t.Skip("no VP8")
	}
	e := New(Config{Height: 360})
	defer e.Close()
	layers := func(want string) func(int, []video.Encoded) {
		return func(n int, frames []video.Encoded) {
			got := ""
			for _, f := range frames {
				got += fmt.Sprint(f.Layer)
			}
			if got != want {
				t.Errorf("frame %d: layers %q, want %q", n, got, want)
			}
		}
	}
	run(t, e, 640, 360, 0, 5, layers("012"))
	if err := e.SetTarget(120_000); err != nil {
		t.Fatal(err)
	}
	run(t, e, 640, 360, 5, 5, func(n int, frames []video.Encoded) {
		if len(frames) > 2 {
			t.Errorf("frame %d has the top layer", n)
		}
	})
	if err := e.SetTarget(9_000_000); err != nil {
		t.Fatal(err)
	}
	run(t, e, 640, 360, 10, 1, func(n int, frames []video.Encoded) {
		if len(frames) == 0 || frames[len(frames)-1].Layer != 2 || !frames[len(frames)-1].Key {
			t.Errorf("the top layer came back without a keyframe")
		}
	})
	sum := 0
	for _, l := range e.Layers() {
		sum += l.Bitrate
	}
	if sum > MaxBitrate {
		t.Errorf("%d bit/s", sum)
	}
}

func TestKeyframesAreSpacedOut(t *testing.T) {
	if !vpx.Available {
		t.Skip("no VP8")
	}
	e := New(Config{Height: 180})
	defer e.Close()
	keys := [Layers]int{}
	run(t, e, 320, 180, 0, 60, func(_ int, frames []video.Encoded) {
		for _, f := range frames {
			if f.Key {
				keys[f.Layer]++
			}
		}
		e.RequestKey(1) // somebody asks all the time
	})
	if keys[0] != 1 || keys[2] != 1 || keys[1] < 5 || keys[1] > 7 {
		t.Errorf("%v keyframes in two seconds", keys)
	}
}

func TestTheEncoderGivesItsMemoryBack(t *testing.T) {
	if !vpx.Available {
		t.Skip("no VP8")
	}
	round := func() {
		e := New(Config{})
		run(t, e, 320, 180, 0, 2, nil)
		run(t, e, 180, 320, 2, 2, nil)
		e.Close()
		e.Close()
		if _, err := e.Encode(video.New(64, 64), 0); !errors.Is(err, video.ErrClosed) {
			t.Error(err)
		}
	}
	if more := cmem.Left(20, round); more > 64<<10 {
		t.Errorf("20 encoders left %d octets", more)
	}
}
