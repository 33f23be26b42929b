// Package h264 is the simulators' own binding of OpenH264 with the payload format
// of RFC 6184. It shares nothing with the gateway's, so that no bug can hide by being
// on both sides. Start reading at [NewEncoder].
package h264

/*
#cgo pkg-config: openh264
#include <stdlib.h>
#include <string.h>
#include <wels/codec_api.h>

typedef struct { ISVCEncoder *e; SFrameBSInfo out; long pts; int fps; } sim_h264_encoder;

static void sim_h264_encoder_free(sim_h264_encoder *s) {
	if (s->e) { (*s->e)->Uninitialize(s->e); WelsDestroySVCEncoder(s->e); }
	free(s);
}

static sim_h264_encoder *sim_h264_encoder_new(int w, int h, int fps, int kbps) {
	sim_h264_encoder *s = calloc(1, sizeof *s);
	if (!s) return 0;
	s->fps = fps;
	if (WelsCreateSVCEncoder(&s->e)) { free(s); return 0; }
	int quiet = WELS_LOG_QUIET, format = videoFormatI420;
	(*s->e)->SetOption(s->e, ENCODER_OPTION_TRACE_LEVEL, &quiet);
	SEncParamExt p;
	(*s->e)->GetDefaultParams(s->e, &p);
	p.iUsageType = CAMERA_VIDEO_REAL_TIME;
	p.iPicWidth = w; p.iPicHeight = h; p.fMaxFrameRate = fps;
	p.iTargetBitrate = p.iMaxBitrate = kbps * 1000;
	p.iRCMode = RC_BITRATE_MODE; p.bEnableFrameSkip = 0; p.iMultipleThreadIdc = 1; p.uiIntraPeriod = 0;
	p.eSpsPpsIdStrategy = CONSTANT_ID; p.iSpatialLayerNum = 1;
	p.sSpatialLayers[0].iVideoWidth = w; p.sSpatialLayers[0].iVideoHeight = h;
	p.sSpatialLayers[0].fFrameRate = fps;
	p.sSpatialLayers[0].iSpatialBitrate = p.sSpatialLayers[0].iMaxSpatialBitrate = kbps * 1000;
	p.sSpatialLayers[0].uiProfileIdc = PRO_BASELINE;
	p.sSpatialLayers[0].sSliceArgument.uiSliceMode = SM_SINGLE_SLICE;
	if ((*s->e)->InitializeExt(s->e, &p)) { WelsDestroySVCEncoder(s->e); free(s); return 0; }
	(*s->e)->SetOption(s->e, ENCODER_OPTION_DATAFORMAT, &format);
	return s;
}

// Returns the octets of the access unit, or -1; they stand in out, one layer after the other.
static int sim_h264_encode(sim_h264_encoder *s, int w, int h, unsigned char *y, unsigned char *u, unsigned char *v, int ys, int cs, int key) {
	SSourcePicture p;
	memset(&p, 0, sizeof p);
	p.iColorFormat = videoFormatI420; p.iPicWidth = w; p.iPicHeight = h;
	p.pData[0] = y; p.pData[1] = u; p.pData[2] = v;
	p.iStride[0] = ys; p.iStride[1] = p.iStride[2] = cs;
	p.uiTimeStamp = s->pts++ * 1000 / s->fps;
	if (key) (*s->e)->ForceIntraFrame(s->e, 1);
	memset(&s->out, 0, sizeof s->out);
	if ((*s->e)->EncodeFrame(s->e, &p, &s->out)) return -1;
	return s->out.eFrameType == videoFrameTypeSkip ? 0 : s->out.iFrameSizeInBytes;
}

static void sim_h264_copy(sim_h264_encoder *s, unsigned char *to) {
	for (int i = 0; i < s->out.iLayerNum; i++) {
		int n = 0;
		for (int k = 0; k < s->out.sLayerInfo[i].iNalCount; k++) n += s->out.sLayerInfo[i].pNalLengthInByte[k];
		memcpy(to, s->out.sLayerInfo[i].pBsBuf, n);
		to += n;
	}
}

static ISVCDecoder *sim_h264_decoder_new(void) {
	ISVCDecoder *d = 0;
	if (WelsCreateDecoder(&d)) return 0;
	int quiet = WELS_LOG_QUIET;
	(*d)->SetOption(d, DECODER_OPTION_TRACE_LEVEL, &quiet);
	SDecodingParam p;
	memset(&p, 0, sizeof p);
	p.sVideoProperty.eVideoBsType = VIDEO_BITSTREAM_AVC;
	p.eEcActiveIdc = ERROR_CON_DISABLE;
	if ((*d)->Initialize(d, &p)) { WelsDestroyDecoder(d); return 0; }
	return d;
}

static void sim_h264_decoder_free(ISVCDecoder *d) { (*d)->Uninitialize(d); WelsDestroyDecoder(d); }

typedef struct { int w, h, ys, cs; unsigned char *y, *u, *v; } sim_h264_picture;

static int sim_h264_decode(ISVCDecoder *d, const unsigned char *in, int n, sim_h264_picture *p) {
	unsigned char *planes[3] = {0, 0, 0};
	SBufferInfo info;
	memset(&info, 0, sizeof info);
	p->w = 0;
	int err = (*d)->DecodeFrameNoDelay(d, in, n, planes, &info);
	if (err || info.iBufferStatus != 1) return err;
	p->w = info.UsrData.sSystemBuffer.iWidth; p->h = info.UsrData.sSystemBuffer.iHeight;
	p->ys = info.UsrData.sSystemBuffer.iStride[0]; p->cs = info.UsrData.sSystemBuffer.iStride[1];
	p->y = planes[0]; p->u = planes[1]; p->v = planes[2];
	return 0;
}
*/
import "C"

