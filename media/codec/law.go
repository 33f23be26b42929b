package codec

import (
	"math/bits"
	"slices"
)

// Law is one of the two G.711 companding laws.
type Law uint8

const (
	MuLaw Law = iota // PCMU
	ALaw             // PCMA
)

func (l Law) String() string { return [...]string{"PCMU", "PCMA"}[l] }

// Silence is the law's octet of a zero sample.
func (l Law) Silence() byte { return [...]byte{0xff, 0xd5}[l] }

func lawOf(name string) Law {
	if name == "PCMA" {
		return ALaw
	}
	return MuLaw
}

// The tables are the whole codec: expanding by octet, compressing by the upper 14
// bits of the sample (the laws look at 14 and 13), and from one law to the other.
var (
	expandTable   = [2]*[256]int16{makeExpand(expandMu), makeExpand(expandA)}
	compressTable = [2]*[1 << 14]byte{makeCompress(compressMu), makeCompress(compressA)}
	crossTable    = [2]*[256]byte{makeCross(MuLaw, ALaw), makeCross(ALaw, MuLaw)}
)

// Compress appends the law's octets of the samples to dst.
func (l Law) Compress(dst []byte, pcm []int16) []byte {
	n := len(dst)
	dst = slices.Grow(dst, len(pcm))[:n+len(pcm)]
	table, out := compressTable[l], dst[n:]
	for i, v := range pcm {
		out[i] = table[uint16(v)>>2]
	}
	return dst
}

// Expand appends the samples of the law's octets to dst.
func (l Law) Expand(dst []int16, octets []byte) []int16 {
	n := len(dst)
	dst = slices.Grow(dst, len(octets))[:n+len(octets)]
	table, out := expandTable[l], dst[n:]
	for i, b := range octets {
		out[i] = table[b]
	}
	return dst
}

// Transcode appends src, which is of one law, to dst in another: PCMU to PCMA and
// back by one look-up for each octet.
func Transcode(dst, src []byte, from, to Law) []byte {
	if from == to {
		return append(dst, src...)
	}
	n := len(dst)
	dst = slices.Grow(dst, len(src))[:n+len(src)]
	table, out := crossTable[from], dst[n:]
	for i, b := range src {
		out[i] = table[b]
	}
	return dst
}

func makeExpand(expand func(byte) int16) *[256]int16 {
	var t [256]int16
	for i := range t {
		t[i] = expand(byte(i))
	}
	return &t
}

func makeCompress(compress func(int16) byte) *[1 << 14]byte {
	var t [1 << 14]byte
	for i := range t {
		t[i] = compress(int16(uint16(i) << 2))
	}
	return &t
}

func makeCross(from, to Law) *[256]byte {
	var t [256]byte
	for i := range t {
		t[i] = compressTable[to][uint16(expandTable[from][i])>>2]
	}
	return &t
}

// The laws: an octet is a sign, a segment of 3 bits and a step in it of 4 bits
// (ITU-T G.711 tables 1a to 2b). Negative samples are complemented, not negated,
// so that both halves have the same steps.

func compressMu(v int16) byte {
	const bias, highest = 33, 1<<13 - 1 // of 14-bit magnitudes
	sign, magnitude := byte(0), int(v>>2)
	if v < 0 {
		sign, magnitude = 0x80, int(^v>>2)
	}
	magnitude = min(magnitude+bias, highest)
	segment := bits.Len(uint(magnitude)) - 6
	step := magnitude >> (segment + 1) & 0x0f
	return ^(sign | byte(segment<<4) | byte(step))
}

func expandMu(b byte) int16 {
	const bias = 33 << 2
	b = ^b
	v := (int16(b&0x0f)<<3+bias)<<(b>>4&7) - bias
	if b&0x80 != 0 {
		return -v
	}
	return v
}

func compressA(v int16) byte {
	sign, magnitude := byte(0x80), int(v>>4)
	if v < 0 {
		sign, magnitude = 0, int(^v>>4)
	}
	segment := max(bits.Len(uint(magnitude))-4, 0)
	step := magnitude >> max(segment-1, 0) & 0x0f
	return (sign | byte(segment<<4) | byte(step)) ^ 0x55
}

func expandA(b byte) int16 {
	b ^= 0x55
	v := int16(b&0x0f)<<4 + 8
	if segment := b >> 4 & 7; segment > 0 {
		v = (v + 0x100) << (segment - 1)
	}
	if b&0x80 == 0 {
		return -v
	}
	return v
}

// lawEncoder is an Encoder of G.711.
type lawEncoder struct{ law Law }

func (e lawEncoder) Encode(dst []byte, pcm []int16) ([]byte, error) {
	return e.law.Compress(dst, pcm), nil
}

// lawDecoder is a Decoder of G.711 with concealment.
type lawDecoder struct {
	law     Law
	conceal concealer
}

func newLawDecoder(l Law) *lawDecoder {
	return &lawDecoder{l, newConcealer(8000)}
}

func (d *lawDecoder) Decode(dst []int16, payload []byte) ([]int16, error) {
	n := len(dst)
	dst = d.law.Expand(dst, payload)
	d.conceal.heard(dst[n:])
	return dst, nil
}

func (d *lawDecoder) Conceal(dst []int16, n int) []int16 { return d.conceal.fill(dst, n) }

var (
	_ Encoder = lawEncoder{}
	_ Decoder = (*lawDecoder)(nil)
)
