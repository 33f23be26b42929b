package codec

import (
	"fmt"
	"slices"

	"tandem/media/codec/opus"
)

const opusComplexity = 5

// opusEncoder is an Encoder of Opus.
type opusEncoder struct {
	encoder *opus.Encoder
	rate    int
}

func newOpusEncoder(p Params) (Encoder, error) {
	bitrate, err := opusBitrate(p.Rate)
	if err != nil {
		return nil, err
	}
	if p.Bitrate > 0 {
		bitrate = p.Bitrate
	}
	complexity := opusComplexity
	if p.Complexity > 0 {
		complexity = min(p.Complexity, 10)
	}
	e, err := opus.NewEncoder(opus.Config{
		Rate: p.Rate, Bitrate: bitrate, Complexity: complexity, Loss: min(max(p.Loss, 0), 100), DTX: p.DTX,
	})
	if err != nil {
		return nil, err
	}
	return &opusEncoder{e, p.Rate}, nil
}

// opusBitrate is what speech needs at a rate (RFC 7587 §3.1.1).
func opusBitrate(rate int) (int, error) {
	switch rate {
	case 8000:
		return 16000, nil
	case 16000:
		return 24000, nil
	case 48000:
		return 32000, nil
	}
	return 0, fmt.Errorf("codec: OPUS works on samples of 8000, 16000 or 48000 Hz, not %d Hz", rate)
}

func (e *opusEncoder) Encode(dst []byte, pcm []int16) ([]byte, error) {
	return e.encoder.Encode(dst, pcm)
}

// EncodeLaw encodes G.711 octets in a single cgo call; the encoder must be one of 8000 Hz.
func (e *opusEncoder) EncodeLaw(dst, g711 []byte, law Law) ([]byte, error) {
	if err := checkRate("OPUS from G.711", e.rate, 8000); err != nil {
		return dst, err
	}
	return e.encoder.EncodeTable(dst, g711, expandTable[law])
}

// SetLoss tells how many percent of the packets the network loses.
func (e *opusEncoder) SetLoss(percent int) error { return e.encoder.SetLoss(percent) }

// opusDecoder is a Decoder of Opus.
type opusDecoder struct {
	decoder *opus.Decoder
	rate    int
}

func newOpusDecoder(rate int) (Decoder, error) {
	if _, err := opusBitrate(rate); err != nil {
		return nil, err
	}
	d, err := opus.NewDecoder(rate)
	if err != nil {
		return nil, err
	}
	return &opusDecoder{d, rate}, nil
}

func (d *opusDecoder) Decode(dst []int16, payload []byte) ([]int16, error) {
	return d.decoder.Decode(dst, payload)
}

// Conceal never fails to give n samples: what libopus does not give is silence.
func (d *opusDecoder) Conceal(dst []int16, n int) []int16 {
	want := len(dst) + max(n, 0)
	for len(dst) < want {
		more, err := d.decoder.Conceal(dst, want-len(dst))
		if err != nil || len(more) == len(dst) {
			break
		}
		dst = more
	}
	return fit(dst, want, 0)
}

func (d *opusDecoder) Recover(dst []int16, next []byte, n int) ([]int16, error) {
	want := len(dst) + max(n, 0)
	out, err := d.decoder.Recover(dst, next, n)
	if err != nil {
		return dst, err
	}
	return fit(out, want, 0), nil
}

// DecodeLaw decodes to G.711 octets in a single cgo call; the decoder must be one of 8000 Hz.
func (d *opusDecoder) DecodeLaw(dst, payload []byte, law Law) ([]byte, error) {
	if err := checkRate("OPUS to G.711", d.rate, 8000); err != nil {
		return dst, err
	}
	return d.decoder.DecodeTable(dst, payload, compressTable[law])
}

// ConcealLaw gives n G.711 octets in place of lost ones in a single cgo call.
func (d *opusDecoder) ConcealLaw(dst, next []byte, n int, law Law) ([]byte, error) {
	if err := checkRate("OPUS to G.711", d.rate, 8000); err != nil {
		return dst, err
	}
	want := len(dst) + max(n, 0)
	out, err := d.decoder.ConcealTable(dst, next, n, compressTable[law])
	if err != nil {
		return dst, err
	}
	return fit(out, want, law.Silence()), nil
}

// fit cuts s to n elements, or fills it up with v.
func fit[T any](s []T, n int, v T) []T {
	if len(s) >= n {
		return s[:n]
	}
	s = slices.Grow(s, n-len(s))
	for len(s) < n {
		s = append(s, v)
	}
	return s
}

// A LossAware Encoder can protect its packets against loss, at the cost of quality
// without loss: tell it what the far end's reports say.
type LossAware interface {
	SetLoss(percent int) error
}

var (
	_ LawEncoder = (*opusEncoder)(nil)
	_ LossAware  = (*opusEncoder)(nil)
	_ Recoverer  = (*opusDecoder)(nil)
	_ LawDecoder = (*opusDecoder)(nil)
)
