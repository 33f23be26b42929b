// rtpload CONTENT SECONDS < flows: sends RTP at 50 packets per second and flow
// over the loopback interface, receives on the same ports, and prints what was
// sent, what came and how long it took as one line of JSON.
//
// A flow is a line "local remote type protection codec key": two ports, the
// payload type, plain, srtp (AES_CM_128_HMAC_SHA1_80) or gcm (AEAD_AES_128_GCM),
// pcmu or opus, and the sender's SRTP key and salt in hexadecimal ("-" without).
// CONTENT is a folder with speech.ulaw (frames of 160 octets) and speech.opus
// (packets, each behind its length in two octets, low octet first).
//
// PCMU packets carry the time they were sent, so latency is measured wherever the
// payload arrives unchanged: up to the kernel's receive time, which leaves out how
// late this program is woken.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <srtp2/srtp.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MAX_FLOWS = 4096, SLOTS = 20, FRAME = 160, BATCH = 16, HEADER = 12, STAMP = 12, MAX_SECONDS = 60, PAUSE = 5000 };

static const uint32_t magic = 0x74616e64; // tells our PCMU payload from a codec's

struct flow {
    int fd;
    uint8_t type;
    int opus;
    uint16_t sequence;
    uint32_t timestamp, ssrc;
    srtp_t srtp; // NULL: plain
    long received;
};

static struct flow flows[MAX_FLOWS];
static int count;
static atomic_int finished;
static uint32_t *latencies; // microseconds
static long measured, room, received;

static uint8_t *ulaw;
static long ulaw_frames;
static uint8_t *opus[4096];
static int opus_length[4096], opus_packets;

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static int64_t nanoseconds(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return t.tv_sec * 1000000000ll + t.tv_nsec;
}

static FILE *content(const char *folder, const char *name) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "rb");
    if (!f) fail(path);
    return f;
}

static void load_content(const char *folder) {
    FILE *f = content(folder, "speech.ulaw");
    ulaw = malloc(FRAME * 4096);
    ulaw_frames = fread(ulaw, FRAME, 4096, f);
    fclose(f);
    f = content(folder, "speech.opus");
    uint8_t length[2];
    while (opus_packets < 4096 && fread(length, 1, 2, f) == 2) {
        int n = length[0] | length[1] << 8;
        opus[opus_packets] = malloc(n + 1);
        if (n > 1200 || fread(opus[opus_packets], 1, n, f) != (size_t)n) break;
        opus_length[opus_packets++] = n;
    }
    fclose(f);
    if (!ulaw_frames || !opus_packets) {
        fprintf(stderr, "%s: no speech\n", folder);
        exit(1);
    }
}

static void open_socket(struct flow *f, int local, int remote) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(local), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int on = 1;
    f->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    if (f->fd < 0) fail("socket");
    if (bind(f->fd, (struct sockaddr *)&a, sizeof a)) {
        fprintf(stderr, "port %d: %s\n", local, strerror(errno));
        exit(1);
    }
    if (setsockopt(f->fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on)) fail("SO_TIMESTAMPNS");
    a.sin_port = htons(remote);
    if (connect(f->fd, (struct sockaddr *)&a, sizeof a)) fail("connect");
}

static void protect_with(struct flow *f, const char *protection, const char *hex) {
    static uint8_t key[64];
    srtp_policy_t p;
    if (!strcmp(protection, "plain")) return;
    for (int i = 0; i < 63 && hex[2 * i] && hex[2 * i + 1]; i++) {
        unsigned v;
        sscanf(hex + 2 * i, "%2x", &v);
        key[i] = v;
    }
    memset(&p, 0, sizeof p);
    if (!strcmp(protection, "gcm"))
        srtp_crypto_policy_set_aes_gcm_128_16_auth(&p.rtp);
    else
        srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80(&p.rtp);
    p.rtcp = p.rtp;
    p.key = key;
    p.ssrc.type = ssrc_any_outbound;
    if (srtp_create(&f->srtp, &p) != srtp_err_status_ok) {
        fprintf(stderr, "libsrtp refuses %s\n", protection);
        exit(1);
    }
}

static void read_flows(void) {
    int local, remote, type;
    char protection[16], codec[16], key[128];
    while (count < MAX_FLOWS && scanf("%d %d %d %15s %15s %127s", &local, &remote, &type, protection, codec, key) == 6) {
        struct flow *f = &flows[count++];
        f->type = type;
        f->opus = !strcmp(codec, "opus");
        if (getrandom(&f->ssrc, 4, 0) != 4 || getrandom(&f->timestamp, 4, 0) != 4 || getrandom(&f->sequence, 2, 0) != 2)
            fail("getrandom");
        f->sequence &= 0x7fff; // SRTP wants to see the roll-over
        open_socket(f, local, remote);
        protect_with(f, protection, key);
    }
}

// arrived looks at one datagram.
static void arrived(struct flow *f, const uint8_t *b, unsigned n, struct msghdr *h) {
    if (n < HEADER || b[0] >> 6 != 2 || (b[1] >= 200 && b[1] <= 207)) return; // RTCP
    f->received++;
    received++;
    struct cmsghdr *c = CMSG_FIRSTHDR(h);
    uint32_t mark;
    int64_t sent;
    memcpy(&mark, b + HEADER, 4);
    if (n < HEADER + STAMP || mark != magic || !c || c->cmsg_type != SCM_TIMESTAMPNS || measured == room) return;
    memcpy(&sent, b + HEADER + 4, 8);
    struct timespec t;
    memcpy(&t, CMSG_DATA(c), sizeof t);
    int64_t took = t.tv_sec * 1000000000ll + t.tv_nsec - sent;
    latencies[measured++] = took < 0 ? 0 : took / 1000;
}

