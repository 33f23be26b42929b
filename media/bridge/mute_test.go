package bridge

import (
	"testing"
	"testing/synctest"
	"time"

	"tandem/media"
	"tandem/media/tone"
)

func TestAMutedLegIsSilence(t *testing.T) {
	for _, pair := range [][2]string{{"PCMU", "PCMU"}, {"PCMU", "PCMA"}, {"G722", "PCMU"}, {"OPUS", "OPUS"}} {
		t.Run(pair[0]+" to "+pair[1], func(t *testing.T) {
			skipWithout(t, pair[0])
			synctest.Test(t, func(t *testing.T) {
				sa, sb := session(stream(pair[0])), session(stream(pair[1]))
				br := Join(sa, sb, Options{})
				defer br.Close()
				ka, kb := newTalker(t, sa, sine(700)), newTalker(t, sb, sine(900))
				run(500*time.Millisecond, sa.loop, ka, kb)
				for _, muted := range []bool{true, false} {
					if err := br.Mute(false, muted); err != nil {
						t.Fatal(err)
					}
					synctest.Wait()
					if a, b := br.Muted(); a != muted || b {
						t.Errorf("muted: %v, %v", a, b)
					}
					run(300*time.Millisecond, sa.loop, ka, kb)
					sa.sink.take()
					sb.sink.take()
					run(time.Second, sa.loop, ka, kb)
					got := sb.sink.take()
					if len(got) < 49 || len(got) > 51 {
						t.Errorf("muted %v: %d packets in a second", muted, len(got))
					}
					pcm, _ := hear(t, stream(pair[1]), got)
					if level := tone.Level(pcm); (level < -60) != muted {
						t.Errorf("muted %v: %.0f dBFS", muted, level)
					}
					pcm, _ = hear(t, stream(pair[0]), sa.sink.take())
					if level := tone.Level(pcm); level < -30 {
						t.Errorf("muted %v: the other way is at %.0f dBFS", muted, level)
					}
				}
			})
		})
	}
}

func TestKeysOfAMutedLegPass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sa, sb := session(stream("PCMU")), session(stream("PCMU"))
		br := Join(sa, sb, Options{})
		defer br.Close()
		ka := newTalker(t, sa, sine(700))
		if err := br.Mute(false, true); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if br.toB.String() != "PCMU muted -> PCMU" || br.Kind() != "muted" {
			t.Errorf("%s, %s", br, br.Kind())
		}
		run(200*time.Millisecond, sa.loop, ka)
		ka.press(5, func(d time.Duration) { run(d, sa.loop) })
		events := 0
		for _, p := range sb.sink.take() {
			if isEvent(&p, media.StreamInfo{Event: stream("PCMU").Event}) && p.Payload[0] == 5 {
				events++
			}
		}
		if events != 8 {
			t.Errorf("%d packets of the key", events)
		}
	})
}
