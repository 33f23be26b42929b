package reception

import (
	"log/slog"
	"reflect"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"tandem/alarm"
	"tandem/call"
	"tandem/media"
	"tandem/media/prompt"
)

func TestAMeetingIsReachedByKeysOfEachKind(t *testing.T) {
	for _, c := range []struct {
		name   string
		events bool
		enter  func(*house)
	}{
		{"RFC 4733", true, func(h *house) { h.phone.press(t, id+"#") }},
		{"INFO", true, func(h *house) {
			for _, k := range id + "#" {
				h.a.events <- call.Digit{Key: k}
				time.Sleep(300 * time.Millisecond)
			}
		}},
		{"RFC 4733 and INFO", true, func(h *house) {
			for _, k := range id + "#" {
				h.a.events <- call.Digit{Key: k}
				h.phone.press(t, string(k))
			}
		}},
		{"in-band", false, func(h *house) { h.phone.whistle(id + "#") }},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newFarEnd(id, newHandset(true))
				h := open(t, Config{Token: "acme"}, newHandset(c.events), b)
				defer h.close()
				if !slices.ContainsFunc(asked(h.a), func(ev call.Event) bool { _, ok := ev.(call.Answered); return ok }) {
					t.Fatal("the reception did not answer at once")
				}
				if l := h.phone.take(); l < -40 {
					t.Errorf("the caller heard %.0f dBFS, want a sentence", l)
				}
				c.enter(h)
				time.Sleep(6 * time.Second)
				last := h.wish()
				if last.To != id || last.Via != "a" || last.Connector != "fake" {
					t.Fatalf("routed %+v, want the ID as the caller's own wish", last)
				}
				if l := h.phone.take(); l < -40 {
					t.Errorf("the caller heard %.0f dBFS, want to be told that it is connected", l)
				}
				b.events <- call.Answered{}
				synctest.Wait()
				live := h.sw.Live()
				if len(live) != 1 || live[0].B.ID != id {
					t.Errorf("talking: %+v", live)
				}
			})
		})
	}
}

func TestAFailedTransferBringsTheCallerBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newFarEnd(id, newHandset(true))
		h := open(t, Config{Token: "acme"}, newHandset(true), b)
		defer h.close()
		h.phone.press(t, id+"#")
		time.Sleep(5 * time.Second)
		b.events <- call.Progress{Early: true, Lobby: true}
		time.Sleep(20 * time.Second)
		b.end(call.LobbyTimeout)
		synctest.Wait()
		h.phone.take()
		time.Sleep(3 * time.Second)
		if l := h.phone.take(); l < -40 {
			t.Errorf("the caller heard %.0f dBFS, want to be told that nobody answered", l)
		}
		c := newFarEnd(id, newHandset(true))
		h.answers(c)
		h.phone.press(t, id+"#")
		time.Sleep(5 * time.Second)
		c.events <- call.Answered{}
		synctest.Wait()
		if live := h.sw.Live(); len(live) != 1 {
			t.Errorf("the call is over: %+v", live)
		}
		want := map[prompt.Name]uint64{prompt.Enter: 1, prompt.Connecting: 2, prompt.Unanswered: 1, prompt.Again: 1}
		for name, n := range h.Told() {
			if n != want[name] {
				t.Errorf("told %q %d times, want %d", name, n, want[name])
			}
		}
	})
}

func TestAfterThreeTriesTheCallEndsWithItsCause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t, Config{Token: "acme"}, newHandset(true))
		defer h.close()
		for range 3 {
			h.phone.press(t, "55#")
			time.Sleep(5 * time.Second)
		}
		h.sw.Wait()
		got := asked(h.a)
		if end, ok := got[len(got)-1].(call.Ended); !ok || end.Cause != call.MeetingUnknown {
			t.Errorf("the caller was asked %v", got)
		}
	})
}

func TestNobodyTypes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		h := open(t, Config{Token: "acme"}, newHandset(true))
		defer h.close()
		h.sw.Wait()
		if took := time.Since(began); took < 60*time.Second || took > 80*time.Second {
			t.Errorf("the reception gave up after %v, want three times 20 s and what it said", took)
		}
	})
}

func TestWhoHangsUpLeavesNothing(t *testing.T) {
	for _, at := range []string{"", "12", "12#", id + "#"} {
		synctest.Test(t, func(t *testing.T) {
			h := open(t, Config{Token: "acme"}, newHandset(true))
			h.phone.press(t, at)
			h.close() // the bubble fails when a goroutine is left
		})
	}
}

func TestGuessingIsStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		board := &alarm.Board{Log: slog.New(slog.DiscardHandler)}
		h := open(t, Config{Token: "acme", Guard: GuardConfig{Wrong: 4}}, newHandset(true))
		h.guard.alarms = board
		guess := func() {
			h.phone.press(t, "55#")
			time.Sleep(6 * time.Second)
		}
		for range 3 {
			guess()
		}
		h.close()
		h.dial("a")
		guess()
		if n := len(h.sw.Live()); n != 1 {
			t.Fatalf("%d calls, want the second one to go on", n)
		}
		guess()
		if n := len(h.sw.Live()); n != 0 {
			t.Error("the fifth unknown ID did not end the call")
		}
		h.close()
		if n := len(board.Active()); n != 1 {
			t.Errorf("%d alarms, want one", n)
		}
		h.dial("a")
		got := asked(h.a)
		if end, ok := got[len(got)-1].(call.Ended); !ok || end.Cause != call.Quota || end.Retry < 9*time.Minute {
			t.Errorf("the caller who guesses got %v, want to be turned away", got)
		}
		h.close()
		h.dial("b")
		if n := len(h.sw.Live()); n != 1 {
			t.Error("another caller was turned away, too")
		}
		h.close()
		time.Sleep(10 * time.Minute)
		h.guard.sweep(time.Now())
		if n := len(board.Active()); n != 0 {
			t.Error("the alarm lasts")
		}
		h.dial("a")
		if n := len(h.sw.Live()); n != 1 {
			t.Error("the caller is turned away after the time")
		}
		h.close()
	})
}

func TestDialNeedsAReception(t *testing.T) {
	c := &Connector{Log: slog.New(slog.DiscardHandler)}
	if err := c.Apply([]Config{{Name: "front", Token: "acme"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Dial(t.Context(), call.Destination{Target: "back"}, call.Request{}); err == nil {
		t.Error("a reception that does not exist was dialled")
	}
	if _, err := c.Dial(t.Context(), call.Destination{Target: "front"}, call.Request{}); err == nil {
		t.Error("a reception without a resolver was dialled")
	}
	if err := c.Apply([]Config{{Name: "front", Match: "("}}); err == nil {
		t.Error("a broken expression was applied")
	}
}

func TestTheScreenTellsOnlyWhatChanged(t *testing.T) {
	s := newSession("front", new(tickers), func(rune) {})
	r := media.Roster{Stage: media.Typing, Typed: "1", Since: time.Unix(1, 0)}
	s.show(r)
	<-s.Changed()
	r.Since = time.Unix(2, 0)
	s.show(r)
	select {
	case <-s.Changed():
		t.Error("nothing changed that can be seen")
	default:
	}
	if !reflect.DeepEqual(s.Roster(), r) {
		t.Error("the roster is not what was shown")
	}
}
