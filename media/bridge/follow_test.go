package bridge

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"tandem/media/compose"
	"tandem/media/video"
)

// rooms are in one meeting of four people through one gateway.
func rooms(t *testing.T, n int, commons *Commons) []*world {
	t.Helper()
	var list []*world
	for range n {
		w := newWorld(t, "PCMU", "VP8")
		for i := range 4 {
			w.add(i, fmt.Sprintf("Person %d", i+1), 0, colours()[i])
		}
		w.bridge = Join(w.room, w.meeting, Options{Commons: commons})
		list = append(list, w)
	}
	return list
}

// made is what rooms coded themselves, and were given by others, for a while.
func made(d time.Duration, list ...*world) (coded, shared []int) {
	before := make([]VideoStats, len(list))
	for i, w := range list {
		before[i] = w.bridge.Stats().Room
	}
	together(d, list...)
	for i, w := range list {
		s := w.bridge.Stats().Room
		coded = append(coded, int(s.Encoded-before[i].Encoded))
		shared = append(shared, int(s.Shared-before[i].Shared))
	}
	return coded, shared
}

func (s *Commons) empty(t *testing.T) {
	t.Helper()
	if s.pool.Live() != 0 || len(s.casts.all) != 0 {
		t.Errorf("%d pictures are still held, %d casts offered", s.pool.Live(), len(s.casts.all))
	}
}

func TestRoomsThatSeeTheSameAreDrawnOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		commons := new(Commons)
		list := rooms(t, 3, commons)
		together(3*time.Second, list...)
		coded, shared := made(2*time.Second, list...)
		all := 0
		for i, n := range coded {
			all += n
			if n+shared[i] < 35 || n > 0 && shared[i] > 0 {
				t.Errorf("room %d made %d frames and was given %d", i+1, n, shared[i])
			}
		}
		if all > 62 {
			t.Errorf("%d frames were made in two seconds, want those of one room", all)
		}
		for i, w := range list {
			pic := w.watching.look()
			for n := range 4 {
				if !share4(pic, n) {
					t.Errorf("room %d does not see person %d", i+1, n+1)
				}
			}
		}
		for _, w := range list {
			w.bridge.Close()
		}
		commons.empty(t)
	})
}

func TestARoomThatSeesSomethingElseIsDrawnByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		commons := new(Commons)
		list := rooms(t, 2, commons)
		together(3*time.Second, list...)
		if err := list[1].bridge.Layout("1:0"); err != nil {
			t.Fatal(err)
		}
		together(400*time.Millisecond, list...)
		coded, shared := made(time.Second, list...)
		if coded[0] < 20 || coded[1] < 20 || shared[0]+shared[1] != 0 {
			t.Errorf("the rooms made %v frames and were given %v", coded, shared)
		}
		if pic := list[1].watching.look(); share(pic, colours()[0]) < 0.5 {
			t.Error("the room does not see one person alone")
		}
		if err := list[1].bridge.Layout("1:7"); err != nil {
			t.Fatal(err)
		}
		together(noticeFor+3*time.Second, list...)
		if coded, _ := made(time.Second, list...); coded[0]+coded[1] > 32 {
			t.Errorf("the rooms made %v frames although they see the same again", coded)
		}
		for _, w := range list {
			w.watching.look()
			w.bridge.Close()
		}
		commons.empty(t)
	})
}

func TestFollowersGoOnWhenTheirLeaderLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		commons := new(Commons)
		list := rooms(t, 3, commons)
		together(3*time.Second, list...)
		for _, w := range list {
			w.watching.look()
		}
		coded, _ := made(time.Second, list...)
		leader := 0
		for i, n := range coded {
			if n > 0 {
				leader = i
			}
		}
		list[leader].bridge.Close()
		list = append(list[:leader], list[leader+1:]...)
		together(500*time.Millisecond, list...)
		coded, shared := made(time.Second, list...)
		for i := range list {
			if coded[i]+shared[i] < 20 {
				t.Errorf("room %d made %d frames and was given %d", i+1, coded[i], shared[i])
			}
		}
		together(3*time.Second, list...)
		if coded, _ := made(time.Second, list...); coded[0]+coded[1] > 32 {
			t.Errorf("the rooms that are left made %v frames", coded)
		}
		for i, w := range list {
			if !share4(w.watching.look(), 1) {
				t.Errorf("room %d does not see the second person", i+1)
			}
			w.bridge.Close()
		}
		commons.empty(t)
	})
}

func TestAFollowerGetsKeyframesUntilItAsksTooOften(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		commons := new(Commons)
		list := rooms(t, 2, commons)
		together(3*time.Second, list...)
		_, shared := made(time.Second, list...)
		i := 0
		if shared[1] > 0 {
			i = 1
		}
		room := list[i]
		room.watching.look()
		keys := room.watching.keys
		room.sees.wantKeyframe()
		together(200*time.Millisecond, list...)
		if room.watching.look(); room.watching.keys != keys+1 {
			t.Errorf("%d keyframes came for one request", room.watching.keys-keys)
		}
		for range 2 * mostKeys {
			room.sees.wantKeyframe()
			together(500*time.Millisecond, list...)
		}
		coded, shared := made(time.Second, list...)
		if shared[i] != 0 || coded[i] < 20 {
			t.Errorf("a room with a bad path made %d frames and was given %d", coded[i], shared[i])
		}
		for _, w := range list {
			w.watching.look()
			w.bridge.Close()
		}
		commons.empty(t)
	})
}

func TestAFollowerThatDoesNotTakeItsFramesBeginsAnew(t *testing.T) {
	s, asked := new(Commons), 0
	key := castKey{meeting: "s"}
	c := s.offer(nil, key, func() { asked++ }, &compose.State{}, 1000, unstrained)
	if s.find(nil, key, &compose.State{Speaker: "somebody"}, 1000) != nil || s.find(nil, key, &compose.State{}, 500) != nil || s.find(c, key, &compose.State{}, 1000) != nil {
		t.Error("a room follows what it should not")
	}
	f := s.follow(s.find(nil, key, &compose.State{}, 1000), func() {})
	now := time.Unix(0, 0)
	give := func(k bool, n int) {
		for range n {
			s.give(c, now, video.Encoded{Key: k, Data: []byte{1, 2, 3}})
		}
	}
	if give(false, 3); s.take(f) != nil || asked == 0 {
		t.Error("a follower begins without a keyframe, or asks for none")
	}
	give(true, 1)
	give(false, castQueue-1)
	if f.count != castQueue {
		t.Fatalf("%d frames wait", f.count)
	}
	if give(false, 1); s.take(f) != nil || f.dropped != castQueue {
		t.Error("what is left of a full queue needs what was dropped")
	}
	give(true, 1)
	frame := s.take(f)
	if frame == nil || !frame.coded.Key || len(frame.coded.Data) != 3 {
		t.Fatalf("%+v", frame)
	}
	s.free(frame)
	s.end(c)
	if s.follow(c, func() {}) != nil || !s.look(f, &compose.State{}, 1000).ended {
		t.Error("a cast goes on when it has ended")
	}
	s.unfollow(f)
	s.empty(t)
}
