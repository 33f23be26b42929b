//go:build cgo

#include "vp8.h"

#include <stdlib.h>
#include <vpx/vp8dx.h>
#include <vpx/vpx_decoder.h>

tandem_decoder *tandem_decoder_new(int *err) {
	tandem_decoder *d = calloc(1, sizeof *d);
	vpx_codec_ctx_t *c = calloc(1, sizeof *c);
	vpx_codec_dec_cfg_t config = {.threads = 1};
	*err = VPX_CODEC_MEM_ERROR;
	if (d && c && !(*err = vpx_codec_dec_init(c, vpx_codec_vp8_dx(), &config, 0))) {
		d->codec = c;
		return d;
	}
	free(c);
	free(d);
	return NULL;
}

void tandem_decoder_free(tandem_decoder *d) {
	if (!d) return;
	vpx_codec_destroy(d->codec);
	free(d->codec);
	free(d);
}

int tandem_decode(tandem_decoder *d, const uint8_t *data, int size) {
	d->w = d->h = d->corrupt = 0;
	int err = vpx_codec_decode(d->codec, data, size, NULL, 0);
	vpx_codec_iter_t it = NULL;
	vpx_image_t *im;
	while ((im = vpx_codec_get_frame(d->codec, &it))) {
		d->y = im->planes[VPX_PLANE_Y];
		d->u = im->planes[VPX_PLANE_U];
		d->v = im->planes[VPX_PLANE_V];
		d->sy = im->stride[VPX_PLANE_Y];
		d->sc = im->stride[VPX_PLANE_U];
		d->w = im->d_w;
		d->h = im->d_h;
	}
	vpx_codec_control((vpx_codec_ctx_t *)d->codec, VP8D_GET_FRAME_CORRUPTED, &d->corrupt);
	return err;
}

const char *tandem_error(int err) { return vpx_codec_err_to_string(err); }
