// H.264 for Go: an encoder of one picture size at a time, and a decoder. All memory
// that outlives a call is C's, and belongs to the encoder or decoder.
#ifndef TANDEM_H264_H
#define TANDEM_H264_H

#include <stdint.h>

typedef struct {
	int width, height, bitrate, max_bitrate; // bit/s
	float frame_rate;
	int max_nal; // octets; 0: one slice for each picture
	int screen, drop;
} tandem_h264_config;

typedef struct tandem_h264_encoder tandem_h264_encoder;

tandem_h264_encoder *tandem_h264_encoder_new(const tandem_h264_config *c, int *err);
void tandem_h264_encoder_free(tandem_h264_encoder *e);
int tandem_h264_rates(tandem_h264_encoder *e, int bitrate, int max_bitrate, float frame_rate);
// Encodes one picture and copies the access unit to out. Returns its octets, which
// are more than room when out did not do (tandem_h264_copy then copies them), 0 when
// the frame was skipped, and less than 0 on an error. *key says if it is an IDR picture.
int tandem_h264_encode(tandem_h264_encoder *e, const uint8_t *y, const uint8_t *u, const uint8_t *v, int sy, int sc,
                       int w, int h, int64_t ms, int force, uint8_t *out, int room);
int tandem_h264_copy(tandem_h264_encoder *e, uint8_t *out, int room);
int tandem_h264_key(const tandem_h264_encoder *e);

typedef struct {
	const uint8_t *y, *u, *v;
	int sy, sc, w, h; // w is 0 without a picture
	void *codec;
} tandem_h264_decoder;

tandem_h264_decoder *tandem_h264_decoder_new(int *err);
void tandem_h264_decoder_free(tandem_h264_decoder *d);
// Returns the decoding state, a set of bits; 0 is without errors. There may be a
// picture whatever the state is.
// reorder lets pictures wait for those that are shown before them.
int tandem_h264_decode(tandem_h264_decoder *d, const uint8_t *data, int size, int reorder);
// Takes out a picture that waits.
int tandem_h264_flush(tandem_h264_decoder *d);

#endif
