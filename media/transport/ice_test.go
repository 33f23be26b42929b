package transport

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/stun/v4"

	"tandem/internal/pipe"
	"tandem/media/sdp"
)

// An independent agent: pion's, in its lite mode, on its own socket.
func TestICEAgainstAnIceLiteAgent(t *testing.T) {
	far, err := ice.NewAgentWithOptions(ice.WithICELite(true), ice.WithIncludeLoopback(), ice.WithNetworkTypes([]ice.NetworkType{ice.NetworkTypeUDP4}),
		ice.WithCandidateTypes([]ice.CandidateType{ice.CandidateTypeHost}), ice.WithMulticastDNSMode(ice.MulticastDNSModeDisabled),
		ice.WithIPFilter(func(a net.IP) bool { return a.IsLoopback() }), ice.WithLoggerFactory(pipe.Quiet()))
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	found := make(chan ice.Candidate, 8)
	if err := far.OnCandidate(func(c ice.Candidate) { found <- c }); err != nil {
		t.Fatal(err)
	}
	if err := far.GatherCandidates(); err != nil {
		t.Fatal(err)
	}
	candidate := <-found
	ufrag, password, _ := far.GetLocalUserCredentials()
	s, events := newTestSession(t, newEngine(t), func(o *Options) {
		o.Capabilities.ICE, o.Capabilities.Mux = sdp.ICEFull, sdp.MuxRequire
	})
	offer := strings.Join([]string{
		"v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "c=IN IP4 127.0.0.1", "t=0 0", "a=ice-lite",
		"a=ice-ufrag:" + ufrag, "a=ice-pwd:" + password, "m=audio 9 RTP/AVP 0", "a=rtcp-mux",
		"a=candidate:" + strings.TrimPrefix(candidate.Marshal(), "candidate:"), "",
	}, "\r\n")
	if _, err := s.AnswerTo([]byte(offer), ""); err != nil {
		t.Fatal(err)
	}
	conn, err := far.StartAccept(s.audio.credits.ufrag, s.audio.credits.password)
	if err != nil {
		t.Fatal(err)
	}
	events.wait(t, Connected)
	talk(s, 1)
	var b [1500]byte
	n, err := conn.Read(b[:])
	if err != nil || string(b[12:n]) != "packet 0" {
		t.Fatalf("%q %v", b[:n], err)
	}
	got := collect(s)
	if _, err := conn.Write(rtpPacket(3, 1, "back")); err != nil {
		t.Fatal(err)
	}
	got.wait(t, 1)
}

// A far end that is controlling and never nominates (reference §20.5): one
// authenticated check is enough for media both ways.
func TestAFarEndThatNeverNominates(t *testing.T) {
	s, events := newTestSession(t, newEngine(t), func(o *Options) {
		o.Capabilities.ICE, o.Capabilities.Mux = sdp.ICEFull, sdp.MuxRequire
	})
	far := listen(t, loop4)
	a := addrOf(far)
	offer := strings.Join([]string{
		"v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "c=IN IP4 127.0.0.1", "t=0 0",
		"a=ice-ufrag:" + edgeUfrag, "a=ice-pwd:" + edgePassword, fmt.Sprintf("m=audio %d RTP/AVP 0", a.Port()), "a=rtcp-mux",
		fmt.Sprintf("a=candidate:1 1 UDP 1 127.0.0.1 %d typ host", a.Port()), "",
	}, "\r\n")
	answer, err := s.AnswerTo([]byte(offer), "")
	if err != nil {
		t.Fatal(err)
	}
	at := portOf(t, answer)
	check, err := stun.Build(stun.TransactionID, stun.BindingRequest, stun.NewUsername(s.audio.credits.ufrag+":"+edgeUfrag),
		ice.AttrControlling(1), ice.PriorityAttr(1), stun.NewShortTermIntegrity(s.audio.credits.password), stun.Fingerprint)
	if err != nil {
		t.Fatal(err)
	}
	got := collect(s)
	_, _ = far.WriteToUDPAddrPort(rtpPacket(1, 1, "before the check"), at)
	_, _ = far.WriteToUDPAddrPort(check.Raw, at)
	events.wait(t, Connected)
	_, _ = far.WriteToUDPAddrPort(rtpPacket(1, 2, "after it"), at)
	if l := got.wait(t, 1); string(l[0].Payload) != "after it" {
		t.Fatalf("got %q", l[0].Payload)
	}
	talk(s, 1)
	for {
		b := read(t, far, patience)
		if b == "" {
			t.Fatal("no media came")
		}
		if b[0] == 0x80 {
			break
		}
	}
}

// A far end that is not there: an event says so, in time.
func TestICEThatFindsNobodyFails(t *testing.T) {
	s, events := newTestSession(t, newEngine(t), func(o *Options) {
		o.Capabilities.ICE, o.Capabilities.Mux, o.ConnectTimeout = sdp.ICEFull, sdp.MuxRequire, time.Second
	})
	silent := &edge{t: t, conn: listen(t, loop4), ufrag: edgeUfrag}
	if _, err := s.AnswerTo([]byte(silent.telephony(anyFingerprint)), ""); err != nil {
		t.Fatal(err)
	}
	events.wait(t, Failed)
}

// The far end restarts ICE with new credentials on another port.
func TestICERestart(t *testing.T) {
	one, two := newEdge(t, loop4, edgeUfrag), newEdge(t, loop4, "anotherUfr34")
	s, events := newTestSession(t, newEngine(t), func(o *Options) {
		o.Capabilities.ICE, o.Capabilities.Mux, o.FillSilence = sdp.ICEFull, sdp.MuxRequire, true
	})
	first, err := s.AnswerTo([]byte(one.telephony(anyFingerprint)), "")
	if err != nil {
		t.Fatal(err)
	}
	events.wait(t, Connected)
	one.read()
	second, err := s.AnswerTo([]byte(two.telephony(anyFingerprint)), "")
	if err != nil {
		t.Fatal(err)
	}
	if ufrag(first) == ufrag(second) {
		t.Fatalf("the credentials stayed %s", ufrag(first))
	}
	events.wait(t, Connected)
	two.read()
}

func ufrag(description []byte) string {
	_, after, _ := strings.Cut(string(description), "a=ice-ufrag:")
	value, _, _ := strings.Cut(after, "\r\n")
	return value
}
