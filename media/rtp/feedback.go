package rtp

import (
	"encoding/binary"
	"iter"
	"math/bits"
)

// FeedbackKind says what a feedback message asks for or reports.
type FeedbackKind uint8

// The kinds of feedback that are understood.
const (
	OtherFeedback     FeedbackKind = iota
	Retransmission                 // NACK: packets did not come (RFC 4585 §6.2.1)
	RateRequest                    // TMMBR: send no more than this (RFC 5104 §4.2.1)
	RateNotification               // TMMBN: the limits in force (RFC 5104 §4.2.2)
	TransportArrivals              // transport-wide congestion control
	PictureLoss                    // PLI (RFC 4585 §6.3.1)
	FullIntra                      // FIR (RFC 5104 §4.3.1)
	ReceiverBitrate                // REMB
)

const typeTransport = 205 // transport-layer feedback (RFC 4585 §6.1)

// Formats of feedback messages, the count field of the header.
const (
	formatNACK      = 1
	formatTMMBR     = 3
	formatTMMBN     = 4
	formatArrivals  = 15
	formatPLI       = 1
	formatFIR       = 4
	formatLayer     = 15 // application layer feedback
	feedbackHeader  = 8  // two SSRCs
	maxNACK         = 64 // FCI entries we write: 1,088 packets
	maxREMB         = 255
	maxRestrictions = 30
)

// Feedback is one feedback message (RFC 4585 §6.1). Its body is lent from the datagram.
type Feedback struct {
	Kind   FeedbackKind
	Sender uint32 // who says it
	Media  uint32 // about whose stream; 0 when the body names it
	body   []byte
}

// Feedbacks yields the feedback messages of an RTCP datagram up to the first thing in
// it that is broken. It does not allocate.
func Feedbacks(datagram []byte) iter.Seq[Feedback] {
	return func(yield func(Feedback) bool) {
		for rest := datagram; len(rest) > 0; {
			packet, after, err := cut(rest)
			if err != nil {
				return
			}
			rest = after
			body, err := unpad(packet[0], packet[4:])
			if err != nil || len(body) < feedbackHeader {
				continue
			}
			kind := feedbackKind(packet[1], packet[0]&0x1f, body)
			f := Feedback{kind, binary.BigEndian.Uint32(body), binary.BigEndian.Uint32(body[4:]), body[feedbackHeader:]}
			if kind != OtherFeedback && !yield(f) {
				return
			}
		}
	}
}

func feedbackKind(kind, format byte, body []byte) FeedbackKind {
	switch {
	case kind == typeTransport && format == formatNACK:
		return Retransmission
	case kind == typeTransport && format == formatTMMBR:
		return RateRequest
	case kind == typeTransport && format == formatTMMBN:
		return RateNotification
	case kind == typeTransport && format == formatArrivals:
		return TransportArrivals
	case kind == typePayload && format == formatPLI:
		return PictureLoss
	case kind == typePayload && format == formatFIR:
		return FullIntra
	case kind == typePayload && format == formatLayer && len(body) >= 16 && string(body[8:12]) == "REMB":
		return ReceiverBitrate
	}
	return OtherFeedback
}

// Lost yields the sequence numbers that a NACK names.
func (f Feedback) Lost() iter.Seq[uint16] {
	return func(yield func(uint16) bool) {
		if f.Kind != Retransmission {
			return
		}
		for b := f.body; len(b) >= 4; b = b[4:] {
			first, others := binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:])
			if !yield(first) {
				return
			}
			for ; others != 0; others &= others - 1 {
				if !yield(first + 1 + uint16(bits.TrailingZeros16(others))) {
					return
				}
			}
		}
	}
}

// Streams yields the streams that a PLI or FIR wants a keyframe of, with the number
// of a FIR: one with the number of the one before is a repetition of it.
func (f Feedback) Streams() iter.Seq2[uint32, uint8] {
	return func(yield func(uint32, uint8) bool) {
		switch f.Kind {
		case PictureLoss:
			yield(f.Media, 0)
		case FullIntra:
			for b := f.body; len(b) >= 8; b = b[8:] {
				if !yield(binary.BigEndian.Uint32(b), b[4]) {
					return
				}
			}
		}
	}
}

// Bitrate is what a REMB says its receiver can take of its streams together, in bit/s.
func (f Feedback) Bitrate() (uint64, bool) {
	if f.Kind != ReceiverBitrate || len(f.body) < 8 {
		return 0, false
	}
	exponent := f.body[5] >> 2
	mantissa := uint64(f.body[5]&3)<<16 | uint64(f.body[6])<<8 | uint64(f.body[7])
	if bits.Len64(mantissa)+int(exponent) > 62 {
		return 1 << 62, true
	}
	return mantissa << exponent, true
}

// RateLimit is one tuple of TMMBR and TMMBN.
type RateLimit struct {
	SSRC     uint32
	Bitrate  uint64 // bit/s
	Overhead int    // octets of each packet, up to 511, that count besides the payload
}

