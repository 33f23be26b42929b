package bridge

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tandem/internal/cmem"
	"tandem/media"
	"tandem/media/compose"
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

func TestAReceptionGetsEveryKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "PCMU", "")
		w.meeting.roster.Stage = media.Typing
		w.meeting.sinks[0].info = stream("PCMU")
		w.speaks.mute = false
		w.join()
		defer w.bridge.Close()
		w.run(200 * time.Millisecond)
		w.heard.take()
		for _, key := range []byte{1, 2, 10} {
			w.speaks.press(key, w.run)
			w.run(150 * time.Millisecond)
		}
		w.bridge.Key(false, '#')
		w.run(500 * time.Millisecond)
		var got []string
		ended := map[uint32]bool{}
		for _, p := range w.heard.take() {
			if p.PayloadType == 101 && p.Payload[1]&0x80 != 0 && !ended[p.Timestamp] {
				ended[p.Timestamp] = true
				got = append(got, fmt.Sprint(p.Payload[0]))
			}
		}
		if s := strings.Join(got, " "); s != "1 2 10 11" {
			t.Errorf("the reception got %q, want 1 2 * #", s)
		}
	})
}

func TestWhatARoomSees(t *testing.T) {
	for _, codecName := range []string{"H264", "VP8"} {
		t.Run(codecName, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, "PCMU", codecName)
				began := time.Now()
				ada := w.add(0, "Ada", 440, colours()[0])
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
				_ = ada
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

func TestTheScreensBeforeAndAfterAMeeting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "PCMU", "H264")
		w.meeting.roster = media.Roster{Stage: media.Joining}
		w.join()
		defer w.bridge.Close()
		var last [3]byte
		for n, r := range []media.Roster{
			{Stage: media.Joining, Title: ""},
			{Stage: media.Waiting, Title: "Board meeting", Since: time.Now(), Until: time.Now().Add(30 * time.Second)},
			{Stage: media.Joined, Title: "Board meeting"},
			{Stage: media.Typing, Title: "Join a meeting", Typed: "12345"},
			{Stage: media.Refused, Notice: "Nobody let you in. Ask the host to admit you, then call again."},
			{Stage: media.Finished, Notice: "Thank you for coming."},
		} {
			w.watching.keys = 0
			w.meeting.change(func(o *media.Roster) { *o = r })
			w.run(1200 * time.Millisecond)
			pic := w.watching.look()
			save(t, pic, fmt.Sprintf("stage %d %v", n, r.Stage))
			if n > 0 && w.watching.keys == 0 {
				t.Errorf("%v: no keyframe at the switch", r.Stage)
			}
			if w.watching.frames == 0 {
				t.Errorf("%v: nothing came", r.Stage)
			}
			last = at(pic, 50, 50)
		}
		_ = last
		if n := w.bridge.Stats().Room.Unchanged; n < 50 {
			t.Errorf("only %d pictures of screens that stand still were not encoded", n)
		}
	})
}

func TestAKeyframeComesWhenAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "PCMU", "H264")
		w.add(0, "Ada", 0, colours()[0])
		w.join()
		defer w.bridge.Close()
		w.run(2 * time.Second)
		w.watching.look()
		before := w.watching.keys
		asked := time.Now()
		w.sees.wantKeyframe()
		w.run(100 * time.Millisecond)
		w.watching.look()
		if d := w.watching.lastKey.Sub(asked); w.watching.keys != before+1 || d > 60*time.Millisecond {
			t.Errorf("%d keyframes, the last after %v", w.watching.keys-before, d)
		}
		for range 100 { // a far end that cannot stop asking
			w.sees.wantKeyframe()
			w.run(10 * time.Millisecond)
		}
		w.watching.look()
		if n := w.watching.keys - before - 1; n < 2 || n > 4 {
			t.Errorf("%d keyframes in a second of asking, want about 3", n)
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

func TestTheMeetingSeesTheRoomInThreeLayers(t *testing.T) {
	for _, codecName := range []string{"H264", "VP8"} {
		t.Run(codecName, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, "PCMU", codecName)
				w.add(0, "Ada", 0, colours()[0])
				camera := newFilmer(t, w.films, 1280, 720, colours()[3])
				n := 0
				w.others = append(w.others, func(now time.Time) {
					if n++; n%4 == 0 {
						camera.film(now)
					}
				})
				w.join()
				defer w.bridge.Close()
				w.run(2 * time.Second)
				for l, want := range []string{"320x180", "640x360", "1280x720"} {
					pic := newViewer(t, w.layers[l]).look()
					if got := fmt.Sprintf("%dx%d", pic.Width, pic.Height); got != want {
						t.Errorf("layer %d is %s, want %s", l, got, want)
					}
					if got := share(pic, colours()[3]); got < 0.8 {
						t.Errorf("layer %d shows the room in %.2f of its picture", l, got)
					}
				}
				relayed := w.bridge.Stats().Meeting.Relayed
				if (relayed > 0) != (codecName == "VP8") {
					t.Errorf("%d packets were relayed", relayed)
				}
				if w.meeting.muted[1] {
					t.Error("the meeting was told that the room is not seen")
				}
				w.others = nil
				w.run(5 * time.Second)
				if !w.meeting.muted[1] {
					t.Error("the meeting was not told that the room stopped sending")
				}
				if s := w.bridge.String(); !strings.Contains(s, "compose 1280x720@30 -> "+codecName) {
					t.Errorf("the pipeline is %q", s)
				}
				t.Log(w.bridge.String())
			})
		})
	}
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
