package codec

import "slices"

// G.722 at 64 kbit/s (ITU-T G.722): 16 kHz audio is split into two bands of 8 kHz,
// and each is coded by an adaptive differential quantizer, six bits for the low
// band and two for the high. One octet holds two samples. The names of the steps
// are the recommendation's.

// qmf is the quadrature mirror filter that splits and joins the bands: 24 taps,
// symmetric, here every second one (table 11).
var qmf = [12]int32{3, -11, 12, 32, -210, 951, 3876, -805, 362, -156, 53, -11}

// g722Encoder is an Encoder of G.722.
type g722Encoder struct {
	past      [24]int32 // input samples
	low, high band
}

func newG722Encoder() *g722Encoder {
	return &g722Encoder{low: newBand(32), high: newBand(8)}
}

// Encode takes an even number of samples; an odd last one is left out.
func (e *g722Encoder) Encode(dst []byte, pcm []int16) ([]byte, error) {
	dst = slices.Grow(dst, len(pcm)/2)
	for ; len(pcm) >= 2; pcm = pcm[2:] {
		low, high := e.split(int32(pcm[0]), int32(pcm[1]))
		dst = append(dst, e.codeHigh(high)<<6|e.codeLow(low))
	}
	return dst, nil
}

// split is one step of the analysis filter.
func (e *g722Encoder) split(first, second int32) (low, high int32) {
	copy(e.past[:22], e.past[2:])
	e.past[22], e.past[23] = first, second
	var even, odd int32
	for i, tap := range qmf {
		odd += e.past[2*i] * tap
		even += e.past[2*i+1] * qmf[11-i]
	}
	return (even + odd) >> 14, (even - odd) >> 14
}

func (e *g722Encoder) codeLow(sample int32) byte {
	b := &e.low
	difference := saturate(sample - b.predicted)
	magnitude := difference
	if difference < 0 {
		magnitude = ^difference
	}
	level := 1
	for level < 30 && magnitude >= q6[level]*b.step>>12 {
		level++
	}
	code := positive6[level]
	if difference < 0 {
		code = negative6[level]
	}
	b.adaptLow(code >> 2)
	return code
}

func (e *g722Encoder) codeHigh(sample int32) byte {
	b := &e.high
	difference := saturate(sample - b.predicted)
	magnitude := difference
	if difference < 0 {
		magnitude = ^difference
	}
	large := magnitude >= 564*b.step>>12
	var code byte
	switch {
	case difference < 0 && large:
		code = 0
	case difference < 0:
		code = 1
	case large:
		code = 2
	default:
		code = 3
	}
	b.adaptHigh(code)
	return code
}

// g722Decoder is a Decoder of G.722 with concealment.
type g722Decoder struct {
	past      [24]int32 // sums and differences of the bands
	low, high band
	conceal   concealer
}

func newG722Decoder() *g722Decoder {
	return &g722Decoder{low: newBand(32), high: newBand(8), conceal: newConcealer(16000)}
}

func (d *g722Decoder) Decode(dst []int16, payload []byte) ([]int16, error) {
	start := len(dst)
	dst = slices.Grow(dst, 2*len(payload))
	for _, octet := range payload {
		low, high := d.decodeLow(octet&0x3f), d.decodeHigh(octet>>6)
		first, second := d.join(low, high)
		dst = append(dst, first, second)
	}
	d.conceal.heard(dst[start:])
	return dst, nil
}

func (d *g722Decoder) Conceal(dst []int16, n int) []int16 { return d.conceal.fill(dst, n) }

func (d *g722Decoder) decodeLow(code byte) int32 {
	b := &d.low
	sample := b.predicted + b.step*qm6[code]>>15
	b.adaptLow(code >> 2)
	return min(max(sample, -16384), 16383)
}

func (d *g722Decoder) decodeHigh(code byte) int32 {
	b := &d.high
	sample := b.predicted + b.step*qm2[code]>>15
	b.adaptHigh(code)
	return min(max(sample, -16384), 16383)
}

// join is one step of the synthesis filter.
func (d *g722Decoder) join(low, high int32) (first, second int16) {
	copy(d.past[:22], d.past[2:])
	d.past[22], d.past[23] = low+high, low-high
	var even, odd int32
	for i, tap := range qmf {
		even += d.past[2*i] * tap
		odd += d.past[2*i+1] * qmf[11-i]
	}
	return int16(saturate(odd >> 11)), int16(saturate(even >> 11))
}

var (
	_ Encoder = (*g722Encoder)(nil)
	_ Decoder = (*g722Decoder)(nil)
)
