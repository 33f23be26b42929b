package rtp

import (
	"encoding/binary"
	"iter"
	"time"
)

// Profiles of header extensions with several elements (RFC 8285).
const (
	OneByteProfile = 0xbede
	TwoByteProfile = 0x1000 // its lowest four bits are for the application
)

// Elements yields the elements of a header extension, by their local identifiers: what
// a=extmap gives names to. What is broken ends it.
func (h *Header) Elements() iter.Seq2[uint8, []byte] {
	return func(yield func(uint8, []byte) bool) {
		oneByte := h.Profile == OneByteProfile
		if !oneByte && h.Profile&0xfff0 != TwoByteProfile {
			return
		}
		for b := h.Extension; len(b) > 0; {
			if b[0] == 0 { // padding
				b = b[1:]
				continue
			}
			id, size, head := b[0]>>4, int(b[0]&0x0f)+1, 1
			if oneByte && id == 15 {
				return // RFC 8285 §4.2: stop here
			}
			if !oneByte {
				if len(b) < 2 {
					return
				}
				id, size, head = b[0], int(b[1]), 2
			}
			if head+size > len(b) || !yield(id, b[head:head+size:head+size]) {
				return
			}
			b = b[head+size:]
		}
	}
}

// AppendElement adds an element of 1 to 16 octets and an id of 1 to 14 to a one-byte
// extension; others are left out. PadElements must follow the last one.
func AppendElement(dst []byte, id uint8, data []byte) []byte {
	if id < 1 || id > 14 || len(data) < 1 || len(data) > 16 {
		return dst
	}
	dst = append(dst, id<<4|byte(len(data)-1))
	return append(dst, data...)
}

// PadElements fills an extension up to a multiple of 4 octets.
func PadElements(dst []byte) []byte {
	return appendZeros(dst, -len(dst)&3)
}

// TransportSequence is the element of transport-wide congestion control.
func TransportSequence(data []byte) (uint16, bool) {
	if len(data) < 2 {
		return 0, false
	}
	return binary.BigEndian.Uint16(data), true
}

// AbsoluteSendTime is t as the element abs-send-time: seconds in 6.18 bits.
func AbsoluteSendTime(t time.Time) [3]byte {
	v := uint32(NTP(t) >> 14)
	return [3]byte{byte(v >> 16), byte(v >> 8), byte(v)}
}

// AudioLevel is the element of RFC 6464: the level in -dBov, 0 the loudest and 127
// silence, and whether it is voice.
func AudioLevel(data []byte) (level uint8, voice, ok bool) {
	if len(data) < 1 {
		return 127, false, false
	}
	return data[0] & 0x7f, data[0]&0x80 != 0, true
}

// Orientation is the element of 3GPP's video orientation (CVO): by how many degrees
// clockwise the picture is to be turned to stand upright, and whether it is mirrored.
func Orientation(data []byte) (degrees int, mirrored, ok bool) {
	if len(data) < 1 {
		return 0, false, false
	}
	return 90 * int(data[0]&3), data[0]&4 != 0, true
}
