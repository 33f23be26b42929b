package meet

import (
	"flag"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	got = strings.ReplaceAll(got, "\r\n", "\n")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs:\n%s", name, got)
	}
}

func readOffer(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(b), "\n", "\r\n")
}

func TestAnswersHaveMeetsShape(t *testing.T) {
	for _, row := range []struct {
		offer, want string
		profile     profile
		shape       AnswerShape
		noVideo     bool
	}{
		{"room-offer.sdp", "room-answer.sdp", interop, StrictMeet, false},
		{"room-offer.sdp", "room-answer-plain.sdp", interop, PlainRFC, false},
		{"phone-offer.sdp", "phone-answer.sdp", interop, StrictMeet, false},
		{"media-api-offer.sdp", "media-api-answer.sdp", mediaAPI, StrictMeet, false},
		{"media-api-offer.sdp", "media-api-answer-audio-scope.sdp", mediaAPI, StrictMeet, true},
	} {
		d, no := parseSDP(readOffer(t, row.offer))
		if no == nil {
			no = d.check(row.profile, 8)
		}
		if no != nil {
			t.Fatalf("%s: %v", row.offer, no)
		}
		a := answer{
			offer: d, addr: netip.MustParseAddrPort("142.250.82.213:19306"), ufrag: "ExampleUfragOf32CharactersAAAAAA", pwd: "+ExamplePwdOf28Characters00=",
			fingerprint: "sha-256 " + strings.TrimSuffix(strings.Repeat("AB:", 32), ":"), version: 2, uplink: 2_000_000, shape: row.shape, noVideo: row.noVideo,
		}
		golden(t, row.want, a.String())
	}
}

// cut removes the first line that begins with a text after a mark.
func cut(sdp, mark, line string) string {
	i := strings.Index(sdp, mark)
	j := strings.Index(sdp[i:], line) + i
	k := strings.Index(sdp[j:], "\r\n") + j + 2
	return sdp[:j] + sdp[k:]
}

