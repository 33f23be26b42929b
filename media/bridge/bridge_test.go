package bridge

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tandem/media"
	"tandem/media/codec"
	"tandem/media/tone"
)

func sine(freq float64) func(int) func([]int16) {
	return func(rate int) func([]int16) { return tone.Sine(freq, -12, rate).Fill }
}

func quiet(int) func([]int16) { return func([]int16) {} }

func skipWithout(t *testing.T, names ...string) {
	t.Helper()
	for _, n := range names {
		if !codec.Available(n) {
			t.Skipf("this build has no %s", n)
		}
	}
}

func TestChooseTakesTheCheapestWay(t *testing.T) {
	pcmu, pcma, g722, opus := stream("PCMU"), stream("PCMA"), stream("G722"), stream("OPUS")
	hold := func(i media.StreamInfo, d media.Direction) media.StreamInfo { i.Direction = d; return i }
	for _, test := range []struct {
		name     string
		from, to media.StreamInfo
		ring     bool
		want     technology
	}{
		{"the same codec", pcmu, pcmu, false, relay},
		{"the same with other payload types", opus, func() media.StreamInfo { i := opus; i.PayloadType, i.Event.PayloadType = 96, 97; return i }(), false, relay},
		{"mixed event clocks beside Opus (GV-S37)", opus, func() media.StreamInfo { i := opus; i.Event = media.Event{PayloadType: 101, Clock: 8000}; return i }(), false, relay},
		{"PCMU to PCMA", pcmu, pcma, false, law},
		{"PCMA to PCMU", pcma, pcmu, false, law},
		{"other codecs", pcmu, opus, false, transcode},
		{"G.722 to PCMU", g722, pcmu, false, transcode},
		{"other packets", with(pcmu, 30*time.Millisecond), pcmu, false, transcode},
		{"unknown packets", with(pcmu, 0), pcmu, false, relay},
		{"digits must become tones", pcmu, without(pcmu), false, transcode},
		{"tones must become digits", without(pcmu), pcmu, false, transcode},
		{"nobody has events", without(pcmu), without(pcmu), false, relay},
		{"the listener is held", pcmu, hold(pcmu, media.RecvOnly), false, idle},
		{"the talker sends only: music on hold", hold(pcmu, media.RecvOnly), pcmu, false, relay},
		{"the talker only listens", hold(pcmu, media.SendOnly), pcmu, false, idle},
		{"inactive", hold(pcmu, media.Inactive), pcmu, false, idle},
		{"no source", media.StreamInfo{}, pcmu, false, idle},
		{"no sink", pcmu, media.StreamInfo{}, false, idle},
		{"ringback without a source", media.StreamInfo{}, pcmu, true, ringing},
		{"ringback instead of a relay", pcmu, pcmu, true, ringing},
		{"no ringback to one on hold", pcmu, hold(pcmu, media.Inactive), true, idle},
	} {
		if got := technologyFor(test.from, test.to, test.ring); got != test.want {
			t.Errorf("%s: got %s, want %s", test.name, got, test.want)
		}
	}
}

func TestRelayPassesPacketsAsTheyAre(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := stream("PCMU")
		b.PayloadType, b.Event.PayloadType = 96, 97
		sa, sb := session(stream("PCMU")), session(b)
		br := Join(sa, sb, Options{})
		defer br.Close()
		if br.String() != "PCMU relay" {
			t.Errorf("got %q", br)
		}
		in := media.Packet{PayloadType: 0, Marker: true, Sequence: 9, Timestamp: 77, SSRC: 5, Payload: []byte{1, 2, 3}, Arrived: time.Now()}
		sa.source.deliver(&in)
		event := in
		event.PayloadType, event.Payload = 101, []byte{5, 10, 0, 160}
		sa.source.deliver(&event)
		noise := in
		noise.PayloadType = 13
		sa.source.deliver(&noise)
		got := sb.sink.take()
		if len(got) != 2 {
			t.Fatalf("%d packets, want 2", len(got))
		}
		if p := got[0]; p.PayloadType != 96 || !p.Marker || p.Sequence != 9 || p.Timestamp != 77 || p.SSRC != 5 || string(p.Payload) != "\x01\x02\x03" {
			t.Errorf("audio: %+v", p)
		}
		if p := got[1]; p.PayloadType != 97 || p.Timestamp != 77 || string(p.Payload) != "\x05\x0a\x00\xa0" {
			t.Errorf("event: %+v", p)
		}
		if s := br.Stats().ToB; s.Packets != 2 || s.Relayed != 2 || s.Dropped != 1 {
			t.Errorf("stats: %+v", s)
		}
	})
}

