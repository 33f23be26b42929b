// Package opus is a thin cgo binding of libopus for voice (RFC 6716, RFC 7587):
// mono, at the rate of the other side of a call, one cgo call for each frame.
//
// Encoder and Decoder keep libopus' state in Go memory, which it never leaves
// (libopus documents its states as flat and movable): nothing is to be freed.
package opus

/*
#cgo pkg-config: opus
#cgo noescape tandem_encode
#cgo nocallback tandem_encode
#cgo noescape tandem_encode_table
#cgo nocallback tandem_encode_table
#cgo noescape tandem_decode
#cgo nocallback tandem_decode
#cgo noescape tandem_decode_table
#cgo nocallback tandem_decode_table
#include <opus.h>

enum { longest = 5760 }; // samples of 120 ms at 48 kHz

static int tandem_init_encoder(void *e, int rate, int bitrate, int complexity, int loss, int dtx) {
	int err = opus_encoder_init(e, rate, 1, OPUS_APPLICATION_VOIP);
	if (err == OPUS_OK) err = opus_encoder_ctl(e, OPUS_SET_BITRATE(bitrate));
	if (err == OPUS_OK) err = opus_encoder_ctl(e, OPUS_SET_COMPLEXITY(complexity));
	if (err == OPUS_OK) err = opus_encoder_ctl(e, OPUS_SET_SIGNAL(OPUS_SIGNAL_VOICE));
	if (err == OPUS_OK) err = opus_encoder_ctl(e, OPUS_SET_INBAND_FEC(1));
	if (err == OPUS_OK) err = opus_encoder_ctl(e, OPUS_SET_PACKET_LOSS_PERC(loss));
	if (err == OPUS_OK) err = opus_encoder_ctl(e, OPUS_SET_DTX(dtx));
	return err;
}

static int tandem_set_loss(void *e, int loss) {
	return opus_encoder_ctl(e, OPUS_SET_PACKET_LOSS_PERC(loss));
}

static int tandem_encode(void *e, const opus_int16 *pcm, int n, unsigned char *out, int room) {
	return opus_encode(e, pcm, n, out, room);
}

static int tandem_encode_table(void *e, const unsigned char *in, int n, const opus_int16 *expand, unsigned char *out, int room) {
	opus_int16 pcm[longest];
	for (int i = 0; i < n; i++) pcm[i] = expand[in[i]];
	return opus_encode(e, pcm, n, out, room);
}

static int tandem_decode(void *d, const unsigned char *in, int size, opus_int16 *pcm, int n, int fec) {
	return opus_decode(d, size ? in : 0, size, pcm, n, fec);
}

static int tandem_decode_table(void *d, const unsigned char *in, int size, const unsigned char *compress, unsigned char *out, int n, int fec) {
	opus_int16 pcm[longest];
	int got = opus_decode(d, size ? in : 0, size, pcm, n, fec);
	for (int i = 0; i < got; i++) out[i] = compress[(opus_uint16)pcm[i] >> 2];
	return got;
}
*/
import "C"

import (
	"fmt"
	"slices"
	"unsafe"
)

// Available says that this build has Opus.
const Available = true

// An Encoder encodes one stream.
type Encoder struct {
	state []uint64 // an OpusEncoder
	rate  int
}

// NewEncoder returns an encoder for c, which must be complete.
func NewEncoder(c Config) (*Encoder, error) {
	e := &Encoder{state: make([]uint64, (C.opus_encoder_get_size(1)+7)/8), rate: c.Rate}
	dtx := 0
	if c.DTX {
		dtx = 1
	}
	err := C.tandem_init_encoder(e.pointer(), C.int(c.Rate), C.int(c.Bitrate), C.int(c.Complexity), C.int(c.Loss), C.int(dtx))
	if err != C.OPUS_OK {
		return nil, fmt.Errorf("opus: an encoder for %+v: %w", c, failure(err))
	}
	return e, nil
}

func (e *Encoder) pointer() unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(e.state)) }

// SetLoss tells how many percent of the packets the network loses; more than 0
// adds in-band FEC.
func (e *Encoder) SetLoss(percent int) error {
	if err := C.tandem_set_loss(e.pointer(), C.int(min(max(percent, 0), 100))); err != C.OPUS_OK {
		return failure(err)
	}
	return nil
}

// Encode appends the packet of one frame (2.5, 5, 10, 20, 40 or 60 ms) to dst. It
// does not allocate when dst has room for MaxPacket more. A packet of one or two
// octets says that nobody speaks and need not be sent.
func (e *Encoder) Encode(dst []byte, pcm []int16) ([]byte, error) {
	if len(pcm) == 0 || len(pcm) > e.rate*60/1000 {
		return dst, errFrame
	}
	dst = slices.Grow(dst, MaxPacket)
	n := C.tandem_encode(e.pointer(), (*C.opus_int16)(unsafe.SliceData(pcm)), C.int(len(pcm)), room(dst), MaxPacket)
	if n < 0 {
		return dst, failure(n)
	}
	return dst[:len(dst)+int(n)], nil
}

