package rtp

import (
	"time"

	"tandem/media"
)

// AssemblerConfig is an assembler's shape; zero fields have defaults.
type AssemblerConfig struct {
	Codec string // "VP8" or "H264"
	// Wait is how long a missing packet is waited for; 250 ms by default, which is
	// enough for two retransmissions on most paths. Without retransmission, 40 ms do.
	Wait time.Duration
	// Conceal gives frames after a loss to the decoder with Lost set. Without it
	// everything up to the next keyframe is left out, as it is at the beginning.
	Conceal bool
	// ParameterSets are H.264's, as agreed in SDP (sprop-parameter-sets). They are put
	// before a keyframe that comes without any.
	ParameterSets [][]byte
}

// AssemblerStats counts what went through an Assembler.
type AssemblerStats struct {
	Packets, Frames, Keyframes uint64
	Late, Duplicate, Broken    uint64 // packets of no use
	Missing, Recovered         uint64 // packets that did not come at first; that came after all
	Dropped                    uint64 // frames begun or waited for that were given up
}

// An Assembler puts the frames of one incoming video stream together: packets are
// pushed as they come, whole frames popped in order. It says which packets to ask
// for again (NACK) and when only a keyframe helps (PLI). It has neither clock nor
// lock; it belongs to one goroutine. It keeps at most 512 packets.
type Assembler struct {
	config    AssemblerConfig
	roundTrip time.Duration
	started   bool
	begun     bool // something was passed on or passed over: next does not go back
	ssrc      uint32
	sequence  Sequence
	next      int64 // first packet of the next frame
	highest   int64
	ring      [assemblerPackets]piece
	missing   missing
	chain     vp8Chain
	aligned   bool // next is the first packet of a frame
	lost      bool // something was lost since the last frame given out
	waiting   bool // for a keyframe
	keyframe  KeyframeGate
	data      []byte
	spares    spares // of the pieces
	stats     AssemblerStats
}

const (
	assemblerPackets = 512
	assemblerStart   = 64 // packets that may come after a later one at the beginning
	assemblerWait    = 250 * time.Millisecond
	startWait        = 50 * time.Millisecond // for a stream's first packet
	maxFrame         = 4 << 20               // octets; no camera makes a frame this large
)

// piece is one buffered packet.
type piece struct {
	used            bool
	sequence        int64
	timestamp       uint32
	marker, padding bool
	starts, sure    bool // a frame may begin with it; it does
	payload         []byte
	vp8             VP8Descriptor
	arrived         time.Time
}

// NewAssembler returns an empty assembler.
func NewAssembler(c AssemblerConfig) *Assembler {
	if c.Wait == 0 {
		c.Wait = assemblerWait
	}
	a := &Assembler{config: c, roundTrip: guessedTrip}
	a.reset()
	return a
}

// SetRoundTrip tells how long a request and its answer take.
func (a *Assembler) SetRoundTrip(d time.Duration) { a.roundTrip = d }

// Stats returns the counters.
func (a *Assembler) Stats() AssemblerStats { return a.stats }

func (a *Assembler) reset() {
	for i := range a.ring {
		a.release(&a.ring[i])
	}
	a.started, a.begun, a.aligned, a.lost, a.waiting = false, false, false, true, true
	a.sequence, a.missing.list, a.chain = Sequence{}, a.missing.list[:0], vp8Chain{}
}

// Push takes a copy of a packet that was read from the network at now.
func (a *Assembler) Push(now time.Time, p *media.Packet) {
	a.stats.Packets++
	ahead := int(int16(p.Sequence - uint16(a.highest)))
	if a.started && (p.SSRC != a.ssrc || ahead > maxDropout || ahead < -maxDropout) {
		a.reset()
		a.keyframe.Request(now)
	}
	if !a.started {
		a.started, a.ssrc = true, p.SSRC
		a.next = a.sequence.Unwrap(p.Sequence)
		a.highest = a.next - 1
	}
	s := a.sequence.Unwrap(p.Sequence)
	switch {
	case s < a.next && !a.begun && s >= a.next-assemblerStart && s > a.highest-assemblerPackets:
		a.stats.Missing += uint64(a.next - s - 1)
		a.missing.gap(now, s+1, a.next) // the stream began earlier than it seemed
		a.next = s
	case s < a.next:
		a.stats.Late++
		return
	case s >= a.next+assemblerPackets:
		a.overflow(now, s)
	}
	if s > a.highest {
		if s > a.highest+1 {
			a.stats.Missing += uint64(s - a.highest - 1)
			a.missing.gap(now, a.highest+1, s)
		}
		a.highest = s
	} else if a.missing.came(s) {
		a.stats.Recovered++
	}
	a.store(now, s, p)
}

// overflow gives up everything: the far end is too far ahead.
func (a *Assembler) overflow(now time.Time, s int64) {
	a.lose(now)
	for i := range a.ring {
		a.ring[i].used = false
	}
	a.missing.list = a.missing.list[:0]
	a.next, a.highest, a.aligned = s, s-1, false
}

