package bridge

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"tandem/media/compose"
)

func TestStrainGoesUpAndDownStepByStep(t *testing.T) {
	const d = time.Second / 30
	for _, row := range []struct {
		name string
		from strain
		took time.Duration // of a picture
		all  time.Duration // from one picture to the next; 0: no more than that
		runs time.Duration
		want strain
	}{
		{"there is time", unstrained, 20 * time.Millisecond, 0, time.Minute, unstrained},
		{"a short burst does no harm", unstrained, 60 * time.Millisecond, 0, 1900 * time.Millisecond, unstrained},
		{"too slow at full rate", unstrained, 40 * time.Millisecond, 0, 5 * time.Second, halfRate},
		{"half the rate is enough", unstrained, 55 * time.Millisecond, 0, time.Minute, halfRate},
		{"too slow at half the rate", halfRate, 70 * time.Millisecond, 0, 6 * time.Second, fewPeople},
		{"ten pictures a second of four are better than of one", fewPeople, 100 * time.Millisecond, 0, time.Minute, fewPeople},
		{"too slow for four", fewPeople, 150 * time.Millisecond, 0, 10 * time.Second, onePerson},
		{"four pictures a second are better than none", onePerson, 250 * time.Millisecond, 0, time.Minute, onePerson},
		{"too slow for one", onePerson, 400 * time.Millisecond, 0, 20 * time.Second, soundOnly},
		{"not easy enough for full rate", halfRate, 15 * time.Millisecond, 0, time.Minute, halfRate},
		{"easy again at half the rate", halfRate, 10 * time.Millisecond, 0, 15 * time.Second, unstrained},
		{"easy again with four", fewPeople, 20 * time.Millisecond, 0, 11 * time.Second, halfRate},
		{"easy again with one", onePerson, 60 * time.Millisecond, 0, 11 * time.Second, fewPeople},
		{"the room's own picture takes the rest", unstrained, 15 * time.Millisecond, 32 * time.Millisecond, 5 * time.Second, halfRate},
		{"and less of it at half the rate", halfRate, 12 * time.Millisecond, 25 * time.Millisecond, time.Minute, halfRate},
		{"until there is time for all of it", halfRate, 10 * time.Millisecond, 20 * time.Millisecond, 15 * time.Second, unstrained},
		{"not easy enough for everybody", fewPeople, 50 * time.Millisecond, 0, time.Minute, fewPeople},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := slowness{level: row.from}
			began := time.Unix(0, 0)
			for now := began; now.Sub(began) < row.runs; now = now.Add(max(s.period(d), row.took)) {
				s.picture(now, d, row.took, max(row.took, row.all))
			}
			if s.level != row.want {
				t.Errorf("%v, want %v", s.level, row.want)
			}
		})
	}
}

func TestPicturesAreTriedAgainAfterLongerAndLongerPauses(t *testing.T) {
	const d = time.Second / 30
	var s slowness
	now := time.Unix(0, 0)
	s.set(now, soundOnly)
	var pauses []time.Duration
	for range 5 {
		began := now
		for s.level == soundOnly {
			now = now.Add(d)
			s.picture(now, d, 0, 0)
		}
		pauses = append(pauses, now.Sub(began).Truncate(time.Second))
		for s.level != soundOnly { // it is as slow as before
			now = now.Add(400 * time.Millisecond)
			s.picture(now, d, 400*time.Millisecond, 400*time.Millisecond)
		}
	}
	if got := fmt.Sprint(pauses); got != "[15s 30s 1m0s 2m0s 4m0s]" {
		t.Error("pauses", got)
	}
	s.back = now.Add(-2 * goodReturn)
	if s.set(now, soundOnly); s.pause != firstPause {
		t.Error("after a good return the pause is", s.pause)
	}
}

