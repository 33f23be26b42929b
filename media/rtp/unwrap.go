package rtp

import "time"

// Sequence follows 16-bit sequence numbers over their wrap-around. The zero
// value is ready; the first number is its own extension.
type Sequence struct {
	started bool
	highest int64
}

// Unwrap returns n on a scale without wrap-around: the value nearest to the
// highest one so far, up to 32767 ahead of it or 32768 behind. It may be
// negative for a packet from before the first.
func (s *Sequence) Unwrap(n uint16) int64 {
	if !s.started {
		s.started, s.highest = true, int64(n)
		return s.highest
	}
	v := s.highest + int64(int16(n-uint16(s.highest)))
	s.highest = max(s.highest, v)
	return v
}

// Timeline follows 32-bit RTP timestamps over their wrap-around, like Sequence.
type Timeline struct {
	started bool
	highest int64
}

// Unwrap returns n on a scale without wrap-around.
func (t *Timeline) Unwrap(n uint32) int64 {
	if !t.started {
		t.started, t.highest = true, int64(n)
		return t.highest
	}
	v := t.highest + int64(int32(n-uint32(t.highest)))
	t.highest = max(t.highest, v)
	return v
}

// Duplicates finds packets that came twice, by the last 64 sequence numbers of
// one SSRC. The zero value is ready. A new SSRC, and a jump of more than 3000
// (MAX_DROPOUT, RFC 3550 A.1), starts it afresh.
type Duplicates struct {
	started bool
	ssrc    uint32
	highest uint16
	window  uint64 // bit n: highest-n came
}

const maxDropout = 3000 // RFC 3550 A.1

// Seen notes a packet and says whether it came before. A packet older than the
// window counts as new when it is far enough away to be a restarted stream, and
// as seen otherwise: nobody plays what is 64 packets late.
func (d *Duplicates) Seen(ssrc uint32, seq uint16) bool {
	ahead := int(int16(seq - d.highest))
	if !d.started || ssrc != d.ssrc || ahead > maxDropout || ahead < -maxDropout {
		*d = Duplicates{started: true, ssrc: ssrc, highest: seq, window: 1}
		return false
	}
	if ahead > 0 {
		d.window = d.window<<ahead | 1
		d.highest = seq
		return false
	}
	bit := uint64(1) << -ahead
	if bit == 0 || d.window&bit != 0 {
		return true
	}
	d.window |= bit
	return false
}

// units is a duration on a clock in Hz. Seconds are counted apart: nanoseconds times
// 48000 would overflow after two days.
func units(d time.Duration, clock int64) int64 {
	return int64(d/time.Second)*clock + int64(d%time.Second)*clock/int64(time.Second)
}