// RateLimits yields the tuples of a TMMBR or TMMBN.
func (f Feedback) RateLimits() iter.Seq[RateLimit] {
	return func(yield func(RateLimit) bool) {
		if f.Kind != RateRequest && f.Kind != RateNotification {
			return
		}
		for b := f.body; len(b) >= 8; b = b[8:] {
			v := binary.BigEndian.Uint32(b[4:])
			rate := uint64(1 << 62)
			if mantissa, exponent := uint64(v>>9&0x1ffff), int(v>>26); bits.Len64(mantissa)+exponent <= 62 {
				rate = mantissa << exponent
			}
			if !yield(RateLimit{binary.BigEndian.Uint32(b), rate, int(v & 0x1ff)}) {
				return
			}
		}
	}
}

// AppendNACK asks for packets again. The numbers must ascend; what does not fit into
// one message is left out, for the next time.
func AppendNACK(dst []byte, sender, media uint32, lost []uint16) []byte {
	if len(lost) == 0 {
		return dst
	}
	start := len(dst)
	dst = appendFeedback(dst, typeTransport, formatNACK, sender, media, 0)
	for entries := 0; len(lost) > 0 && entries < maxNACK; entries++ {
		first, mask := lost[0], uint16(0)
		for lost = lost[1:]; len(lost) > 0 && lost[0]-first-1 < 16; lost = lost[1:] {
			mask |= 1 << (lost[0] - first - 1)
		}
		dst = binary.BigEndian.AppendUint16(dst, first)
		dst = binary.BigEndian.AppendUint16(dst, mask)
	}
	return closeFeedback(dst, start)
}

// AppendPLI asks for a keyframe because pictures were lost.
func AppendPLI(dst []byte, sender, media uint32) []byte {
	return appendFeedback(dst, typePayload, formatPLI, sender, media, 0)
}

// AppendFIR asks for a keyframe because somebody needs one; number is one more than in
// the request before.
func AppendFIR(dst []byte, sender, media uint32, number uint8) []byte {
	dst = appendFeedback(dst, typePayload, formatFIR, sender, 0, 8)
	dst = binary.BigEndian.AppendUint32(dst, media)
	return append(dst, number, 0, 0, 0)
}

// AppendREMB says what we can take of the streams together, in bit/s
// (draft-alvestrand-rmcat-remb).
func AppendREMB(dst []byte, sender uint32, bitrate uint64, streams ...uint32) []byte {
	streams = streams[:min(len(streams), maxREMB)]
	dst = appendFeedback(dst, typePayload, formatLayer, sender, 0, 8+4*len(streams))
	exponent := max(bits.Len64(bitrate)-18, 0)
	mantissa := bitrate >> exponent
	dst = append(dst, "REMB"...)
	dst = append(dst, byte(len(streams)), byte(exponent<<2)|byte(mantissa>>16), byte(mantissa>>8), byte(mantissa))
	for _, ssrc := range streams {
		dst = binary.BigEndian.AppendUint32(dst, ssrc)
	}
	return dst
}

// AppendTMMBR asks the senders of the tuples' streams to keep to a bit rate.
func AppendTMMBR(dst []byte, sender uint32, limits ...RateLimit) []byte {
	return appendLimits(dst, formatTMMBR, sender, limits)
}

// AppendTMMBN answers a TMMBR with the limits in force; without any it says that
// there are none.
func AppendTMMBN(dst []byte, sender uint32, limits ...RateLimit) []byte {
	return appendLimits(dst, formatTMMBN, sender, limits)
}

func appendLimits(dst []byte, format int, sender uint32, limits []RateLimit) []byte {
	limits = limits[:min(len(limits), maxRestrictions)]
	dst = appendFeedback(dst, typeTransport, format, sender, 0, 8*len(limits))
	for _, l := range limits {
		exponent := max(bits.Len64(l.Bitrate)-17, 0)
		v := uint32(exponent)<<26 | uint32(l.Bitrate>>exponent)<<9 | uint32(min(max(l.Overhead, 0), 511))
		dst = binary.BigEndian.AppendUint32(dst, l.SSRC)
		dst = binary.BigEndian.AppendUint32(dst, v)
	}
	return dst
}

// appendFeedback writes what every message begins with; size is of the rest.
func appendFeedback(dst []byte, kind byte, format int, sender, media uint32, size int) []byte {
	dst = appendHeader(dst, format, kind, feedbackHeader+size)
	dst = binary.BigEndian.AppendUint32(dst, sender)
	return binary.BigEndian.AppendUint32(dst, media)
}

// closeFeedback fills up the message that begins at start, and writes its length.
func closeFeedback(dst []byte, start int) []byte {
	for (len(dst)-start)%4 != 0 {
		dst = append(dst, 0)
	}
	binary.BigEndian.PutUint16(dst[start+2:], uint16((len(dst)-start)/4-1))
	return dst
}