// EncodeTable is Encode for octets that the table expands to samples.
func (e *Encoder) EncodeTable(dst, octets []byte, expand *[256]int16) ([]byte, error) {
	if len(octets) == 0 || len(octets) > e.rate*60/1000 {
		return dst, errFrame
	}
	dst = slices.Grow(dst, MaxPacket)
	n := C.tandem_encode_table(e.pointer(), (*C.uchar)(unsafe.SliceData(octets)), C.int(len(octets)),
		(*C.opus_int16)(&expand[0]), room(dst), MaxPacket)
	if n < 0 {
		return dst, failure(n)
	}
	return dst[:len(dst)+int(n)], nil
}

// room points behind the end of dst, which has capacity there.
func room(dst []byte) *C.uchar {
	return (*C.uchar)(unsafe.SliceData(dst[len(dst):cap(dst)]))
}

// A Decoder decodes one stream.
type Decoder struct {
	state []uint64 // an OpusDecoder
	rate  int
}

// NewDecoder returns a decoder that gives samples of rate Hz.
func NewDecoder(rate int) (*Decoder, error) {
	d := &Decoder{state: make([]uint64, (C.opus_decoder_get_size(1)+7)/8), rate: rate}
	err := C.opus_decoder_init((*C.OpusDecoder)(d.pointer()), C.opus_int32(rate), 1)
	if err != C.OPUS_OK {
		return nil, fmt.Errorf("opus: a decoder to %d Hz: %w", rate, failure(err))
	}
	return d, nil
}

func (d *Decoder) pointer() unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(d.state)) }

// Decode appends the samples of a packet to dst.
func (d *Decoder) Decode(dst []int16, packet []byte) ([]int16, error) {
	n, err := Samples(packet, d.rate)
	if err != nil {
		return dst, err
	}
	return d.decode(dst, packet, n, 0)
}

// Conceal appends n samples, whole 2.5 ms, in place of a lost packet.
func (d *Decoder) Conceal(dst []int16, n int) ([]int16, error) {
	return d.decode(dst, nil, d.whole(n), 0)
}

// Recover appends n samples, whole 2.5 ms, that the packet after the lost one
// repeats; what it does not repeat is concealed.
func (d *Decoder) Recover(dst []int16, next []byte, n int) ([]int16, error) {
	if _, err := Samples(next, d.rate); err != nil {
		return dst, err
	}
	return d.decode(dst, next, d.whole(n), 1)
}

// whole is n in the steps libopus conceals, at most 120 ms.
func (d *Decoder) whole(n int) int {
	step := d.rate / 400
	return min(max((n+step-1)/step, 1), 48) * step
}

func (d *Decoder) decode(dst []int16, packet []byte, n, fec int) ([]int16, error) {
	dst = slices.Grow(dst, n)
	out := (*C.opus_int16)(unsafe.SliceData(dst[len(dst):cap(dst)]))
	got := C.tandem_decode(d.pointer(), (*C.uchar)(unsafe.SliceData(packet)), C.int(len(packet)), out, C.int(n), C.int(fec))
	if got < 0 {
		return dst, failure(got)
	}
	return dst[:len(dst)+int(got)], nil
}

// DecodeTable is Decode to octets: the table compresses the upper 14 bits of a sample.
func (d *Decoder) DecodeTable(dst, packet []byte, compress *[1 << 14]byte) ([]byte, error) {
	n, err := Samples(packet, d.rate)
	if err != nil {
		return dst, err
	}
	return d.decodeTable(dst, packet, n, 0, compress)
}

// ConcealTable is Conceal to octets, or Recover when next is not empty.
func (d *Decoder) ConcealTable(dst, next []byte, n int, compress *[1 << 14]byte) ([]byte, error) {
	if len(next) == 0 {
		return d.decodeTable(dst, nil, d.whole(n), 0, compress)
	}
	if _, err := Samples(next, d.rate); err != nil {
		return dst, err
	}
	return d.decodeTable(dst, next, d.whole(n), 1, compress)
}

func (d *Decoder) decodeTable(dst, packet []byte, n, fec int, compress *[1 << 14]byte) ([]byte, error) {
	dst = slices.Grow(dst, n)
	got := C.tandem_decode_table(d.pointer(), (*C.uchar)(unsafe.SliceData(packet)), C.int(len(packet)),
		(*C.uchar)(&compress[0]), room(dst), C.int(n), C.int(fec))
	if got < 0 {
		return dst, failure(got)
	}
	return dst[:len(dst)+int(got)], nil
}

// Version is libopus' own name and version.
func Version() string { return C.GoString(C.opus_get_version_string()) }

// failure is a libopus error code as an error.
func failure(code C.int) error { return Error{int(code), C.GoString(C.opus_strerror(code))} }
