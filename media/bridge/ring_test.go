package bridge

import (
	"testing"
	"testing/synctest"
	"time"

	"tandem/media"
	"tandem/media/tone"
)

// GV-C15: on 180 after 183 the caller hears our ringback unless early RTP is audible.

func TestRingbackIsMadeWhileTheFarEndIsSilent(t *testing.T) {
	for _, codecName := range []string{"PCMU", "G722", "OPUS"} {
		t.Run(codecName, func(t *testing.T) {
			skipWithout(t, codecName)
			synctest.Test(t, func(t *testing.T) {
				sa, sb := session(stream(codecName)), session(stream("PCMU"))
				br := Join(sa, sb, Options{Early: true})
				defer br.Close()
				kb := newTalker(t, sb, quiet) // 183: early media of silence
				run(500*time.Millisecond, sa.loop, kb)
				sa.sink.take()
				br.Ringback(true) // 180
				synctest.Wait()
				run(1500*time.Millisecond, sa.loop, kb)
				packets := sa.sink.take()
				continuous(t, stream(codecName), packets)
				pcm, rate := hear(t, stream(codecName), packets)
				for _, freq := range []float64{440, 480} {
					if level := tone.LevelAt(pcm[rate/4:], rate, freq); level < -35 {
						t.Errorf("%.0f Hz at %.1f dBFS", freq, level)
					}
				}
				br.Ringback(false) // 200
				synctest.Wait()
				run(500*time.Millisecond, sa.loop, kb)
				pcm, _ = hear(t, stream(codecName), sa.sink.take())
				if level := tone.Level(pcm); level > -50 {
					t.Errorf("after the answer the tone goes on at %.1f dBFS", level)
				}
			})
		})
	}
}

func TestAudibleEarlyMediaReplacesRingback(t *testing.T) {
	for _, early := range []string{"PCMU", "G722", "OPUS"} {
		t.Run(early, func(t *testing.T) {
			skipWithout(t, early)
			synctest.Test(t, func(t *testing.T) {
				sa, sb := session(stream("PCMU")), session(stream(early))
				br := Join(sa, sb, Options{})
				defer br.Close()
				br.Ringback(true)
				synctest.Wait()
				if got := br.toA.String(); got != "ringback -> PCMU" {
					t.Errorf("got %q", got)
				}
				kb := newTalker(t, sb, sine(700)) // an announcement
				run(200*time.Millisecond, sa.loop, kb)
				synctest.Wait()
				if got := br.toA.String(); got == "ringback -> PCMU" {
					t.Errorf("got %q", got)
				}
				run(200*time.Millisecond, sa.loop, kb)
				sa.sink.take()
				run(time.Second, sa.loop, kb)
				pcm, rate := hear(t, stream("PCMU"), sa.sink.take())
				if freq, _ := tone.Measure(pcm, rate); freq < 690 || freq > 710 {
					t.Errorf("the caller hears %.0f Hz", freq)
				}
			})
		})
	}
}

func TestNoRingbackOverAToneThatAlreadyPlays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sa, sb := session(stream("PCMU")), session(stream("PCMU"))
		br := Join(sa, sb, Options{Early: true})
		defer br.Close()
		far := tone.Ringback("us", 8000)
		kb := newTalker(t, sb, func(int) func([]int16) { return far.Fill })
		run(4*time.Second, sa.loop, kb) // 2 s of tone and 2 s of its pause
		br.Ringback(true)
		synctest.Wait()
		run(8*time.Second, sa.loop, kb)
		synctest.Wait()
		if br.String() != "PCMU relay" {
			t.Errorf("got %q", br)
		}
		if s := br.Stats().ToA; s.Packets != s.Relayed {
			t.Errorf("a tone was made over theirs: %+v", s)
		}
	})
}

func TestAClickIsNotAudibleMedia(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sa, sb := session(stream("PCMU")), session(stream("PCMU"))
		br := Join(sa, sb, Options{})
		defer br.Close()
		br.Ringback(true)
		synctest.Wait()
		n := 0
		kb := newTalker(t, sb, func(int) func([]int16) {
			return func(pcm []int16) {
				if n++; n%20 == 0 { // one loud packet in 400 ms
					for i := range pcm {
						pcm[i] = 8000
					}
				}
			}
		})
		run(3*time.Second, sa.loop, kb)
		synctest.Wait()
		if br.toA.String() != "ringback -> PCMU" {
			t.Errorf("got %q", br)
		}
	})
}

// The answer must not interrupt a transcoder that already carries early media.
func TestTheAnswerKeepsThePipeline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sa, sb := session(stream("G722")), session(stream("PCMU"))
		br := Join(sa, sb, Options{Early: true})
		defer br.Close()
		kb := newTalker(t, sb, sine(700))
		run(time.Second, sa.loop, kb)
		before := br.toA.pipe
		br.Ringback(false)
		synctest.Wait()
		if br.toA.pipe != before || br.toA.ear != nil {
			t.Error("the pipeline changed with the answer, or the ear stayed")
		}
		sa.sink.take()
		run(time.Second, sa.loop, kb)
		packets := sa.sink.take()
		if len(packets) != 50 || packets[0].Marker {
			t.Errorf("%d packets", len(packets))
		}
	})
}

func TestRingbackToAPhoneWithoutMediaWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sa, sb := session(stream("PCMU")), session(stream("PCMU"))
		sa.sink.info.Direction = media.Inactive
		sb.source, sb.sink = nil, nil // 180 without SDP
		br := Join(sa, sb, Options{})
		defer br.Close()
		br.Ringback(true)
		synctest.Wait()
		if br.String() != "idle" {
			t.Errorf("got %q", br)
		}
		sa.renegotiate(stream("PCMU"))
		synctest.Wait()
		if br.String() != "to b: idle, to a: ringback -> PCMU" {
			t.Errorf("got %q", br)
		}
		run(time.Second, sa.loop)
		if n := len(sa.sink.take()); n != 50 {
			t.Errorf("%d packets in a second", n)
		}
	})
}
