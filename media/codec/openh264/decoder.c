//go:build cgo

#include "h264.h"

#include <stdlib.h>
#include <string.h>
#include <wels/codec_api.h>

tandem_h264_decoder *tandem_h264_decoder_new(int *err) {
	tandem_h264_decoder *d = calloc(1, sizeof *d);
	ISVCDecoder *codec = NULL;
	*err = cmMallocMemeError;
	if (!d) return NULL;
	if ((*err = WelsCreateDecoder(&codec))) goto failed;
	SDecodingParam p;
	memset(&p, 0, sizeof p);
	p.sVideoProperty.size = sizeof p.sVideoProperty;
	p.sVideoProperty.eVideoBsType = VIDEO_BITSTREAM_AVC;
	p.eEcActiveIdc = ERROR_CON_SLICE_COPY;
	int quiet = WELS_LOG_QUIET;
	(*codec)->SetOption(codec, DECODER_OPTION_TRACE_LEVEL, &quiet);
	if ((*err = (*codec)->Initialize(codec, &p))) goto failed;
	d->codec = codec;
	return d;
failed:
	if (codec) WelsDestroyDecoder(codec);
	free(d);
	return NULL;
}

void tandem_h264_decoder_free(tandem_h264_decoder *d) {
	if (!d) return;
	ISVCDecoder *codec = d->codec;
	(*codec)->Uninitialize(codec);
	WelsDestroyDecoder(codec);
	free(d);
}

// A concealed picture comes with a state other than 0: the buffer's status counts.
static int take(tandem_h264_decoder *d, int state, uint8_t **planes, const SBufferInfo *info) {
	d->w = d->h = 0;
	if (info->iBufferStatus != 1 || !planes[0] || !planes[1] || !planes[2]) return state;
	d->y = planes[0];
	d->u = planes[1];
	d->v = planes[2];
	d->w = info->UsrData.sSystemBuffer.iWidth;
	d->h = info->UsrData.sSystemBuffer.iHeight;
	d->sy = info->UsrData.sSystemBuffer.iStride[0];
	d->sc = info->UsrData.sSystemBuffer.iStride[1];
	return state;
}

int tandem_h264_decode(tandem_h264_decoder *d, const uint8_t *data, int size, int reorder) {
	ISVCDecoder *codec = d->codec;
	uint8_t *planes[3] = {0};
	SBufferInfo info;
	memset(&info, 0, sizeof info);
	int state = (*codec)->DecodeFrameNoDelay(codec, data, size, planes, &info);
	// Of main and high profile one picture waits for B slices that may be shown before
	// it. A live stream has none: it is taken out at once.
	if (info.iBufferStatus != 1 && !reorder) (*codec)->FlushFrame(codec, planes, &info);
	return take(d, state, planes, &info);
}

int tandem_h264_flush(tandem_h264_decoder *d) {
	ISVCDecoder *codec = d->codec;
	uint8_t *planes[3] = {0};
	SBufferInfo info;
	memset(&info, 0, sizeof info);
	int state = (*codec)->FlushFrame(codec, planes, &info);
	return take(d, state, planes, &info);
}
