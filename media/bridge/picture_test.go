package bridge

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tandem/media"
	"tandem/media/compose"
)

func TestWhatARoomSees(t *testing.T) {
	for _, codecName := range []string{"H264", "VP8"} {
		t.Run(codecName, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, "PCMU", codecName)
				w.large()
				began := time.Now()
				w.add(0, "Ada", 440, colours()[0])
				for n := 1; n < 8; n++ {
					w.add(n, fmt.Sprintf("Person %d", n+1), 0, colours()[n])
				}
				w.join()
				defer w.bridge.Close()
				w.run(2 * time.Second)
				pic := w.watching.look()
				save(t, pic, "1+7 "+codecName)
				if pic.Width != 1280 || pic.Height != 720 {
					t.Errorf("the picture is %v, want 1280x720", pic)
				}
				if d := w.watching.first.Sub(began); d > 500*time.Millisecond {
					t.Errorf("the first picture came after %v", d)
				}
				for n, c := range colours() {
					least := 0.02
					if n == 0 {
						least = 0.4
					}
					if got := share(pic, c); got < least {
						t.Errorf("person %d fills %.3f of the picture, want %.2f", n+1, got, least)
					}
				}
				if len(w.meeting.shown) != 8 || w.meeting.shown[0].Width < 800 || w.meeting.shown[7].Width > 400 {
					t.Errorf("asked for %v", w.meeting.shown)
				}
			})
		})
	}
}

func TestStarEightCyclesTheLayout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "PCMU", "H264")
		for n := range 8 {
			w.add(n, fmt.Sprintf("Person %d", n+1), 0, colours()[n])
		}
		w.join()
		defer w.bridge.Close()
		w.run(time.Second)
		for _, want := range []compose.Layout{compose.TwoPlusTwentyOne, compose.Grid2, compose.Grid3, compose.Grid4, compose.Grid5, compose.OnePlusSeven} {
			w.bridge.Key(false, '*')
			w.bridge.Key(false, '8')
			w.run(800 * time.Millisecond)
			save(t, w.watching.look(), "layout "+strings.ReplaceAll(want.String(), ":", "+"))
			if got := w.bridge.conference.view.layout; got != want {
				t.Errorf("the layout is %v, want %v", got, want)
			}
			if n := min(want.Places(), 8); len(w.meeting.shown) > n || len(w.meeting.shown) < n-1 {
				t.Errorf("%v asks for %d pictures, want %d", want, len(w.meeting.shown), n)
			}
		}
	})
}

func TestOneBadParticipantCostsOnlyItsOwnTile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "PCMU", "H264")
		w.add(0, "Ada", 440, colours()[0])
		bad := w.add(1, "Ben", 0, colours()[1])
		w.join()
		defer w.bridge.Close()
		w.run(time.Second)
		bad.camera.spoil = func(n int, payload []byte) []byte {
			out := append([]byte(nil), payload...)
			for i := 5; i < len(out); i++ {
				out[i] = byte(i*7 + n)
			}
			return out
		}
		w.run(4 * time.Second)
		pic := w.watching.look()
		save(t, pic, "corrupt")
		if got := share(pic, colours()[0]); got < 0.4 {
			t.Errorf("Ada fills %.2f of the picture", got)
		}
		if got := share(pic, colours()[1]); got > 0.01 {
			t.Errorf("Ben's picture is still seen in colour: %.3f", got)
		}
		if s := w.bridge.Stats().Room; s.Damaged+s.Skipped == 0 || bad.camera.to.asked.Load() == 0 {
			t.Errorf("the damage was not noticed: %+v", s)
		}
		bad.camera.spoil = nil
		w.run(2 * time.Second)
		if got := share(w.watching.look(), colours()[1]); got < 0.02 {
			t.Errorf("Ben did not come back: %.3f", got)
		}
	})
}

func TestAPictureThatStopsIsShownGrey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "PCMU", "VP8")
		w.add(0, "Ada", 440, colours()[0])
		ben := w.add(1, "Ben", 0, colours()[1])
		w.join()
		defer w.bridge.Close()
		w.run(time.Second)
		if got := share(w.watching.look(), colours()[1]); got < 0.02 {
			t.Fatalf("Ben fills %.3f", got)
		}
		ben.hidden = true
		w.run(3 * time.Second)
		pic := w.watching.look()
		save(t, pic, "frozen")
		if got := share(pic, [3]byte{colours()[1][0], 128, 128}); got < 0.02 {
			t.Errorf("Ben's grey picture fills %.3f", got)
		}
		ben.hidden = false
		w.run(time.Second)
		if got := share(w.watching.look(), colours()[1]); got < 0.02 {
			t.Errorf("Ben came back with %.3f", got)
		}
	})
}

func TestPeopleComeAndGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "PCMU", "VP8")
		w.join()
		defer w.bridge.Close()
		w.run(time.Second)
		w.add(0, "Ada", 440, colours()[0])
		w.run(time.Second)
		if got := share(w.watching.look(), colours()[0]); got < 0.8 {
			t.Errorf("one person alone fills %.2f", got)
		}
		// The far end now sends somebody else on Ada's stream.
		ada := w.actors[0]
		ada.camera.colour, ada.camera.packet.CSRC = colours()[2], 777
		ada.camera.key()
		w.meeting.change(func(r *media.Roster) {
			r.People = []media.Person{{ID: "eve", Name: "Eve", VideoCSRC: 777}, {ID: "dial", Name: "+1 (***) ***-1234", Telephone: true}}
		})
		w.run(time.Second)
		pic := w.watching.look()
		save(t, pic, "come and go")
		if a, b := share(pic, colours()[0]), share(pic, colours()[2]); a > 0.01 || b < 0.8 {
			t.Errorf("Ada fills %.2f, Eve %.2f", a, b)
		}
		w.meeting.change(func(r *media.Roster) { r.People = nil })
		w.run(time.Second)
		pic = w.watching.look()
		save(t, pic, "alone")
		if got := share(pic, colours()[2]); got > 0.01 {
			t.Errorf("who left is still seen: %.2f", got)
		}
		if len(w.meeting.shown) != 0 {
			t.Errorf("still asks for %v", w.meeting.shown)
		}
	})
}

func TestAPresentationIsInThePictureUntilStarFour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "PCMU", "H264")
		ada := w.add(0, "Ada", 440, colours()[0])
		w.add(1, "Ben", 0, colours()[1])
		slides := newFilmer(t, w.meeting.sources[12], 640, 360, colours()[4])
		slides.packet.CSRC = ada.person.ContentCSRC
		n := 0
		w.others = append(w.others, func(now time.Time) {
			if n++; n%20 == 0 {
				slides.film(now)
			}
		})
		w.meeting.change(func(r *media.Roster) { r.People[0].Presenting = true })
		w.join()
		defer w.bridge.Close()
		w.run(2 * time.Second)
		pic := w.watching.look()
		save(t, pic, "presentation")
		if got := share(pic, colours()[4]); got < 0.4 {
			t.Errorf("the presentation fills %.2f", got)
		}
		if len(w.meeting.shown) != 3 || !w.meeting.shown[0].Content {
			t.Errorf("asked for %v", w.meeting.shown)
		}
		w.bridge.Key(false, '*')
		w.bridge.Key(false, '4')
		w.run(time.Second)
		if got := share(w.watching.look(), colours()[4]); got > 0.01 {
			t.Errorf("the presentation still fills %.2f", got)
		}
	})
}
