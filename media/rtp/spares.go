package rtp

// spares are buffers for packets' payloads that nobody needs at the moment. The one given
// back last is taken first: a queue that is short most of the time has few of them, which
// stay in the processor's cache. It has no lock; the zero value is ready.
type spares struct{ list [][]byte }

// spareSize fits a packet of every path that has no larger ones than Ethernet's.
const spareSize = 1472

// keep returns a copy of a payload.
func (s *spares) keep(payload []byte) []byte {
	n := len(s.list)
	if n == 0 {
		return append(make([]byte, 0, max(spareSize, len(payload))), payload...)
	}
	b := s.list[n-1]
	s.list[n-1] = nil
	s.list = s.list[:n-1]
	return append(b[:0], payload...)
}

// give takes a buffer back; nil is none.
func (s *spares) give(b []byte) {
	if b != nil {
		s.list = append(s.list, b)
	}
}
