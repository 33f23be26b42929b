package dtmf

import (
	"encoding/binary"
	"strings"
	"time"
)

// eventSize is the octets of a telephone-event (RFC 4733 §2.3): the code; the end
// bit, a reserved bit and six bits of volume; the duration so far.
const (
	eventSize    = 4
	endBit       = 0x80
	volume       = 10 // -dBm0
	longestEvent = 0xffff
	flashCode    = 16
)

// An Event is a telephone-event payload.
type Event struct {
	Code     uint8 // index into Keys
	End      bool
	Volume   uint8  // -dBm0, 0 to 63
	Duration uint16 // since the packet's timestamp, in units of the event's clock
}

// ParseEvent reads the first event of a payload. It is false when the payload is
// too short or the event is not a key.
func ParseEvent(payload []byte) (e Event, ok bool) {
	if len(payload) < eventSize || payload[0] > flashCode {
		return Event{}, false
	}
	return Event{
		Code: payload[0], End: payload[1]&endBit != 0, Volume: payload[1] & 0x3f,
		Duration: binary.BigEndian.Uint16(payload[2:]),
	}, true
}

// Append writes the event to dst.
func (e Event) Append(dst []byte) []byte {
	second := e.Volume & 0x3f
	if e.End {
		second |= endBit
	}
	return binary.BigEndian.AppendUint16(append(dst, e.Code, second), e.Duration)
}

// Convert appends a telephone-event payload with its duration moved from one clock
// to another (both in Hz). What is not a telephone-event is copied as it is.
func Convert(dst, payload []byte, from, to int) []byte {
	if len(payload) < eventSize || from <= 0 || to <= 0 {
		return append(dst, payload...)
	}
	duration := uint64(binary.BigEndian.Uint16(payload[2:])) * uint64(to) / uint64(from)
	dst = append(dst, payload[0], payload[1])
	return binary.BigEndian.AppendUint16(dst, uint16(min(duration, longestEvent)))
}

func codeOf(key rune) uint8 { return uint8(strings.IndexRune(Keys, key)) }

// span is a duration in units of a clock, and back.
func toUnits(d time.Duration, clock int) int64 { return int64(d) * int64(clock) / int64(time.Second) }

func toDuration(units int64, clock int) time.Duration {
	return time.Duration(units * int64(time.Second) / int64(clock))
}
