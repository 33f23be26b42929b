package bridge

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"tandem/internal/cmem"
	"tandem/media"
	"tandem/media/tone"
)

func TestTheRoomHearsEverybodyButItself(t *testing.T) {
	for _, room := range []string{"PCMU", "G722", "OPUS"} {
		t.Run(room, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, room, "")
				w.add(0, "Ada", 440, colours()[0])
				w.add(1, "Ben", 700, colours()[1])
				w.speaks.mute = false
				w.join()
				defer w.bridge.Close()
				w.run(500 * time.Millisecond)
				w.hears.take()
				w.heard.take()
				w.run(time.Second)
				pcm, rate := w.listen(w.hears)
				if len(pcm) < rate*98/100 || len(pcm) > rate*102/100 {
					t.Errorf("the room got %d samples in a second of %d", len(pcm), rate)
				}
				for freq, want := range map[float64]bool{440: true, 700: true, 1000: false} {
					if got := tone.LevelAt(pcm, rate, freq) > -40; got != want {
						t.Errorf("the room hears %v Hz: %v, want %v (%.0f dBFS)", freq, got, want, tone.LevelAt(pcm, rate, freq))
					}
				}
				pcm, rate = w.listen(w.heard)
				if freq, level := tone.Measure(pcm, rate); freq < 990 || freq > 1010 || level < -24 {
					t.Errorf("the meeting hears %.0f Hz at %.0f dBFS, want the room's 1000 Hz", freq, level)
				}
			})
		})
	}
}

func TestStarSixMutesAndUnmutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "PCMU", "")
		w.add(0, "Ada", 0, colours()[0])
		w.speaks.mute = false
		w.join()
		defer w.bridge.Close()
		w.run(time.Second)
		w.speaks.press(10, w.run)
		w.speaks.press(6, w.run)
		w.run(300 * time.Millisecond)
		w.heard.take()
		w.hears.take()
		w.run(time.Second)
		if n := len(w.heard.take()); n != 0 {
			t.Errorf("the meeting got %d packets of a muted room", n)
		}
		if !w.meeting.muted[0] {
			t.Error("the meeting was not told")
		}
		if pcm, _ := w.listen(w.hears); tone.Level(pcm) < -45 {
			t.Error("the room was not told")
		}
		if !w.bridge.Key(false, '*') || !w.bridge.Key(false, '6') {
			t.Error("keys by INFO are not for the bridge")
		}
		w.run(time.Second)
		if n := len(w.heard.take()); n < 45 || w.meeting.muted[0] {
			t.Errorf("after the second *6 the meeting got %d packets, muted %v", n, w.meeting.muted[0])
		}
		if w.bridge.Key(true, '6') {
			t.Error("a key of the meeting's side was taken")
		}
	})
}

func TestKeysInTheAudioAreUnderstood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "PCMU", "")
		w.room.sources[0].info = without(w.room.sources[0].info)
		w.speaks.mute = false
		silence := func(pcm []int16) { clear(pcm) }
		w.speaks.signal = silence
		w.join()
		defer w.bridge.Close()
		for _, key := range [][2]float64{{941, 1209}, {770, 1477}} { // * and 6
			low, high := tone.Sine(key[0], -12, 8000), tone.Sine(key[1], -12, 8000)
			w.speaks.signal = func(pcm []int16) {
				other := make([]int16, len(pcm))
				low.Fill(pcm)
				high.Fill(other)
				for i, v := range other {
					pcm[i] += v
				}
			}
			w.run(120 * time.Millisecond)
			w.speaks.signal = silence
			w.run(200 * time.Millisecond)
		}
		w.run(1200 * time.Millisecond)
		if !w.meeting.muted[0] {
			t.Error("*6 as tones did not mute")
		}
		if pcm, rate := w.listen(w.heard); tone.LevelAt(pcm, rate, 1209) > -45 {
			t.Error("the meeting heard the keys")
		}
	})
}

