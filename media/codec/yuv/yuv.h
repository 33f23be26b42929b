// One picture of each call: three planes, their strides and the size.
#ifndef TANDEM_YUV_H
#define TANDEM_YUV_H

#include <stdint.h>

void tandem_copy(const uint8_t *y, const uint8_t *u, const uint8_t *v, int sy, int sc,
                 uint8_t *dy, uint8_t *du, uint8_t *dv, int dsy, int dsc, int w, int h);
int tandem_scale(const uint8_t *y, const uint8_t *u, const uint8_t *v, int sy, int sc, int w, int h,
                 uint8_t *dy, uint8_t *du, uint8_t *dv, int dsy, int dsc, int dw, int dh, int filter);
int tandem_letterbox(const uint8_t *y, const uint8_t *u, const uint8_t *v, int sy, int sc, int w, int h,
                     uint8_t *dy, uint8_t *du, uint8_t *dv, int dsy, int dsc, int dw, int dh,
                     int fx, int fy, int fw, int fh, int filter);
int tandem_rotate(const uint8_t *y, const uint8_t *u, const uint8_t *v, int sy, int sc, int w, int h,
                  uint8_t *dy, uint8_t *du, uint8_t *dv, int dsy, int dsc, int degrees);
void tandem_fill(uint8_t *y, uint8_t *u, uint8_t *v, int sy, int sc, int w, int h, int ly, int cu, int cv);
void tandem_chroma(uint8_t *u, uint8_t *v, int sc, int cw, int ch, int value);
int tandem_blend(const uint8_t *y, const uint8_t *u, const uint8_t *v, int sy, int sc, const uint8_t *alpha, int sa,
                 uint8_t *dy, uint8_t *du, uint8_t *dv, int dsy, int dsc, int w, int h);
void tandem_from_rgba(const uint8_t *rgba, int sr, uint8_t *y, uint8_t *u, uint8_t *v, int sy, int sc, int w, int h);
void tandem_to_rgba(const uint8_t *y, const uint8_t *u, const uint8_t *v, int sy, int sc, uint8_t *rgba, int sr, int w, int h);

#endif