import (
	"errors"
	"fmt"
	"image"
	"unsafe"
)

// Encoder makes one stream of constrained baseline. It is not safe for concurrent
// use; its owner must Close it.
type Encoder struct {
	c             *C.sim_h264_encoder
	width, height int
}

// NewEncoder returns an encoder of pictures of an even size, at fps frames a second
// and about kbps kilobits a second.
func NewEncoder(width, height, fps, kbps int) (*Encoder, error) {
	if width < 16 || height < 16 || width > 4096 || height > 2304 || width%2+height%2 != 0 || fps < 1 || kbps < 1 {
		return nil, fmt.Errorf("h264: cannot encode %dx%d at %d fps and %d kbit/s", width, height, fps, kbps)
	}
	c := C.sim_h264_encoder_new(C.int(width), C.int(height), C.int(fps), C.int(kbps))
	if c == nil {
		return nil, errors.New("h264: OpenH264 makes no encoder")
	}
	return &Encoder{c, width, height}, nil
}

// Encode returns the access unit of a picture with start codes; nil when the encoder
// left the picture out.
func (e *Encoder) Encode(img *image.YCbCr, key bool) ([]byte, error) {
	if b := img.Bounds(); b.Dx() != e.width || b.Dy() != e.height || img.SubsampleRatio != image.YCbCrSubsampleRatio420 {
		return nil, fmt.Errorf("h264: the picture is %v %v, want %dx%d 4:2:0", b, img.SubsampleRatio, e.width, e.height)
	}
	force := C.int(0)
	if key {
		force = 1
	}
	n := C.sim_h264_encode(e.c, C.int(e.width), C.int(e.height), plane(img.Y), plane(img.Cb), plane(img.Cr),
		C.int(img.YStride), C.int(img.CStride), force)
	if n < 0 {
		return nil, errors.New("h264: OpenH264 could not encode the picture")
	}
	if n == 0 {
		return nil, nil
	}
	unit := make([]byte, n)
	C.sim_h264_copy(e.c, plane(unit))
	return unit, nil
}

// Close frees the encoder. A second Close does nothing.
func (e *Encoder) Close() {
	if e.c != nil {
		C.sim_h264_encoder_free(e.c)
		e.c = nil
	}
}

// Decoder decodes one stream. It is not safe for concurrent use; its owner must
// Close it.
type Decoder struct{ c *C.ISVCDecoder }

// NewDecoder returns a decoder that waits for a keyframe.
func NewDecoder() (*Decoder, error) {
	c := C.sim_h264_decoder_new()
	if c == nil {
		return nil, errors.New("h264: OpenH264 makes no decoder")
	}
	return &Decoder{c}, nil
}

var errNoPicture = errors.New("h264: the access unit has no picture that can be decoded")

// Decode returns the picture of an access unit with start codes: a copy if into is
// nil, else into itself when it has the right size.
func (d *Decoder) Decode(unit []byte, into *image.YCbCr) (*image.YCbCr, error) {
	if len(unit) < 5 || len(unit) > 4<<20 {
		return nil, errNoPicture
	}
	var p C.sim_h264_picture
	if err := C.sim_h264_decode(d.c, plane(unit), C.int(len(unit)), &p); err != 0 || p.w == 0 {
		return nil, errNoPicture
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
		C.sim_h264_decoder_free(d.c)
		d.c = nil
	}
}

func plane(b []byte) *C.uchar { return (*C.uchar)(unsafe.SliceData(b)) }