func TestAReceptionGetsEveryKeyOnceAndAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "PCMU", "")
		w.meeting.roster.Stage = media.Typing
		w.speaks.mute = false
		w.join()
		defer w.bridge.Close()
		w.run(200 * time.Millisecond)
		for _, key := range []byte{1, 2, 2, 10} {
			w.speaks.press(key, w.run)
			w.run(150 * time.Millisecond)
		}
		for _, key := range "00#" { // of a telephone that sends INFO alone
			w.bridge.Key(false, key)
		}
		if got := w.meeting.typed; got != "122*00#" {
			t.Errorf("the reception got %q, want 122*00#", got)
		}
		w.run(2 * time.Second)
		w.meeting.typed = ""
		for _, key := range []byte{7, 7, 3} { // of one that sends both
			w.bridge.Key(false, rune('0'+key))
			w.speaks.press(key, w.run)
			w.run(150 * time.Millisecond)
		}
		if got := w.meeting.typed; got != "773" {
			t.Errorf("the reception got %q, want 773", got)
		}
	})
}

func TestATelephoneUsesNoVideo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "PCMU", "")
		ada := w.add(0, "Ada", 440, colours()[0])
		w.join()
		defer w.bridge.Close()
		w.run(2 * time.Second)
		s := w.bridge.Stats()
		if s.Room != (VideoStats{}) || s.Meeting != (VideoStats{}) || ada.camera.to.receiver != nil {
			t.Errorf("video work for a telephone: %+v", s)
		}
		if w.meeting.shows != 1 || len(w.meeting.shown) != 0 {
			t.Errorf("asked for %v", w.meeting.shown)
		}
	})
}

func TestClosingGivesAllMemoryBack(t *testing.T) {
	once := func() {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, "OPUS", "H264")
			for n := range 4 {
				w.add(n, fmt.Sprint(n), 300, colours()[n])
			}
			camera := newFilmer(t, w.films, 640, 360, colours()[5])
			w.others = append(w.others, camera.film)
			w.join()
			w.run(300 * time.Millisecond)
			w.bridge.Close()
			w.bridge.Close()
			for _, src := range append(w.room.sources, w.meeting.sources...) {
				if src.receiver != nil {
					t.Errorf("%s is still attached", src.info.ID)
				}
			}
			if len(w.loop.ticks) != 0 || w.sees.wanted != nil || w.layers[0].wanted != nil {
				t.Error("something is still registered")
			}
		})
	}
	once()
	once()
	before := cmem.InUse()
	for range 5 {
		once()
	}
	if d := cmem.InUse() - before; d > 1<<20 {
		t.Errorf("%d kB more C memory after five conferences", d/1024)
	}
}

func TestRingbackUntilTheMeetingIsThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "PCMU", "")
		w.meeting.roster.Stage = media.Joining
		w.join()
		defer w.bridge.Close()
		w.bridge.Ringback(true)
		w.run(time.Second)
		if pcm, rate := w.listen(w.hears); tone.LevelAt(pcm, rate, 440) > -10 || tone.LevelAt(pcm, rate, 440) < -40 {
			t.Errorf("no ringback: %.0f dBFS", tone.LevelAt(pcm, rate, 440))
		}
		w.meeting.change(func(r *media.Roster) { r.Stage = media.Waiting })
		w.run(2500 * time.Millisecond) // with the sentence
		w.hears.take()
		w.run(500 * time.Millisecond)
		if pcm, rate := w.listen(w.hears); tone.LevelAt(pcm, rate, 440) > -60 {
			t.Errorf("still rings at %.0f dBFS", tone.LevelAt(pcm, rate, 440))
		}
	})
}

func TestARoomOnHoldAndBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "PCMU", "H264")
		w.add(0, "Ada", 440, colours()[0])
		w.join()
		defer w.bridge.Close()
		w.run(time.Second)
		hold := func(d media.Direction) {
			for _, s := range w.room.sinks {
				s.mu.Lock()
				s.info.Direction = d
				s.mu.Unlock()
			}
			w.room.tell()
			w.run(100 * time.Millisecond)
		}
		hold(media.Inactive)
		w.hears.take()
		w.sees.take()
		w.run(time.Second)
		if a, v := len(w.hears.take()), len(w.sees.take()); a+v != 0 {
			t.Errorf("on hold the room got %d packets of audio and %d of video", a, v)
		}
		hold(media.SendRecv)
		w.watching = newViewer(t, w.sees)
		w.run(time.Second)
		if got := share(w.watching.look(), colours()[0]); got < 0.8 {
			t.Errorf("after the hold Ada fills %.2f", got)
		}
		if n := len(w.hears.take()); n < 45 {
			t.Errorf("after the hold the room got %d packets of audio", n)
		}
	})
}
