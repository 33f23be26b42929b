package bridge

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestOnlyAMeetingIsSteered(t *testing.T) {
	br := &Bridge{}
	if err := br.Layout("1:7"); !errors.Is(err, ErrNoMeeting) {
		t.Errorf("got %v", err)
	}
	if err := br.Layout("7:1"); err == nil || errors.Is(err, ErrNoMeeting) {
		t.Errorf("a layout there is not: %v", err)
	}
	if _, ok := br.Roster(); ok {
		t.Error("a roster without a meeting")
	}
}

func TestAnAdministratorMutesARoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "PCMU", "")
		w.add(0, "Ada", 0, colours()[0])
		w.speaks.mute = false
		w.join()
		defer w.bridge.Close()
		w.run(time.Second)
		for _, muted := range []bool{true, true, false} {
			if err := w.bridge.Mute(false, muted); err != nil {
				t.Fatal(err)
			}
			w.run(300 * time.Millisecond)
			w.heard.take()
			w.run(time.Second)
			if n := len(w.heard.take()); (n == 0) != muted || w.meeting.muted[0] != muted {
				t.Errorf("muted %v: the meeting got %d packets and was told %v", muted, n, w.meeting.muted[0])
			}
		}
		if err := w.bridge.Layout("4:0"); err != nil {
			t.Error(err)
		}
		if err := w.bridge.Mute(true, true); !errors.Is(err, ErrMeeting) {
			t.Errorf("the meeting itself: %v", err)
		}
		if r, ok := w.bridge.Roster(); !ok || len(r.People) != 1 {
			t.Errorf("%+v", r)
		}
	})
}
