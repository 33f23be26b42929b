package vp8

/*
#include <stdlib.h>
#include <vpx/vpx_decoder.h>
#include <vpx/vp8dx.h>

static vpx_codec_ctx_t *sim_decoder_new(int *err) {
	vpx_codec_ctx_t *d = calloc(1, sizeof *d);
	vpx_codec_dec_cfg_t c = { 1, 0, 0 };
	if (!d) { *err = VPX_CODEC_MEM_ERROR; return 0; }
	*err = vpx_codec_dec_init(d, vpx_codec_vp8_dx(), &c, 0);
	if (*err) { free(d); return 0; }
	return d;
}

static void sim_decoder_free(vpx_codec_ctx_t *d) { vpx_codec_destroy(d); free(d); }

typedef struct { unsigned w, h; int ys, cs; unsigned char *y, *u, *v; } sim_picture;

static int sim_decode(vpx_codec_ctx_t *d, const unsigned char *in, unsigned size, sim_picture *p) {
	int err = vpx_codec_decode(d, in, size, 0, 0);
	vpx_codec_iter_t it = 0;
	vpx_image_t *img, *last = 0;
	while ((img = vpx_codec_get_frame(d, &it))) last = img;
	p->w = 0;
	if (err || !last) return err;
	p->w = last->d_w; p->h = last->d_h; p->ys = last->stride[0]; p->cs = last->stride[1];
	p->y = last->planes[0]; p->u = last->planes[1]; p->v = last->planes[2];
	return 0;
}
*/
import "C"

import (
	"errors"
	"image"
	"unsafe"
)

// Decoder decodes one stream. It is not safe for concurrent use; its owner
// must Close it.
type Decoder struct{ c *C.vpx_codec_ctx_t }

// NewDecoder returns a decoder that waits for a keyframe.
func NewDecoder() (*Decoder, error) {
	var err C.int
	c := C.sim_decoder_new(&err)
	if c == nil {
		return nil, failure("make a decoder", err)
	}
	return &Decoder{c}, nil
}

// maxPixels is more than any source here sends; a bigger picture is an attack.
const maxPixels = 4096 * 2304

var errNoFrame = errors.New("vp8: the frame is empty, too large or no picture")

// Decode returns the picture of a frame: a copy if into is nil, else into
// itself when it has the right size.
func (d *Decoder) Decode(frame []byte, into *image.YCbCr) (*image.YCbCr, error) {
	if h, ok := ParseHeader(frame); !ok || h.Width*h.Height > maxPixels {
		return nil, errNoFrame
	}
	var p C.sim_picture
	if err := C.sim_decode(d.c, plane(frame), C.uint(len(frame)), &p); err != 0 {
		return nil, failure("decode", err)
	}
	if p.w == 0 {
		return nil, errNoFrame
	}
	w, h := int(p.w), int(p.h)
	if into == nil || into.Bounds().Dx() != w || into.Bounds().Dy() != h {
		into = image.NewYCbCr(image.Rect(0, 0, w, h), image.YCbCrSubsampleRatio420)
	}
	copyPlane(into.Y, into.YStride, p.y, int(p.ys), w, h)
	copyPlane(into.Cb, into.CStride, p.u, int(p.cs), (w+1)/2, (h+1)/2)
	copyPlane(into.Cr, into.CStride, p.v, int(p.cs), (w+1)/2, (h+1)/2)
	return into, nil
}

func copyPlane(to []byte, toStride int, from *C.uchar, fromStride, w, h int) {
	src := unsafe.Slice((*byte)(from), (h-1)*fromStride+w)
	for y := range h {
		copy(to[y*toStride:y*toStride+w], src[y*fromStride:])
	}
}

// Close frees the decoder. A second Close does nothing.
func (d *Decoder) Close() {
	if d.c != nil {
		C.sim_decoder_free(d.c)
		d.c = nil
	}
}
