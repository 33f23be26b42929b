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

func TestDuplicatesAndStragglersAreCounted(t *testing.T) {
	j := NewJitter(JitterConfig{Clock: 8000})
	now := time.Unix(1, 0)
	push := func(n int) {
		j.Push(now, &media.Packet{Sequence: uint16(n), Timestamp: uint32(n * 160), Payload: make([]byte, 160)})
	}
	push(1)
	push(1)
	push(2)
	now = now.Add(60 * time.Millisecond)
	for range 2 {
		if f := j.Pop(now); f.Kind != Voice {
			t.Fatalf("got a %v frame", f.Kind)
		}
	}
	push(1)
	if s := j.Stats(); s.Duplicate != 1 || s.Late != 1 || s.Received != 4 || s.Played != 2 {
		t.Errorf("%+v", s)
	}
	j.Push(now, &media.Packet{Sequence: 3, Payload: make([]byte, 1501)})
	if s := j.Stats(); s.Discarded != 1 {
		t.Errorf("a packet of 1501 octets was taken: %+v", s)
	}
}

func TestTheFrameBeforeAPacketCarriesItForRecovery(t *testing.T) {
	j := NewJitter(JitterConfig{Clock: 48000})
	now := time.Unix(1, 0)
	for _, n := range []int{1, 2, 4} {
		j.Push(now, &media.Packet{Sequence: uint16(n), Timestamp: uint32(n * 960), Payload: []byte{byte(n), 0, 0}})
	}
	now = now.Add(80 * time.Millisecond)
	want := []struct {
		kind FrameKind
		next int
	}{{Voice, 0}, {Voice, 0}, {Lost, 4}, {Voice, 0}, {Lost, 0}}
	for i, w := range want {
		f := j.Pop(now)
		next := 0
		if f.Next != nil {
			next = int(f.Next[0])
		}
		if f.Kind != w.kind || next != w.next || f.Duration != 20*time.Millisecond {
			t.Errorf("frame %d: %v, next %d, %v; want %v", i, f.Kind, next, f.Duration, w)
		}
	}
}

func TestACallOfAWeekGoesOn(t *testing.T) {
	const clock, week = 48000, 7 * 24 * time.Hour
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	j, r := NewJitter(JitterConfig{Clock: clock}), NewReception(clock)
	for minute := range 7 * 24 * 60 {
		// A second of packets in each of its minutes.
		at := start.Add(time.Duration(minute) * time.Minute)
		for n := range 50 {
			count := uint32(minute*3000 + n)
			now := at.Add(time.Duration(n) * tickLength)
			p := media.Packet{Sequence: uint16(count), Timestamp: count * 960, Payload: make([]byte, 3)}
			j.Push(now, &p)
			j.Pop(now)
			r.Receive(now, 7, p.Sequence, p.Timestamp)
		}
	}
	s := j.Stats()
	if s.Target > 60*time.Millisecond || s.Delay > 100*time.Millisecond || s.Played < s.Received*9/10 {
		t.Errorf("after %v: %+v", week, s)
	}
	if r.Jitter() > time.Millisecond {
		t.Errorf("jitter %v", r.Jitter())
	}
}

const tickLength = 20 * time.Millisecond

func TestJitterDoesNotAllocate(t *testing.T) {
	j := NewJitter(JitterConfig{Clock: 8000})
	now := time.Unix(1, 0)
	p := media.Packet{Payload: make([]byte, 160)}
	step := func() {
		j.Push(now, &p)
		j.Pop(now)
		p.Sequence++
		p.Timestamp += 160
		now = now.Add(20 * time.Millisecond)
	}
	for range 200 {
		step()
	}
	if n := testing.AllocsPerRun(1000, step); n != 0 {
		t.Errorf("%v allocations for a packet", n)
	}
}

func BenchmarkJitter(b *testing.B) {
	j := NewJitter(JitterConfig{Clock: 8000})
	now := time.Unix(1, 0)
	p := media.Packet{Payload: make([]byte, 160)}
	for b.Loop() {
		j.Push(now, &p)
		j.Pop(now)
		p.Sequence++
		p.Timestamp += 160
		now = now.Add(20 * time.Millisecond)
	}
}

func FuzzJitter(f *testing.F) {
	f.Add([]byte{0, 1, 20, 2, 0, 0, 1, 1})
	f.Fuzz(func(t *testing.T, script []byte) {
		j := NewJitter(JitterConfig{Clock: 8000, Event: 101})
		now := time.Unix(1, 0)
		for len(script) >= 8 {
			op := script[:8]
			script = script[8:]
			now = now.Add(time.Duration(op[0]) * time.Millisecond)
			j.Push(now, &media.Packet{
				PayloadType: op[1], Sequence: uint16(op[2])<<uint(op[3]&15) | uint16(op[3]), SSRC: uint32(op[4] & 3),
				Timestamp: binary.BigEndian.Uint32(op[4:]), Payload: op[:op[7]&7],
			})
			for range op[7] >> 6 {
				if fr := j.Pop(now); fr.Duration <= 0 || fr.Duration > 120*time.Millisecond {
					t.Fatalf("a frame of %v", fr.Duration)
				}
			}
			if j.held < 0 || j.held > jitterSlots || len(j.spare) > jitterSlots+1 {
				t.Fatalf("%d packets held, %d buffers spare", j.held, len(j.spare))
			}
		}
	})
}
