// The floor of P-11: what OpenSSL needs for one side of the DTLS handshake of a WebRTC
// call: DTLS 1.2, ECDSA certificates of P-256 on both sides, use_srtp. Client and server
// talk through memory in one thread; half of their CPU time is one side's. Prints it in
// microseconds for each handshake.
//
//	floor-dtls HANDSHAKES
#include <openssl/ec.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double cpu(void) {
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec * 1e6 + t.tv_nsec * 1e-3;
}

static void fail(const char *what) {
	fprintf(stderr, "floor-dtls: %s\n", what);
	exit(1);
}

// The fingerprint in the SDP vouches for the certificate, no authority does.
static int take_any(int ok, X509_STORE_CTX *c) {
	(void)ok, (void)c;
	return 1;
}

static X509 *certificate(EVP_PKEY *key) {
	X509 *x = X509_new();
	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), 7);
	X509_gmtime_adj(X509_getm_notBefore(x), -3600);
	X509_gmtime_adj(X509_getm_notAfter(x), 86400);
	X509_set_pubkey(x, key);
	X509_NAME *n = X509_get_subject_name(x);
	X509_NAME_add_entry_by_txt(n, "CN", MBSTRING_ASC, (const unsigned char *)"WebRTC", -1, -1, 0);
	X509_set_issuer_name(x, n);
	if (!X509_sign(x, key, EVP_sha256())) fail("the certificate");
	return x;
}

static SSL_CTX *context(void) {
	EVP_PKEY *key = EVP_EC_gen("P-256");
	SSL_CTX *c = SSL_CTX_new(DTLS_method());
	if (!key || !c || SSL_CTX_use_certificate(c, certificate(key)) != 1 || SSL_CTX_use_PrivateKey(c, key) != 1) fail("the context");
	SSL_CTX_set_verify(c, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, take_any);
	SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_options(c, SSL_OP_NO_TICKET | SSL_OP_NO_QUERY_MTU);
	if (SSL_CTX_set_tlsext_use_srtp(c, "SRTP_AEAD_AES_128_GCM:SRTP_AES128_CM_SHA1_80")) fail("SRTP");
	return c;
}

static SSL *end(SSL_CTX *c, BIO *in, BIO *out) {
	SSL *s = SSL_new(c);
	BIO_up_ref(in);
	BIO_up_ref(out);
	SSL_set_bio(s, in, out);
	SSL_set_mtu(s, 1200);
	return s;
}

static void handshake(SSL_CTX *client, SSL_CTX *server) {
	BIO *up = BIO_new(BIO_s_mem()), *down = BIO_new(BIO_s_mem());
	BIO_set_mem_eof_return(up, -1);
	BIO_set_mem_eof_return(down, -1);
	SSL *c = end(client, down, up), *s = end(server, up, down);
	SSL_set_connect_state(c);
	SSL_set_accept_state(s);
	int done = 0;
	for (int i = 0; i < 50 && !done; i++) {
		int a = SSL_do_handshake(c), b = SSL_do_handshake(s);
		done = a == 1 && b == 1;
	}
	unsigned char keys[56];
	if (!done || SSL_export_keying_material(c, keys, sizeof keys, "EXTRACTOR-dtls_srtp", 19, NULL, 0, 0) != 1 ||
	    SSL_export_keying_material(s, keys, sizeof keys, "EXTRACTOR-dtls_srtp", 19, NULL, 0, 0) != 1)
		fail("a handshake");
	SSL_free(c);
	SSL_free(s);
	BIO_free(up);
	BIO_free(down);
}

int main(int argc, char **argv) {
	int n = argc == 2 ? atoi(argv[1]) : 0;
	if (n < 1) fail("HANDSHAKES");
	SSL_CTX *client = context(), *server = context();
	for (int i = 0; i < 10; i++) handshake(client, server); // to warm up
	double t = cpu();
	for (int i = 0; i < n; i++) handshake(client, server);
	printf("%.2f\n", (cpu() - t) / n / 2);
	return 0;
}
