package rtp

import (
	"encoding/binary"
	"iter"
	"time"
)

// TransportLog notes when packets with transport-wide sequence numbers arrived, and
// reports it to their sender (draft-holmer-rmcat-transport-wide-cc-extensions-01).
// The zero value is ready.
type TransportLog struct {
	sequence Sequence
	started  bool
	next     int64 // first number that was not reported
	highest  int64
	origin   time.Time
	count    uint8
	symbols  []byte
	deltas   []byte
	entries  [transportWindow]transportEntry
}

type transportEntry struct {
	sequence int64
	at       time.Duration // since origin
	came     bool
}

const (
	transportWindow = 1024                   // packets that one report is about at most
	transportTick   = 250 * time.Microsecond // of the deltas
	transportBase   = 64 * time.Millisecond  // of the reference time
	transportBehind = 200                    // packets that may still be reported late
	chunkSymbols    = 7                      // of two bits
)

// Arrive notes a packet.
func (l *TransportLog) Arrive(sequence uint16, at time.Time) {
	if !l.started {
		l.started, l.origin = true, at
		l.next = l.sequence.Unwrap(sequence)
		l.highest = l.next - 1
	}
	s := l.sequence.Unwrap(sequence)
	if s < l.next-transportBehind || s > l.next+maxDropout {
		if s < l.next {
			return
		}
		l.next = s // a jump: what is between will not come
	}
	if s >= l.next+transportWindow {
		l.next = s - transportWindow + 1
	}
	l.next = min(l.next, s)
	l.highest = max(l.highest, s)
	l.entries[s&(transportWindow-1)] = transportEntry{s, at.Sub(l.origin), true}
}

// Append adds a report about everything since the last one; it is false when nothing
// came. Call it every 50 to 100 ms.
func (l *TransportLog) Append(dst []byte, sender, media uint32) ([]byte, bool) {
	for l.next <= l.highest && !l.came(l.next) {
		l.next++
	}
	if !l.started || l.next > l.highest {
		return dst, false
	}
	first := &l.entries[l.next&(transportWindow-1)]
	reference := first.at / transportBase
	if first.at < 0 {
		reference--
	}
	last := l.fitting(reference)
	start := len(dst)
	dst = appendFeedback(dst, typeTransport, formatArrivals, sender, media, 0)
	dst = binary.BigEndian.AppendUint16(dst, uint16(l.next))
	dst = binary.BigEndian.AppendUint16(dst, uint16(last-l.next+1))
	dst = append(dst, byte(reference>>16), byte(reference>>8), byte(reference), l.count)
	l.count++
	l.describe(reference, last)
	dst = append(appendChunks(dst, l.symbols), l.deltas...)
	l.next = last + 1
	return closeFeedback(dst, start), true
}

func (l *TransportLog) came(s int64) bool {
	e := &l.entries[s&(transportWindow-1)]
	return e.came && e.sequence == s
}

// fitting is the last packet whose distance to the one before can be written.
func (l *TransportLog) fitting(reference time.Duration) int64 {
	at := int64(reference) * int64(transportBase/transportTick)
	last := l.next
	for s := l.next; s <= l.highest; s++ {
		if !l.came(s) {
			continue
		}
		ticks := int64(l.entries[s&(transportWindow-1)].at / transportTick)
		if d := ticks - at; d < -1<<15 || d > 1<<15-1 {
			break
		}
		at, last = ticks, s
	}
	return last
}

// describe writes a symbol for each packet up to last (0: it did not come, 1: its
// distance to the one before is of one octet, 2: of two) and the distances.
func (l *TransportLog) describe(reference time.Duration, last int64) {
	at := int64(reference) * int64(transportBase/transportTick)
	l.symbols, l.deltas = l.symbols[:0], l.deltas[:0]
	for s := l.next; s <= last; s++ {
		if !l.came(s) {
			l.symbols = append(l.symbols, 0)
			continue
		}
		ticks := int64(l.entries[s&(transportWindow-1)].at / transportTick)
		delta := ticks - at
		at = ticks
		if delta >= 0 && delta <= 255 {
			l.symbols, l.deltas = append(l.symbols, 1), append(l.deltas, byte(delta))
			continue
		}
		l.symbols, l.deltas = append(l.symbols, 2), binary.BigEndian.AppendUint16(l.deltas, uint16(delta))
	}
}

// appendChunks writes the symbols: long runs of one as their length, others seven at a
// time.
func appendChunks(dst, symbols []byte) []byte {
	for len(symbols) > 0 {
		run := 1
		for run < len(symbols) && symbols[run] == symbols[0] {
			run++
		}
		if run >= chunkSymbols || run == len(symbols) {
			dst = binary.BigEndian.AppendUint16(dst, uint16(symbols[0])<<13|uint16(run))
			symbols = symbols[run:]
			continue
		}
		chunk, n := uint16(0xc000), min(chunkSymbols, len(symbols))
		for i, v := range symbols[:n] {
			chunk |= uint16(v) << (12 - 2*i)
		}
		dst = binary.BigEndian.AppendUint16(dst, chunk)
		symbols = symbols[n:]
	}
	return dst
}

// Arrival is what a transport-wide report says of one packet.
type Arrival struct {
	Sequence uint16
	Came     bool
	At       time.Duration // on the receiver's clock, which begins anywhere
}

// Arrivals yields the packets of a transport-wide report, in order. What is broken
// ends it.
func (f Feedback) Arrivals() iter.Seq[Arrival] {
	return func(yield func(Arrival) bool) {
		if f.Kind != TransportArrivals || len(f.body) < 8 {
			return
		}
		base, count := binary.BigEndian.Uint16(f.body), int(binary.BigEndian.Uint16(f.body[2:]))
		reference := int32(uint32(f.body[4])<<24|uint32(f.body[5])<<16|uint32(f.body[6])<<8) >> 8
		at := time.Duration(reference) * transportBase
		chunks := f.body[8:]
		deltas := skipChunks(chunks, count)
		if deltas == nil {
			return
		}
		for n := 0; n < count; chunks = chunks[2:] {
			chunk := binary.BigEndian.Uint16(chunks)
			for i := range min(chunkLength(chunk), count-n) {
				a := Arrival{Sequence: base + uint16(n)}
				n++
				size := int(chunkSymbol(chunk, i))
				if size == 3 || size > len(deltas) {
					return
				}
				switch size {
				case 1:
					at += time.Duration(deltas[0]) * transportTick
				case 2:
					at += time.Duration(int16(binary.BigEndian.Uint16(deltas))) * transportTick
				}
				deltas = deltas[size:]
				a.Came, a.At = size > 0, at
				if !yield(a) {
					return
				}
			}
		}
	}
}

// skipChunks returns what is behind the chunks of count packets, or nil.
func skipChunks(b []byte, count int) []byte {
	for count > 0 {
		if len(b) < 2 {
			return nil
		}
		count -= chunkLength(binary.BigEndian.Uint16(b))
		b = b[2:]
	}
	if b == nil {
		b = []byte{}
	}
	return b
}

// chunkLength is how many packets a chunk is about, at least 1.
func chunkLength(chunk uint16) int {
	switch {
	case chunk&0x8000 == 0:
		return max(int(chunk&0x1fff), 1)
	case chunk&0x4000 == 0:
		return 14
	}
	return chunkSymbols
}

func chunkSymbol(chunk uint16, i int) uint16 {
	switch {
	case chunk&0x8000 == 0:
		return chunk >> 13 & 3
	case chunk&0x4000 == 0:
		return chunk >> (13 - i) & 1
	}
	return chunk >> (12 - 2*i) & 3
}
