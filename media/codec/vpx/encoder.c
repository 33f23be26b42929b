//go:build cgo

#include "vp8.h"

#include <libyuv.h>
#include <stdlib.h>
#include <string.h>
#include <vpx/vp8cx.h>
#include <vpx/vpx_encoder.h>

struct tandem_encoder {
	int layers, opened, temporal, frame_rate;
	vpx_codec_ctx_t codec[tandem_layers];
	vpx_codec_enc_cfg_t config[tandem_layers];
	uint8_t *scaled[tandem_layers]; // the source at each layer's size; the first only when it differs
	tandem_coded coded[tandem_layers];
};

// What a temporal layer gets of the bit rate, in percent, with all layers below it.
static const int share[3][3] = {{100}, {60, 100}, {40, 60, 100}};

static int layer_id(int layers, int position) {
	static const int id[3][4] = {{0}, {0, 1, 0, 1}, {0, 2, 1, 2}};
	return id[layers - 1][position & 3];
}

static void temporal_layers(vpx_codec_enc_cfg_t *c, int n) {
	c->ts_number_layers = n;
	c->ts_periodicity = n == 3 ? 4 : n;
	for (int i = 0; i < n; i++) {
		c->ts_rate_decimator[i] = 1 << (n - 1 - i);
		c->ts_target_bitrate[i] = c->rc_target_bitrate * share[n - 1][i] / 100;
	}
	for (unsigned i = 0; i < c->ts_periodicity; i++) c->ts_layer_id[i] = layer_id(n, i);
	c->g_error_resilient = n > 1 ? VPX_ERROR_RESILIENT_DEFAULT : 0;
}

static void configure(vpx_codec_enc_cfg_t *c, const tandem_config *t, int i) {
	vpx_codec_enc_config_default(vpx_codec_vp8_cx(), c, 0);
	c->g_w = t->width[i];
	c->g_h = t->height[i];
	c->g_threads = 1; // more threads give long tails on a busy machine
	c->g_timebase.num = 1;
	c->g_timebase.den = 90000;
	c->g_lag_in_frames = 0;
	c->g_pass = VPX_RC_ONE_PASS;
	c->rc_end_usage = VPX_CBR;
	c->rc_target_bitrate = t->kbps[i];
	c->rc_min_quantizer = 2;
	c->rc_max_quantizer = 56;
	c->rc_undershoot_pct = 100;
	c->rc_overshoot_pct = 15;
	c->rc_buf_initial_sz = 500;
	c->rc_buf_optimal_sz = 600;
	c->rc_buf_sz = 1000;
	c->rc_dropframe_thresh = t->drop ? 30 : 0;
	c->rc_resize_allowed = 0;
	c->kf_mode = VPX_KF_AUTO;
	c->kf_min_dist = 0;
	c->kf_max_dist = 3000;
	temporal_layers(c, t->temporal);
}

static int controls(vpx_codec_ctx_t *c, const tandem_config *t) {
	int err = vpx_codec_control(c, VP8E_SET_CPUUSED, -t->speed);
	if (!err) err = vpx_codec_control(c, VP8E_SET_STATIC_THRESHOLD, t->screen ? 100 : 1);
	if (!err) err = vpx_codec_control(c, VP8E_SET_TOKEN_PARTITIONS, VP8_ONE_TOKENPARTITION);
	if (!err) err = vpx_codec_control(c, VP8E_SET_MAX_INTRA_BITRATE_PCT, 300);
	if (!err) err = vpx_codec_control(c, VP8E_SET_NOISE_SENSITIVITY, 0);
	if (!err && t->screen) err = vpx_codec_control(c, VP8E_SET_SCREEN_CONTENT_MODE, 1);
	return err;
}

static size_t picture_size(int w, int h) {
	return (size_t)w * h + 2 * ((size_t)((w + 1) / 2) * ((h + 1) / 2));
}