// receive looks for packets now and then instead of waiting for them: otherwise
// each packet a relay sends would wake this thread at the relay's cost, and on few
// CPUs take its place. The kernel has noted when they came.
static void *receive(void *unused) {
    static uint8_t buffer[BATCH][2048], control[BATCH][64];
    struct mmsghdr m[BATCH];
    struct iovec v[BATCH];
    struct epoll_event ready[256];
    int epoll = epoll_create1(0);
    for (int i = 0; i < count; i++) {
        struct epoll_event e = {.events = EPOLLIN, .data.u32 = i};
        if (epoll_ctl(epoll, EPOLL_CTL_ADD, flows[i].fd, &e)) fail("epoll_ctl");
    }
    for (;;) {
        int n = epoll_wait(epoll, ready, 256, 0);
        if (n == 0) {
            if (atomic_load(&finished)) break;
            usleep(PAUSE);
        }
        for (int i = 0; i < n; i++) {
            struct flow *f = &flows[ready[i].data.u32];
            for (int j = 0; j < BATCH; j++) {
                v[j] = (struct iovec){buffer[j], sizeof buffer[j]};
                memset(&m[j], 0, sizeof m[j]);
                m[j].msg_hdr.msg_iov = &v[j];
                m[j].msg_hdr.msg_iovlen = 1;
                m[j].msg_hdr.msg_control = control[j];
                m[j].msg_hdr.msg_controllen = sizeof control[j];
            }
            int got = recvmmsg(f->fd, m, BATCH, MSG_DONTWAIT, NULL);
            for (int j = 0; j < got; j++) arrived(f, buffer[j], m[j].msg_len, &m[j].msg_hdr);
        }
    }
    return unused;
}

static int send_packet(struct flow *f, int index) {
    static uint8_t b[2048];
    uint8_t *payload = b + HEADER;
    int n, at = f->sequence + index * 7; // calls do not speak in unison
    b[0] = 0x80;
    b[1] = f->type;
    b[2] = f->sequence >> 8;
    b[3] = f->sequence;
    uint32_t timestamp = htonl(f->timestamp), ssrc = htonl(f->ssrc);
    memcpy(b + 4, &timestamp, 4);
    memcpy(b + 8, &ssrc, 4);
    f->sequence++;
    if (f->opus) {
        at %= opus_packets;
        f->timestamp += 960;
        n = opus_length[at];
        memcpy(payload, opus[at], n);
    } else {
        f->timestamp += FRAME;
        n = FRAME;
        memcpy(payload, ulaw + (at % ulaw_frames) * FRAME, n);
        int64_t now = nanoseconds(CLOCK_REALTIME);
        memcpy(payload, &magic, 4);
        memcpy(payload + 4, &now, 8);
    }
    n += HEADER;
    if (f->srtp && srtp_protect(f->srtp, b, &n) != srtp_err_status_ok) return 0;
    if (send(f->fd, b, n, 0) == n) return 1;
    // What an earlier packet met with is told here, once.
    return errno == ECONNREFUSED && send(f->fd, b, n, 0) == n;
}

static int ascending(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static uint32_t percentile(double p) { return measured ? latencies[(long)(p * (measured - 1))] : 0; }

int main(int argc, char **argv) {
    if (argc != 3) {
        fprintf(stderr, "usage: rtpload CONTENT SECONDS < flows\n");
        return 2;
    }
    double seconds = atof(argv[2]);
    if (seconds > MAX_SECONDS) seconds = MAX_SECONDS;
    srtp_init();
    load_content(argv[1]);
    read_flows();
    room = (long)(count * 51 * (seconds + 1));
    latencies = malloc(room * sizeof *latencies + 1);
    pthread_t receiver;
    if (pthread_create(&receiver, NULL, receive, NULL)) fail("pthread_create");

    long sent = 0, ticks = (long)(seconds * 1000);
    struct timespec next;
    clock_gettime(CLOCK_MONOTONIC, &next);
    for (long tick = 0; tick < ticks; tick++) { // a twentieth of the flows each millisecond
        for (int i = tick % SLOTS; i < count; i += SLOTS) sent += send_packet(&flows[i], i);
        next.tv_nsec += 1000000;
        if (next.tv_nsec >= 1000000000) {
            next.tv_nsec -= 1000000000;
            next.tv_sec++;
        }
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
    }
    usleep(150000); // what is in a jitter buffer still comes
    atomic_store(&finished, 1);
    pthread_join(receiver, NULL);
    int silent = 0;
    for (int i = 0; i < count; i++) silent += !flows[i].received;
    qsort(latencies, measured, sizeof *latencies, ascending);
    printf("{\"sent\":%ld,\"received\":%ld,\"silent\":%d,\"measured\":%ld,\"p50\":%u,\"p95\":%u,\"p99\":%u,\"max\":%u}\n", sent,
           received, silent, measured, percentile(.5), percentile(.95), percentile(.99), percentile(1));
    return 0;
}
