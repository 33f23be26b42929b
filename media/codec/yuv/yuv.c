//go:build cgo

#include "yuv.h"

#include <libyuv.h>
#include <string.h>

void tandem_copy(const uint8_t *y, const uint8_t *u, const uint8_t *v, int sy, int sc,
                 uint8_t *dy, uint8_t *du, uint8_t *dv, int dsy, int dsc, int w, int h) {
	I420Copy(y, sy, u, sc, v, sc, dy, dsy, du, dsc, dv, dsc, w, h);
}

int tandem_scale(const uint8_t *y, const uint8_t *u, const uint8_t *v, int sy, int sc, int w, int h,
                 uint8_t *dy, uint8_t *du, uint8_t *dv, int dsy, int dsc, int dw, int dh, int filter) {
	if (w == dw && h == dh) return I420Copy(y, sy, u, sc, v, sc, dy, dsy, du, dsc, dv, dsc, w, h);
	return I420Scale(y, sy, u, sc, v, sc, w, h, dy, dsy, du, dsc, dv, dsc, dw, dh, (enum FilterMode)filter);
}

int tandem_letterbox(const uint8_t *y, const uint8_t *u, const uint8_t *v, int sy, int sc, int w, int h,
                     uint8_t *dy, uint8_t *du, uint8_t *dv, int dsy, int dsc, int dw, int dh,
                     int fx, int fy, int fw, int fh, int filter) {
	// The bars only: what is under the picture is written once.
	if (fy > 0) I420Rect(dy, dsy, du, dsc, dv, dsc, 0, 0, dw, fy, 16, 128, 128);
	if (fy + fh < dh) I420Rect(dy, dsy, du, dsc, dv, dsc, 0, fy + fh, dw, dh - fy - fh, 16, 128, 128);
	if (fx > 0) I420Rect(dy, dsy, du, dsc, dv, dsc, 0, fy, fx, fh, 16, 128, 128);
	if (fx + fw < dw) I420Rect(dy, dsy, du, dsc, dv, dsc, fx + fw, fy, dw - fx - fw, fh, 16, 128, 128);
	long c = (long)(fy / 2) * dsc + fx / 2;
	return tandem_scale(y, u, v, sy, sc, w, h, dy + (long)fy * dsy + fx, du + c, dv + c, dsy, dsc, fw, fh, filter);
}

int tandem_rotate(const uint8_t *y, const uint8_t *u, const uint8_t *v, int sy, int sc, int w, int h,
                  uint8_t *dy, uint8_t *du, uint8_t *dv, int dsy, int dsc, int degrees) {
	return I420Rotate(y, sy, u, sc, v, sc, dy, dsy, du, dsc, dv, dsc, w, h, (enum RotationMode)degrees);
}

void tandem_fill(uint8_t *y, uint8_t *u, uint8_t *v, int sy, int sc, int w, int h, int ly, int cu, int cv) {
	if (w <= 16) { // libyuv takes long to begin a row
		for (int i = 0; i < h; i++) memset(y + (long)i * sy, ly, w);
		for (int i = 0; i < (h + 1) / 2; i++) {
			memset(u + (long)i * sc, cu, (w + 1) / 2);
			memset(v + (long)i * sc, cv, (w + 1) / 2);
		}
		return;
	}
	I420Rect(y, sy, u, sc, v, sc, 0, 0, w, h, ly, cu, cv);
}

void tandem_chroma(uint8_t *u, uint8_t *v, int sc, int cw, int ch, int value) {
	SetPlane(u, sc, cw, ch, value);
	SetPlane(v, sc, cw, ch, value);
}

int tandem_blend(const uint8_t *y, const uint8_t *u, const uint8_t *v, int sy, int sc, const uint8_t *alpha, int sa,
                 uint8_t *dy, uint8_t *du, uint8_t *dv, int dsy, int dsc, int w, int h) {
	return I420Blend(y, sy, u, sc, v, sc, dy, dsy, du, dsc, dv, dsc, alpha, sa, dy, dsy, du, dsc, dv, dsc, w, h);
}

// Go's RGBA is libyuv's ABGR, which is named from the high octet of a word down.
void tandem_from_rgba(const uint8_t *rgba, int sr, uint8_t *y, uint8_t *u, uint8_t *v, int sy, int sc, int w, int h) {
	ABGRToI420(rgba, sr, y, sy, u, sc, v, sc, w, h);
}

void tandem_to_rgba(const uint8_t *y, const uint8_t *u, const uint8_t *v, int sy, int sc, uint8_t *rgba, int sr, int w, int h) {
	I420ToABGR(y, sy, u, sc, v, sc, rgba, sr, w, h);
}
