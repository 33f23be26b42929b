package transport

import (
	"math/rand/v2"
	"time"

	"tandem/media"
	"tandem/media/rtp"
)

// again is what a sink of video can send once more when the far end did not get it.
type again struct {
	history  rtp.History
	pt       uint8 // of retransmissions (RFC 4588); 0: the packet itself comes again
	ssrc     uint32
	sequence uint16
	scratch  []byte
}

func newAgain() *again { return &again{ssrc: rand.Uint32(), sequence: uint16(rand.Uint32() >> 17)} }

func (a *again) keep(now time.Time, pt uint8, marker bool, seq uint16, timestamp uint32, payload []byte) {
	a.history.Keep(now, &media.Packet{PayloadType: pt, Marker: marker, Sequence: seq, Timestamp: timestamp, Payload: payload})
}

// sendAgain answers a NACK. in.mu is held.
func (s *stream) sendAgain(f rtp.Feedback, now time.Time) {
	k := s.sink
	k.mu.Lock()
	defer k.mu.Unlock()
	a := k.again
	if a == nil || !k.open() {
		return
	}
	for seq := range f.Lost() {
		p := a.history.Again(now, seq, s.in.roundTrip)
		switch {
		case p == nil:
		case a.pt != 0:
			a.scratch = rtp.AppendRTX(a.scratch[:0], p)
			a.sequence++
			k.sendAs(a.ssrc, a.pt, p.Marker, a.sequence, p.Timestamp, a.scratch)
		default:
			k.sendAs(k.rebase.ssrc, p.PayloadType, p.Marker, p.Sequence, p.Timestamp, p.Payload)
		}
	}
}

// takeAgain puts the packet that a retransmission brings into in.packet.
func (s *stream) takeAgain(payload []byte, now time.Time, h *rtp.Header) bool {
	in := &s.in
	p, err := rtp.ParseRTX(&media.Packet{
		Marker: h.Marker, Sequence: h.Sequence, Timestamp: h.Timestamp, SSRC: h.SSRC, Payload: payload, Arrived: now,
	}, in.ssrc, in.codec)
	if err != nil || in.packets == 0 || in.seen.Seen(in.ssrc, p.Sequence) {
		return false // padding that probes the path, or what came meanwhile
	}
	s.picture.came(now, in.ssrc, p.Sequence)
	in.packet = p
	return !in.hold
}

const (
	maxHoles   = 128 // more are a broken path that a keyframe mends better
	maxGap     = 64  // a larger gap is another stream, or the same
	holeWait   = 10 * time.Millisecond
	holeRepeat = 40 * time.Millisecond // at least
	holeLife   = 500 * time.Millisecond
	maxAsked   = 4
)

// holes are the packets of an incoming stream that did not come, oldest first. It is
// pure; time is an argument.
type holes struct {
	list    []hole
	ssrc    uint32
	highest uint16
	started bool
	scratch []uint16
}

type hole struct {
	sequence    uint16
	since, last time.Time
	asked       int
}

// came notes a packet. in.mu is held.
func (p *picture) came(now time.Time, ssrc uint32, seq uint16) {
	if p.messages.NACK {
		p.holes.came(now, ssrc, seq)
	}
}

func (h *holes) came(now time.Time, ssrc uint32, seq uint16) {
	ahead := int(int16(seq - h.highest))
	if !h.started || ssrc != h.ssrc || ahead > maxGap || ahead < -1000 {
		h.list, h.ssrc, h.highest, h.started = h.list[:0], ssrc, seq, true
		return
	}
	if ahead <= 0 {
		h.fill(seq)
		return
	}
	for n := h.highest + 1; n != seq && len(h.list) < maxHoles; n++ {
		h.list = append(h.list, hole{sequence: n, since: now})
	}
	h.highest = seq
}

func (h *holes) fill(seq uint16) {
	for i := range h.list {
		if h.list[i].sequence == seq {
			h.list = append(h.list[:i], h.list[i+1:]...)
			return
		}
	}
}

// ask returns what is to be asked for now; it is lent until the next call.
func (h *holes) ask(now time.Time, roundTrip time.Duration) []uint16 {
	if len(h.list) == 0 {
		return nil
	}
	h.scratch = h.scratch[:0]
	kept := h.list[:0]
	for _, o := range h.list {
		if now.Sub(o.since) > holeLife || o.asked == maxAsked {
			continue // too late to be shown
		}
		if o.asked == 0 && now.Sub(o.since) >= holeWait || o.asked > 0 && now.Sub(o.last) >= max(roundTrip, holeRepeat) {
			o.last = now
			o.asked++
			h.scratch = append(h.scratch, o.sequence)
		}
		kept = append(kept, o)
	}
	h.list = kept
	return h.scratch
}
