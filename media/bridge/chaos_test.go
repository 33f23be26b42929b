package bridge

import (
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"tandem/media"
	"tandem/media/dtmf"
)

// TestAnythingMayHappenInACall changes codecs, holds, rings, presses digits and loses
// packets in random order. Whatever happens, every stream that is made here is one
// timeline, nothing panics, and Close gives everything back (the bubble would fail on
// a goroutine that stays).
func TestAnythingMayHappenInACall(t *testing.T) {
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) { anything(t, rand.New(rand.NewPCG(seed, 0))) })
	}
}

func anything(t *testing.T, r *rand.Rand) {
	t.Helper()
	sa, sb := session(anyStream(r)), session(anyStream(r))
	br := Join(sa, sb, Options{Early: r.IntN(2) == 0, FromA: func(dtmf.Digit) {}, FromB: func(dtmf.Digit) {}})
	talkers := map[*fakeSession]*talker{}
	theirs := map[uint32]bool{0: true} // SSRCs
	restart := func(s *fakeSession) {
		k := newTalker(t, s, sine(300+500*r.Float64()))
		k.lose = func(int) bool { return r.IntN(20) == 0 }
		k.delay = func(int) time.Duration { return time.Duration(r.IntN(80)) * time.Millisecond }
		k.packet.SSRC = r.Uint32()
		theirs[k.packet.SSRC] = true
		talkers[s] = k
	}
	restart(sa)
	restart(sb)
	for range 30 {
		s := []*fakeSession{sa, sb}[r.IntN(2)]
		switch r.IntN(6) {
		case 0:
			s.renegotiate(anyStream(r))
			synctest.Wait()
			restart(s)
		case 1:
			br.Ringback(r.IntN(2) == 0)
		case 2:
			if k := talkers[s]; k.info.Event.Clock != 0 {
				k.press(byte(r.IntN(16)), func(d time.Duration) { run(d, sa.loop) })
			}
		case 3: // rubbish of the right payload type
			junk := make([]byte, r.IntN(300))
			for i := range junk {
				junk[i] = byte(r.Uint32())
			}
			k := talkers[s]
			s.source.deliver(&media.Packet{PayloadType: k.info.PayloadType, Sequence: uint16(r.Uint32()), Timestamp: r.Uint32(), Payload: junk, Arrived: time.Now()})
			s.source.deliver(&media.Packet{PayloadType: k.info.Event.PayloadType, Payload: junk[:len(junk)%5], Arrived: time.Now()})
		}
		run(time.Duration(r.IntN(20))*20*time.Millisecond, sa.loop, talkers[sa], talkers[sb])
		synctest.Wait()
	}
	_, _ = br.Stats(), br.String()
	br.Close()
	for _, s := range []*fakeSession{sa, sb} {
		if s.source.receiver != nil {
			t.Error("a source was not given back")
		}
		inOrder(t, s.sink.take(), theirs)
	}
	if len(sa.loop.ticks) != 0 {
		t.Error("a tick goes on after Close")
	}
}

func anyStream(r *rand.Rand) media.StreamInfo {
	i := stream([]string{"PCMU", "PCMA", "G722"}[r.IntN(3)])
	i.Packet = []time.Duration{10, 20, 20, 20, 30, 60}[r.IntN(6)] * time.Millisecond
	i.Direction = []media.Direction{media.SendRecv, media.SendRecv, media.SendRecv, media.SendOnly, media.RecvOnly, media.Inactive}[r.IntN(6)]
	if r.IntN(3) == 0 {
		i = without(i)
	}
	return i
}

// inOrder checks the streams that were made here: no hole in their sequence, no time
// that goes back between packets of audio. What a relay passes is the far end's.
func inOrder(t *testing.T, packets []media.Packet, theirs map[uint32]bool) {
	t.Helper()
	last := map[uint32]media.Packet{}
	for _, p := range packets {
		before, ok := last[p.SSRC]
		last[p.SSRC] = p
		if theirs[p.SSRC] || !ok {
			continue
		}
		if p.Sequence != before.Sequence+1 {
			t.Errorf("sequence %d after %d", p.Sequence, before.Sequence)
		}
		if int32(p.Timestamp-before.Timestamp) < 0 && len(p.Payload) > 4 && len(before.Payload) > 4 {
			t.Errorf("timestamp %d after %d", p.Timestamp, before.Timestamp)
		}
	}
}
