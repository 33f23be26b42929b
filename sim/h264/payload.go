package h264

import (
	"bytes"
	"errors"
)

const (
	nalIDR   = 5
	nalStapA = 24
	nalFuA   = 28
)

var startCode = []byte{0, 0, 0, 1}

// units are the NAL units between start codes.
func units(unit []byte) [][]byte {
	var list [][]byte
	for part := range bytes.SplitSeq(unit, startCode[1:]) {
		if part = bytes.TrimRight(part, "\x00"); len(part) > 0 {
			list = append(list, part)
		}
	}
	return list
}

// IsKey reports whether an access unit has an IDR picture.
func IsKey(unit []byte) bool {
	for _, u := range units(unit) {
		if u[0]&0x1f == nalIDR {
			return true
		}
	}
	return false
}

// Split makes payloads of at most size octets: single units and, for larger ones,
// fragments (FU-A), as packetization mode 1 wants.
func Split(unit []byte, size int) [][]byte {
	var out [][]byte
	for _, u := range units(unit) {
		if len(u) <= size {
			out = append(out, u)
			continue
		}
		header, rest := u[0], u[1:]
		for first := true; len(rest) > 0; first = false {
			n := min(len(rest), size-2)
			kind := header & 0x1f
			if first {
				kind |= 0x80
			}
			if n == len(rest) {
				kind |= 0x40
			}
			out = append(out, append([]byte{header&0xe0 | nalFuA, kind}, rest[:n]...))
			rest = rest[n:]
		}
	}
	return out
}

var errPayload = errors.New("h264: the payload is none of RFC 6184's for packetization mode 1")

// Join puts the payloads of one access unit together, in order.
func Join(payloads [][]byte) ([]byte, error) {
	var out []byte
	for _, p := range payloads {
		if len(p) < 2 {
			return nil, errPayload
		}
		switch kind := p[0] & 0x1f; {
		case kind > 0 && kind < nalStapA:
			out = append(append(out, startCode...), p...)
		case kind == nalStapA:
			for b := p[1:]; len(b) > 0; {
				if len(b) < 2 || len(b) < 2+int(b[0])<<8+int(b[1]) {
					return nil, errPayload
				}
				n := int(b[0])<<8 + int(b[1])
				out = append(append(out, startCode...), b[2:2+n]...)
				b = b[2+n:]
			}
		case kind == nalFuA:
			if p[1]&0x80 != 0 {
				out = append(append(out, startCode...), p[0]&0xe0|p[1]&0x1f)
			}
			out = append(out, p[2:]...)
		default:
			return nil, errPayload
		}
	}
	return out, nil
}
