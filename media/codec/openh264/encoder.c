//go:build cgo

#include "h264.h"

#include <stdlib.h>
#include <string.h>
#include <wels/codec_api.h>

struct tandem_h264_encoder {
	ISVCEncoder *codec;
	int opened, bitrate, max_bitrate;
	float frame_rate;
	SFrameBSInfo info;
};

static void configure(SEncParamExt *p, const tandem_h264_config *c) {
	p->iUsageType = c->screen ? SCREEN_CONTENT_REAL_TIME : CAMERA_VIDEO_REAL_TIME;
	p->iPicWidth = c->width;
	p->iPicHeight = c->height;
	p->fMaxFrameRate = c->frame_rate;
	p->iTargetBitrate = c->bitrate;
	p->iMaxBitrate = c->max_bitrate;
	p->iRCMode = RC_BITRATE_MODE;
	p->iComplexityMode = LOW_COMPLEXITY;
	p->bEnableFrameSkip = c->drop != 0;
	p->iMultipleThreadIdc = 1;
	p->uiIntraPeriod = 0; // keyframes when they are asked for
	p->iEntropyCodingModeFlag = 0;
	p->bEnableDenoise = 0;
	// It keeps what hardly changes as it was, which costs 0.8 dB of a composed picture and
	// saves no time.
	p->bEnableBackgroundDetection = 0;
	p->bEnableAdaptiveQuant = 0;
	p->bEnableSceneChangeDetect = 1;
	// Constant ids: parameter sets that were sent out of band stay the right ones.
	p->eSpsPpsIdStrategy = CONSTANT_ID;
	p->iSpatialLayerNum = 1;
	p->iTemporalLayerNum = 1;
	SSpatialLayerConfig *l = &p->sSpatialLayers[0];
	l->iVideoWidth = c->width;
	l->iVideoHeight = c->height;
	l->fFrameRate = c->frame_rate;
	l->iSpatialBitrate = c->bitrate;
	l->iMaxSpatialBitrate = c->max_bitrate;
	l->uiProfileIdc = PRO_BASELINE;
	l->sSliceArgument.uiSliceMode = SM_SINGLE_SLICE;
	if (c->max_nal) {
		l->sSliceArgument.uiSliceMode = SM_SIZELIMITED_SLICE;
		l->sSliceArgument.uiSliceSizeConstraint = c->max_nal;
		p->uiMaxNalSize = c->max_nal;
	}
}

tandem_h264_encoder *tandem_h264_encoder_new(const tandem_h264_config *c, int *err) {
	tandem_h264_encoder *e = calloc(1, sizeof *e);
	*err = cmMallocMemeError;
	if (!e) return NULL;
	if ((*err = WelsCreateSVCEncoder(&e->codec))) goto failed;
	int quiet = WELS_LOG_QUIET, format = videoFormatI420;
	(*e->codec)->SetOption(e->codec, ENCODER_OPTION_TRACE_LEVEL, &quiet);
	SEncParamExt p;
	if ((*err = (*e->codec)->GetDefaultParams(e->codec, &p))) goto failed;
	configure(&p, c);
	if ((*err = (*e->codec)->InitializeExt(e->codec, &p))) goto failed;
	e->opened = 1;
	if ((*err = (*e->codec)->SetOption(e->codec, ENCODER_OPTION_DATAFORMAT, &format))) goto failed;
	e->bitrate = c->bitrate;
	e->max_bitrate = c->max_bitrate;
	e->frame_rate = c->frame_rate;
	return e;
failed:
	tandem_h264_encoder_free(e);
	return NULL;
}

void tandem_h264_encoder_free(tandem_h264_encoder *e) {
	if (!e) return;
	if (e->opened) (*e->codec)->Uninitialize(e->codec);
	if (e->codec) WelsDestroySVCEncoder(e->codec);
	free(e);
}

// set_rate sets a rate of the only layer, and then of all: the maximum of all does not
// reach the layer by itself.
static int set_rate(tandem_h264_encoder *e, ENCODER_OPTION which, int bitrate) {
	SBitrateInfo layer = {.iLayer = SPATIAL_LAYER_0, .iBitrate = bitrate};
	SBitrateInfo all = {.iLayer = SPATIAL_LAYER_ALL, .iBitrate = bitrate};
	int err = (*e->codec)->SetOption(e->codec, which, &layer);
	return err ? err : (*e->codec)->SetOption(e->codec, which, &all);
}

int tandem_h264_rates(tandem_h264_encoder *e, int bitrate, int max_bitrate, float frame_rate) {
	int err = 0;
	if (frame_rate != e->frame_rate) {
		if ((err = (*e->codec)->SetOption(e->codec, ENCODER_OPTION_FRAME_RATE, &frame_rate))) return err;
		e->frame_rate = frame_rate;
	}
	if (bitrate == e->bitrate && max_bitrate == e->max_bitrate) return 0;
	// The maximum must never be below the rate: it goes first on the way up and last
	// on the way down. A rate above the maximum is refused.
	int up = max_bitrate >= e->max_bitrate;
	if (up) err = set_rate(e, ENCODER_OPTION_MAX_BITRATE, max_bitrate);
	if (!err) err = set_rate(e, ENCODER_OPTION_BITRATE, bitrate);
	if (!err && !up) err = set_rate(e, ENCODER_OPTION_MAX_BITRATE, max_bitrate);
	if (err) return err;
	e->bitrate = bitrate;
	e->max_bitrate = max_bitrate;
	return 0;
}

int tandem_h264_copy(tandem_h264_encoder *e, uint8_t *out, int room) {
	int total = 0;
	if (e->info.eFrameType == videoFrameTypeSkip) return 0;
	for (int i = 0; i < e->info.iLayerNum; i++) {
		const SLayerBSInfo *l = &e->info.sLayerInfo[i];
		int size = 0;
		for (int k = 0; k < l->iNalCount; k++) size += l->pNalLengthInByte[k];
		if (total + size <= room) memcpy(out + total, l->pBsBuf, size);
		total += size;
	}
	return total;
}

int tandem_h264_encode(tandem_h264_encoder *e, const uint8_t *y, const uint8_t *u, const uint8_t *v, int sy, int sc,
                       int w, int h, int64_t ms, int force, uint8_t *out, int room) {
	SSourcePicture s;
	memset(&s, 0, sizeof s);
	s.iColorFormat = videoFormatI420;
	s.iPicWidth = w;
	s.iPicHeight = h;
	s.iStride[0] = sy;
	s.iStride[1] = s.iStride[2] = sc;
	s.pData[0] = (uint8_t *)y;
	s.pData[1] = (uint8_t *)u;
	s.pData[2] = (uint8_t *)v;
	s.uiTimeStamp = ms;
	if (force) (*e->codec)->ForceIntraFrame(e->codec, true);
	memset(&e->info, 0, sizeof e->info);
	int err = (*e->codec)->EncodeFrame(e->codec, &s, &e->info);
	return err ? -err : tandem_h264_copy(e, out, room);
}

int tandem_h264_key(const tandem_h264_encoder *e) { return e->info.eFrameType == videoFrameTypeIDR; }
