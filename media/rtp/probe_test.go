package rtp

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"tandem/media"
)

// studio is a room with a voice and a camera of three layers over a path with a
// bottleneck, in virtual time: what leg/meet, media/simulcast and a meeting service do
// together.
type studio struct {
	c       *Congestion
	l       *link
	r       *rand.Rand
	pacer   Pacer
	now     time.Time
	log     TransportLog
	air     []flight
	number  uint16
	top     [3]bool // layers that are on
	rates   [3]int
	keys    [3]bool
	probes  bool
	padding int     // octets
	deaf    float64 // the part of the reports that is lost

	topSince time.Time // the top layer has been on since
	voices   []time.Duration
	voice    int // packets sent
	video    int // octets that arrived
}

type flight struct {
	number uint16
	at     time.Time
}

func newStudio(probes bool) *studio {
	return &studio{
		c: NewCongestion(CongestionConfig{Start: 1_300_000, Max: 4_000_000}), probes: probes, now: start,
		l: &link{rate: 10_000_000, delay: 30 * time.Millisecond, queue: 500 * time.Millisecond, r: rand.New(rand.NewPCG(1, 2))},
		r: rand.New(rand.NewPCG(3, 4)),
	}
}

// split is what media/simulcast does with a target, about.
func (s *studio) split(target int) {
	rest, good := target, [3]int{150_000, 455_000, 1_378_000}
	for i, g := range good {
		least := g * 35 / 100
		if !s.top[i] {
			least = least * 5 / 4
		}
		if i > 0 && (rest < least || i == 2 && !s.top[1]) {
			s.top[i], s.rates[i] = false, 0
			rest = 0
			continue
		}
		s.keys[i] = s.keys[i] || !s.top[i]
		if i == 2 && !s.top[2] {
			s.topSince = s.now
		}
		s.top[i], s.rates[i] = true, min(g, rest)
		rest -= s.rates[i]
	}
}

// write queues one frame of each layer. A scene is never as large as it may be.
func (s *studio) write() {
	for i, rate := range s.rates {
		if rate == 0 {
			continue
		}
		size := rate / 8 / 30 * (70 + s.r.IntN(40)) / 100
		if s.keys[i] {
			size, s.keys[i] = size*5, false
		}
		for ; size > 0; size -= 1100 {
			s.pacer.Push(&media.Packet{Payload: make([]byte, min(size, 1100))})
		}
	}
}

// send puts one packet on the path.
func (s *studio) send(size int, voice bool) {
	s.c.Sent(s.now, s.number, size)
	at, ok := s.l.send(s.now, size)
	if voice {
		s.voice++
	}
	if ok {
		s.air = append(s.air, flight{s.number, at})
		switch {
		case voice:
			s.voices = append(s.voices, at.Sub(s.now))
		default:
			s.video += size
		}
	}
	s.number++
}

// run plays for some time; each is called every 10 ms until it is false.
func (s *studio) run(length time.Duration, each func() bool) {
	const voiceBitrate = 64_000
	end, tick := s.now.Add(length), 0
	for ; s.now.Before(end); s.now = s.now.Add(5 * time.Millisecond) {
		tick++
		for len(s.air) > 0 && !s.air[0].at.After(s.now) {
			s.log.Arrive(s.air[0].number, s.air[0].at)
			s.air = s.air[1:]
		}
		target := s.c.Target()
		s.pacer.SetTarget(target)
		if tick%4 == 0 {
			s.send(140, true)
		}
		if tick%7 == 0 {
			s.split(min(target, 2_000_000) - voiceBitrate)
			s.write()
		}
		for p := s.pacer.Pop(s.now); p != nil; p = s.pacer.Pop(s.now) {
			s.send(packetOctets(p), false)
		}
		if tick%2 == 0 && s.probes {
			s.c.SetWanted(2_000_000)
			for due := s.c.Probe(s.now); due > 0; due -= 330 {
				s.padding += 330
				s.send(330, false)
			}
		}
		if tick%20 == 0 {
			if b, ok := s.log.Append(nil, 1, 2); ok && s.r.Float64() >= s.deaf {
				for f := range Feedbacks(b) {
					s.c.Acknowledge(s.now.Add(s.l.delay), f)
				}
			}
		}
		if each != nil && !each() {
			return
		}
	}
}