static int open_codecs(tandem_encoder *e) {
	if (e->layers == 1) return vpx_codec_enc_init(&e->codec[0], vpx_codec_vp8_cx(), &e->config[0], 0);
	// By how much each layer is larger than the next; the last has none below it.
	vpx_rational_t factor[tandem_layers];
	for (int i = 0; i < e->layers; i++) {
		factor[i].num = i + 1 < e->layers ? 2 : 1;
		factor[i].den = 1;
	}
	return vpx_codec_enc_init_multi(e->codec, vpx_codec_vp8_cx(), e->config, e->layers, 0, factor);
}

tandem_encoder *tandem_encoder_new(const tandem_config *t, int *err) {
	tandem_encoder *e = calloc(1, sizeof *e);
	*err = VPX_CODEC_MEM_ERROR;
	if (!e) return NULL;
	e->layers = t->layers;
	e->temporal = t->temporal;
	e->frame_rate = t->frame_rate;
	for (int i = 0; i < e->layers; i++) {
		configure(&e->config[i], t, i);
		e->scaled[i] = malloc(picture_size(t->width[i], t->height[i]));
		if (!e->scaled[i]) goto failed;
	}
	if ((*err = open_codecs(e))) goto failed;
	e->opened = 1;
	for (int i = 0; i < e->layers; i++) {
		if ((*err = controls(&e->codec[i], t))) goto failed;
	}
	return e;
failed:
	tandem_encoder_free(e);
	return NULL;
}

void tandem_encoder_free(tandem_encoder *e) {
	if (!e) return;
	for (int i = 0; i < e->layers; i++) {
		if (e->opened) vpx_codec_destroy(&e->codec[i]);
		free(e->scaled[i]);
	}
	free(e);
}

int tandem_encoder_rates(tandem_encoder *e, int top, int middle, int low, int frame_rate) {
	const int kbps[tandem_layers] = {top, middle, low};
	e->frame_rate = frame_rate;
	for (int i = 0; i < e->layers; i++) {
		if (e->config[i].rc_target_bitrate == (unsigned)kbps[i]) continue;
		e->config[i].rc_target_bitrate = kbps[i];
		temporal_layers(&e->config[i], e->temporal);
		int err = vpx_codec_enc_config_set(&e->codec[i], &e->config[i]);
		if (err) return err;
	}
	return VPX_CODEC_OK;
}

static void wrap(vpx_image_t *im, int w, int h, const uint8_t *y, const uint8_t *u, const uint8_t *v, int sy, int sc) {
	vpx_img_wrap(im, VPX_IMG_FMT_I420, w, h, 1, (uint8_t *)y);
	im->planes[0] = (uint8_t *)y;
	im->planes[1] = (uint8_t *)u;
	im->planes[2] = (uint8_t *)v;
	im->stride[0] = sy;
	im->stride[1] = im->stride[2] = sc;
}

// shrink makes the picture of one layer from one that is at least as large, which
// for the lower layers is the layer above: each pass reads as little as possible.
static void shrink(tandem_encoder *e, int i, const vpx_image_t *from, vpx_image_t *to) {
	int w = e->config[i].g_w, h = e->config[i].g_h, cw = (w + 1) / 2;
	uint8_t *y = e->scaled[i], *u = y + (size_t)w * h, *v = u + (size_t)cw * ((h + 1) / 2);
	int half = w * 2 <= (int)from->d_w && h * 2 <= (int)from->d_h;
	I420Scale(from->planes[0], from->stride[0], from->planes[1], from->stride[1], from->planes[2], from->stride[2],
	          from->d_w, from->d_h, y, w, u, cw, v, cw, w, h, half ? kFilterBox : kFilterBilinear);
	wrap(to, w, h, y, u, v, w, cw);
}

static void layer_pictures(tandem_encoder *e, const vpx_image_t *source, vpx_image_t *images) {
	const vpx_image_t *from = source;
	for (int i = 0; i < e->layers; i++) {
		const vpx_codec_enc_cfg_t *c = &e->config[i];
		if (c->g_w == source->d_w && c->g_h == source->d_h) {
			images[i] = *source;
		} else if (c->rc_target_bitrate) {
			shrink(e, i, from, &images[i]);
		} else { // a layer that is off is not looked at
			wrap(&images[i], c->g_w, c->g_h, e->scaled[i], e->scaled[i], e->scaled[i], c->g_w, (c->g_w + 1) / 2);
			continue;
		}
		from = &images[i];
	}
}

