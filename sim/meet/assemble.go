package meet

import (
	"time"

	"github.com/pion/rtp"

	"tandem/sim/vp8"
)

// assembler puts the packets of one VP8 layer in order and makes frames of them.
// It takes the time as an argument and has no lock.
type assembler struct {
	packets [2048]*rtp.Packet // by sequence number
	started bool
	next    uint16 // the first packet not yet in a frame
	highest uint16
	missing map[uint16]*missed
	picture int // of the last frame, for the strict checks
}

type missed struct {
	since, asked time.Time
	tries        int
}

const (
	gapLimit   = 400 * time.Millisecond // then the frame is given up
	nackAgain  = 60 * time.Millisecond
	nackTries  = 6
	maxMissing = 500
)

// push takes a packet. lost says that frames were given up: a keyframe is needed.
func (a *assembler) push(p *rtp.Packet, now time.Time) (frames []frame, lost bool) {
	if !a.started {
		if a.missing == nil {
			a.missing = map[uint16]*missed{}
		}
		if !beginsKey(p.Payload) {
			return nil, true
		}
		a.started, a.next, a.highest = true, p.SequenceNumber, p.SequenceNumber
		clear(a.missing)
		clear(a.packets[:])
	}
	ahead := int16(p.SequenceNumber - a.next)
	if ahead < 0 || int(ahead) >= len(a.packets) {
		if ahead > 0 {
			a.started = false
			return nil, true
		}
		return nil, false // late or a duplicate
	}
	a.note(p.SequenceNumber, now)
	a.packets[p.SequenceNumber%uint16(len(a.packets))] = p
	for {
		f, ok := a.pop()
		if !ok {
			break
		}
		frames = append(frames, f)
	}
	return frames, a.giveUp(now)
}

// note keeps the list of missing packets.
func (a *assembler) note(seq uint16, now time.Time) {
	delete(a.missing, seq)
	for ; int16(seq-a.highest) > 0; a.highest++ {
		if m := a.highest + 1; m != seq && len(a.missing) < maxMissing {
			a.missing[m] = &missed{since: now}
		}
	}
}

// pop takes the first frame if all of it is there.
func (a *assembler) pop() (frame, bool) {
	size, count := 0, uint16(0)
	for seq := a.next; ; seq++ {
		p := a.packets[seq%uint16(len(a.packets))]
		if p == nil || p.SequenceNumber != seq || int16(a.highest-seq) < 0 {
			return frame{}, false
		}
		size += len(p.Payload)
		count++
		if p.Marker {
			break
		}
	}
	f := frame{tid: -1, data: make([]byte, 0, size)}
	for range count {
		slot := &a.packets[a.next%uint16(len(a.packets))]
		d, rest, err := vp8.ParseDescriptor((*slot).Payload)
		if err == nil {
			f.data = append(f.data, rest...)
			f.tid, f.stamp, a.picture = d.TID, (*slot).Timestamp, d.PictureID
		}
		*slot = nil
		delete(a.missing, a.next)
		a.next++
	}
	h, ok := vp8.ParseHeader(f.data)
	f.key = ok && h.Key
	return f, len(f.data) > 0
}

// giveUp forgets a frame that is incomplete for too long.
func (a *assembler) giveUp(now time.Time) bool {
	m := a.missing[a.next]
	for seq := a.next; m == nil && int16(a.highest-seq) > 0; seq++ {
		m = a.missing[seq]
	}
	if m == nil || now.Sub(m.since) < gapLimit {
		return false
	}
	a.started = false
	return true
}

// nacks is what to ask for now.
func (a *assembler) nacks(now time.Time) []uint16 {
	var out []uint16
	for seq, m := range a.missing {
		if m.tries < nackTries && now.Sub(m.asked) >= nackAgain && len(out) < 100 {
			m.asked = now
			m.tries++
			out = append(out, seq)
		}
	}
	return out
}

// beginsKey reports whether a payload is the beginning of a keyframe.
func beginsKey(payload []byte) bool {
	d, rest, err := vp8.ParseDescriptor(payload)
	if err != nil || !d.Start || d.Partition != 0 {
		return false
	}
	h, ok := vp8.ParseHeader(rest)
	return ok && h.Key
}
