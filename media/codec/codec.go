// Package codec turns audio into RTP payloads and back: G.711, G.722 and Opus
// behind two small interfaces, with loss concealment, comfort noise and
// resampling. Start reading at [NewEncoder].
//
// Encoders and decoders hold the state of one stream in one direction. They have
// no lock and nothing to close.
package codec

import (
	"fmt"
	"time"

	"tandem/media/codec/opus"
)

// An Encoder makes RTP payloads of one stream.
type Encoder interface {
	// Encode appends the payload of one frame of 16-bit samples to dst. It does not
	// allocate when dst has room for it.
	Encode(dst []byte, pcm []int16) ([]byte, error)
}

// A Decoder makes the samples of one stream.
type Decoder interface {
	// Decode appends a payload's samples to dst. It does not allocate when dst has
	// room for them. After an error dst is as it was; conceal the frame.
	Decode(dst []int16, payload []byte) ([]int16, error)
	// Conceal appends n samples in place of audio that was lost: it goes on with
	// what was heard last and fades to silence.
	Conceal(dst []int16, n int) []int16
}

// A Recoverer is a Decoder that restores a lost frame from the packet after it
// (in-band FEC of Opus, RFC 6716 §2.1.7). What cannot be restored is concealed.
type Recoverer interface {
	Recover(dst []int16, next []byte, n int) ([]int16, error)
}

// A LawEncoder is an Encoder that takes G.711 octets of 8 kHz in one step.
type LawEncoder interface {
	EncodeLaw(dst, g711 []byte, law Law) ([]byte, error)
}

// A LawDecoder is a Decoder that gives G.711 octets of 8 kHz in one step. next is
// the packet after the lost one, or nil.
type LawDecoder interface {
	DecodeLaw(dst, payload []byte, law Law) ([]byte, error)
	ConcealLaw(dst, next []byte, n int, law Law) ([]byte, error)
}

// Params describe an encoder; zero fields have defaults.
type Params struct {
	Name    string        // encoding name (RFC 3551, RFC 7587): "PCMU", "PCMA", "G722", "OPUS"
	Rate    int           // of the PCM, in Hz: 8000 for G.711, 16000 for G722; 8000, 16000 or 48000 for OPUS
	Frame   time.Duration // audio of one packet, 20 ms by default; OPUS: 10, 20, 40 or 60 ms
	Bitrate int           // OPUS, bit/s; by default what the rate needs for speech
	Loss    int           // OPUS, percent the network is expected to lose; more than 0 adds in-band FEC
	DTX     bool          // OPUS: send nearly nothing while nobody speaks
	// OPUS, 1 to 10: how much CPU time an encoder may take. 5 by default, where speech
	// stops getting better; 2 takes two thirds of the time.
	Complexity int
}

// NewEncoder returns the encoder of a stream.
func NewEncoder(p Params) (Encoder, error) {
	switch p.Name {
	case "PCMU", "PCMA":
		if err := checkRate(p.Name, p.Rate, 8000); err != nil {
			return nil, err
		}
		return lawEncoder{lawOf(p.Name)}, nil
	case "G722":
		if err := checkRate(p.Name, p.Rate, 16000); err != nil {
			return nil, err
		}
		return newG722Encoder(), nil
	case "OPUS":
		return newOpusEncoder(p)
	}
	return nil, fmt.Errorf("codec: %q is not a codec of this gateway", p.Name)
}

// NewDecoder returns the decoder of a stream that gives samples of rate Hz, the
// same rates as Params.
func NewDecoder(name string, rate int) (Decoder, error) {
	switch name {
	case "PCMU", "PCMA":
		if err := checkRate(name, rate, 8000); err != nil {
			return nil, err
		}
		return newLawDecoder(lawOf(name)), nil
	case "G722":
		if err := checkRate(name, rate, 16000); err != nil {
			return nil, err
		}
		return newG722Decoder(), nil
	case "OPUS":
		return newOpusDecoder(rate)
	}
	return nil, fmt.Errorf("codec: %q is not a codec of this gateway", name)
}

// Available says whether a codec can be used by this build: Opus needs cgo. What
// is not available must not be offered.
func Available(name string) bool {
	switch name {
	case "PCMU", "PCMA", "G722":
		return true
	case "OPUS":
		return opus.Available
	}
	return false
}

func checkRate(name string, rate, want int) error {
	if rate != want {
		return fmt.Errorf("codec: %s works on samples of %d Hz, not %d Hz", name, want, rate)
	}
	return nil
}
