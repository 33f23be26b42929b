package rtp

import (
	"encoding/binary"
	"errors"
	"time"

	"tandem/media"
)

// ErrRTX says that a retransmission is too short to be one.
var ErrRTX = errors.New("rtp: the retransmission has no original sequence number")

const (
	historyPackets = 1024
	historyAge     = 2 * time.Second
)

// A History keeps the packets of one outgoing stream that were sent lately, for those
// who did not get them. It has no lock. It holds at most 1,024 packets of at most two
// seconds; the zero value is ready.
type History struct {
	ring   [historyPackets]kept
	begun  bool
	oldest uint16   // sequence number from which on packets may be young enough
	spare  [][]byte // memory of packets that were too old
	// Sent counts the packets given out again; Refused those that were too old, never
	// ours, or asked for again before an answer could have come.
	Sent, Refused uint64
}

type kept struct {
	used   bool
	at     time.Time // of the first time
	again  time.Time // of the last time
	packet media.Packet
}

// Keep takes a copy of a packet that is sent at now.
func (h *History) Keep(now time.Time, p *media.Packet) {
	if !h.begun {
		h.begun, h.oldest = true, p.Sequence
	}
	h.forget(now, p.Sequence)
	s := &h.ring[p.Sequence&(historyPackets-1)]
	buffer := s.packet.Payload[:0]
	if n := len(h.spare) - 1; buffer == nil && n >= 0 {
		buffer, h.spare = h.spare[n][:0], h.spare[:n]
	}
	buffer = append(buffer, p.Payload...)
	*s = kept{used: true, at: now, packet: *p}
	s.packet.Payload = buffer
}

// forget takes the memory back of a few packets before next that are too old: most
// streams need much less than the ring in two seconds.
func (h *History) forget(now time.Time, next uint16) {
	for range 4 {
		s := &h.ring[h.oldest&(historyPackets-1)]
		if mine := s.used && s.packet.Sequence == h.oldest; mine {
			if now.Sub(s.at) <= historyAge {
				return
			}
			h.spare = append(h.spare, s.packet.Payload)
			*s = kept{}
		}
		if int16(next-h.oldest) <= 0 {
			return
		}
		h.oldest++
	}
}

// Again returns the packet of a number, to be sent again now. It is lent until the next
// Keep. It is nil when it is not there, or when it was sent again less than a round
// trip ago.
func (h *History) Again(now time.Time, sequence uint16, roundTrip time.Duration) *media.Packet {
	s := &h.ring[sequence&(historyPackets-1)]
	wait := max(roundTrip, minRoundTrip)
	if !s.used || s.packet.Sequence != sequence || now.Sub(s.at) > historyAge || !s.again.IsZero() && now.Sub(s.again) < wait {
		h.Refused++
		return nil
	}
	h.Sent++
	s.again = now
	return &s.packet
}

// AppendRTX writes the payload of a retransmission (RFC 4588 §4): the packet's number
// and its payload. It is sent on the retransmission stream's own SSRC, payload type and
// sequence, with the packet's timestamp and marker.
func AppendRTX(dst []byte, p *media.Packet) []byte {
	dst = binary.BigEndian.AppendUint16(dst, p.Sequence)
	return append(dst, p.Payload...)
}

// ParseRTX turns a retransmission into the packet that was lost: of the stream ssrc and
// payload type pt. Its payload is lent from rtx. Padding, which probes the path, is
// an error.
func ParseRTX(rtx *media.Packet, ssrc uint32, pt uint8) (media.Packet, error) {
	if len(rtx.Payload) < 3 {
		return media.Packet{}, ErrRTX
	}
	p := *rtx
	p.SSRC, p.PayloadType = ssrc, pt
	p.Sequence = binary.BigEndian.Uint16(rtx.Payload)
	p.Payload = rtx.Payload[2:]
	return p, nil
}