// Goal P-14.
func TestNoPacketAllocates(t *testing.T) {
	for _, test := range []struct{ from, to string }{
		{"PCMU", "PCMU"}, {"OPUS", "OPUS"}, {"PCMU", "PCMA"}, {"PCMU", "G722"}, {"G722", "PCMA"}, {"PCMU", "OPUS"}, {"OPUS", "PCMU"},
	} {
		t.Run(test.from+" to "+test.to, func(t *testing.T) {
			skipWithout(t, test.from, test.to)
			sa, sb := session(stream(test.from)), session(stream(test.to))
			sb.sink.keep = false
			br := Join(sa, sb, Options{})
			defer br.Close()
			i := sa.source.info
			k := newTalker(t, sa, sine(1000))
			payload, err := k.encoder.Encode(nil, make([]int16, samplesIn(i.Packet, k.rate)))
			if err != nil {
				t.Fatal(err)
			}
			p := media.Packet{PayloadType: i.PayloadType, Payload: payload, Arrived: time.Now()}
			event := media.Packet{PayloadType: i.Event.PayloadType, Payload: []byte{1, 10, 0, 160}}
			step := func() {
				p.Sequence++
				p.Timestamp += uint32(samplesIn(i.Packet, i.Clock))
				p.Arrived = p.Arrived.Add(i.Packet)
				sa.source.deliver(&p)
				if p.Sequence%16 == 0 {
					p.Sequence++
					event.Sequence, event.Timestamp, event.Arrived = p.Sequence, p.Timestamp, p.Arrived
					sa.source.deliver(&event)
				}
				sa.loop.mu.Lock()
				for _, tick := range sa.loop.ticks {
					tick.f(p.Arrived)
				}
				sa.loop.mu.Unlock()
			}
			for range 100 {
				step()
			}
			if n := testing.AllocsPerRun(500, step); n != 0 {
				t.Errorf("%v allocations a packet", n)
			}
			if sb.sink.count < 400 {
				t.Errorf("only %d of 600 packets came out", sb.sink.count)
			}
		})
	}
}

func TestAToneSurvivesEveryCodecPair(t *testing.T) {
	names := []string{"PCMU", "PCMA", "G722", "OPUS"}
	for _, from := range names {
		for _, to := range names {
			t.Run(from+" to "+to, func(t *testing.T) {
				skipWithout(t, from, to)
				synctest.Test(t, func(t *testing.T) { tonePair(t, stream(from), stream(to)) })
			})
		}
	}
}

func TestAToneSurvivesEveryPacketDuration(t *testing.T) {
	durations := []time.Duration{10, 20, 30, 40, 60}
	for _, in := range durations {
		for _, out := range durations {
			t.Run(fmt.Sprintf("%d ms to %d ms", in, out), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					tonePair(t, with(stream("PCMU"), in*time.Millisecond), with(stream("PCMA"), out*time.Millisecond))
				})
			})
		}
	}
}

// tonePair sends 1000 Hz from a to b and 600 Hz back, and measures what arrives.
func tonePair(t *testing.T, a, b media.StreamInfo) {
	t.Helper()
	sa, sb := session(a), session(b)
	br := Join(sa, sb, Options{})
	defer br.Close()
	ka, kb := newTalker(t, sa, sine(1000)), newTalker(t, sb, sine(600))
	run(500*time.Millisecond, sa.loop, ka, kb) // until the jitter buffer has settled
	sa.sink.take()
	sb.sink.take()
	run(2*time.Second, sa.loop, ka, kb)
	checkTone(t, "at b", b, sb.sink.take(), 1000)
	checkTone(t, "at a", a, sa.sink.take(), 600)
	if s := br.Stats(); s.ToA.Lost+s.ToB.Lost+s.ToA.Late+s.ToB.Late+s.ToA.Errors+s.ToB.Errors != 0 {
		t.Errorf("on a perfect network: %+v", s)
	}
}

func checkTone(t *testing.T, where string, i media.StreamInfo, packets []media.Packet, want float64) {
	t.Helper()
	continuous(t, i, packets)
	pcm, rate := hear(t, i, packets)
	if got := time.Duration(len(pcm)) * time.Second / time.Duration(rate); (got - 2*time.Second).Abs() > 60*time.Millisecond {
		t.Errorf("%s: %v of audio in 2 s", where, got)
	}
	if len(pcm) < rate {
		return
	}
	freq, level := tone.Measure(pcm[rate/4:], rate)
	if math.Abs(freq-want) > want*0.01 || math.Abs(level+12) > 2.5 {
		t.Errorf("%s: %.1f Hz at %.1f dBFS, want %.0f Hz at -12", where, freq, level, want)
	}
}

func TestLossAndJitterAreConcealed(t *testing.T) {
	for _, from := range []string{"PCMU", "G722", "OPUS"} {
		t.Run(from, func(t *testing.T) {
			skipWithout(t, from)
			synctest.Test(t, func(t *testing.T) {
				sa, sb := session(stream(from)), session(with(stream("PCMA"), 20*time.Millisecond))
				if from == "PCMU" {
					sb = session(without(stream("PCMA"))) // else G.711 passes by table, with its holes
				}
				br := Join(sa, sb, Options{})
				defer br.Close()
				r := rand.New(rand.NewPCG(1, 2))
				k := newTalker(t, sa, sine(1000))
				k.lose = func(int) bool { return r.Float64() < 0.03 }
				k.delay = func(int) time.Duration { return time.Duration(r.IntN(50)) * time.Millisecond }
				run(2*time.Second, sa.loop, k)
				sb.sink.take()
				run(2*time.Second, sa.loop, k)
				packets := sb.sink.take()
				if len(packets) != 100 {
					t.Errorf("%d packets in 2 s, want 100", len(packets))
				}
				checkTone(t, "at b", sb.sink.info, packets, 1000)
				s := br.Stats().ToB
				if s.Lost == 0 || s.Delay < 20*time.Millisecond || s.Delay > 200*time.Millisecond {
					t.Errorf("stats: %+v", s)
				}
			})
		})
	}
}