// What a frame of the pattern of temporal layers may use and change: the base layer
// the last picture, the middle of three the golden one, the top nothing.
static vpx_enc_frame_flags_t temporal_flags(int layers, int position) {
	const vpx_enc_frame_flags_t base = VP8_EFLAG_NO_UPD_ARF | VP8_EFLAG_NO_REF_ARF | VP8_EFLAG_NO_UPD_GF | VP8_EFLAG_NO_REF_GF;
	const vpx_enc_frame_flags_t top = base | VP8_EFLAG_NO_UPD_LAST | VP8_EFLAG_NO_UPD_ENTROPY;
	if (layers == 1) return 0;
	if (layers == 2) return position & 1 ? top : base;
	switch (position & 3) {
	case 0: return base;
	case 2: return (base | VP8_EFLAG_NO_UPD_LAST) & ~VP8_EFLAG_NO_UPD_GF;
	case 3: return top & ~VP8_EFLAG_NO_REF_GF;
	}
	return top;
}

static int collect(tandem_encoder *e) {
	int total = 0;
	for (int i = 0; i < e->layers; i++) {
		vpx_codec_iter_t it = NULL;
		const vpx_codec_cx_pkt_t *p;
		memset(&e->coded[i], 0, sizeof e->coded[i]);
		if (!e->config[i].rc_target_bitrate) continue;
		while ((p = vpx_codec_get_cx_data(&e->codec[i], &it))) {
			if (p->kind != VPX_CODEC_CX_FRAME_PKT || e->coded[i].size) continue;
			e->coded[i].data = p->data.frame.buf;
			e->coded[i].size = (int)p->data.frame.sz;
			e->coded[i].key = (p->data.frame.flags & VPX_FRAME_IS_KEY) != 0;
			e->coded[i].discard = (p->data.frame.flags & VPX_FRAME_IS_DROPPABLE) != 0;
			total += e->coded[i].size;
		}
	}
	return total;
}

int tandem_encoder_copy(tandem_encoder *e, uint8_t *out, int room) {
	int total = 0;
	for (int i = 0; i < e->layers; i++) total += e->coded[i].size;
	if (total > room) return total;
	for (int i = 0; i < e->layers; i++) {
		if (!e->coded[i].size) continue;
		memcpy(out, e->coded[i].data, e->coded[i].size);
		out += e->coded[i].size;
	}
	return total;
}

int tandem_encode(tandem_encoder *e, const uint8_t *y, const uint8_t *u, const uint8_t *v, int sy, int sc, int w, int h,
                  int64_t pts, int duration, int keys, int position, uint8_t *out, int room) {
	vpx_image_t source, images[tandem_layers];
	wrap(&source, w, h, y, u, v, sy, sc);
	layer_pictures(e, &source, images);
	for (int i = 0; i < e->layers; i++) {
		int key = keys >> i & 1;
		vpx_enc_frame_flags_t flags = key ? VPX_EFLAG_FORCE_KF : temporal_flags(e->temporal, position);
		int err = vpx_codec_control(&e->codec[i], VP8E_SET_FRAME_FLAGS, (int)flags);
		if (!err && e->temporal > 1) err = vpx_codec_control(&e->codec[i], VP8E_SET_TEMPORAL_LAYER_ID, layer_id(e->temporal, position));
		if (err) return -err;
	}
	int err = vpx_codec_encode(&e->codec[0], images, pts, duration, 0, VPX_DL_REALTIME);
	if (err) return -err;
	int total = collect(e);
	if (total <= room) tandem_encoder_copy(e, out, room);
	return total;
}

const tandem_coded *tandem_encoder_coded(tandem_encoder *e) { return e->coded; }