func (a *Assembler) store(now time.Time, s int64, p *media.Packet) {
	t := &a.ring[s&(assemblerPackets-1)]
	if t.used && t.sequence == s {
		a.stats.Duplicate++
		return
	}
	a.release(t)
	*t = piece{used: true, sequence: s, timestamp: p.Timestamp, marker: p.Marker, arrived: now, padding: len(p.Payload) == 0}
	payload := p.Payload
	if a.config.Codec == "VP8" && !t.padding {
		rest, err := ParseVP8(payload, &t.vp8)
		if err != nil {
			a.stats.Broken++
		}
		payload = rest
		t.starts = err == nil && t.vp8.Start && t.vp8.Partition == 0
		t.sure = t.starts
	} else if !t.padding {
		kind, starts := h264Starts(payload)
		t.starts, t.sure = starts, kind == nalSPS || kind == nalDelimiter
	}
	t.payload = a.spares.keep(payload)
}

// release takes a packet out.
func (a *Assembler) release(t *piece) {
	a.spares.give(t.payload)
	t.used, t.payload = false, nil
}

// at is the packet of a number, or nil.
func (a *Assembler) at(s int64) *piece {
	if t := &a.ring[s&(assemblerPackets-1)]; t.used && t.sequence == s {
		return t
	}
	return nil
}

// Pop returns the next whole frame.
func (a *Assembler) Pop(now time.Time) (Unit, bool) {
	for a.started && a.next <= a.highest {
		first := a.at(a.next)
		switch {
		case first == nil:
			if !a.giveUp(now, a.next) {
				return Unit{}, false
			}
			continue
		case first.padding:
			a.forget(a.next + 1)
			continue
		case !a.begun && !first.sure && now.Sub(first.arrived) < startWait:
			return Unit{}, false
		case !a.aligned && !first.starts:
			a.skip(now)
			continue
		}
		end, whole := a.end()
		if !whole {
			if end > a.highest || !a.giveUp(now, end) {
				return Unit{}, false
			}
			continue
		}
		if u, ok := a.take(now, end); ok {
			return u, true
		}
	}
	return Unit{}, false
}

// end is the number after the frame's last packet; or, when the frame is not whole,
// that of the packet which is missing.
func (a *Assembler) end() (int64, bool) {
	stamp := a.at(a.next).timestamp
	for s := a.next; ; s++ {
		t := a.at(s)
		switch {
		case t == nil:
			return s, false
		case t.timestamp != stamp && !t.padding:
			return s, true // a sender without markers
		case t.marker && !t.padding:
			return s + 1, true
		}
	}
}

// giveUp says whether packet s, which is missing, is not waited for any more. It
// then goes on with what is behind it.
func (a *Assembler) giveUp(now time.Time, s int64) bool {
	if since, ok := a.missing.since(s); ok && now.Sub(since) < a.config.Wait {
		return false
	}
	a.lose(now)
	for a.next <= s || a.next <= a.highest && a.at(a.next) == nil {
		a.forget(a.next + 1)
	}
	a.aligned = false
	return true
}

// lose notes a loss.
func (a *Assembler) lose(now time.Time) {
	a.stats.Dropped++
	a.lost = true
	a.chain.gap = true
	if !a.chain.mayMend(a.config.Codec) {
		a.breakChain(now)
	}
}

// breakChain is for frames that cannot be decoded well: only a keyframe helps.
func (a *Assembler) breakChain(now time.Time) {
	a.waiting = !a.config.Conceal
	a.keyframe.Request(now)
}

// skip passes over the packets of a frame whose beginning is missing.
func (a *Assembler) skip(now time.Time) {
	stamp := a.at(a.next).timestamp
	for a.next <= a.highest {
		t := a.at(a.next)
		if t == nil || t.timestamp != stamp {
			break
		}
		done := t.marker
		a.forget(a.next + 1)
		if done {
			a.aligned = true
			break
		}
	}
	if a.lost && a.waiting {
		a.keyframe.Request(now)
	}
}

// forget lets go of what is before s.
func (a *Assembler) forget(s int64) {
	a.begun = true
	for ; a.next < s; a.next++ {
		if t := a.at(a.next); t != nil {
			a.release(t)
		}
	}
	a.missing.before(a.next)
}

// Missing returns the packets to ask the far end for now (AppendNACK). It is lent
// until the next call; call it about every 20 ms.
func (a *Assembler) Missing(now time.Time) []uint16 { return a.missing.ask(now, a.roundTrip) }

// WantsKeyframe says whether to ask the far end for a keyframe now (AppendPLI).
func (a *Assembler) WantsKeyframe(now time.Time) bool {
	if a.waiting && a.started {
		a.keyframe.Request(now)
	}
	return a.keyframe.Due(now)
}
