package transport

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	prtp "github.com/pion/rtp"
	"github.com/pion/srtp/v3"

	"tandem/media"
	"tandem/media/sdp"
)

const (
	edgeUfrag    = "exampleUfr12"
	edgePassword = "examplePassword012345678"
	// An address that nothing answers at: IPv6 is a black hole here (GV-S47).
	blackHole = "2001:db8::26"
)

// GV-C16, C20, C21, S32, S33, S35, S47: the telephony edge, plain RTP over ICE.
func TestGoogleVoiceTelephonyEdge(t *testing.T) {
	google := newEdge(t, loop4, edgeUfrag)
	s, events := newTestSession(t, newEngine(t), func(o *Options) {
		o.Capabilities.ICE, o.Capabilities.Mux = sdp.ICEFull, sdp.MuxRequire
		o.ExtraHost, o.FillSilence = netip.MustParseAddr("203.0.113.5"), true
	})
	answer, err := s.AnswerTo([]byte(google.telephony(anyFingerprint)), "")
	if err != nil {
		t.Fatal(err)
	}
	port := portOf(t, answer).Port()
	for _, want := range []string{
		fmt.Sprintf("m=audio %d RTP/AVP 0 101\r\n", port), "a=rtcp-mux\r\n", "a=ice-ufrag:",
		fmt.Sprintf(" 1 UDP 2130706431 203.0.113.5 %d typ host\r\n", port), fmt.Sprintf(" 127.0.0.1 %d typ host\r\n", port),
	} {
		if !strings.Contains(string(answer), want) {
			t.Errorf("the answer lacks %q:\n%s", want, answer)
		}
	}
	began := time.Now()
	events.wait(t, Connected)
	t.Logf("connected after %v", time.Since(began))

	// Silence flows before anybody answers the call.
	for i := range 3 {
		if b := google.read(); len(b) != 172 || b[1]&0x7f != 0 || b[12] != 0xff {
			t.Fatalf("packet %d is not PCMU silence: % x", i, b[:min(len(b), 16)])
		}
	}
	peer, nominated, bad := google.address()
	if !nominated || bad != 0 {
		t.Errorf("nominated %v, %d datagrams refused", nominated, bad)
	}
	got := collect(s)
	_, _ = google.conn.WriteToUDPAddrPort(rtpPacket(1, 1, "from Google"), peer)
	if l := got.wait(t, 1); string(l[0].Payload) != "from Google" {
		t.Fatalf("got %q", l[0].Payload)
	}
	// GV-C24: the same offer again changes nothing.
	again, err := s.AnswerTo([]byte(google.telephony(anyFingerprint)), "")
	if err != nil || string(again) != string(answer) {
		t.Fatalf("%v, another answer:\n%s", err, again)
	}
}

func TestGoogleVoiceOverIPv6(t *testing.T) {
	google := newEdge(t, loop6, edgeUfrag)
	s, events := newTestSession(t, newEngine(t), func(o *Options) {
		o.Capabilities.ICE, o.Capabilities.Mux, o.FillSilence = sdp.ICEFull, sdp.MuxRequire, true
	})
	if _, err := s.AnswerTo([]byte(google.telephony(anyFingerprint)), ""); err != nil {
		t.Fatal(err)
	}
	events.wait(t, Connected)
	google.read()

	s, _ = newTestSession(t, newEngine(t), func(o *Options) {
		o.Capabilities.ICE, o.Capabilities.Mux, o.IPv4Only = sdp.ICEFull, sdp.MuxRequire, true
	})
	answer, err := s.AnswerTo([]byte(google.telephony(anyFingerprint)), "")
	if err != nil || strings.Contains(string(answer), "::1") {
		t.Fatalf("%v, IPv4 only:\n%s", err, answer)
	}
}

// GV-C21, C22, S36: the web edge. It has an RSA certificate, one cipher suite and
// one SRTP profile; we are the DTLS client.
func TestGoogleVoiceWebEdge(t *testing.T) {
	google := newEdge(t, loop4, edgeUfrag)
	certificate := rsaCertificate(t)
	s, events := newTestSession(t, newEngine(t), func(o *Options) {
		o.Capabilities = sdp.Capabilities{
			Audio:    []sdp.Codec{{Name: "OPUS", Clock: 48000, Channels: 2, PayloadType: 111}},
			Events:   []media.Event{{PayloadType: 110, Clock: 48000}},
			Security: sdp.DTLS, ICE: sdp.ICEFull, Mux: sdp.MuxRequire,
		}
		o.FillSilence = true
	})
	if _, err := s.Offer(); err != nil {
		t.Fatal(err)
	}
	if err := s.SetAnswer([]byte(google.web(hash("sha-256", certificate.Certificate[0])))); err != nil {
		t.Fatal(err)
	}
	conn := google.dtlsServer(certificate)
	events.wait(t, Connected)
	in, _ := contexts(t, conn, srtp.ProtectionProfileAes128CmHmacSha1_80)
	for {
		b := google.read()
		if b[0]&0xc0 != 0x80 {
			continue
		}
		plain, err := in.DecryptRTP(nil, b, new(prtp.Header))
		if err != nil {
			t.Fatal(err)
		}
		if string(plain[12:]) != "\xf8\xff\xfe" || plain[1]&0x7f != 111 {
			t.Fatalf("not Opus silence: % x", plain)
		}
		break
	}
}
