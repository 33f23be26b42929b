package rtp

import (
	"encoding/binary"
	"time"
)

// RTCP packet types (RFC 3550 §12.1, RFC 4585 §6.1).
const (
	typeSenderReport   = 200
	typeReceiverReport = 201
	typeDescription    = 202
	typeBye            = 203
	typePayload        = 206 // payload-specific feedback
)

const (
	maxBlocks      = 31  // report blocks of one packet: a 5-bit count
	maxText        = 255 // octets of a CNAME or reason: an 8-bit length
	itemCNAME      = 1
	senderInfoSize = 20
	blockSize      = 24
)

// SenderInfo is what a sender report says about its sender's stream (RFC 3550 §6.4.1).
type SenderInfo struct {
	SSRC            uint32
	NTP             uint64 // wall clock, see NTP
	RTP             uint32 // the same moment on the stream's clock
	Packets, Octets uint32 // sent since the beginning; octets of payload
}

// ReportBlock is one reception report (RFC 3550 §6.4.1).
type ReportBlock struct {
	SSRC      uint32 // whose packets it is about
	Fraction  uint8  // lost since the last report, in 1/256
	Lost      int32  // since the beginning; negative when duplicates came
	Highest   uint32 // sequence number received, extended
	Jitter    uint32 // in units of the stream's clock
	LastSR    uint32 // middle 32 bits of the last sender report's NTP time; 0: none came
	SinceLast uint32 // since then, in 1/65536 s
}

// RoundTrip is the time to the far end and back, from a report about our stream
// that came now. It is false when the far end had no sender report of ours yet,
// or when the answer would be negative.
func (b ReportBlock) RoundTrip(now time.Time) (time.Duration, bool) {
	if b.LastSR == 0 {
		return 0, false
	}
	d := int32(uint32(NTP(now)>>16) - b.LastSR - b.SinceLast)
	if d < 0 {
		return 0, false
	}
	return time.Duration(d) * time.Second / 65536, true
}

// NTP is t as a 64-bit NTP timestamp: seconds since 1900 and their fraction.
func NTP(t time.Time) uint64 {
	const from1900To1970 = 2208988800
	sec := uint64(t.Unix() + from1900To1970)
	return sec<<32 | uint64(t.Nanosecond())<<32/uint64(time.Second)
}

// AppendSenderReport adds an SR with at most 31 blocks. A compound packet begins
// with it, or with a receiver report, and has a description (RFC 3550 §6.1).
func AppendSenderReport(dst []byte, s SenderInfo, blocks ...ReportBlock) []byte {
	blocks = blocks[:min(len(blocks), maxBlocks)]
	dst = appendHeader(dst, len(blocks), typeSenderReport, 4+senderInfoSize+blockSize*len(blocks))
	dst = binary.BigEndian.AppendUint32(dst, s.SSRC)
	dst = binary.BigEndian.AppendUint64(dst, s.NTP)
	dst = binary.BigEndian.AppendUint32(dst, s.RTP)
	dst = binary.BigEndian.AppendUint32(dst, s.Packets)
	dst = binary.BigEndian.AppendUint32(dst, s.Octets)
	return appendBlocks(dst, blocks)
}

// AppendReceiverReport adds an RR with at most 31 blocks, for who sends nothing.
func AppendReceiverReport(dst []byte, ssrc uint32, blocks ...ReportBlock) []byte {
	blocks = blocks[:min(len(blocks), maxBlocks)]
	dst = appendHeader(dst, len(blocks), typeReceiverReport, 4+blockSize*len(blocks))
	dst = binary.BigEndian.AppendUint32(dst, ssrc)
	return appendBlocks(dst, blocks)
}

// AppendDescription adds an SDES with the CNAME, cut to 255 octets.
func AppendDescription(dst []byte, ssrc uint32, cname string) []byte {
	cname = cname[:min(len(cname), maxText)]
	size := 4 + 2 + len(cname) + 1 // an item of type 0 ends the chunk
	padded := (size + 3) &^ 3
	dst = appendHeader(dst, 1, typeDescription, padded)
	dst = binary.BigEndian.AppendUint32(dst, ssrc)
	dst = append(dst, itemCNAME, byte(len(cname)))
	dst = append(dst, cname...)
	return appendZeros(dst, 1+padded-size)
}

// AppendBye adds a BYE; an empty reason is left out, a long one cut to 255 octets.
func AppendBye(dst []byte, ssrc uint32, reason string) []byte {
	reason = reason[:min(len(reason), maxText)]
	size := 4
	if reason != "" {
		size += 1 + len(reason)
	}
	padded := (size + 3) &^ 3
	dst = appendHeader(dst, 1, typeBye, padded)
	dst = binary.BigEndian.AppendUint32(dst, ssrc)
	if reason != "" {
		dst = append(dst, byte(len(reason)))
		dst = append(dst, reason...)
	}
	return appendZeros(dst, padded-size)
}

// appendHeader writes the common header; size is of the rest, a multiple of 4.
func appendHeader(dst []byte, count int, kind byte, size int) []byte {
	dst = append(dst, 0x80|byte(count), kind)
	return binary.BigEndian.AppendUint16(dst, uint16(size/4))
}

func appendBlocks(dst []byte, blocks []ReportBlock) []byte {
	for i := range blocks {
		b := &blocks[i]
		dst = binary.BigEndian.AppendUint32(dst, b.SSRC)
		dst = binary.BigEndian.AppendUint32(dst, uint32(b.Fraction)<<24|uint32(b.Lost)&0xffffff)
		dst = binary.BigEndian.AppendUint32(dst, b.Highest)
		dst = binary.BigEndian.AppendUint32(dst, b.Jitter)
		dst = binary.BigEndian.AppendUint32(dst, b.LastSR)
		dst = binary.BigEndian.AppendUint32(dst, b.SinceLast)
	}
	return dst
}

func appendZeros(dst []byte, n int) []byte {
	for range n {
		dst = append(dst, 0)
	}
	return dst
}
