package rtp

import (
	"encoding/binary"
	"testing"
	"time"

	"tandem/media"
)

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
