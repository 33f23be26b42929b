package sdp

import (
	"slices"
	"strings"
	"testing"
)

// What a browser offers for a camera in three sizes (RFC 8853 §6.2), shortened.
const simulcastOffer = "v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\ns=-\r\nc=IN IP4 192.0.2.7\r\nt=0 0\r\na=group:BUNDLE 0 1\r\n" +
	"a=fingerprint:sha-256 AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB\r\na=setup:actpass\r\na=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\n" +
	"m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\na=rtcp-mux\r\n" +
	"m=video 9 UDP/TLS/RTP/SAVPF 97 98 99\r\na=mid:1\r\na=rtcp-mux\r\na=sendrecv\r\n" +
	"a=rtpmap:97 H264/90000\r\na=fmtp:97 profile-level-id=42e01f;packetization-mode=1\r\na=rtpmap:98 VP8/90000\r\na=rtpmap:99 rtx/90000\r\na=fmtp:99 apt=98\r\n" +
	"a=rtcp-fb:98 nack\r\na=rtcp-fb:98 nack pli\r\na=rtcp-fb:98 goog-remb\r\n" +
	"a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\na=extmap:10 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id\r\n" +
	"a=extmap:11 urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id\r\n" +
	"a=rid:q send\r\na=rid:h send\r\na=rid:f send pt=98,99\r\na=simulcast:send q;h;f\r\n"

func browserGateway() (Capabilities, Transport) {
	caps, tr := roomGateway(DTLS)
	caps.Mux, caps.ICE, caps.Layers = MuxOffer, ICEFull, 3
	tr.Ufrag, tr.Password = "efgh", "abcdefghijklmnopqrstuvwx"
	return caps, tr
}

func TestASimulcastIsTakenForAMeeting(t *testing.T) {
	caps, tr := browserGateway()
	answer, agreed := mustAnswer(t, caps, tr, mustParse(t, simulcastOffer), "")
	text := answer.String()
	for _, line := range []string{"a=rid:q recv", "a=rid:h recv", "a=rid:f recv", "a=simulcast:recv q;h;f", "a=extmap:10 " + extRID, "a=extmap:11 " + extRepaired, "a=extmap:4 " + extMID} {
		if !strings.Contains(text, line+"\r\n") {
			t.Errorf("the answer has no %q:\n%s", line, text)
		}
	}
	st := agreed.Streams[1]
	if st.Recv.Name != "VP8" || st.RecvRTX != 99 || !slices.Equal(st.Simulcast.RIDs, []string{"q", "h", "f"}) || st.Simulcast.ID != 10 || st.Simulcast.RepairedID != 11 {
		t.Errorf("%+v", st)
	}
}

func TestOtherwiseOnePictureIsTaken(t *testing.T) {
	for _, row := range []struct{ what, old, now string }{
		{"a layer that is not declared", "a=rid:h send\r\n", ""},
		{"no header extension", "a=extmap:10 ", "a=extmap:10/recvonly "},
		{"an extension that one octet cannot name", "a=extmap:10 ", "a=extmap:30 "},
		{"a layer of another format", "pt=98,99", "pt=97"},
		{"a layer twice", "send q;h;f", "send q;h;q"},
		{"four layers", "send q;h;f", "send q;h;f;q"},
		{"one layer", "send q;h;f", "send f"},
		{"none", "send q;h;f", "send"},
		{"to be received", "send q;h;f", "recv q;h;f"},
		{"not bundled", "a=group:BUNDLE 0 1\r\n", ""},
		{"nothing is sent", "a=sendrecv", "a=recvonly"},
	} {
		caps, tr := browserGateway()
		offer := strings.Replace(simulcastOffer, row.old, row.now, 1)
		if offer == simulcastOffer {
			t.Fatalf("%s: nothing is replaced", row.what)
		}
		answer, agreed := mustAnswer(t, caps, tr, mustParse(t, offer), "")
		if strings.Contains(answer.String(), "simulcast") {
			t.Errorf("%s: the answer has simulcast", row.what)
		}
		for _, st := range agreed.Streams {
			if len(st.Simulcast.RIDs) != 0 {
				t.Errorf("%s: %+v", row.what, st.Simulcast)
			}
		}
	}
	caps, tr := browserGateway()
	caps.Layers = 0 // not into a meeting
	answer, agreed := mustAnswer(t, caps, tr, mustParse(t, simulcastOffer), "")
	if strings.Contains(answer.String(), "simulcast") || agreed.Streams[1].Recv.Name != "H264" {
		t.Errorf("a leg that takes one picture answers\n%s", answer)
	}
}

func TestSimulcastsAreRead(t *testing.T) {
	for v, want := range map[string]string{
		"send 1;2;3": "1,2,3", "send 1,4;2": "1,2", "recv a;b send ~c;d": "c,d", "send": "", "": "", "recv 1;2": "", "send ;": ",",
	} {
		if got := strings.Join(simulcastSend(v), ","); got != want {
			t.Errorf("%q: %q, want %q", v, got, want)
		}
	}
}
