package bridge

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tandem/media"
	"tandem/media/rtp"
	"tandem/media/tone"
)

func TestTheScreensBeforeAndAfterAMeeting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "PCMU", "H264")
		w.meeting.roster = media.Roster{Stage: media.Joining}
		w.join()
		defer w.bridge.Close()
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
		}
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
				w.run(time.Second)
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
				w.run(4 * time.Second)
				if !w.meeting.muted[1] {
					t.Error("the meeting was not told that the room stopped sending")
				}
				if s := w.bridge.String(); !strings.Contains(s, "compose 640x360@30 -> "+codecName) {
					t.Errorf("the pipeline is %q", s)
				}
				t.Log(w.bridge.String())
			})
		})
	}
}

func TestWhoSpeaksIsLarge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "G722", "H264")
		for n := range 3 {
			a := w.add(n, fmt.Sprintf("Person %d", n+1), 300, colours()[n])
			a.voice.signal = tone.NewSpeech(a.voice.rate, uint64(n+1)).Fill
			a.silent = n > 0
		}
		w.join()
		defer w.bridge.Close()
		large := func() int {
			pic := w.watching.look()
			for n := range 3 {
				if share(pic, colours()[n]) > 0.3 {
					return n
				}
			}
			return -1
		}
		w.run(2 * time.Second)
		if got := large(); got != 0 {
			t.Errorf("person %d is large while the first speaks", got+1)
		}
		w.actors[0].silent, w.actors[2].silent = true, false
		w.run(4 * time.Second)
		if got := large(); got != 2 {
			t.Errorf("person %d is large while the third speaks", got+1)
		}
		save(t, w.watching.picture, "speaker")
	})
}

func TestPresentationsOnStreamsOfTheirOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "PCMU", "H264")
		content := videoStream("H264", mode1)
		content.Limits = small()
		content.Kind = media.Content
		offers, second := w.room.source(content), w.room.sink(content)
		content = videoStream("VP8", "")
		content.Kind = media.Content
		far := w.meeting.sink(content)
		ada := w.add(0, "Ada", 0, colours()[0])
		slides := newFilmer(t, w.meeting.sources[12], 640, 480, colours()[4])
		slides.packet.CSRC = ada.person.ContentCSRC
		ours := newFilmer(t, offers, 640, 360, colours()[6])
		n := 0
		w.others = append(w.others, func(now time.Time) {
			if n++; n%20 == 0 {
				slides.film(now)
				ours.film(now)
			}
		})
		w.meeting.change(func(r *media.Roster) { r.People[0].Presenting = true })
		w.join()
		defer w.bridge.Close()
		w.run(2 * time.Second)
		if got := share(w.watching.look(), colours()[4]); got > 0.01 {
			t.Errorf("the presentation is on the first screen, too: %.2f", got)
		}
		pic := newViewer(t, second).look()
		if got := share(pic, colours()[4]); got < 0.9 || pic.Width*3 != pic.Height*4 {
			t.Errorf("the presentation fills %.2f of %v", got, pic)
		}
		pic = newViewer(t, far).look()
		if got := share(pic, colours()[6]); got < 0.9 || pic.Width != 640 {
			t.Errorf("the room's presentation fills %.2f of %v", got, pic)
		}
		w.bridge.Key(false, '*')
		w.bridge.Key(false, '4')
		w.run(time.Second)
		if got := share(w.watching.look(), colours()[4]); got < 0.3 {
			t.Errorf("after *4 the presentation fills %.2f of the first screen", got)
		}
	})
}

func TestPicturesWaitForVoicesThatAreLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "PCMU", "VP8")
		ada := w.add(0, "Ada", 440, colours()[0])
		origin := time.Now()
		// The voice was captured 150 ms before the picture that comes at the same time.
		voice, picture := w.meeting.sources[0], w.meeting.sources[4]
		first := ada.voice.packet.Timestamp
		voice.clock = func() (uint64, uint32) { return rtp.NTP(origin.Add(-150 * time.Millisecond)), first }
		picture.clock = func() (uint64, uint32) { return rtp.NTP(origin), 0 }
		w.join()
		defer w.bridge.Close()
		w.run(12 * time.Second)
		cam := w.bridge.conference.cameras[0]
		if cam.hold < 110*time.Millisecond || cam.hold > longestLip {
			t.Errorf("pictures wait for %v, want about 150 ms", cam.hold)
		}
		if share(w.watching.look(), colours()[0]) < 0.8 {
			t.Error("the picture is not seen")
		}
	})
}

func TestTheChatIsShownForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "PCMU", "VP8")
		w.add(0, "Ada", 0, colours()[0])
		w.join()
		defer w.bridge.Close()
		w.run(time.Second)
		w.meeting.change(func(r *media.Roster) {
			r.Chat = append(r.Chat, media.ChatLine{From: "Ada", Text: "The slides are in the folder", At: time.Now()})
		})
		w.run(time.Second)
		save(t, w.watching.look(), "chat")
		if got := w.bridge.conference.view.notice; got != "Ada: The slides are in the folder" {
			t.Errorf("the notice is %q", got)
		}
		w.run(8 * time.Second)
		if got := w.bridge.conference.view.notice; got != "" {
			t.Errorf("the notice is still %q", got)
		}
	})
}
