// Package codec turns audio into RTP payloads and back: G.711, G.722 and Opus
// behind two small interfaces, with loss concealment, comfort noise and
// resampling. Start reading at [NewEncoder].
package codec

import "time"

// Published ahead of the code; each declaration moves to its own file.

// Encoder appends to dst; no allocation when dst has room. pcm is one frame.
type Encoder interface {
	Encode(dst []byte, pcm []int16) ([]byte, error)
}

// Decoder appends to dst; no allocation when dst has room.
type Decoder interface {
	Decode(dst []int16, payload []byte) ([]int16, error)
	Conceal(dst []int16, n int) []int16 // n samples in place of what was lost
}

// Recoverer is a Decoder that can restore a lost frame from the packet after it (Opus in-band FEC).
type Recoverer interface {
	Recover(dst []int16, next []byte, n int) ([]int16, error)
}

// LawEncoder and LawDecoder go between Opus (opened at 8 kHz) and G.711 octets in one step.
type LawEncoder interface {
	EncodeLaw(dst, g711 []byte, law Law) ([]byte, error)
}
type LawDecoder interface {
	DecodeLaw(dst, payload []byte, law Law) ([]byte, error)
	ConcealLaw(dst, next []byte, n int, law Law) ([]byte, error) // next: following packet for FEC, or nil
}

type Law uint8

const (
	MuLaw Law = iota // PCMU
	ALaw             // PCMA
)

type Params struct {
	Name    string        // "PCMU", "PCMA", "G722", "OPUS"
	Rate    int           // of the PCM in Hz: 8000 (G.711), 16000 (G722), 8000, 16000 or 48000 (OPUS)
	Frame   time.Duration // one packet's audio; 20 ms by default
	Bitrate int           // bit/s, OPUS only; 0: chosen by Rate
	Loss    int           // expected loss in percent (OPUS in-band FEC)
}

func NewEncoder(p Params) (Encoder, error)              { return nil, nil }
func NewDecoder(name string, rate int) (Decoder, error) { return nil, nil }
func Available(name string) bool                        { return false } // OPUS: false in a build without cgo
func Transcode(dst, src []byte, from, to Law) []byte    { return dst }   // PCMU<->PCMA by table

type Resampler struct{}

func NewResampler(from, to int) (*Resampler, error)    { return nil, nil } // 8000, 16000, 48000
func (r *Resampler) Resample(dst, src []int16) []int16 { return dst }

type ComfortNoise struct{} // RFC 3389

func (c *ComfortNoise) Update(payload []byte)               {}
func (c *ComfortNoise) Generate(dst []int16, n int) []int16 { return dst }

func Shorten(pcm []int16, rate int) []int16  { return pcm } // one pitch period less, in place
func Lengthen(pcm []int16, rate int) []int16 { return pcm } // one pitch period more (appends)
