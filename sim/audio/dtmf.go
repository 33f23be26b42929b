package audio

import (
	"encoding/binary"
	"strings"

	"github.com/pion/rtp"
)

const digits = "0123456789*#ABCD" // event codes 0 to 15, RFC 4733 section 3.2

// EventCode is the telephone-event of a key, or false.
func EventCode(key rune) (byte, bool) {
	i := strings.IndexRune(digits, key)
	return byte(i), i >= 0
}

// EventPayload builds a telephone-event payload (RFC 4733 section 2.3). The
// volume is 10 (-10 dBm0); duration is in samples.
func EventPayload(code byte, end bool, duration uint16) []byte {
	b := []byte{code, 10, 0, 0}
	if end {
		b[1] |= 0x80
	}
	binary.BigEndian.PutUint16(b[2:], duration)
	return b
}

// EventReader turns telephone-event packets into keys, one per event.
type EventReader struct {
	timestamp uint32
	open      bool
}

// Read returns the key that p begins, or "" for its repetitions.
func (r *EventReader) Read(p *rtp.Packet) string {
	if len(p.Payload) < 4 || int(p.Payload[0]) >= len(digits) {
		return ""
	}
	if r.open && p.Timestamp == r.timestamp {
		return ""
	}
	r.open, r.timestamp = true, p.Timestamp
	return digits[p.Payload[0] : p.Payload[0]+1]
}
