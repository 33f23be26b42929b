// Package vp8 is the simulators' own binding of libvpx (RFC 6386) with the
// payload format of RFC 7741. It shares nothing with the gateway's, so that no
// bug can hide by being on both sides. Start reading at [NewEncoder].
package vp8

/*
#cgo pkg-config: vpx
#include <stdlib.h>
#include <string.h>
#include <vpx/vpx_encoder.h>
#include <vpx/vp8cx.h>

typedef struct { vpx_codec_ctx_t ctx; } sim_encoder;

static sim_encoder *sim_encoder_new(unsigned w, unsigned h, unsigned fps, unsigned kbps, int *err) {
	sim_encoder *e = calloc(1, sizeof *e);
	if (!e) { *err = VPX_CODEC_MEM_ERROR; return 0; }
	vpx_codec_enc_cfg_t c;
	*err = vpx_codec_enc_config_default(vpx_codec_vp8_cx(), &c, 0);
	c.g_w = w; c.g_h = h; c.g_threads = 1; c.g_lag_in_frames = 0;
	c.g_timebase.num = 1; c.g_timebase.den = fps;
	c.rc_end_usage = VPX_CBR; c.rc_target_bitrate = kbps;
	c.rc_min_quantizer = 4; c.rc_max_quantizer = 56;
	c.rc_buf_sz = 1000; c.rc_buf_initial_sz = 500; c.rc_buf_optimal_sz = 600;
	c.kf_mode = VPX_KF_DISABLED;
	// Otherwise libvpx makes a golden frame now and then, whatever the flags of a frame say.
	c.g_error_resilient = VPX_ERROR_RESILIENT_DEFAULT;
	if (!*err) *err = vpx_codec_enc_init(&e->ctx, vpx_codec_vp8_cx(), &c, 0);
	if (*err) { free(e); return 0; }
	vpx_codec_control(&e->ctx, VP8E_SET_CPUUSED, -8);
	vpx_codec_control(&e->ctx, VP8E_SET_MAX_INTRA_BITRATE_PCT, 600);
	return e;
}

static void sim_encoder_free(sim_encoder *e) { vpx_codec_destroy(&e->ctx); free(e); }

static int sim_encode(sim_encoder *e, unsigned w, unsigned h, unsigned char *y, unsigned char *u, unsigned char *v, int ys, int cs,
		long pts, unsigned long flags, const void **out, size_t *size, int *key) {
	vpx_image_t img;
	if (!vpx_img_wrap(&img, VPX_IMG_FMT_I420, w, h, 1, y)) return VPX_CODEC_INVALID_PARAM;
	img.planes[0] = y; img.planes[1] = u; img.planes[2] = v;
	img.stride[0] = ys; img.stride[1] = cs; img.stride[2] = cs;
	int err = vpx_codec_encode(&e->ctx, &img, pts, 1, flags, VPX_DL_REALTIME);
	if (err) return err;
	vpx_codec_iter_t it = 0;
	const vpx_codec_cx_pkt_t *p;
	*size = 0;
	while ((p = vpx_codec_get_cx_data(&e->ctx, &it))) {
		if (p->kind != VPX_CODEC_CX_FRAME_PKT) continue;
		*out = p->data.frame.buf; *size = p->data.frame.sz;
		*key = (p->data.frame.flags & VPX_FRAME_IS_KEY) != 0;
	}
	return 0;
}
*/
import "C"

import (
	"fmt"
	"image"
	"unsafe"
)

// Kind says what a frame may refer to, so that streams can be cut and looped.
type Kind uint8

// The kinds of frames.
const (
	// Key is a keyframe. It is also what Return frames refer to.
	Key Kind = iota
	// Base refers to the last base frame and to the keyframe.
	Base
	// Enhancement is as Base, but nothing refers to it: it may be left out.
	Enhancement
	// Return refers to the keyframe only, so that it may follow any frame of
	// the stream: what comes after it can be played again and again.
	Return
)

// No frame but a keyframe changes what is kept beside the last frame: neither
// the golden and alternate frames nor the entropy contexts.
const keep = C.VP8_EFLAG_NO_UPD_GF | C.VP8_EFLAG_NO_UPD_ARF | C.VP8_EFLAG_NO_UPD_ENTROPY

var kindFlags = [...]C.ulong{
	Key:         C.VPX_EFLAG_FORCE_KF,
	Base:        keep | C.VP8_EFLAG_NO_REF_ARF,
	Enhancement: keep | C.VP8_EFLAG_NO_REF_ARF | C.VP8_EFLAG_NO_UPD_LAST,
	Return:      keep | C.VP8_EFLAG_NO_REF_ARF | C.VP8_EFLAG_NO_REF_LAST,
}

// Encoder makes one stream. It is not safe for concurrent use; its owner must
// Close it.
type Encoder struct {
	c             *C.sim_encoder
	width, height int
	pts           C.long
}

// NewEncoder returns an encoder of pictures of a size, at fps frames a second
// and about kbps kilobits a second.
func NewEncoder(width, height, fps, kbps int) (*Encoder, error) {
	if width < 16 || height < 16 || width > 4096 || height > 4096 || fps < 1 || kbps < 1 {
		return nil, fmt.Errorf("vp8: cannot encode %dx%d at %d fps and %d kbit/s", width, height, fps, kbps)
	}
	var err C.int
	c := C.sim_encoder_new(C.uint(width), C.uint(height), C.uint(fps), C.uint(kbps), &err)
	if c == nil {
		return nil, failure("make an encoder", err)
	}
	return &Encoder{c: c, width: width, height: height}, nil
}

// Encode returns the frame of a picture, which must have the encoder's size
// and 4:2:0 subsampling.
func (e *Encoder) Encode(img *image.YCbCr, kind Kind) ([]byte, error) {
	if b := img.Bounds(); b.Dx() != e.width || b.Dy() != e.height || img.SubsampleRatio != image.YCbCrSubsampleRatio420 {
		return nil, fmt.Errorf("vp8: the picture is %v %v, want %dx%d 4:2:0", b, img.SubsampleRatio, e.width, e.height)
	}
	var out unsafe.Pointer
	var size C.size_t
	var key C.int
	err := C.sim_encode(e.c, C.uint(e.width), C.uint(e.height), plane(img.Y), plane(img.Cb), plane(img.Cr),
		C.int(img.YStride), C.int(img.CStride), e.pts, kindFlags[kind], &out, &size, &key)
	if err != 0 {
		return nil, failure("encode", err)
	}
	e.pts++
	if size == 0 {
		return nil, fmt.Errorf("vp8: libvpx dropped the frame")
	}
	return C.GoBytes(out, C.int(size)), nil
}

// Close frees the encoder. A second Close does nothing.
func (e *Encoder) Close() {
	if e.c != nil {
		C.sim_encoder_free(e.c)
		e.c = nil
	}
}

func plane(b []byte) *C.uchar { return (*C.uchar)(unsafe.SliceData(b)) }

func failure(what string, code C.int) error {
	return fmt.Errorf("vp8: %s: %s", what, C.GoString(C.vpx_codec_err_to_string(C.vpx_codec_err_t(code))))
}
