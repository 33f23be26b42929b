package rtp

import (
	"math/rand/v2"
	"testing"
	"time"

	"tandem/media"
)

// The figures are of a single run with a fixed seed; they hold with a margin.
func TestEveryPacketIsPlayedOnceAndInOrder(t *testing.T) {
	minute := time.Minute
	ms := time.Millisecond
	for _, s := range scenarios(minute, ms) {
		t.Run(s.name, func(t *testing.T) {
			r := s.run(t)
			t.Logf("%+v heard %v concealed %v silent %v worst %v average %v wishes %v",
				r.stats, r.heard, r.concealed, r.silent, r.worst, r.average, r.wishes)
			for i := 1; i < len(r.numbers); i++ {
				if r.numbers[i] <= r.numbers[i-1] {
					t.Fatalf("played packet %d after %d", r.numbers[i], r.numbers[i-1])
				}
			}
			s.check(t, r)
		})
	}
}

func atMost[T int | uint64 | time.Duration](t *testing.T, what string, got, want T) {
	t.Helper()
	if got > want {
		t.Errorf("%s: %v, want at most %v", what, got, want)
	}
}

func scenarios(minute, ms time.Duration) []scenario {
	clean := func(delay time.Duration) func(*testing.T, result) {
		return func(t *testing.T, r result) {
			t.Helper()
			atMost(t, "concealed", r.concealed, 0)
			atMost(t, "late", r.stats.Late+r.stats.Discarded, 0)
			atMost(t, "delay", r.average, delay)
			atMost(t, "silence", r.silent, 200*ms)
		}
	}
	drifting := func(t *testing.T, r result) {
		t.Helper()
		atMost(t, "concealed", r.concealed, 100*ms)
		atMost(t, "discarded", r.stats.Discarded, 0)
		atMost(t, "delay", r.worst, 150*ms)
	}
	return []scenario{
		{name: "a steady network, 20 ms packets", ptime: 20 * ms, length: minute, network: steady(0), check: clean(100 * ms)},
		{name: "a steady network, 10 ms packets", ptime: 10 * ms, length: minute, network: steady(0), check: clean(90 * ms)},
		{name: "a steady network, 30 ms packets", ptime: 30 * ms, length: minute, network: steady(0), check: clean(130 * ms)},
		{name: "a steady network, 40 ms packets", ptime: 40 * ms, length: minute, network: steady(0), check: clean(140 * ms)},
		{name: "a steady network, 60 ms packets", ptime: 60 * ms, length: minute, network: steady(0), check: clean(180 * ms)},
		{
			name: "10 % loss in bursts", ptime: 20 * ms, length: minute,
			network: bursts(0.10, 3, steady(0)),
			check: func(t *testing.T, r result) {
				t.Helper()
				gone := minute - r.heard
				atMost(t, "concealed", r.concealed, gone+200*ms)
				atMost(t, "late", r.stats.Late, 0)
				atMost(t, "delay", r.worst, 250*ms)
			},
		},
		{
			name: "50±30 ms of jitter", ptime: 20 * ms, length: minute, obey: true,
			network: jittery(50*ms, 30*ms),
			check: func(t *testing.T, r result) {
				t.Helper()
				atMost(t, "concealed", r.concealed, minute/50)
				atMost(t, "late", r.stats.Late, 30)
				atMost(t, "delay", r.average, 160*ms)
			},
		},
		{
			name: "2 % out of order", ptime: 20 * ms, length: minute, obey: true,
			network: reordered(0.02, steady(0)),
			check: func(t *testing.T, r result) {
				t.Helper()
				atMost(t, "concealed", r.concealed, minute/100)
				atMost(t, "delay", r.average, 120*ms)
			},
		},
		{
			name: "burst loss, jitter and reordering at once", ptime: 20 * ms, length: minute, obey: true,
			network: bursts(0.10, 3, reordered(0.02, jittery(50*ms, 30*ms))),
			check: func(t *testing.T, r result) {
				t.Helper()
				atMost(t, "concealed", r.concealed, minute*14/100)
				atMost(t, "late", r.stats.Late, 45)
				atMost(t, "delay", r.average, 180*ms)
			},
		},
		{name: "the far end's clock is 200 ppm fast", ptime: 20 * ms, length: 20 * minute, drift: 200, obey: true, network: steady(0), check: drifting},
		{name: "the far end's clock is 200 ppm slow", ptime: 20 * ms, length: 20 * minute, drift: -200, obey: true, network: steady(0), check: drifting},
		{
			name: "200 ppm fast, and nobody plays faster", ptime: 20 * ms, length: 20 * minute, drift: 200, network: steady(0),
			check: func(t *testing.T, r result) {
				t.Helper()
				atMost(t, "discarded", r.stats.Discarded, 15)
				atMost(t, "delay", r.worst, 200*ms)
			},
		},
		{
			name: "200 ppm slow, and nobody plays slower", ptime: 20 * ms, length: 20 * minute, drift: -200, network: steady(0),
			check: func(t *testing.T, r result) {
				t.Helper()
				atMost(t, "concealed", r.concealed, 300*ms)
				atMost(t, "discarded", r.stats.Discarded, 0)
			},
		},
		{
			name: "the timestamp jumps", ptime: 20 * ms, length: minute, network: steady(0),
			mangle: func(n int, p *media.Packet) {
				if n >= 1000 {
					p.Timestamp += 0x40000000
				}
				if n >= 2000 {
					p.Timestamp -= 0x23456789
				}
			},
			check: clean(100 * ms),
		},
		{
			name: "the SSRC and all numbers change", ptime: 20 * ms, length: minute, network: steady(0),
			mangle: func(n int, p *media.Packet) {
				if n >= 1500 {
					p.SSRC, p.Sequence, p.Timestamp = 8, p.Sequence*7+99, p.Timestamp+123456
					p.Sequence = uint16(n + 30000)
				}
			},
			check: clean(100 * ms),
		},
		{
			name: "the sequence goes back by 500", ptime: 20 * ms, length: minute, network: steady(0),
			mangle: func(n int, p *media.Packet) {
				if n >= 1500 {
					p.Sequence -= 500
				}
			},
			check: func(t *testing.T, r result) {
				t.Helper()
				atMost(t, "concealed", r.concealed, 300*ms)
				atMost(t, "late", r.stats.Late, 10)
				atMost(t, "delay", r.average, 100*ms)
			},
		},
		{
			name: "a pause of two seconds (DTX)", ptime: 20 * ms, length: minute,
			network: func(_ *rand.Rand, n int) (time.Duration, bool) {
				return 20 * ms, n >= 1000 && n < 1100
			},
			mangle: func(n int, p *media.Packet) {
				if n >= 1100 {
					p.Sequence -= 100
				}
			},
			check: func(t *testing.T, r result) {
				t.Helper()
				atMost(t, "concealed", r.concealed, 500*ms)
				atMost(t, "lost", r.stats.Lost+r.stats.Late, 0)
				atMost(t, "delay", r.average, 100*ms)
			},
		},
		{
			name: "a digit as telephone-event", ptime: 20 * ms, length: minute, network: steady(0),
			mangle: func(n int, p *media.Packet) {
				if n >= 1000 && n < 1020 {
					p.PayloadType = 101
					p.Timestamp -= uint32(n-1000) * 160
				}
			},
			check: func(t *testing.T, r result) {
				t.Helper()
				atMost(t, "concealed", r.concealed, 0)
				atMost(t, "lost", r.stats.Lost+r.stats.Late+r.stats.Discarded, 0)
				atMost(t, "silence", r.silent, 600*ms)
				atMost(t, "delay", r.average, 100*ms)
			},
		},
		{
			name: "an outage of three seconds, everything lost", ptime: 20 * ms, length: minute,
			network: func(_ *rand.Rand, n int) (time.Duration, bool) { return 20 * ms, n >= 1000 && n < 1150 },
			check: func(t *testing.T, r result) {
				t.Helper()
				atMost(t, "concealed", r.concealed, 600*ms)
				atMost(t, "delay", r.average, 100*ms)
				atMost(t, "late", r.stats.Late+r.stats.Discarded, 0)
			},
		},
		{
			name: "an outage of three seconds, everything delivered after it", ptime: 20 * ms, length: minute, obey: true,
			network: func(_ *rand.Rand, n int) (time.Duration, bool) {
				if n >= 1000 && n < 1150 {
					return 20*ms + time.Duration(1150-n)*20*ms, false
				}
				return 20 * ms, false
			},
			check: func(t *testing.T, r result) {
				t.Helper()
				atMost(t, "concealed", r.concealed, 600*ms)
				atMost(t, "discarded", r.stats.Discarded, 152)
				atMost(t, "delay", r.average, 130*ms)
			},
		},
		{
			name: "the way becomes 100 ms longer and shorter again", ptime: 20 * ms, length: minute, obey: true,
			network: func(_ *rand.Rand, n int) (time.Duration, bool) {
				if n >= 1000 && n < 2000 {
					return 120 * ms, false
				}
				return 20 * ms, false
			},
			check: func(t *testing.T, r result) {
				t.Helper()
				atMost(t, "concealed", r.concealed, 200*ms)
				atMost(t, "discarded", r.stats.Discarded, 5)
				atMost(t, "delay", r.average, 170*ms)
			},
		},
	}
}
