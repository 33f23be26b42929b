package bridge

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

func TestABeatIsTheNearestOne(t *testing.T) {
	zero := time.Unix(1000, 0)
	const d = 32 * time.Millisecond
	for _, c := range []struct {
		place   int
		t, want time.Duration
	}{
		{0, 0, 0},
		{0, 15, 0},
		{0, 16, 0},
		{0, 17, 32},
		{0, -3, 0},
		{0, 60, 64},
		{4, 0, 8},
		{4, 24, 8},
		{4, 25, 40},
		{4, -20, -24},
		{15, 3, -2},
		{15, 20, 30},
	} {
		b := beat{since: zero, place: c.place, held: true}
		if got := b.near(zero.Add(c.t*time.Millisecond), d).Sub(zero); got != c.want*time.Millisecond {
			t.Errorf("place %d: the beat near %v ms is at %v, want %v ms", c.place, int(c.t), got, int(c.want))
		}
	}
	if at := zero.Add(5 * time.Millisecond); (beat{}).near(at, d) != at {
		t.Error("no beat has a beat")
	}
}

func TestRoomsHaveBeatsOfTheirOwn(t *testing.T) {
	s, now := new(Commons), time.Unix(0, 0)
	var list []beat
	for range beatPlaces {
		list = append(list, s.beat(now))
	}
	for i, places := range [][]int{{0}, {0, 8}, {0, 4, 8, 12}} { // evenly spread
		for _, b := range list[:1<<i] {
			if b.place%(beatPlaces>>i) != 0 {
				t.Errorf("%d rooms have the places of %v, want %v", 1<<i, list[:1<<i], places)
			}
		}
	}
	seen := map[int]bool{}
	for _, b := range list {
		seen[b.place] = true
	}
	if len(seen) != beatPlaces {
		t.Errorf("%d rooms have %d places", beatPlaces, len(seen))
	}
	s.release(list[5])
	if b := s.beat(now); b.place != list[5].place {
		t.Errorf("the next room has place %d, want the free one, %d", b.place, list[5].place)
	}
	if b := s.beat(now); b.place != 0 {
		t.Errorf("one room more than places has place %d", b.place)
	}
	var none *Commons
	if b := none.beat(now); b.held {
		t.Error("without commons there is a beat")
	}
}

// TestWhoBorrowsShowsEveryPicture has two rooms that begin at any time of each other's
// interval. When both worked at one moment, who was first was chance, and pictures were
// not seen at one time and replaced unseen at the next.
func TestWhoBorrowsShowsEveryPicture(t *testing.T) {
	for _, later := range []time.Duration{0, 5, 16, 33} {
		t.Run(fmt.Sprint(int(later), " ms later"), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				commons := new(Commons)
				var list []*world
				for n := range 2 {
					w := newWorld(t, "PCMU", "VP8")
					for i := range 4 {
						w.add(i, fmt.Sprintf("Person %d", i+1), 0, colours()[i])
					}
					layout := []string{"1:7", "4:0"}[n] // what they see is not the same picture
					w.bridge = Join(w.room, w.meeting, Options{Commons: commons, Layout: layout})
					list = append(list, w)
					time.Sleep(later * time.Millisecond) // virtual
				}
				together(3*time.Second, list...)
				coded, shared := made(2*time.Second, list...)
				for i, w := range list {
					if coded[i] < 49 || shared[i] != 0 { // their cameras make 50
						t.Errorf("room %d made %d frames and was given %d, want 50 and 0", i+1, coded[i], shared[i])
					}
					w.watching.look()
					w.bridge.Close()
				}
				commons.empty(t)
			})
		})
	}
}

// A camera has the room's rate, and its pictures come now a little before the room's beat,
// now a little after it. Every one is shown nevertheless: none is passed over for the next.
func TestEveryPictureOfACameraWithTheRoomsRateIsShown(t *testing.T) {
	const rate, seconds = 30, 3
	for _, place := range []time.Duration{0, 6, 12, 18, 24, 30} {
		t.Run(fmt.Sprint(int(place), " ms after the beginning"), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, "PCMU", "VP8")
				ada := w.add(0, "Ada", 0, colours()[0])
				ada.hidden = true // its pictures come below
				w.join()
				began := time.Now().Add(place * time.Millisecond)
				for n := range rate * seconds {
					at := began.Add(time.Duration(n)*time.Second/rate + time.Duration(n%3)*4*time.Millisecond)
					time.Sleep(time.Until(at)) // virtual
					ada.camera.film(at)
					ada.camera.packet.Timestamp -= 90*40 - 90000/rate // as film counts
					w.loop.run(at)
				}
				time.Sleep(time.Second / rate) // virtual
				synctest.Wait()
				w.watching.look()
				if got := w.watching.frames; got < rate*seconds-3 { // the first ones make the layout
					t.Errorf("the room got %d of %d pictures", got, rate*seconds)
				}
				w.bridge.Close()
			})
		})
	}
}

func TestALookThatFindsNothingIsRepeatedAFewTimes(t *testing.T) {
	var a secondLook
	next := time.Unix(0, 0)
	for i, step := range []struct{ moved, more bool }{
		{false, false},               // nothing moves: no reason to look again
		{true, false},                // it does
		{false, true}, {true, false}, // a little late
		{false, true}, {false, true}, {false, true}, {false, false}, // no picture this time
		{false, false}, // and it does not move any more
	} {
		if more := a.look(step.moved); more != step.more {
			t.Fatalf("step %d: another look %v, want %v", i, more, step.more)
		}
		if late := a.due(next).Sub(next); (late > 0) != step.more || late > mostLooks*lookEvery {
			t.Errorf("step %d: the next look is %v after the beat", i, late)
		}
	}
}
