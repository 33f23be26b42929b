// The floor of P-6: what the bare libraries take for one frame of a video call, in one
// thread and without a gateway around them. Decodes the room's H.264, makes the three
// VP8 layers of it; decodes eight participants (one of 720p, seven of 180p), puts
// them together, encodes the picture as H.264. Reads the streams that bench/video
// makes: the number of frames, their sizes, their octets (all 32 bits, as the machine
// has them). Prints CPU milliseconds for each frame, whole and in parts.
//
//	floor-video ROOM.pk LARGE.pk SMALL.pk FRAMES
#include <libyuv.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <vpx/vp8cx.h>
#include <vpx/vp8dx.h>
#include <vpx/vpx_decoder.h>
#include <vpx/vpx_encoder.h>
#include <wels/codec_api.h>

enum { W = 1280, H = 720, LAYERS = 3, PEOPLE = 8 };

typedef struct {
	int frames;
	int *size;
	uint8_t **data;
} stream;

static double cpu(void) {
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec * 1e3 + t.tv_nsec * 1e-6;
}

static void fail(const char *what) {
	fprintf(stderr, "floor-video: %s\n", what);
	exit(1);
}

static stream load(const char *name) {
	FILE *f = fopen(name, "rb");
	int n = 0;
	if (!f || fread(&n, 4, 1, f) != 1 || n < 1 || n > 10000) fail(name);
	stream s = {n, malloc(n * sizeof(int)), malloc(n * sizeof(uint8_t *))};
	if (fread(s.size, 4, n, f) != (size_t)n) fail(name);
	for (int i = 0; i < n; i++) {
		s.data[i] = malloc(s.size[i]);
		if (fread(s.data[i], 1, s.size[i], f) != (size_t)s.size[i]) fail(name);
	}
	fclose(f);
	return s;
}

typedef struct {
	uint8_t *y, *u, *v;
	int w, h;
} picture;

static picture make(int w, int h) {
	uint8_t *b = malloc(w * h * 3 / 2);
	memset(b, 128, w * h * 3 / 2);
	return (picture){b, b + w * h, b + w * h * 5 / 4, w, h};
}

static void scale(const uint8_t *const *p, const int *stride, int w, int h, picture d, int x, int y, int dw, int dh, int stride_d, int filter) {
	long c = (long)(y / 2) * (stride_d / 2) + x / 2;
	I420Scale(p[0], stride[0], p[1], stride[1], p[2], stride[1], w, h, d.y + (long)y * stride_d + x, stride_d, d.u + c, stride_d / 2,
	          d.v + c, stride_d / 2, dw, dh, filter);
}

static ISVCDecoder *h264_decoder(void) {
	ISVCDecoder *d;
	SDecodingParam p;
	memset(&p, 0, sizeof p);
	p.sVideoProperty.eVideoBsType = VIDEO_BITSTREAM_AVC;
	p.eEcActiveIdc = ERROR_CON_SLICE_COPY;
	int quiet = WELS_LOG_QUIET;
	if (WelsCreateDecoder(&d)) fail("H.264 decoder");
	(*d)->SetOption(d, DECODER_OPTION_TRACE_LEVEL, &quiet);
	if ((*d)->Initialize(d, &p)) fail("H.264 decoder");
	return d;
}

