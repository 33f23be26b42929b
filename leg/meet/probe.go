package meet

import "time"

const (
	mostPadding = 255             // octets of a packet: their number is the last of them (RFC 3550 §5.1)
	feedFor     = 2 * time.Second // a lane that nobody wrote to for so long needs nothing
)

// worth is how much would be sent if the path carried it: the ceilings of what is
// written to. out is held.
func (s *Session) worth(now time.Time) int {
	rate := 0
	for _, l := range []*lane{&s.camera, &s.slides} {
		if now.Sub(l.fed) < feedFor {
			rate += l.ceiling
		}
	}
	return rate
}

// probe sends the padding that congestion control asks for. out is held.
func (s *Session) probe(now time.Time) {
	if !s.live {
		return
	}
	s.congestion.SetWanted(s.worth(now))
	k := s.padded()
	for due := s.congestion.Probe(now); due > 0 && k != nil; {
		n := s.pad(now, k)
		if n == 0 {
			return
		}
		due -= n
	}
}

// padded is the stream whose retransmissions carry padding: the smallest picture, which
// is always there.
func (s *Session) padded() *sink {
	for _, k := range s.lines.Load().sinks {
		if k.history != nil && k.packets > 0 {
			return k
		}
	}
	return nil
}

// pad sends one packet of nothing but padding on a stream for retransmissions, and
// returns its size on the wire; 0 when it could not be sent. out is held.
func (s *Session) pad(now time.Time, k *sink) int {
	nothing := k.last
	nothing.Payload, nothing.Marker = nil, false
	b := s.build(now, k, &nothing, true)
	b = b[:len(b)-2] // the number of the packet that is sent again: none is
	b[0] |= 0x20
	b = append(b, s.padding[:]...)
	s.packet = b[:0]
	if !s.link.sendRTP(b) {
		s.unsent++
		return 0
	}
	size := len(b) + udpOverhead
	s.congestion.Sent(now, s.wide, size)
	s.wide++
	s.sentPackets++
	return size
}
