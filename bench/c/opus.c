// opus SPEECH CALLS: the least a call between PCMU and Opus can cost: one encoding
// and one decoding of 20 ms at 8 kHz, complexity 5, 16 kbit/s with FEC, the calls
// one after the other in each tick. SPEECH holds 16-bit samples of 8 kHz. Prints
// microseconds of CPU time for a call's tick.
#include <opus/opus.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { SAMPLES = 160, MAX_CALLS = 400, TICKS = 100 };

static double cpu_microseconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return t.tv_sec * 1e6 + t.tv_nsec * 1e-3;
}

int main(int argc, char **argv) {
    static short speech[8000 * 60], out[SAMPLES * 6];
    static unsigned char packet[1500];
    static OpusEncoder *encoder[MAX_CALLS];
    static OpusDecoder *decoder[MAX_CALLS];
    FILE *f = argc == 3 ? fopen(argv[1], "rb") : NULL;
    int frames = f ? fread(speech, 2 * SAMPLES, 3000, f) : 0, calls = argc == 3 ? atoi(argv[2]) : 0, err;
    if (!frames || calls < 1 || calls > MAX_CALLS) {
        fprintf(stderr, "usage: opus SPEECH CALLS\n");
        return 2;
    }
    for (int i = 0; i < calls; i++) {
        encoder[i] = opus_encoder_create(8000, 1, OPUS_APPLICATION_VOIP, &err);
        opus_encoder_ctl(encoder[i], OPUS_SET_BITRATE(16000));
        opus_encoder_ctl(encoder[i], OPUS_SET_COMPLEXITY(5));
        opus_encoder_ctl(encoder[i], OPUS_SET_INBAND_FEC(1));
        opus_encoder_ctl(encoder[i], OPUS_SET_PACKET_LOSS_PERC(5));
        decoder[i] = opus_decoder_create(8000, 1, &err);
    }
    double begin = cpu_microseconds();
    for (int t = 0; t < TICKS; t++)
        for (int i = 0; i < calls; i++) {
            int n = opus_encode(encoder[i], speech + (t + i * 13) % frames * SAMPLES, SAMPLES, packet, sizeof packet);
            if (n < 1 || opus_decode(decoder[i], packet, n, out, SAMPLES * 6, 0) != SAMPLES) return 1;
        }
    printf("%.2f\n", (cpu_microseconds() - begin) / TICKS / calls);
    return 0;
}