static ISVCEncoder *h264_encoder(void) {
	ISVCEncoder *e;
	SEncParamExt p;
	int quiet = WELS_LOG_QUIET, format = videoFormatI420;
	if (WelsCreateSVCEncoder(&e)) fail("H.264 encoder");
	(*e)->SetOption(e, ENCODER_OPTION_TRACE_LEVEL, &quiet);
	(*e)->GetDefaultParams(e, &p);
	p.iUsageType = CAMERA_VIDEO_REAL_TIME;
	p.iPicWidth = p.sSpatialLayers[0].iVideoWidth = W;
	p.iPicHeight = p.sSpatialLayers[0].iVideoHeight = H;
	p.fMaxFrameRate = p.sSpatialLayers[0].fFrameRate = 30;
	p.iTargetBitrate = p.sSpatialLayers[0].iSpatialBitrate = 1500000;
	p.iMaxBitrate = p.sSpatialLayers[0].iMaxSpatialBitrate = 1800000;
	p.iRCMode = RC_BITRATE_MODE;
	p.iComplexityMode = LOW_COMPLEXITY;
	p.bEnableFrameSkip = 0;
	p.iMultipleThreadIdc = 1;
	p.bEnableBackgroundDetection = 1;
	p.bEnableAdaptiveQuant = 0;
	p.iSpatialLayerNum = p.iTemporalLayerNum = 1;
	p.sSpatialLayers[0].sSliceArgument.uiSliceMode = SM_SINGLE_SLICE;
	p.sSpatialLayers[0].uiProfileIdc = PRO_BASELINE;
	if ((*e)->InitializeExt(e, &p)) fail("H.264 encoder");
	(*e)->SetOption(e, ENCODER_OPTION_DATAFORMAT, &format);
	return e;
}

static void vp8_encoders(vpx_codec_ctx_t *c) {
	static const int kbps[LAYERS] = {1400, 450, 150};
	vpx_codec_enc_cfg_t cfg[LAYERS];
	vpx_rational_t factor[LAYERS] = {{2, 1}, {2, 1}, {1, 1}};
	for (int i = 0; i < LAYERS; i++) {
		vpx_codec_enc_config_default(vpx_codec_vp8_cx(), &cfg[i], 0);
		cfg[i].g_w = W >> i;
		cfg[i].g_h = H >> i;
		cfg[i].g_threads = 1;
		cfg[i].g_timebase.num = 1;
		cfg[i].g_timebase.den = 30;
		cfg[i].g_error_resilient = 0;
		cfg[i].rc_end_usage = VPX_CBR;
		cfg[i].rc_target_bitrate = kbps[i];
		cfg[i].rc_min_quantizer = 2;
		cfg[i].rc_max_quantizer = 56;
		cfg[i].rc_undershoot_pct = 100;
		cfg[i].rc_overshoot_pct = 15;
		cfg[i].rc_buf_initial_sz = 500;
		cfg[i].rc_buf_optimal_sz = 600;
		cfg[i].rc_buf_sz = 1000;
		cfg[i].kf_max_dist = 3000;
	}
	if (vpx_codec_enc_init_multi(c, vpx_codec_vp8_cx(), cfg, LAYERS, 0, factor)) fail("VP8 encoder");
	for (int i = 0; i < LAYERS; i++) {
		vpx_codec_control(&c[i], VP8E_SET_STATIC_THRESHOLD, 1);
		vpx_codec_control(&c[i], VP8E_SET_CPUUSED, -6);
		vpx_codec_control(&c[i], VP8E_SET_TOKEN_PARTITIONS, 0);
		vpx_codec_control(&c[i], VP8E_SET_MAX_INTRA_BITRATE_PCT, 300);
	}
}

