// Package rtp is RTP and RTCP without sockets and without a clock: headers,
// reception statistics, reports and the adaptive jitter buffer of audio (RFC 3550);
// the packets of VP8 and H.264 and what they need on a bad path: feedback,
// retransmission, pacing, congestion control. Time is always an argument. Start
// reading at [Parse], [Jitter] and [Assembler].
package rtp

import (
	"encoding/binary"
	"errors"
)

// HeaderSize is the octets of a header without CSRCs and extension.
const HeaderSize = 12

// MaxCSRC is how many contributing sources one header can name.
const MaxCSRC = 15

// What Parse finds wrong with a packet.
var (
	ErrShort     = errors.New("rtp: the packet ends before its header does")
	ErrVersion   = errors.New("rtp: the packet's version is not 2")
	ErrExtension = errors.New("rtp: the header extension is longer than the packet")
	ErrPadding   = errors.New("rtp: the padding is longer than the payload")
)

// Header is an RTP header (RFC 3550 §5.1). Its slices are lent from the packet
// it was parsed from.
type Header struct {
	Marker      bool
	PayloadType uint8 // 0 to 127
	Sequence    uint16
	Timestamp   uint32
	SSRC        uint32
	CSRC        []byte // contributing sources, 4 octets each, at most MaxCSRC
	Profile     uint16 // the extension's "defined by profile" (0xBEDE: one-byte, RFC 8285)
	Extension   []byte // the extension's data, a multiple of 4 octets; nil without
}

// Parse reads the header of the packet b into h and returns the payload without
// padding. Both are valid as long as b is. It does not allocate.
func Parse(b []byte, h *Header) (payload []byte, err error) {
	if len(b) < HeaderSize {
		return nil, ErrShort
	}
	first := b[0]
	if first>>6 != 2 {
		return nil, ErrVersion
	}
	h.Marker = b[1]&0x80 != 0
	h.PayloadType = b[1] & 0x7f
	h.Sequence = binary.BigEndian.Uint16(b[2:])
	h.Timestamp = binary.BigEndian.Uint32(b[4:])
	h.SSRC = binary.BigEndian.Uint32(b[8:])
	h.CSRC, h.Profile, h.Extension = nil, 0, nil
	if first&0x3f == 0 { // what voice packets nearly always look like
		return b[HeaderSize:], nil
	}
	return parseRest(first, b, h)
}

// parseRest reads what follows the fixed header, as the first octet announces it.
func parseRest(first byte, b []byte, h *Header) ([]byte, error) {
	at := HeaderSize + 4*int(first&0x0f)
	if at > len(b) {
		return nil, ErrShort
	}
	if at > HeaderSize {
		h.CSRC = b[HeaderSize:at:at]
	}
	if first&0x10 != 0 {
		if at+4 > len(b) {
			return nil, ErrExtension
		}
		h.Profile = binary.BigEndian.Uint16(b[at:])
		end := at + 4 + 4*int(binary.BigEndian.Uint16(b[at+2:]))
		if end > len(b) {
			return nil, ErrExtension
		}
		h.Extension = b[at+4 : end : end]
		at = end
	}
	if first&0x20 == 0 {
		return b[at:], nil
	}
	return unpadded(b[at:])
}

// unpadded is a payload without the padding that its last octet counts.
func unpadded(payload []byte) ([]byte, error) {
	if len(payload) == 0 {
		return nil, ErrPadding
	}
	pad := int(payload[len(payload)-1])
	if pad == 0 || pad > len(payload) {
		return nil, ErrPadding
	}
	return payload[:len(payload)-pad], nil
}

// Append writes the header to dst; the payload follows it. CSRCs beyond MaxCSRC
// and octets of an extension that do not fill 4 are left out.
func (h *Header) Append(dst []byte) []byte {
	csrcs := min(len(h.CSRC)/4, MaxCSRC)
	first := byte(0x80 | csrcs)
	if h.Extension != nil {
		first |= 0x10
	}
	second := h.PayloadType & 0x7f
	if h.Marker {
		second |= 0x80
	}
	dst = append(dst, first, second)
	dst = binary.BigEndian.AppendUint16(dst, h.Sequence)
	dst = binary.BigEndian.AppendUint32(dst, h.Timestamp)
	dst = binary.BigEndian.AppendUint32(dst, h.SSRC)
	dst = append(dst, h.CSRC[:4*csrcs]...)
	if h.Extension == nil {
		return dst
	}
	words := min(len(h.Extension)/4, 0xffff)
	dst = binary.BigEndian.AppendUint16(dst, h.Profile)
	dst = binary.BigEndian.AppendUint16(dst, uint16(words))
	return append(dst, h.Extension[:4*words]...)
}

// IsRTCP says whether a packet from a port that carries both (rtcp-mux) is RTCP:
// its second octet is then 192 to 223, payload types 64 to 95 with the marker,
// which RTP on such a port does not use (RFC 5761 §4).
func IsRTCP(b []byte) bool {
	return len(b) >= 2 && b[1] >= 192 && b[1] <= 223
}
