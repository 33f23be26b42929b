package transport

import (
	"testing"
	"time"

	"tandem/media"
)

// The sink's promise (media.Sink): one continuous stream whatever is written.
func TestRebase(t *testing.T) {
	type in struct {
		at        time.Duration
		ssrc      uint32
		seq       uint16
		timestamp uint32
		event     bool
	}
	type out struct { // relative to the first packet
		seq       uint16
		timestamp uint32
		fresh     bool
	}
	const ms = time.Millisecond
	tests := []struct {
		name string
		in   []in
		want []out
	}{
		{
			"in order",
			[]in{{0, 1, 500, 8000, false}, {20 * ms, 1, 501, 8160, false}, {40 * ms, 1, 502, 8320, false}},
			[]out{{0, 0, true}, {1, 160, false}, {2, 320, false}},
		},
		{
			"a lost packet stays lost, a late one finds its place",
			[]in{{0, 1, 65535, 0, false}, {40 * ms, 1, 1, 320, false}, {41 * ms, 1, 0, 160, false}, {60 * ms, 1, 2, 480, false}},
			[]out{{0, 0, true}, {2, 320, false}, {1, 160, false}, {3, 480, false}},
		},
		{
			"another source goes on where the clock is",
			[]in{{0, 1, 10, 100, false}, {20 * ms, 1, 11, 260, false}, {520 * ms, 2, 9000, 5, false}, {540 * ms, 2, 9001, 165, false}},
			[]out{{0, 0, true}, {1, 160, false}, {2, 4160, true}, {3, 4320, false}},
		},
		{
			"another source at once is one packet later",
			[]in{{0, 1, 10, 100, false}, {5 * ms, 2, 7, 7, false}},
			[]out{{0, 0, true}, {1, 160, true}},
		},
		{
			"a tone that starts again with the same numbers",
			[]in{{0, 0, 0, 0, false}, {20 * ms, 0, 1, 160, false}, {40 * ms, 0, 0, 0, false}, {60 * ms, 0, 1, 160, false}},
			[]out{{0, 0, true}, {1, 160, false}, {2, 320, true}, {3, 480, false}},
		},
		{
			"an event between audio packets stays one event",
			[]in{{0, 1, 1, 1480, false}, {20 * ms, 1, 2, 1480, true}, {22 * ms, 1, 3, 1640, false}, {40 * ms, 1, 4, 1480, true}, {42 * ms, 1, 5, 1800, false}, {60 * ms, 1, 6, 1480, true}, {62 * ms, 1, 7, 1960, false}},
			[]out{{0, 0, true}, {1, 0, false}, {2, 160, false}, {3, 0, false}, {4, 320, false}, {5, 0, false}, {6, 480, false}},
		},
		{
			"an event keeps its timestamp, audio goes on behind it",
			[]in{{0, 1, 1, 0, false}, {20 * ms, 1, 2, 160, false}, {40 * ms, 1, 3, 160, false}, {60 * ms, 1, 4, 160, false}, {80 * ms, 1, 5, 640, false}},
			[]out{{0, 0, true}, {1, 160, false}, {2, 160, false}, {3, 160, false}, {4, 640, false}},
		},
		{
			"silence suppression",
			[]in{{0, 1, 1, 0, false}, {time.Minute, 1, 2, 480000, false}},
			[]out{{0, 0, true}, {1, 480000, false}},
		},
		{
			"a timestamp that jumps within one sequence",
			[]in{{0, 1, 1, 0, false}, {20 * ms, 1, 2, 3000000000, false}, {40 * ms, 1, 3, 3000000160, false}},
			[]out{{0, 0, true}, {1, 160, false}, {2, 320, false}},
		},
		{
			"a sequence that jumps",
			[]in{{0, 1, 1, 0, false}, {20 * ms, 1, 30000, 160, false}},
			[]out{{0, 0, true}, {1, 160, true}},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRebase()
			var seq0 uint16
			var time0 uint32
			for i, p := range tt.in {
				seq, timestamp, fresh := r.move(zero.Add(p.at), &media.Packet{SSRC: p.ssrc, Sequence: p.seq, Timestamp: p.timestamp}, p.event)
				if i == 0 {
					seq0, time0 = seq, timestamp
				}
				if got := (out{seq - seq0, timestamp - time0, fresh}); got != tt.want[i] {
					t.Fatalf("packet %d became %+v, want %+v", i, got, tt.want[i])
				}
			}
		})
	}
}

// A hold holds packets back; the receiver must not count them as lost.
func TestRebaseAfterAHold(t *testing.T) {
	start := time.Unix(1000, 0)
	r := newRebase()
	seq, timestamp, _ := r.move(start, &media.Packet{SSRC: 1, Sequence: 10, Timestamp: 800}, false)
	r.interrupt()
	later, stamp, fresh := r.move(start.Add(2*time.Second), &media.Packet{SSRC: 1, Sequence: 110, Timestamp: 16800}, false)
	if later-seq != 1 || stamp-timestamp != 16000 || !fresh {
		t.Errorf("sequence +%d, time +%d, fresh %v: want +1, +16000, true", later-seq, stamp-timestamp, fresh)
	}
	if next, _, fresh := r.move(start.Add(2020*time.Millisecond), &media.Packet{SSRC: 1, Sequence: 111, Timestamp: 16960}, false); next-later != 1 || fresh {
		t.Errorf("sequence +%d, fresh %v: want +1, false", next-later, fresh)
	}
}

// Silence that is sent while an event is stalled does not make it two keys.
func TestRebaseKeepsAnEventOverAStall(t *testing.T) {
	start := time.Unix(1000, 0)
	ms := time.Millisecond
	r := newRebase()
	r.move(start, &media.Packet{SSRC: 1, Sequence: 10, Timestamp: 800}, false)
	seq, timestamp, _ := r.move(start.Add(20*ms), &media.Packet{SSRC: 1, Sequence: 11, Timestamp: 960}, true)
	r.move(start.Add(100*ms), &media.Packet{SSRC: silenceOrigin, Sequence: 1, Timestamp: 160}, false)
	again, stamp, fresh := r.move(start.Add(101*ms), &media.Packet{SSRC: 1, Sequence: 12, Timestamp: 960}, true)
	if again-seq != 2 || stamp != timestamp || fresh {
		t.Errorf("sequence +%d, time %+d, fresh %v: want +2, the same time, false", again-seq, int32(stamp-timestamp), fresh)
	}
	audio, after, fresh := r.move(start.Add(120*ms), &media.Packet{SSRC: 1, Sequence: 13, Timestamp: 1760}, false)
	if audio-again != 1 || after-timestamp != 800 || fresh {
		t.Errorf("audio after it: sequence +%d, time %+d, fresh %v: want +1, +800, false", audio-again, int32(after-timestamp), fresh)
	}
}
