package compose

import (
	"bytes"
	"math/rand/v2"
	"testing"
	"time"

	"tandem/media/video"
)

// Two compositors are told the same, and one of them keeps every picture in its tile's
// memory: what they draw is the same to the last sample, whatever comes in whatever order.
func TestThePictureIsTheSameOnTheStraightWay(t *testing.T) {
	total := 0
	var pics []*video.Picture
	for i, size := range [][2]int{{1280, 720}, {1280, 720}, {320, 180}, {320, 180}, {320, 180}, {640, 480}, {360, 640}} {
		pics = append(pics, face(size[0], size[1], i))
	}
	for seed := range uint64(6) {
		r := rand.New(rand.NewPCG(seed, 1))
		size := [][2]int{{1280, 720}, {960, 720}, {640, 360}}[r.IntN(3)]
		straight, detour := compositor(t, size[0], size[1]), compositor(t, size[0], size[1])
		detour.detour = true
		now, direct := epoch, 0
		for step := range 120 {
			act(r, pics, straight, detour)
			now = now.Add(time.Duration(r.IntN(90)) * time.Millisecond)
			a, changedA := straight.Tick(now)
			b, changedB := detour.Tick(now)
			if changedA != changedB || !bytes.Equal(a.Y, b.Y) || !bytes.Equal(a.U, b.U) || !bytes.Equal(a.V, b.V) {
				t.Fatalf("seed %d, step %d: %v, %v, and the pictures differ in %d samples of luma", seed, step, changedA, changedB, differ(a.Y, b.Y))
			}
			for _, tile := range straight.tiles {
				if tile.straight {
					direct++
				}
			}
		}
		total += direct
	}
	if total < 100 {
		t.Errorf("only %d pictures went straight to the canvas", total)
	}
}

func differ(a, b []byte) (n int) {
	for i := range a {
		if a[i] != b[i] {
			n++
		}
	}
	return n
}

// act does something to all compositors: mostly new pictures, now and then another meeting.
func act(r *rand.Rand, pics []*video.Picture, all ...*Compositor) {
	if r.IntN(8) == 0 || !all[0].shown {
		s := someState(r)
		for _, c := range all {
			c.Show(s)
		}
	}
	for _, w := range all[0].Wants(nil) {
		if r.IntN(3) == 0 {
			continue
		}
		pic := pics[r.IntN(len(pics))]
		for _, c := range all {
			c.Put(w.ID, pic, 0)
		}
	}
}

// someState is a meeting, or sometimes a screen.
func someState(r *rand.Rand) State {
	s := State{Participants: people(r.IntN(11)), Layout: Layout(r.IntN(int(layouts)))}
	for i := range s.Participants {
		p := &s.Participants[i]
		p.Muted, p.Frozen, p.Phone = r.IntN(2) == 0, r.IntN(8) == 0, r.IntN(9) == 0
	}
	if len(s.Participants) > 0 {
		s.Speaker = s.Participants[r.IntN(len(s.Participants))].ID
	}
	if r.IntN(3) == 0 {
		s.Layout = OnePlusSeven
	}
	if r.IntN(5) == 0 {
		s.Presentation, s.Presenter = "slides", "Ada Lindqvist"
	}
	s.Indicators.Recording = r.IntN(2) == 0
	if r.IntN(3) == 0 {
		s.Notice = "The gateway is busy"
	}
	if r.IntN(10) == 0 {
		s.Screen.Kind = Lobby
	}
	return s
}

// What lies over the tiles is laid over them once, however often a tile below it changes:
// a ground that lets some of the picture through does not become opaque.
func TestWhatLiesOverTheTilesStaysAsItIs(t *testing.T) {
	draw := func(times int) *video.Picture {
		c := compositor(t, 1280, 720)
		s := State{Participants: people(8), Speaker: "p0"}
		s.Indicators.Recording = true
		c.Show(s)
		settle(c)
		ids := c.Wants(nil)
		c.Put(ids[0].ID, face(1280, 720, 0), 0)
		c.Tick(epoch)
		for range times {
			c.Put(ids[1].ID, face(320, 180, 1), 0)
			c.Tick(epoch)
		}
		return c.canvas
	}
	once, often := draw(1), draw(10)
	if n := differ(once.Y, often.Y); n > 0 {
		t.Errorf("after ten pictures of another tile %d samples are others than after one", n)
	}
}
