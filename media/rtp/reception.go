package rtp

import "time"

// Reception keeps the statistics of one incoming stream for RTCP reports
// (RFC 3550 §6.4.1, A.3 and A.8). When the SSRC changes it starts afresh, but
// Lost goes on counting. It has no lock: it belongs to the loop of its stream.
type Reception struct {
	clock int64 // Hz

	ssrc     uint32
	started  bool
	sequence Sequence
	base     int64 // first sequence number
	received int64 // packets since base, duplicates included

	transit int64 // of the packet before, in clock units
	jitter  int64 // smoothed, in 1/16 clock units
	origin  time.Time

	expectedBefore, receivedBefore int64 // at the last Report
	lostBefore                     int64 // by SSRCs that are gone

	lastSR   uint32 // middle 32 bits of the last sender report's NTP time
	lastSRAt time.Time
}

// NewReception returns the statistics of a stream whose timestamps run at clock Hz.
func NewReception(clock int) *Reception {
	return &Reception{clock: int64(max(clock, 1))}
}

// Receive counts a packet that was read from the network at arrived.
func (r *Reception) Receive(arrived time.Time, ssrc uint32, seq uint16, timestamp uint32) {
	ahead := int(int16(seq - uint16(r.sequence.highest)))
	if !r.started || ssrc != r.ssrc || ahead > maxDropout || ahead < -maxDropout {
		r.restart(arrived, ssrc, seq, timestamp)
		return
	}
	r.sequence.Unwrap(seq)
	r.received++
	transit := units(arrived.Sub(r.origin), r.clock) - int64(timestamp)
	d := int64(int32(transit - r.transit))
	r.transit = transit
	if d > 10*r.clock || d < -10*r.clock {
		return // the timeline was moved (a new source behind the same SSRC), this is not jitter
	}
	r.jitter += max(d, -d) - (r.jitter+8)>>4 // RFC 3550 A.8
}

func (r *Reception) restart(arrived time.Time, ssrc uint32, seq uint16, timestamp uint32) {
	*r = Reception{
		clock: r.clock, ssrc: ssrc, started: true, received: 1, origin: arrived,
		base: int64(seq), transit: -int64(timestamp), lostBefore: r.lostBefore + r.lost(),
	}
	r.sequence.Unwrap(seq)
}

func (r *Reception) expected() int64 { return r.sequence.highest - r.base + 1 }

func (r *Reception) lost() int64 {
	if !r.started {
		return 0
	}
	return max(r.expected()-r.received, 0)
}

// SenderReport notes the far end's sender report, which our next report names so
// that the far end can tell the round trip.
func (r *Reception) SenderReport(now time.Time, s SenderInfo) {
	r.lastSR, r.lastSRAt = uint32(s.NTP>>16), now
}

// Report returns the report block of this stream and begins the next interval.
// It is false while nothing was received.
func (r *Reception) Report(now time.Time) (ReportBlock, bool) {
	if !r.started {
		return ReportBlock{}, false
	}
	expected, received := r.expected(), r.received
	lost := (expected - r.expectedBefore) - (received - r.receivedBefore)
	var fraction int64
	if n := expected - r.expectedBefore; n > 0 && lost > 0 {
		fraction = min(lost*256/n, 255)
	}
	r.expectedBefore, r.receivedBefore = expected, received
	b := ReportBlock{
		SSRC:     r.ssrc,
		Fraction: uint8(fraction),
		Lost:     int32(min(max(expected-received, -1<<23), 1<<23-1)),
		Highest:  uint32(r.sequence.highest),
		Jitter:   uint32(r.jitter >> 4),
	}
	if !r.lastSRAt.IsZero() {
		b.LastSR = r.lastSR
		b.SinceLast = uint32(max(now.Sub(r.lastSRAt), 0) * 65536 / time.Second)
	}
	return b, true
}

// Lost is how many packets of the far end did not come, over all its SSRCs.
func (r *Reception) Lost() uint64 { return uint64(r.lostBefore + r.lost()) }

// Jitter is the interarrival jitter.
func (r *Reception) Jitter() time.Duration {
	return time.Duration(r.jitter>>4) * time.Second / time.Duration(r.clock)
}
