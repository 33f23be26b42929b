// VP8 for Go: an encoder of one to three resolutions, and a decoder. All memory
// that outlives a call is C's, and belongs to the encoder or decoder.
#ifndef TANDEM_VP8_H
#define TANDEM_VP8_H

#include <stdint.h>

enum { tandem_layers = 3 };

// One frame of one layer, as the last encode call left it.
typedef struct {
	const uint8_t *data;
	int size; // 0: none
	int key;
	int discard;
} tandem_coded;

typedef struct tandem_encoder tandem_encoder;

typedef struct {
	int layers;
	int width[tandem_layers], height[tandem_layers]; // the largest first
	int kbps[tandem_layers];
	int frame_rate, speed, temporal, screen, drop;
} tandem_config;

tandem_encoder *tandem_encoder_new(const tandem_config *c, int *err);
void tandem_encoder_free(tandem_encoder *e);
// Sets the bit rates, the largest layer first, in kbit/s; 0 turns a layer off.
int tandem_encoder_rates(tandem_encoder *e, int top, int middle, int low, int frame_rate);
// Encodes one picture on all layers. keys has a bit for each layer, the largest
// first; position is the frame's in the pattern of temporal layers. Copies the frames to out, the largest layer first, and returns their octets,
// which are more than room when out did not do; tandem_encoder_copy then copies them.
// A negative result is a vpx_codec_err_t.
int tandem_encode(tandem_encoder *e, const uint8_t *y, const uint8_t *u, const uint8_t *v, int sy, int sc, int w, int h,
                  int64_t pts, int duration, int keys, int position, uint8_t *out, int room);
int tandem_encoder_copy(tandem_encoder *e, uint8_t *out, int room);
const tandem_coded *tandem_encoder_coded(tandem_encoder *e);

typedef struct {
	const uint8_t *y, *u, *v;
	int sy, sc, w, h; // w is 0 without a picture
	int corrupt;
	void *codec;
} tandem_decoder;

tandem_decoder *tandem_decoder_new(int *err);
void tandem_decoder_free(tandem_decoder *d);
int tandem_decode(tandem_decoder *d, const uint8_t *data, int size);
const char *tandem_error(int err);

#endif
