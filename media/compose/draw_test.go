package compose

import (
	"slices"
	"testing"
	"time"

	"tandem/media/video"
)

func TestNothingIsDrawnWhenNothingChanges(t *testing.T) {
	c := compositor(t, 640, 360)
	s := State{Participants: people(4), Speaker: "p0"}
	c.Show(s)
	fillIn(c)
	settle(c)
	c.Show(s)
	if _, changed := c.Tick(epoch.Add(time.Hour)); changed {
		t.Error("the same state was drawn again")
	}
	c.Put("p3", face(320, 180, 3), 0)
	c.Put("nobody", face(320, 180, 3), 0)
	if _, changed := c.Tick(epoch.Add(time.Hour)); !changed {
		t.Error("a new picture was not drawn")
	}
}

func TestAChangedTileLeavesTheOthersAlone(t *testing.T) {
	c := compositor(t, 640, 360)
	c.Show(State{Layout: Grid2, Participants: people(4)})
	fillIn(c)
	before := *settle(c)
	old := slices.Clone(before.Y)
	at := c.find("p2").rect
	c.Put("p2", face(320, 180, 9), 0)
	after, _ := c.Tick(epoch)
	for y := range 360 {
		for x := range 640 {
			inside := video.Rect{X: x, Y: y, W: 1, H: 1}.Intersect(at) != video.Rect{}
			if !inside && after.Y[y*after.StrideY+x] != old[y*after.StrideY+x] {
				t.Fatalf("%d,%d changed", x, y)
			}
		}
	}
}

func TestALayoutChangesSmoothly(t *testing.T) {
	c := compositor(t, 640, 360)
	c.Show(State{Participants: people(5), Speaker: "p0"})
	fillIn(c)
	settle(c)
	c.Show(State{Layout: Grid3, Participants: people(5), Speaker: "p0"})
	steps := 0
	for now := epoch; ; now = now.Add(33 * time.Millisecond) {
		pic, changed := c.Tick(now)
		if !changed {
			break
		}
		if steps++; steps == 4 {
			write(t, "moving", pic)
		}
	}
	if steps < 8 || steps > 11 {
		t.Errorf("%d pictures", steps)
	}
	still, err := New(Config{Width: 640, Height: 360, Still: true})
	if err != nil {
		t.Fatal(err)
	}
	still.Show(State{Participants: people(5)})
	settle(still)
	still.Show(State{Layout: Grid3, Participants: people(5)})
	still.Tick(epoch)
	if _, changed := still.Tick(epoch); changed {
		t.Error("a still compositor moves")
	}
}

func TestTheLobbysClockTicks(t *testing.T) {
	c := compositor(t, 640, 360)
	c.Show(State{Screen: Screen{Kind: Lobby, Since: epoch}})
	n := 0
	for i := range 90 {
		if _, changed := c.Tick(epoch.Add(time.Duration(i) * time.Second / 30)); changed {
			n++
		}
	}
	if n != 3 {
		t.Errorf("drawn %d times in three seconds", n)
	}
}

func TestAFrozenPictureIsGrey(t *testing.T) {
	c := compositor(t, 640, 360)
	list := people(1)
	c.Show(State{Participants: list})
	c.Put("p0", face(640, 360, 1), 0)
	settle(c)
	list[0].Frozen = true
	c.Show(State{Participants: list})
	if pic := settle(c); pic.U[90*pic.StrideC+160] != 128 {
		t.Error("it has a colour")
	}
}

func TestAPortraitIsTurnedAndSeenWhole(t *testing.T) {
	c := compositor(t, 640, 360)
	c.Show(State{Participants: people(1)})
	c.Put("p0", face(320, 180, 1), 90)
	write(t, "portrait", settle(c))
	c.Put("p0", face(320, 180, 1), 180)
	settle(c)
}

func TestTextOfAnyScriptIsCleanAndFits(t *testing.T) {
	ts, err := newTypesetter()
	if err != nil {
		t.Fatal(err)
	}
	for in, want := range map[string]string{
		"Ada": "Ada", " a\tb\n": "a b", "party 🎉": "party", "山田": "山田", "김": "김", "a\u202eb\x00c": "abc", "": "",
	} {
		if got := ts.clean(in, medium); got != want {
			t.Errorf("%q became %q", in, got)
		}
	}
	long := "Lars-Erik van der Westhuizen-Fitzgerald"
	for _, room := range []float32{10, 50, 100, 300, 1000} {
		if got := ts.cut(long, medium, 20, room); ts.width(got, medium, 20) > room {
			t.Errorf("%q is wider than %v", got, room)
		}
	}
	if got := ts.wrap(long+" "+long+" "+long, medium, 20, 200); len(got) < 2 || len(got) > 4 {
		t.Errorf("%q", got)
	}
	for name, want := range map[string]string{
		"Ada Lovelace": "AL", "plato": "P", "山田 太郎": "山", "": "?", "(x)": "X", "Élise de la Tour": "ÉT",
	} {
		if got := initials(name); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}

func TestWrongSizesAreRefused(t *testing.T) {
	for _, s := range [][2]int{{0, 0}, {319, 180}, {320, 181}, {1 << 20, 1 << 20}} {
		if _, err := New(Config{Width: s[0], Height: s[1]}); err == nil {
			t.Errorf("%v", s)
		}
	}
}

func TestComposingDoesNotAllocate(t *testing.T) {
	c := compositor(t, 1280, 720)
	c.Show(State{Participants: people(8), Speaker: "p0", Indicators: Indicators{Recording: true}, Muted: true})
	faces := map[string]*video.Picture{}
	for i, w := range c.Wants(nil) {
		faces[w.ID] = face([]int{1280, 320}[min(i, 1)], []int{720, 180}[min(i, 1)], i)
	}
	fillIn(c)
	settle(c)
	if n := testing.AllocsPerRun(20, func() {
		for id, f := range faces {
			c.Put(id, f, 0)
		}
		if _, changed := c.Tick(epoch); !changed {
			t.Fatal("nothing was drawn")
		}
	}); n > 2 {
		t.Errorf("%v allocations a picture", n)
	}
}

// Letters stand as close in small text as in large: kerning scales with the size.
func TestTextIsSetAlikeInEverySize(t *testing.T) {
	set, err := newTypesetter()
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"Tanaka", "AVATAR", "Yolanda To", "Kim Min-jun"} {
		large := set.width(text, medium, 200) / 200
		for _, size := range []float64{9, 11, 14, 28, 50} {
			if got := set.width(text, medium, size) / float32(size); got < large*0.98 || got > large*1.02 {
				t.Errorf("%q is %.3f wide at %v, %.3f at 200", text, got, size, large)
			}
		}
	}
}
