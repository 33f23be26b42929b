package bridge

import (
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"tandem/media"
)

// impairment is the network of R-9: 10 % loss in bursts of two or three packets,
// 50±30 ms of delay, 2 % of the packets 60 ms later than their neighbours.
type impairment struct {
	r     *rand.Rand
	burst int // packets still to be lost
}

func (i *impairment) lose(int) bool {
	if i.burst == 0 && i.r.Float64() < 1/23.5 {
		i.burst = 2 + i.r.IntN(2)
	}
	if i.burst == 0 {
		return false
	}
	i.burst--
	return true
}

func (i *impairment) delay(int) time.Duration {
	d := 20*time.Millisecond + time.Duration(i.r.IntN(61))*time.Millisecond
	if i.r.IntN(50) == 0 {
		d += 60 * time.Millisecond
	}
	return d
}

// TestABadNetworkLosesNoDigitAndNoVoice is R-9 for one call in virtual time.
func TestABadNetworkLosesNoDigitAndNoVoice(t *testing.T) {
	for _, c := range []struct{ name, from, to string }{
		{"relayed", "PCMU", "PCMU"},
		{"by table", "PCMA", "PCMU"},
		{"transcoded", "PCMU", "OPUS"},
		{"transcoded back", "OPUS", "PCMA"},
	} {
		t.Run(c.name, func(t *testing.T) {
			skipWithout(t, c.from, c.to)
			synctest.Test(t, func(t *testing.T) { throughABadNetwork(t, stream(c.from), stream(c.to)) })
		})
	}
}

func throughABadNetwork(t *testing.T, from, to media.StreamInfo) {
	t.Helper()
	sa, sb := session(from), session(to)
	br := Join(sa, sb, Options{})
	defer br.Close()
	net := &impairment{r: rand.New(rand.NewPCG(9, 9))}
	k := newTalker(t, sa, sine(440))
	k.lose, k.delay = net.lose, net.delay
	run(3*time.Second, sa.loop, k)
	voice, sent := len(sb.sink.take()), k.n
	if voice < sent*85/100 {
		t.Errorf("%d packets of voice left for %d that were sent", voice, sent)
	}
	const digits = 200
	typed := ""
	for range digits {
		key := net.r.IntN(16)
		typed += string("0123456789*#ABCD"[key])
		k.pressThrough(byte(key), func(d time.Duration) { run(d, sa.loop, k) })
		run(200*time.Millisecond, sa.loop, k)
	}
	run(time.Second, sa.loop, k)
	if heard := read(to, sb.sink.take()); heard != typed {
		t.Errorf("digits\n got %s\nwant %s", heard, typed)
	}
	s := br.Stats().ToB
	t.Logf("%s: delay %v, %d concealed, %d late of %d", br, s.Delay, s.Lost, s.Late, k.n)
	if s.Delay > 160*time.Millisecond {
		t.Errorf("the jitter buffer waits %v, for packets that are at most 120 ms apart", s.Delay)
	}
	if most := uint64((k.n + 8*digits) * 12 / 100); s.Lost+s.Late > most {
		t.Errorf("%d frames concealed and %d late, want %d at most", s.Lost, s.Late, most)
	}
}

// pressThrough is press over the talker's network; the three ends are 10 ms apart.
func (k *talker) pressThrough(key byte, run func(time.Duration)) {
	start, unit := k.packet.Timestamp, uint16(k.info.Event.Clock/50)
	k.mute = true
	for n := uint16(1); n <= 5; n++ {
		k.fly(key, n*unit, n == 1, false, start)
		run(20 * time.Millisecond)
	}
	for range 3 {
		k.fly(key, 5*unit, false, true, start)
		run(10 * time.Millisecond)
	}
	k.mute, k.since = false, 0
	k.packet.Timestamp += uint32((5*20 + 3*10) * k.info.Clock / 1000)
}

// fly sends one telephone-event packet over the talker's network.
func (k *talker) fly(key byte, duration uint16, marker, end bool, timestamp uint32) {
	volume := byte(10)
	if end {
		volume |= 0x80
	}
	p := media.Packet{
		PayloadType: k.info.Event.PayloadType, Marker: marker, SSRC: k.packet.SSRC, Sequence: k.packet.Sequence,
		Timestamp: timestamp, Payload: []byte{key, volume, byte(duration >> 8), byte(duration)},
	}
	k.packet.Sequence++
	if !k.lose(k.n) {
		k.inFlight = append(k.inFlight, flying{time.Now().Add(k.delay(k.n)), p})
	}
}