// How long 720 lines take to come back, and what a voice meets while the path is narrow.
func TestTheTopLayerComesBackSoon(t *testing.T) {
	for _, test := range []struct {
		name   string
		narrow int // bit/s
		length time.Duration
		back   time.Duration // at most
		used   int           // percent of the narrow path, at least
		late   time.Duration // of 95 of 100 voice packets, one way, at most
		top    bool          // 720 lines fit
		loss   float64       // all the time
	}{
		{"one hiccup", 300_000, 700 * time.Millisecond, 4 * time.Second, 0, 600 * time.Millisecond, false, 0},
		{"300 kbit/s", 300_000, 30 * time.Second, 8 * time.Second, 60, 150 * time.Millisecond, false, 0},
		{"500 kbit/s", 500_000, 30 * time.Second, 8 * time.Second, 60, 200 * time.Millisecond, false, 0},
		{"1 Mbit/s", 1_000_000, 30 * time.Second, 8 * time.Second, 50, 150 * time.Millisecond, false, 0},
		{"1 Mbit/s, 2 % lost", 1_000_000, 30 * time.Second, 8 * time.Second, 50, 150 * time.Millisecond, false, 0.02},
		{"1.6 Mbit/s", 1_600_000, 30 * time.Second, 8 * time.Second, 60, 150 * time.Millisecond, true, 0},
	} {
		s := newStudio(true)
		s.l.loss = test.loss
		s.run(15*time.Second, nil)
		if !s.top[2] || s.c.Target() < 1_900_000 {
			t.Errorf("%s: %d bit/s on a free path", test.name, s.c.Target())
		}
		s.l.rate = test.narrow
		settle := min(5*time.Second, test.length/2)
		s.run(settle, nil)
		s.voices, s.voice, s.video, s.padding = nil, 0, 0, 0
		s.run(test.length-settle, nil)
		used := 0
		if d := test.length - settle; d > time.Second {
			used = int(float64(s.video+140*s.voice-s.padding) * 8 / d.Seconds() * 100 / float64(test.narrow))
		}
		slices.Sort(s.voices)
		late, worst, lost := s.voices[len(s.voices)*95/100], s.voices[len(s.voices)-1], s.voice-len(s.voices)
		if s.top[2] != test.top && test.length > time.Second {
			t.Errorf("%s: the top layer is on: %v at %d bit/s", test.name, s.top[2], s.c.Target())
		}
		padding, voices := s.padding, s.voice
		s.l.rate = 10_000_000
		free := s.now
		s.run(time.Minute, func() bool { return !s.top[2] })
		back := s.now.Sub(free)
		s.run(5*time.Second, nil)
		t.Logf("%-18s 720 lines back after %5.2f s, %d kbit/s 5 s later; %2d %% of the path used, %3.1f kbit/s padding; voice: 95 %% within %v, worst %v, %d of %d lost",
			test.name, back.Seconds(), s.c.Target()/1000, used, float64(padding)*8/test.length.Seconds()/1000, late.Round(time.Millisecond), worst.Round(time.Millisecond), lost, voices)
		if back > test.back || !s.top[2] || s.c.Target() < 1_900_000 {
			t.Errorf("%s: after %v %v at %d bit/s", test.name, back, s.top, s.c.Target())
		}
		if used < test.used || used > 100 {
			t.Errorf("%s: %d %% of the path are used", test.name, used)
		}
		if late > test.late || float64(lost) > (0.01+1.5*test.loss)*float64(voices) && test.length > time.Second {
			t.Errorf("%s: the voice is %v late, %d of %d are lost", test.name, late, lost, voices)
		}
	}
}

// TestLossIsForgottenSoon: how long 720 lines take to come back when a path that lost
// packets, in both directions, does so no longer.
func TestLossIsForgottenSoon(t *testing.T) {
	for _, loss := range []float64{0.01, 0.05, 0.12, 0.20, 0.30} {
		worst, sum := time.Duration(0), time.Duration(0)
		const times = 10
		for seed := range uint64(times) {
			s := newStudio(true)
			s.l.r = rand.New(rand.NewPCG(seed, 2))
			s.run(15*time.Second, nil)
			s.l.loss, s.deaf = loss, loss
			s.run(30*time.Second, nil)
			if loss <= 0.05 && !s.top[2] {
				t.Errorf("with %.0f %% lost the top layer is off, at %d bit/s", 100*loss, s.c.Target())
			}
			s.l.loss, s.deaf = 0, 0
			free := s.now
			s.run(time.Minute, func() bool { return !s.top[2] || s.c.Target() < 1_900_000 })
			back := s.now.Sub(free)
			worst, sum = max(worst, back), sum+back
		}
		t.Logf("after %2.0f %%: whole again after %5.2f s, %5.2f s at most", 100*loss, (sum / times).Seconds(), worst.Seconds())
		if worst > 6*time.Second {
			t.Errorf("after %.0f %% of loss it takes %v", 100*loss, worst)
		}
	}
}