int main(int argc, char **argv) {
	if (argc != 5) fail("ROOM.pk LARGE.pk SMALL.pk FRAMES");
	stream room = load(argv[1]), large = load(argv[2]), small = load(argv[3]);
	int frames = atoi(argv[4]);
	ISVCDecoder *room_in = h264_decoder();
	ISVCEncoder *room_out = h264_encoder();
	vpx_codec_ctx_t layers[LAYERS], people[PEOPLE];
	vpx_codec_dec_cfg_t one = {.threads = 1};
	vp8_encoders(layers);
	for (int i = 0; i < PEOPLE; i++) {
		if (vpx_codec_dec_init(&people[i], vpx_codec_vp8_dx(), &one, 0)) fail("VP8 decoder");
	}
	picture half = make(W / 2, H / 2), quarter = make(W / 4, H / 4), canvas = make(W, H);
	static const int x[PEOPLE] = {0, 960, 960, 960, 0, 320, 640, 960}, y[PEOPLE] = {0, 0, 180, 360, 540, 540, 540, 540};
	double part[6] = {0};
	long octets = 0;
	for (int n = -10; n < frames; n++) {
		if (n == 0) memset(part, 0, sizeof part); // what comes before is to warm up
		int i = (n + 10) % room.frames;
		double t0 = cpu();
		uint8_t *p[3] = {0};
		SBufferInfo info;
		memset(&info, 0, sizeof info);
		(*room_in)->DecodeFrameNoDelay(room_in, room.data[i], room.size[i], p, &info);
		if (info.iBufferStatus != 1) fail("the room's picture");
		double t1 = cpu();
		const int *stride = info.UsrData.sSystemBuffer.iStride;
		scale((const uint8_t *const *)p, stride, W, H, half, 0, 0, W / 2, H / 2, W / 2, kFilterBox);
		const uint8_t *hp[3] = {half.y, half.u, half.v};
		const int hs[2] = {W / 2, W / 4};
		scale(hp, hs, W / 2, H / 2, quarter, 0, 0, W / 4, H / 4, W / 4, kFilterBox);
		vpx_image_t im[LAYERS];
		vpx_img_wrap(&im[0], VPX_IMG_FMT_I420, W, H, 1, p[0]);
		im[0].planes[1] = p[1];
		im[0].planes[2] = p[2];
		im[0].stride[0] = stride[0];
		im[0].stride[1] = im[0].stride[2] = stride[1];
		vpx_img_wrap(&im[1], VPX_IMG_FMT_I420, W / 2, H / 2, 1, half.y);
		vpx_img_wrap(&im[2], VPX_IMG_FMT_I420, W / 4, H / 4, 1, quarter.y);
		double t2 = cpu();
		if (vpx_codec_encode(&layers[0], im, n + 10, 1, 0, VPX_DL_REALTIME)) fail("VP8 encode");
		for (int l = 0; l < LAYERS; l++) {
			vpx_codec_iter_t it = NULL;
			const vpx_codec_cx_pkt_t *k;
			while ((k = vpx_codec_get_cx_data(&layers[l], &it))) octets += k->kind == VPX_CODEC_CX_FRAME_PKT ? (long)k->data.frame.sz : 0;
		}
		double t3 = cpu();
		part[0] += t1 - t0;
		part[1] += t2 - t1;
		part[2] += t3 - t2;
		for (int k = 0; k < PEOPLE; k++) {
			stream *s = k ? &small : &large;
			double a = cpu();
			vpx_codec_decode(&people[k], s->data[i % s->frames], s->size[i % s->frames], NULL, 0);
			vpx_codec_iter_t it = NULL;
			vpx_image_t *got = vpx_codec_get_frame(&people[k], &it);
			if (!got) fail("a participant's picture");
			double b = cpu();
			scale((const uint8_t *const *)got->planes, got->stride, got->d_w, got->d_h, canvas, x[k], y[k], k ? 320 : 960, k ? 180 : 540, W,
			      kFilterBilinear);
			part[3] += b - a;
			part[4] += cpu() - b;
		}
		double t4 = cpu();
		SSourcePicture s;
		SFrameBSInfo o;
		memset(&s, 0, sizeof s);
		memset(&o, 0, sizeof o);
		s.iColorFormat = videoFormatI420;
		s.iPicWidth = W;
		s.iPicHeight = H;
		s.iStride[0] = W;
		s.iStride[1] = s.iStride[2] = W / 2;
		s.pData[0] = canvas.y;
		s.pData[1] = canvas.u;
		s.pData[2] = canvas.v;
		s.uiTimeStamp = (n + 10) * 33;
		if ((*room_out)->EncodeFrame(room_out, &s, &o)) fail("H.264 encode");
		octets += o.iFrameSizeInBytes;
		part[5] += cpu() - t4;
	}
	double all = 0;
	for (int i = 0; i < 6; i++) all += part[i];
	printf("%.4f", all / frames);
	for (int i = 0; i < 6; i++) printf(" %.4f", part[i] / frames);
	printf(" %ld\n", octets);
	return 0;
}
