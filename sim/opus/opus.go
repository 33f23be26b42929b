// Package opus is the simulators' own binding of libopus (RFC 6716): it encodes
// voice at 48 kHz and decodes to 8 kHz, where [tandem/sim/audio] measures it. It
// shares nothing with the gateway's binding. Start reading at [NewEncoder].
package opus

/*
#cgo pkg-config: opus
#include <stdlib.h>
#include <opus.h>

static int sim_setup(OpusEncoder *e, int bitrate) {
	int err = opus_encoder_ctl(e, OPUS_SET_BITRATE(bitrate));
	if (!err) err = opus_encoder_ctl(e, OPUS_SET_COMPLEXITY(3));
	if (!err) err = opus_encoder_ctl(e, OPUS_SET_INBAND_FEC(1));
	if (!err) err = opus_encoder_ctl(e, OPUS_SET_PACKET_LOSS_PERC(5));
	return err;
}
*/
import "C"

import (
	"errors"
	"fmt"
	"unsafe"
)

const (
	// EncodeRate is the encoder's sample rate, in Hz.
	EncodeRate = 48000
	// DecodeRate is the decoder's sample rate, in Hz.
	DecodeRate = 8000
	// FrameSamples is one frame of 20 ms at EncodeRate.
	FrameSamples = EncodeRate / 50
)

const (
	maxPacket    = 1275  // octets, RFC 6716 section 3.2
	longest      = 960   // samples of 120 ms at DecodeRate
	voiceBitrate = 32000 // bit/s
)

// Encoder makes one mono stream. It is not safe for concurrent use; its owner
// must Close it.
type Encoder struct{ c *C.OpusEncoder }

// NewEncoder returns an encoder for voice with in-band FEC.
func NewEncoder() (*Encoder, error) {
	var err C.int
	c := C.opus_encoder_create(EncodeRate, 1, C.OPUS_APPLICATION_VOIP, &err)
	if err == C.OPUS_OK {
		err = C.sim_setup(c, voiceBitrate)
	}
	if err != C.OPUS_OK {
		return nil, failure("make an encoder", err)
	}
	return &Encoder{c}, nil
}

// Encode returns the packet of one frame of FrameSamples samples.
func (e *Encoder) Encode(pcm []int16) ([]byte, error) {
	if len(pcm) != FrameSamples {
		return nil, fmt.Errorf("opus: %d samples, want %d", len(pcm), FrameSamples)
	}
	var out [maxPacket]byte
	n := C.opus_encode(e.c, (*C.opus_int16)(unsafe.SliceData(pcm)), FrameSamples, (*C.uchar)(&out[0]), maxPacket)
	if n < 0 {
		return nil, failure("encode", n)
	}
	return append([]byte(nil), out[:n]...), nil
}

// Close frees the encoder. A second Close does nothing.
func (e *Encoder) Close() {
	if e.c != nil {
		C.opus_encoder_destroy(e.c)
		e.c = nil
	}
}

// Decoder decodes one stream to mono. It is not safe for concurrent use; its
// owner must Close it.
type Decoder struct {
	c   *C.OpusDecoder
	pcm [longest]int16
}

// NewDecoder returns a decoder to DecodeRate.
func NewDecoder() (*Decoder, error) {
	var err C.int
	c := C.opus_decoder_create(DecodeRate, 1, &err)
	if err != C.OPUS_OK {
		return nil, failure("make a decoder", err)
	}
	return &Decoder{c: c}, nil
}

// Decode returns the samples of a packet, valid until the next call.
func (d *Decoder) Decode(packet []byte) ([]int16, error) {
	if len(packet) == 0 {
		return nil, errors.New("opus: the packet is empty")
	}
	n := C.opus_decode(d.c, (*C.uchar)(unsafe.SliceData(packet)), C.opus_int32(len(packet)), (*C.opus_int16)(&d.pcm[0]), longest, 0)
	if n < 0 {
		return nil, failure("decode", n)
	}
	return d.pcm[:n], nil
}

// Close frees the decoder. A second Close does nothing.
func (d *Decoder) Close() {
	if d.c != nil {
		C.opus_decoder_destroy(d.c)
		d.c = nil
	}
}

// Samples is the length of a packet at EncodeRate, the clock of Opus in RTP
// (RFC 7587 section 4.1); 0 if it is malformed.
func Samples(packet []byte) uint32 {
	if len(packet) == 0 {
		return 0
	}
	return uint32(max(C.opus_packet_get_nb_samples((*C.uchar)(unsafe.SliceData(packet)), C.opus_int32(len(packet)), EncodeRate), 0))
}

func failure(what string, code C.int) error {
	return fmt.Errorf("opus: %s: %s", what, C.GoString(C.opus_strerror(code)))
}