func TestOffersThatAreRefused(t *testing.T) {
	room := readOffer(t, "room-offer.sdp")
	swap := func(old, with string) string {
		if !strings.Contains(room, old) {
			t.Fatalf("the offer has no %q", old)
		}
		return strings.Replace(room, old, with, 1)
	}
	sections := strings.Split(room, "m=")
	join := func(order ...int) string {
		out := sections[0]
		for _, i := range order {
			out += "m=" + sections[i]
		}
		return out
	}
	for _, row := range []struct{ name, offer, rule, text string }{
		{"nothing", "", "MEET-S5", "there is no v="},
		{"no session lines", "a=mid:0\r\n", "MEET-S5", "there is no v="},
		{"no sections", "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n", "MEET-S5", "no m-section"},
		{"too long", room + strings.Repeat("a=x\r\n", 20000), "MEET-S5", "at most"},
		{"garbage line", swap("s=-", "s"), "MEET-S5", "type=value"},
		{"cut m line", swap("m=audio 9 UDP/TLS/RTP/SAVPF 111", "m=audio 9"), "MEET-S5", "cut off"},
		{"ice-lite", swap("a=group", "a=ice-lite\r\na=group"), "MEET-S7", "full ICE agent"},
		{"no mid", cut(room, "m=audio", "a=mid"), "MEET-S5", "no a=mid"},
		{"mid twice", swap("a=mid:1", "a=mid:0"), "MEET-S5", "two sections"},
		{"not bundled", swap("BUNDLE 0 1", "BUNDLE 0"), "MEET-S5", "BUNDLE"},
		{"no ufrag", cut(room, "v=0", "a=ice-ufrag"), "MEET-S5", "a=ice-ufrag"},
		{"short pwd", swap("a=ice-pwd:clientpasswordof24chars", "a=ice-pwd:short"), "MEET-S5", "at least 22"},
		{"sha-1", swap("a=fingerprint:sha-256 ", "a=fingerprint:sha-1 "), "MEET-S5", "sha-256"},
		{"passive", swap("a=setup:actpass", "a=setup:passive"), "MEET-S5", "[ACTIVE, ACTPASS]"},
		{"plain RTP", swap("m=audio 9 UDP/TLS/RTP/SAVPF", "m=audio 9 RTP/AVP"), "MEET-S5", "UDP/TLS/RTP/SAVPF"},
		{"no rtcp-mux", cut(room, "m=audio", "a=rtcp-mux"), "MEET-S5", "rtcp-mux"},
		{"interleaved", join(1, 4, 3, 2, 5, 6, 7, 8), "MEET-S5", "stand together"},
		{"video first", join(4, 1, 2, 3, 5, 6, 7, 8), "MEET-S5", "audio comes first"},
		{"no channels", strings.Replace(join(1, 2, 4, 5, 6, 7, 8), "BUNDLE 0 1 2 3", "BUNDLE 0 1 3", 1), "MEET-S5", "exactly one m=application"},
		{"unknown kind", swap("m=application 9 UDP/DTLS/SCTP", "m=image 9 UDP/DTLS/SCTP"), "MEET-S5", "m=image"},
		{"two meanings of a payload type", swap("a=rtpmap:111 opus/48000/2", "a=rtpmap:111 G722/8000"), "MEET-S5", "payload type 111"},
		{"two meanings of an extension", swap("a=extmap:1 urn", "a=extmap:3 urn"), "MEET-S5", "header extension 3"},
		{"audio up is sendrecv", swap("a=sendonly", "a=sendrecv"), "MEET-S14", "want sendonly"},
		{"no audio down", strings.Replace(join(1, 3, 4, 5, 6, 7, 8), "BUNDLE 0 1 2", "BUNDLE 0 2", 1), "MEET-S14", "1 to 32 down"},
		{"audio up without source", cut(room, "m=audio", "a=ssrc:1001"), "MEET-S14", "neither a=ssrc"},
		{"no opus", strings.ReplaceAll(room, "opus/48000/2", "PCMU/8000"), "MEET-S14", "opus"},
		{"no level", strings.ReplaceAll(room, "a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n", ""), "MEET-S14", "ssrc-audio-level"},
		{"no transport-wide", cut(room, "m=video", "a=extmap:3"), "MEET-S14", "transport-wide"},
		{"no VP8", strings.ReplaceAll(room, "VP8/90000", "H264/90000"), "MEET-S14", "VP8"},
		{"no rtx", strings.ReplaceAll(room, "apt=96", "apt=98"), "MEET-S14", "rtx"},
		{"no pli", strings.ReplaceAll(room, "a=rtcp-fb:96 nack pli\r\n", ""), "MEET-S14", "nack pli"},
		{"no simulcast", cut(room, "m=video", "a=simulcast"), "MEET-S14", "no a=simulcast"},
		{"two layers", swap("a=simulcast:send l;m;h", "a=simulcast:send l;h"), "MEET-S14", "three layers"},
		{"alternatives", swap("a=simulcast:send l;m;h", "a=simulcast:send l,m;h"), "MEET-S14", "want send"},
		{"unknown rid", swap("a=simulcast:send l;m;h", "a=simulcast:send l;m;x"), "MEET-S14", "no a=rid:x send"},
		{"four rids", swap("a=rid:l send", "a=rid:l send\r\na=rid:q send"), "MEET-S14", "4 rids"},
		{"no rid extension", cut(room, "m=video", "a=extmap:10"), "MEET-S14", "rtp-stream-id"},
		{"content of another kind", swap("a=content:slides", "a=content:main"), "MEET-S14", "want slides"},
		{"content before the camera", join(1, 2, 3, 7, 4, 5, 6, 8), "MEET-S14", "order"},
		{"inactive video", strings.Replace(room, "a=mid:4\r\na=recvonly", "a=mid:4\r\na=inactive", 1), "MEET-S14", "want sendonly or recvonly"},
		{"more than 8 videos", tooManyVideos(room), "MEET-S20", "at most 8"},
	} {
		d, no := parseSDP(row.offer)
		if no == nil {
			no = d.check(interop, 8)
		}
		if no == nil || no.ruleName() != row.rule || !strings.Contains(no.Error(), row.text) {
			t.Errorf("%s: %v, want %s … %q", row.name, no, row.rule, row.text)
		}
	}
}

func tooManyVideos(room string) string {
	sections := strings.Split(room, "m=")
	out := strings.Join(sections[:5], "m=")
	group := ""
	for i := range 9 {
		mid := string(rune('p' + i))
		out += "m=" + strings.Replace(sections[5], "a=mid:4", "a=mid:"+mid, 1)
		group += " " + mid
	}
	return strings.Replace(out, "BUNDLE 0 1 2 3 4 5 6 7", "BUNDLE 0 1 2 3"+group, 1)
}

