package sdp

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestAnyAnswerObeysTheRules draws offers from everything vendors are known to
// write, right and wrong, and holds every answer against the rules.
func TestAnyAnswerObeysTheRules(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d, err := Parse([]byte(drawOffer(t)))
		if err != nil {
			t.Fatalf("an offer that should be readable: %v", err)
		}
		exchange(t, rapid.SampledFrom(policies).Draw(t, "policy"), d)
	})
}

func drawOffer(t *rapid.T) string {
	eol := rapid.SampledFrom([]string{"\n", "\r\n"}).Draw(t, "eol")
	lines := []string{"v=0"}
	lines = append(lines, some(t, "session", []string{
		"o=- 1 1 IN IP4 192.0.2.7", "s=-", "t=0 0", "b=AS:64", "z=0", "x=unknown",
		"c=IN IP4 192.0.2.7", "c=IN IP4 0.0.0.0", "c=IN IP6 2001:db8::1", "c=IN IP4 host.example.com",
		"a=sendonly", "a=inactive", "a=group:BUNDLE 0 1", "a=group:BUNDLE a", "a=ice-lite",
		"a=ice-ufrag:abcd", "a=ice-pwd:0123456789abcdef012345",
		"a=fingerprint:sha-256 " + strings.Repeat("AB:", 31) + "AB", "a=setup:actpass",
	})...)
	for i := range rapid.IntRange(0, 4).Draw(t, "m-lines") {
		lines = append(lines, drawMedia(t, i)...)
	}
	return strings.Join(lines, eol) + eol
}

func drawMedia(t *rapid.T, i int) []string {
	kind := rapid.SampledFrom([]string{"audio", "audio", "audio", "video", "image", "application", "foo"}).Draw(t, "kind")
	port := rapid.SampledFrom([]string{"0", "9", "5004", "65535", "6000/2"}).Draw(t, "port")
	profile := rapid.SampledFrom([]string{"RTP/AVP", "RTP/AVP", "RTP/AVPF", "RTP/SAVP", "RTP/SAVPF", "UDP/TLS/RTP/SAVP", "UDP/TLS/RTP/SAVPF", "TCP/RTP/AVP", "udptl"}).Draw(t, "profile")
	formats := some(t, "formats", []string{"0", "8", "9", "13", "18", "96", "97", "98", "101", "110", "200", "t38"})
	lines := []string{fmt.Sprintf("m=%s %s %s %s", kind, port, profile, strings.Join(formats, " "))}
	return append(lines, some(t, "attributes", []string{
		"c=IN IP4 192.0.2.8", "c=IN IP4 0.0.0.0", "b=TIAS:64000", "i=title",
		"a=rtpmap:0 PCMU/8000", "a=rtpmap:0 PCMA/8000", "a=rtpmap:96 opus/48000/2", "a=rtpmap:97 OPUS/48000", "a=rtpmap:98 G722/16000",
		"a=rtpmap:96 G729/8000", "a=rtpmap:101 telephone-event/8000", "a=rtpmap:110 telephone-event/48000", "a=rtpmap:110 telephone-event/8000",
		"a=fmtp:101 0-15", "a=fmtp:96 useinbandfec=1", "a=ptime:30", "a=maxptime:10",
		"a=sendrecv", "a=sendonly", "a=recvonly", "a=inactive", "a=rtcp-mux", "a=rtcp:9999", fmt.Sprintf("a=mid:%d", i), "a=mid:a", "a=mid:bad mid",
		"a=ice-ufrag:efgh", "a=ice-pwd:ponmlkjihgfedcba012345", "a=candidate:1 1 UDP 1 192.0.2.8 5004 typ host", "a=candidate:1 1 UDP 1 10.1.1.1 5004 typ host",
		"a=fingerprint:sha-1 " + strings.Repeat("CD:", 19) + "CD", "a=setup:active", "a=setup:passive", "a=setup:actpass", "a=setup:holdconn",
		"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwd",
		"a=crypto:2 AEAD_AES_128_GCM inline:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGw==",
		"a=crypto:3 AES_CM_128_HMAC_SHA1_32 inline:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwd UNENCRYPTED_SRTCP",
	})...)
}

// some draws a subset in random order.
func some(t *rapid.T, label string, all []string) []string {
	n := rapid.IntRange(0, len(all)).Draw(t, label+" count")
	return rapid.Permutation(all).Draw(t, label)[:n]
}
