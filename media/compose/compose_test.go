package compose

import (
	"flag"
	"fmt"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"tandem/internal/moving"
	"tandem/media/codec/yuv"
	"tandem/media/video"
)

// go test ./media/compose -run Pictures -pictures DIR writes every layout and screen.
var pictures = flag.String("pictures", "", "folder for PNG files of what a viewer sees")

var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// people are n participants with cameras, but for some.
func people(n int) []Participant {
	names := []string{
		"Ada Lindqvist", "Boardroom Helsinki", "Chidi Okafor", "山田 太郎", "Elena Petrova", "François Lemaître", "Grace Nwosu",
		"Hiroshi Tanaka", "Ingrid Sørensen", "José Álvarez", "Kim Min-jun", "Lars-Erik van der Westhuizen-Fitzgerald", "Μαρία Παπαδοπούλου",
		"Надежда Иванова", "Olu", "Priya Raman", "Quentin", "Rosa Díaz", "Sam Taylor", "Tariq", "Uma", "Vera", "Wen", "Xenia", "Yusuf", "Zoë", "김민준", "Bo",
	}
	list := make([]Participant, n)
	for i := range list {
		list[i] = Participant{ID: fmt.Sprint("p", i), Name: names[i%len(names)], Camera: i%6 != 4, Muted: i%3 == 1, Hand: i == 5}
	}
	return list
}

// face is a picture of its own colour.
func face(w, h, n int) *video.Picture {
	p := video.New(w, h)
	moving.Draw(p, n*37)
	for i := range p.U {
		p.U[i] = byte(int(p.U[i]) + n*29%50 - 25)
		p.V[i] = byte(int(p.V[i]) + n*53%50 - 25)
	}
	return p
}