func TestOffersThatAreTaken(t *testing.T) {
	room := readOffer(t, "room-offer.sdp")
	sections := strings.Split(room, "m=")
	last := strings.Join(append(append(append([]string{}, sections[:3]...), sections[4:]...), sections[3]), "m=")
	for name, offer := range map[string]string{
		"application last":      last,
		"line feeds only":       strings.ReplaceAll(room, "\r\n", "\n"),
		"mDNS candidate":        strings.Replace(room, "a=mid:0", "a=candidate:1 1 udp 2130706431 4f2b.local 5000 typ host\r\na=mid:0", 1),
		"active":                strings.Replace(room, "a=setup:actpass", "a=setup:active", 1),
		"legacy data channel":   strings.Replace(strings.Replace(room, "UDP/DTLS/SCTP webrtc-datachannel", "DTLS/SCTP 5000", 1), "a=sctp-port:5000", "a=sctpmap:5000 webrtc-datachannel 1024", 1),
		"mid instead of ssrc":   strings.Replace(room, "a=ssrc:1001 cname:room", "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid", 1),
		"other codecs listed":   strings.Replace(room, "m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\n", "m=video 9 UDP/TLS/RTP/SAVPF 96 97 102\r\na=rtpmap:102 H264/90000\r\n", 1),
		"attributes of no kind": strings.Replace(room, "t=0 0", "t=0 0\r\nb=AS:2000\r\na=novelty\r\nk=prompt", 1),
	} {
		d, no := parseSDP(offer)
		if no == nil {
			no = d.check(interop, 8)
		}
		if no != nil {
			t.Errorf("%s: %v", name, no)
		}
	}
}

func TestMediaAPIOffers(t *testing.T) {
	offer := readOffer(t, "media-api-offer.sdp")
	for _, row := range []struct{ name, offer, text string }{
		{"sends audio", strings.Replace(offer, "a=recvonly", "a=sendrecv", 1), "sends only"},
		{"no AV1", strings.ReplaceAll(offer, "AV1/90000", "H264/90000"), "AV1"},
		{"two audio sections", strings.Replace(offer, "m=audio", "m=video", 1), "audio comes first"},
	} {
		d, no := parseSDP(row.offer)
		if no == nil {
			no = d.check(mediaAPI, 3)
		}
		if no == nil || !strings.Contains(no.Error(), row.text) {
			t.Errorf("%s: %v", row.name, no)
		}
	}
}

func TestICERestartsChangeNothingElse(t *testing.T) {
	room := readOffer(t, "room-offer.sdp")
	fresh := strings.NewReplacer("clientufrag", "otherufrag", "clientpasswordof24chars", "otherpasswordof24charss").Replace(room)
	for _, row := range []struct{ name, offer, text string }{
		{"good", fresh, ""},
		{"same credentials", room, "new ice-ufrag"},
		{"other fingerprint", strings.Replace(fresh, "sha-256 1F", "sha-256 2F", 1), "fingerprint"},
		{"other payload type", strings.NewReplacer("SAVPF 111", "SAVPF 112", ":111 ", ":112 ").Replace(fresh), "payload types"},
		{"other SSRC", strings.Replace(fresh, "ssrc:1001", "ssrc:1002", 1), "SSRC"},
		{"fewer sections", strings.Replace(fresh[:strings.LastIndex(fresh, "m=")], "BUNDLE 0 1 2 3 4 5 6 7", "BUNDLE 0 1 2 3 4 5 6", 1), "same sections"},
	} {
		old, _ := parseSDP(room)
		d, no := parseSDP(row.offer)
		if no == nil {
			_ = old.check(interop, 8)
			no = d.check(interop, 8)
		}
		if no == nil {
			no = d.sameButICE(old)
		}
		if (no == nil) != (row.text == "") || no != nil && !strings.Contains(no.Error(), row.text) {
			t.Errorf("%s: %v", row.name, no)
		}
	}
}

func FuzzParseSDP(f *testing.F) {
	for _, name := range []string{"room-offer.sdp", "phone-offer.sdp", "media-api-offer.sdp"} {
		f.Add(readOffer(f, name))
	}
	f.Fuzz(func(_ *testing.T, text string) {
		for _, p := range []profile{interop, mediaAPI} {
			d, no := parseSDP(text)
			if no == nil && d.check(p, 8) == nil {
				_ = (&answer{offer: d, addr: netip.MustParseAddrPort("192.0.2.1:19302")}).String()
				_ = d.sameButICE(d)
			}
		}
	})
}
