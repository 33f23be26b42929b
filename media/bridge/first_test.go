package bridge

import (
	"testing"
	"testing/synctest"
	"time"
)

// firstPicture is P-13: when a room sees something at the latest, after the answer.
const firstPicture = 500 * time.Millisecond

// TestTheFirstPictureComesWithinHalfASecond has rooms whose cameras have been running for
// long: what they send can be decoded only from the next keyframe on.
func TestTheFirstPictureComesWithinHalfASecond(t *testing.T) {
	for _, codecName := range []string{"VP8", "H264"} {
		t.Run("of a room, "+codecName, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { firstOfARoom(t, codecName) })
		})
		t.Run("of a meeting, "+codecName, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { firstOfAMeeting(t, codecName) })
		})
	}
}

func firstOfARoom(t *testing.T, codecName string) {
	t.Helper()
	loop := &fakeLoop{}
	room := func() *fakeMany { return &fakeMany{loop: loop, changed: make(chan struct{}, 1)} }
	a, b, info := room(), room(), videoStream(codecName, mode1)
	camera := newFilmer(t, a.source(info), 640, 360, colours()[2])
	sink := b.sink(info)
	a.sink(info)
	b.source(info)
	run := func(d time.Duration) {
		for range d / (40 * time.Millisecond) {
			time.Sleep(40 * time.Millisecond) // virtual
			camera.film(time.Now())
			loop.run(time.Now())
		}
		synctest.Wait()
	}
	run(3 * time.Second)
	answered := time.Now()
	br := Join(a, b, Options{})
	defer br.Close()
	run(time.Second)
	v := newViewer(t, sink)
	if pic := v.look(); share(pic, colours()[2]) < 0.8 {
		t.Error("the room sees something else")
	}
	if took := v.first.Sub(answered); took > firstPicture {
		t.Errorf("the first picture came after %v", took)
	}
}

func firstOfAMeeting(t *testing.T, codecName string) {
	t.Helper()
	w := newWorld(t, "PCMU", codecName)
	for i := range 4 {
		w.add(i, "Person "+string(rune('A'+i)), 0, colours()[i])
	}
	w.run(3 * time.Second)
	answered := time.Now()
	w.join()
	defer w.bridge.Close()
	w.run(firstPicture)
	pic := w.watching.look()
	if took := w.watching.first.Sub(answered); took > 100*time.Millisecond {
		t.Errorf("the first picture came after %v, although it waits for nobody", took)
	}
	for n := range 4 {
		if !share4(pic, n) {
			t.Errorf("person %d is not seen after %v", n+1, firstPicture)
		}
	}
}