func TestThePipelineFollowsTheSessions(t *testing.T) {
	skipWithout(t, "OPUS")
	synctest.Test(t, func(t *testing.T) {
		sa, sb := session(stream("PCMU")), session(stream("PCMU"))
		br := Join(sa, sb, Options{})
		defer br.Close()
		held := stream("PCMU")
		held.Direction = media.Inactive
		late := stream("PCMU")
		late.Direction = media.RecvOnly
		for _, step := range []struct {
			at   *fakeSession
			to   media.StreamInfo
			want string
		}{
			{sb, stream("OPUS"), "to b: PCMU -> jitter 40ms -> decode -> OPUS, to a: OPUS -> jitter 40ms -> decode -> PCMU"},
			{sa, stream("G722"), "to b: G722 -> jitter 40ms -> decode -> OPUS, to a: OPUS -> jitter 40ms -> decode -> G722"},
			{sb, stream("PCMA"), "to b: G722 -> jitter 40ms -> decode -> resample 8000 -> PCMA, to a: PCMA -> jitter 40ms -> decode -> resample 16000 -> G722"},
			{sa, stream("PCMU"), "to b: PCMU -> PCMA, to a: PCMA -> PCMU"},
			{sa, held, "idle"},
			{sa, late, "to b: PCMU -> PCMA, to a: idle"},
			{sb, stream("PCMU"), "to b: PCMU relay, to a: idle"},
			{sa, stream("PCMU"), "PCMU relay"},
			{sa, without(stream("PCMU")), "to b: PCMU -> jitter 40ms -> decode -> tones to digits -> PCMU, to a: PCMU -> jitter 40ms -> decode -> digits to tones -> PCMU"},
		} {
			step.at.renegotiate(step.to)
			synctest.Wait()
			if br.String() != step.want {
				t.Errorf("got %q, want %q", br, step.want)
			}
		}
	})
}

func TestNothingMovesAfterClose(t *testing.T) {
	for _, b := range []string{"PCMU", "PCMA", "G722"} {
		sa, sb := session(stream("PCMU")), session(stream(b))
		br := Join(sa, sb, Options{})
		stop := make(chan struct{})
		var far sync.WaitGroup
		far.Go(func() { // the far end and the loop go on while the bridge ends
			p := media.Packet{Payload: make([]byte, 160)}
			for now := time.Now(); ; now = now.Add(20 * time.Millisecond) {
				select {
				case <-stop:
					return
				default:
				}
				p.Sequence++
				p.Timestamp += 160
				p.Arrived = now
				sa.source.deliver(&p)
				sa.loop.run(now)
			}
		})
		br.Ringback(true)
		sb.changed <- struct{}{}
		br.Close()
		sb.sink.take()
		sa.sink.take()
		br.Close()
		br.Ringback(true)
		close(stop)
		far.Wait()
		if n := len(sb.sink.take()) + len(sa.sink.take()); n != 0 {
			t.Errorf("%s: %d packets after Close", b, n)
		}
		if sa.source.receiver != nil || sb.source.receiver != nil || len(sa.loop.ticks) != 0 {
			t.Errorf("%s: the sessions were not given back", b)
		}
	}
}

func TestASessionWithoutMediaYetIsJoinedLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sa, sb := session(stream("PCMU")), session(stream("PCMU"))
		source, sink := sb.source, sb.sink
		sb.source, sb.sink = nil, nil
		br := Join(sa, sb, Options{})
		defer br.Close()
		if br.String() != "idle" {
			t.Errorf("got %q", br)
		}
		sb.mu.Lock()
		sb.source, sb.sink = source, sink
		sb.mu.Unlock()
		sb.changed <- struct{}{}
		synctest.Wait()
		if br.String() != "PCMU relay" {
			t.Errorf("got %q", br)
		}
		close(sa.changed) // a session that has ended is no reason to spin
		synctest.Wait()
	})
}

func TestACodecThisBuildLacksIsNamed(t *testing.T) {
	sa, sb := session(stream("PCMU")), session(stream("PCMU"))
	sb.source.info.Codec, sb.sink.info.Codec = "SPEEX", "SPEEX"
	br := Join(sa, sb, Options{})
	defer br.Close()
	if s := br.String(); !strings.Contains(s, "cannot encode SPEEX") || !strings.Contains(s, "cannot decode SPEEX") {
		t.Errorf("got %q", s)
	}
	sa.source.deliver(&media.Packet{Payload: make([]byte, 160)})
	if s := br.Stats().ToB; s.Dropped != 1 {
		t.Errorf("stats: %+v", s)
	}
}
