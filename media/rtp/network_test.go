package rtp

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"tandem/media"
)

// A network decides what happens to the packet with the given number.
type network func(r *rand.Rand, n int) (delay time.Duration, lost bool)

// sent is one packet on its way.
type sent struct {
	arrives time.Duration
	packet  media.Packet
}

// result is what a listener heard.
type result struct {
	stats          JitterStats
	numbers        []uint32      // of the packets, in the order they were played
	heard          time.Duration // voice
	concealed      time.Duration
	silent         time.Duration
	worst, average time.Duration // from the moment of speaking to the moment of playing
	wishes         [3]int        // Keep, Faster, Slower
}

type scenario struct {
	name    string
	ptime   time.Duration
	length  time.Duration
	drift   float64 // of the far end's clock, in parts per million
	obey    bool    // the caller shortens and lengthens when asked to
	network network
	mangle  func(n int, p *media.Packet) // renumbers what the far end sends
	check   func(t *testing.T, r result)
}

// run sends length of audio through a network into a buffer that is popped every 20 ms.
func (s scenario) run(t *testing.T) result {
	t.Helper()
	rnd := rand.New(rand.NewPCG(1, 2))
	var way []sent
	for n := 0; time.Duration(n)*s.ptime < s.length; n++ {
		spoken := time.Duration(float64(n+1) * float64(s.ptime) * (1 - s.drift/1e6))
		p := media.Packet{
			Sequence: uint16(65500 + n), Timestamp: uint32(4294960000 + n*int(s.ptime/time.Millisecond)*8), SSRC: 7,
			Payload: binary.BigEndian.AppendUint32(make([]byte, 0, 160), uint32(n)),
		}
		if s.mangle != nil {
			s.mangle(n, &p)
		}
		if delay, lost := s.network(rnd, n); !lost {
			way = append(way, sent{spoken + delay, p})
		}
	}
	slices.SortStableFunc(way, func(a, b sent) int { return int(a.arrives - b.arrives) })
	return s.listen(t, way)
}

func (s scenario) listen(t *testing.T, way []sent) (r result) {
	t.Helper()
	const tick = 20 * time.Millisecond
	j := NewJitter(JitterConfig{Clock: 8000, Event: 101})
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	var ready, total time.Duration // decoded and not yet played
	for now := 3 * time.Millisecond; len(way) > 0; now += tick {
		for len(way) > 0 && way[0].arrives <= now {
			j.Push(start.Add(way[0].arrives), &way[0].packet)
			way = way[1:]
		}
		for pops := 0; ready < tick; pops++ {
			if pops > 10 {
				t.Fatal("frames without a duration")
			}
			f := j.Pop(start.Add(now))
			d := f.Duration
			r.wishes[f.Adjust&3%3]++
			switch f.Kind {
			case Voice:
				n := binary.BigEndian.Uint32(f.Payload)
				r.numbers = append(r.numbers, n)
				r.heard += d
				spoken := time.Duration(float64(n) * float64(s.ptime) * (1 - s.drift/1e6))
				r.worst = max(r.worst, now+ready-spoken)
				total += now + ready - spoken
				if f.Adjust == Faster && s.obey {
					d -= min(8*time.Millisecond, d)
				} else if f.Adjust == Slower && s.obey {
					d += 8 * time.Millisecond
				}
			case Lost:
				r.concealed += d
			default:
				r.silent += d
			}
			ready += d
		}
		ready -= tick
	}
	r.stats = j.Stats()
	if len(r.numbers) > 0 {
		r.average = total / time.Duration(len(r.numbers))
	}
	return r
}

func steady(time.Duration) network {
	return func(*rand.Rand, int) (time.Duration, bool) { return 20 * time.Millisecond, false }
}

// jittery delays every packet by mean±spread, evenly distributed.
func jittery(mean, spread time.Duration) network {
	return func(r *rand.Rand, _ int) (time.Duration, bool) {
		return mean - spread + time.Duration(r.Int64N(int64(2*spread))), false
	}
}

// bursts loses a share of the packets, in runs of the given mean length.
func bursts(share, length float64, inner network) network {
	bad := false
	return func(r *rand.Rand, n int) (time.Duration, bool) {
		if bad {
			bad = r.Float64() >= 1/length
		} else {
			bad = r.Float64() < share/(1-share)/length
		}
		d, lost := inner(r, n)
		return d, lost || bad
	}
}

func reordered(share float64, inner network) network {
	return func(r *rand.Rand, n int) (time.Duration, bool) {
		d, lost := inner(r, n)
		if r.Float64() < share {
			d += 35 * time.Millisecond
		}
		return d, lost
	}
}