// TestABusyGatewayShowsLessAndThenMore has a conference whose pictures take longer than
// there is time: sending them does.
func TestABusyGatewayShowsLessAndThenMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "PCMU", "VP8")
		for n := range 6 {
			w.add(n, fmt.Sprintf("Person %d", n+1), 0, colours()[n])
		}
		camera := newFilmer(t, w.films, 320, 180, colours()[7])
		w.others = append(w.others, everyFrame(camera))
		w.join()
		defer w.bridge.Close()
		w.run(time.Second)
		if n := len(w.meeting.shown); n != 6 {
			t.Fatalf("%d people are shown, want 6", n)
		}
		w.layers[0].slow.Store(int64(450 * time.Millisecond))
		wantShown(w, "three people and a number", 40*time.Second, func() bool { return len(w.meeting.shown) == 3 })
		save(t, w.watching.look(), "busy, fewer people")
		wantShown(w, "one person", 40*time.Second, func() bool { return len(w.meeting.shown) == 1 })
		wantShown(w, "sound only", 40*time.Second, func() bool { return len(w.meeting.shown) == 0 && w.meeting.muted[1] })
		w.run(time.Second)
		save(t, w.watching.look(), "busy, sound only")
		if got := w.bridge.conference.view; !got.blind || stateOf(&w.bridge.conference.roster, &got).Screen.Kind != compose.Message {
			t.Error("the screen does not say why there are no pictures")
		}
		for _, l := range w.layers {
			l.slow.Store(0)
			l.take()
		}
		w.run(firstPause)
		wantShown(w, "everybody", time.Minute, func() bool { return len(w.meeting.shown) == 6 && !w.meeting.muted[1] })
		if len(w.layers[0].take()) == 0 {
			t.Error("the room's picture did not come back")
		}
		if s := w.bridge.Stats().Room; s.Slowed < 7 {
			t.Errorf("%d changes were counted", s.Slowed)
		}
	})
}

// TestTheRoomsOwnPictureIsPartOfTheStrain has an uplink that takes nearly all the time,
// while what the room sees takes none.
func TestTheRoomsOwnPictureIsPartOfTheStrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "PCMU", "H264")
		for n := range 6 {
			w.add(n, fmt.Sprintf("Person %d", n+1), 0, colours()[n])
		}
		camera := newFilmer(t, w.films, 320, 180, colours()[7])
		w.others = append(w.others, everyFrame(camera))
		w.join()
		defer w.bridge.Close()
		encoded := func() uint64 {
			before := w.bridge.Stats().Meeting.Encoded
			w.run(2 * time.Second)
			return w.bridge.Stats().Meeting.Encoded - before
		}
		w.run(time.Second)
		if n := encoded(); n < 145 {
			t.Errorf("%d frames were encoded for the meeting, want 150", n)
		}
		for _, l := range w.layers {
			l.slow.Store(int64(13 * time.Millisecond))
		}
		w.run(10 * time.Second)
		if s := w.bridge.Stats().Room; s.Slowed != 1 {
			t.Errorf("the strain changed %d times, want once", s.Slowed)
		}
		if n := encoded(); n < 70 || n > 80 {
			t.Errorf("%d frames were encoded for the meeting at half the rate, want 75", n)
		}
		if n := len(w.meeting.shown); n != 6 {
			t.Errorf("%d people are shown, want all 6", n)
		}
		for _, l := range w.layers {
			l.slow.Store(0)
			l.take()
		}
		w.run(15 * time.Second)
		if n := encoded(); n < 145 {
			t.Errorf("%d frames were encoded for the meeting when there was time again, want 150", n)
		}
	})
}

func everyFrame(f *filmer) func(time.Time) {
	var next time.Time
	return func(now time.Time) {
		if now.Before(next) {
			return
		}
		next = now.Add(40 * time.Millisecond)
		f.film(now)
	}
}

// wantShown runs until the meeting was asked for what is wanted.
func wantShown(w *world, what string, most time.Duration, ok func() bool) {
	w.t.Helper()
	for began := time.Now(); time.Since(began) < most; w.run(200 * time.Millisecond) {
		w.meeting.mu.Lock()
		good := ok()
		w.meeting.mu.Unlock()
		if good {
			return
		}
	}
	w.t.Fatalf("no %s: %d people, strain %v", what, len(w.meeting.shown), w.bridge.conference.slow.level)
}