func compositor(t testing.TB, w, h int) *Compositor {
	t.Helper()
	c, err := New(Config{Width: w, Height: h})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// settle ticks until nothing moves.
func settle(c *Compositor) *video.Picture {
	now := epoch
	for range 100 {
		pic, changed := c.Tick(now)
		if !changed {
			return pic
		}
		now = now.Add(33 * time.Millisecond)
	}
	panic("the picture never comes to rest")
}

func fillIn(c *Compositor) {
	for i, w := range c.Wants(nil) {
		size := [][2]int{{1280, 720}, {320, 180}, {640, 480}, {360, 640}}[i%4]
		if w.Presentation {
			c.Put(w.ID, slide(), 0)
			continue
		}
		c.Put(w.ID, face(size[0], size[1], i), 0)
	}
}

// slide looks like one.
func slide() *video.Picture {
	p := video.New(1280, 720)
	yuv.Fill(p, 235, 128, 128)
	for i := range 6 {
		part := p.Crop(video.Rect{X: 120, Y: 120 + 90*i, W: 1000 - 120*i, H: 36})
		yuv.Fill(&part, 60, 150, 110)
	}
	return p
}

func write(t *testing.T, name string, pic *video.Picture) {
	t.Helper()
	if *pictures == "" {
		return
	}
	img := image.NewRGBA(image.Rect(0, 0, pic.Width, pic.Height))
	yuv.ToRGBA(img.Pix, img.Stride, pic)
	f, err := os.Create(filepath.Join(*pictures, name+".png"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := png.Encode(f, img); err != nil {
		t.Fatal(err)
	}
}

func TestPicturesOfEveryLayoutAndScreen(t *testing.T) {
	shapes := map[string][2]int{"wide": {1280, 720}, "4x3": {960, 720}, "small": {640, 360}}
	counts := []int{1, 2, 3, 5, 8, 12, 27}
	if *pictures == "" { // that they can be drawn at all
		shapes, counts = map[string][2]int{"small": {640, 360}}, []int{3, 27}
	}
	for shape, size := range shapes {
		for l := range layouts {
			for _, n := range counts {
				c := compositor(t, size[0], size[1])
				s := State{Layout: l, Participants: people(n), Speaker: "p2", Indicators: Indicators{Recording: n > 2, AI: n == 8}}
				if n > 20 {
					s.Participants = append(s.Participants, Participant{ID: "t1", Name: "+1 •••-•••-••47", Phone: true}, Participant{ID: "t2", Name: "Jo Park", Phone: true, Muted: true})
				}
				c.Show(s)
				fillIn(c)
				write(t, fmt.Sprintf("%s-%v-%d", shape, l, n), settle(c))
			}
		}
		for name, s := range map[string]State{
			"alone":        {Participants: []Participant{{ID: "me", Self: true}}, Muted: true},
			"lobby":        {Screen: Screen{Kind: Lobby, Title: "Weekly design review", Since: epoch.Add(-42 * time.Second)}},
			"splash":       {Screen: Screen{Kind: Splash, Digits: "12345", Length: 13}},
			"splash-title": {Screen: Screen{Kind: Splash, Title: "Weekly design review", Text: "Connecting you to the meeting", Digits: "1234567890123", Length: 13}},
			"message":      {Screen: Screen{Kind: Message, Title: "The host did not let you in", Text: "Nobody in the meeting answered within 30 seconds. Press 1 to ask again, or hang up and call somebody who is in it."}},
			"presentation": {Presentation: "slides", Presenter: "Ada Lindqvist", Participants: people(7), Speaker: "p1", Indicators: Indicators{true, true, true, true}},
			"muted":        {Participants: people(9), Speaker: "p0", Muted: true, Notice: "Layout 2+21", Others: 12},
		} {
			c := compositor(t, size[0], size[1])
			c.Show(s)
			fillIn(c)
			write(t, shape+"-"+name, settle(c))
		}
	}
}

func TestTilesDoNotOverlapAndAreInThePicture(t *testing.T) {
	for _, size := range [][2]int{{1280, 720}, {960, 720}, {1920, 1080}, {640, 360}, {640, 480}, {352, 288}, {720, 1280}} {
		for l := range layouts {
			for n := range 40 {
				check(t, fmt.Sprint(size, l, n), size, arrange(l, size[0], size[1], n))
				if want := min(n, l.Places()); len(arrange(l, size[0], size[1], n)) != want {
					t.Errorf("%v %v: %d tiles of %d", size, l, len(arrange(l, size[0], size[1], n)), want)
				}
			}
		}
		for n := range 8 {
			p, pips := beside(size[0], size[1], n)
			check(t, fmt.Sprint(size, "presentation", n), size, append(pips, p))
		}
	}
}

func check(t *testing.T, name string, size [2]int, list []video.Rect) {
	t.Helper()
	for i, r := range list {
		if r.Empty() || r.Even() != r || r.Intersect(video.Rect{W: size[0], H: size[1]}) != r {
			t.Errorf("%s: tile %d is %v", name, i, r)
		}
		for _, o := range list[:i] {
			if !r.Intersect(o).Empty() {
				t.Errorf("%s: %v and %v overlap", name, r, o)
			}
		}
	}
}

func TestSteppingThroughTheLayoutsComesBack(t *testing.T) {
	got := []string{}
	l := OnePlusSeven
	for range 7 {
		got = append(got, l.String())
		if p, ok := ParseLayout(l.String()); !ok || p != l {
			t.Errorf("%v is not found by its name", l)
		}
		l = l.Next()
	}
	if want := []string{"1:7", "2:21", "4:0", "9:0", "16:0", "25:0", "1:7"}; !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
	if _, ok := ParseLayout("3:3"); ok || OnePlusZero.Next() != OnePlusSeven {
		t.Error("others")
	}
}

func TestPeopleKeepTheirPlaces(t *testing.T) {
	var s seats
	ids := []string{"a", "b", "c", "d", "e"}
	for _, step := range []struct {
		name       string
		candidates []string
		speaker    string
		places     int
		mains      int
		want       []string
	}{
		{"at first in order", ids, "", 4, 1, []string{"a", "b", "c", "d"}},
		{"a speaker changes places with the main", ids, "c", 4, 1, []string{"c", "b", "a", "d"}},
		{"who keeps speaking stays", ids, "c", 4, 1, []string{"c", "b", "a", "d"}},
		{"one who was not seen takes the place of who was silent longest", ids, "e", 4, 1, []string{"e", "b", "a", "c"}},
		{"who leaves is replaced", []string{"a", "b", "d", "e"}, "e", 4, 1, []string{"e", "b", "a", "d"}},
		{"in a grid nobody moves", []string{"a", "b", "d", "e"}, "a", 4, 0, []string{"e", "b", "a", "d"}},
		{"but who was not seen is", []string{"a", "b", "d", "e", "f"}, "f", 4, 0, []string{"e", "b", "a", "f"}},
		{"a speaker who is not there changes nothing", []string{"a", "b"}, "x", 4, 1, []string{"b", "a"}},
		{"nobody", nil, "x", 4, 1, []string{}},
	} {
		if got := s.seat(step.candidates, step.speaker, step.places, step.mains); !slices.Equal(got, step.want) {
			t.Errorf("%s: %v, want %v", step.name, got, step.want)
		}
	}
	s = seats{}
	s.seat(ids, "a", 5, 2)
	s.seat(ids, "b", 5, 2)
	if got := s.seat(ids, "d", 5, 2); !slices.Equal(got, []string{"d", "b", "c", "a", "e"}) {
		t.Errorf("two mains: %v", got)
	}
}

func TestTheViewerIsNotShown(t *testing.T) {
	c := compositor(t, 640, 360)
	list := people(3)
	list[1].Self = true
	c.Show(State{Participants: list, Speaker: "p1"})
	for _, w := range c.Wants(nil) {
		if w.ID == "p1" {
			t.Error("own picture")
		}
	}
	if len(c.Wants(nil)) != 2 {
		t.Error(c.Wants(nil))
	}
}

func TestOnlyWhatIsSeenIsAskedForAtTheSizeItHas(t *testing.T) {
	c := compositor(t, 1280, 720)
	c.Show(State{Participants: people(20), Speaker: "p0"})
	wants := c.Wants(nil)
	if len(wants) != 7 || wants[0].ID != "p0" || wants[0].Width < 900 || wants[1].Width > 330 {
		t.Errorf("%v", wants)
	}
	c.Show(State{Participants: people(20), Presentation: "slides"})
	if wants = c.Wants(wants[:0]); len(wants) != 5 || !wants[0].Presentation || wants[0].Width < 900 {
		t.Errorf("%v", wants)
	}
	c.Show(State{Screen: Screen{Kind: Lobby}, Participants: people(3)})
	if wants = c.Wants(wants[:0]); len(wants) != 0 {
		t.Errorf("%v", wants)
	}
}
