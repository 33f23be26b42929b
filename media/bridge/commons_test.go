package bridge

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"tandem/media/video"
)

// twoRooms are in one meeting through one gateway.
func twoRooms(t *testing.T, people int, share *Commons) (a, b *world) {
	t.Helper()
	var list [2]*world
	for n := range list {
		w := newWorld(t, "PCMU", "VP8")
		for i := range people {
			w.add(i, fmt.Sprintf("Person %d", i+1), 0, colours()[i])
		}
		w.bridge = Join(w.room, w.meeting, Options{Commons: share})
		list[n] = w
	}
	return list[0], list[1]
}

// together lets both rooms' time pass.
func together(d time.Duration, list ...*world) {
	for range d / (10 * time.Millisecond) {
		time.Sleep(10 * time.Millisecond) // virtual
		now := time.Now()
		for _, w := range list {
			for _, a := range w.actors {
				a.step(now)
			}
			w.loop.run(now)
		}
	}
	synctest.Wait()
}

func TestTwoRoomsOfAMeetingDecodeItOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		share := new(Commons)
		a, b := twoRooms(t, 4, share)
		together(time.Second, a, b)
		before := [2]VideoStats{a.bridge.Stats().Room, b.bridge.Stats().Room}
		together(2*time.Second, a, b)
		sum := a.bridge.Stats().Room.Decoded - before[0].Decoded + b.bridge.Stats().Room.Decoded - before[1].Decoded
		if once := uint64(4 * 2 * 25); sum > once*11/10 || sum < once*9/10 {
			t.Errorf("%d frames were decoded, want about %d", sum, once)
		}
		for n, w := range []*world{a, b} {
			pic := w.watching.look()
			for i := range 4 {
				if got := share4(pic, i); !got {
					t.Errorf("room %d does not see person %d", n+1, i+1)
				}
			}
			if s := w.bridge.Stats().Room; s.Encoded+s.Shared < 50 {
				t.Errorf("room %d got %d pictures", n+1, s.Encoded+s.Shared)
			}
		}
		a.bridge.Close() // whoever decoded, the other goes on
		together(2*time.Second, b)
		before[1] = b.bridge.Stats().Room
		together(time.Second, b)
		if n := b.bridge.Stats().Room.Decoded - before[1].Decoded; n < 90 {
			t.Errorf("left alone, the second room decodes %d frames a second, want 100", n)
		}
		if !share4(b.watching.look(), 0) {
			t.Error("left alone, the second room sees nobody")
		}
		b.bridge.Close()
		if n := share.pool.Live(); n != 0 {
			t.Errorf("%d pictures are still held", n)
		}
	})
}

func share4(pic *video.Picture, n int) bool { return share(pic, colours()[n]) > 0.02 }

func TestWhoNeedsALargerPictureDecodesItself(t *testing.T) {
	s, me, you := new(Commons), new(conference), new(conference)
	now := time.Unix(0, 0)
	small, large := video.New(320, 180), video.New(1280, 720)
	s.publish(now, "spaces/s/devices/1", me, small)
	if _, _, ok := s.borrow(now, "spaces/s/devices/1", you, 360, 0); ok {
		t.Error("a picture of 180 lines is lent to whom 360 come")
	}
	if _, _, ok := s.borrow(now, "spaces/s/devices/1", you, 180, 0); ok {
		t.Error("a picture is lent that nobody has kept")
	}
	s.publish(now, "spaces/s/devices/1", me, small)
	pic, number, ok := s.borrow(now, "spaces/s/devices/1", you, 180, 0)
	if !ok || pic == nil {
		t.Fatal("nothing is lent")
	}
	pic.Release()
	if pic, _, ok := s.borrow(now, "spaces/s/devices/1", you, 180, number); !ok || pic != nil {
		t.Error("the same picture is lent twice")
	}
	if _, _, ok := s.borrow(now, "spaces/s/devices/1", me, 180, 0); ok {
		t.Error("who decodes borrows its own picture")
	}
	s.publish(now, "spaces/s/devices/1", you, large)
	if s.shows["spaces/s/devices/1"].by != you {
		t.Error("the larger picture is not the shared one")
	}
	later := now.Add(shareStale + time.Millisecond)
	if _, _, ok := s.borrow(later, "spaces/s/devices/1", me, 180, 0); ok {
		t.Error("a stale picture is lent")
	}
	s.leave(you)
	if len(s.shows) != 0 || s.pool.Live() != 0 {
		t.Error("who left is remembered")
	}
}
