package sdp

import (
	"errors"
	"strconv"
	"strings"
	"testing"

	"tandem/media"
)

// The far end may send the same offer at any time (GV-C24, GV-S29).
func TestAnIdenticalReOfferGetsTheSameAnswer(t *testing.T) {
	for _, policy := range policies[:1] {
		offer := mustParse(t, simple("RTP/AVP"))
		caps, tr := gateway(policy)
		first, _ := mustAnswer(t, caps, tr, offer, "")
		caps.Last, caps.Remote = first, offer
		second, _ := mustAnswer(t, caps, tr, offer, "")
		equal(t, "answer", second.String(), first.String())
	}
}

func TestTheVersionRisesOnlyWithTheContent(t *testing.T) {
	caps, tr := gateway(Plain)
	d := Offer(caps, tr)
	equal(t, "first version", version(t, d), 1)
	steps := []struct {
		name   string
		change func()
		want   int
	}{
		{"a session refresh (GV-C17)", func() {}, 1},
		{"hold", func() { caps.Direction = media.SendOnly }, 2},
		{"hold again", func() {}, 2},
		{"resume", func() { caps.Direction = media.SendRecv }, 3},
		{"another port", func() { tr.Port = 40002 }, 4},
		{"another o= address alone", func() { caps.Origin.Address = "198.51.100.9" }, 4},
	}
	for _, s := range steps {
		caps.Last = d
		s.change()
		d = Offer(caps, tr)
		equal(t, s.name, version(t, d), s.want)
		equal(t, s.name+": session", d.Origin.Session, "4711")
	}
}

func TestAReOfferKeepsWhatIsInForce(t *testing.T) {
	remote := mustParse(t, "v=0\no=- 1 1 IN IP4 192.0.2.7\ns=-\nc=IN IP4 192.0.2.7\nt=0 0\nm=video 5000 RTP/AVP 96\nm=audio 6000 RTP/SAVP 0 120 101 9\na=mid:x\na=rtpmap:120 opus/48000/2\na=rtpmap:101 telephone-event/48000\na=rtpmap:9 G722/8000\na=crypto:5 AES_CM_128_HMAC_SHA1_80 inline:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwd\n")
	caps, tr := gateway(Opportunistic)
	last, _ := mustAnswer(t, caps, tr, remote, "")
	caps.Last, caps.Remote, caps.Direction = last, remote, media.SendOnly
	d := Offer(caps, tr)
	equal(t, "m-lines", len(d.Media), 2)
	equal(t, "video stays rejected", d.Media[0].Port, uint16(0))
	m := d.Media[1]
	equal(t, "formats", strings.Join(m.Formats, " "), "120 101")
	equal(t, "profile", m.Profile, "RTP/SAVP")
	equal(t, "mid", section{d, &m}.mid(), "x")
	if v, _ := m.Attribute("crypto"); !strings.HasPrefix(v, "5 AES_CM_128_HMAC_SHA1_80 ") {
		t.Errorf("keys: %q", v)
	}
	if _, ok := m.Attribute("fingerprint"); ok {
		t.Error("a re-offer of an SDES call brings DTLS")
	}
	equal(t, "version", version(t, d), 2)

	caps.Full = true
	m = Offer(caps, tr).Media[1]
	// 101 is the far end's telephone-event/48000: the 8000 Hz one needs another number.
	equal(t, "all formats", strings.Join(m.Formats, " "), "120 9 0 8 96 101")
	if v := m.parameter("rtpmap", 96); v != "telephone-event/8000" {
		t.Errorf("96 is %s", v)
	}
}

func TestAnEndedStreamCanComeBack(t *testing.T) {
	remote := mustParse(t, simple("RTP/AVP"))
	caps, tr := gateway(Plain)
	caps.Last, _ = mustAnswer(t, caps, tr, remote, "")
	ended := mustParse(t, strings.Replace(simple("RTP/AVP"), "audio 6000", "audio 0", 1))
	answer, agreed := mustAnswer(t, caps, tr, ended, "")
	equal(t, "streams", len(agreed.Streams), 0)
	equal(t, "audio", agreed.Audio() == nil, true)
	caps.Last, caps.Remote = answer, ended
	d := Offer(caps, tr)
	equal(t, "m-lines", len(d.Media), 1)
	equal(t, "port", d.Media[0].Port, tr.Port)

	caps.Last = mustParse(t, "v=0\no=- 4711 3 IN IP4 203.0.113.1\nc=IN IP4 203.0.113.1\nm=video 0 RTP/AVP 31\n")
	d = Offer(caps, tr)
	equal(t, "m-lines", len(d.Media), 2)
	equal(t, "kinds", d.Media[0].Kind+" "+d.Media[1].Kind, "video audio")
	equal(t, "version", version(t, d), 4)
}

func TestOffersOfEveryPolicy(t *testing.T) {
	for _, test := range []struct {
		policy      Security
		profile     string
		dtls, keyed bool
	}{
		{Plain, "RTP/AVP", false, false},
		{SDES, "RTP/SAVP", false, true},
		{DTLS, "UDP/TLS/RTP/SAVPF", true, false},
		{Opportunistic, "RTP/AVP", true, true},
	} {
		caps, tr := gateway(test.policy)
		d := Offer(caps, tr)
		m := &d.Media[0]
		equal(t, "profile", m.Profile, test.profile)
		equal(t, "formats", strings.Join(m.Formats, " "), "107 9 0 8 101 110")
		setup, dtls := m.Attribute("setup")
		equal(t, "dtls", dtls, test.dtls)
		if dtls {
			equal(t, "setup", setup, "actpass")
		}
		_, keyed := m.Attribute("crypto")
		equal(t, "sdes", keyed, test.keyed)
		for _, v := range wireViolations(d) {
			t.Error(v)
		}
	}
}

func TestAPlainPhonesOfferHasNothingModern(t *testing.T) {
	d := Offer(phone())
	const want = "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\n" +
		"m=audio 5004 RTP/AVP 0 8 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n" +
		"a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n"
	equal(t, "offer", d.String(), want)
}

func TestTwoOfUsAgree(t *testing.T) {
	for _, policy := range policies {
		aCaps, aTr := gateway(policy)
		bCaps, bTr := gateway(policy)
		bTr.Port, bTr.Candidates[0].Port = 50000, 50000
		offer := Offer(aCaps, aTr)
		answer, b := mustAnswer(t, bCaps, bTr, offer, "PCMA")
		a, err := Accept(aCaps, aTr, offer, answer)
		if err != nil {
			t.Fatalf("%s: %v", policy, err)
		}
		x, y := a.Audio(), b.Audio()
		equal(t, "codec", x.Send.Name+y.Send.Name, "PCMAPCMA")
		equal(t, "event", x.SendEvent, y.RecvEvent)
		equal(t, "security", x.Security, y.Security)
		equal(t, "mux", x.Mux && y.Mux && x.Bundled && y.Bundled, true)
		equal(t, "remote", x.Remote.Port(), uint16(50000))
		equal(t, "suite", x.Keys.Suite, y.Keys.Suite)
		equal(t, "keys", string(x.Keys.Local)+string(x.Keys.Remote), string(y.Keys.Remote)+string(y.Keys.Local))
		equal(t, "ice", x.ICE != nil && y.ICE != nil, true)
		if x.Security == DTLS {
			equal(t, "roles", x.DTLS.Role.String()+y.DTLS.Role.String(), "passiveactive")
		}
	}
}

// The web edge's answer, reference §9.2: everything at session level.
func TestGooglesAnswerIsAccepted(t *testing.T) {
	caps, tr := gateway(DTLS)
	caps.Mux = MuxRequire
	offer := Offer(caps, tr)
	answer := mustParse(t, strings.ReplaceAll(`v=0
o=xavier 1774800000000 1774800001 IN IP4 198.51.100.157
s=SIP Call
c=IN IP4 198.51.100.157
t=0 0
a=sendrecv
a=ice-lite
a=ice-ufrag:exampleUfr12
a=ice-pwd:examplePassword012345678
a=group:BUNDLE 0
a=fingerprint:sha-256 FP
a=setup:passive
m=audio 26500 UDP/TLS/RTP/SAVPF 107 110
a=rtpmap:107 opus/48000/2
a=rtpmap:110 telephone-event/48000
a=candidate:1 1 UDP 1 198.51.100.157 26500 typ host
a=candidate:2 1 UDP 2 2001:db8:4864:2::7e 26500 typ host
a=mid:0
a=sendrecv
a=rtcp-mux
`, "FP", strings.TrimSuffix(strings.Repeat("0F:", 32), ":")))
	agreed, err := Accept(caps, tr, offer, answer)
	if err != nil {
		t.Fatal(err)
	}
	s := agreed.Audio()
	equal(t, "stream", describeStream(s), `m0 mid="0" dtls OPUS/48000 send=107 recv=107 event=110/48000 sendrecv to 198.51.100.157:26500 rtcp 198.51.100.157:26500 mux=true ptime=20ms dtls active ice lite=true trickle=false 2 candidates OPUS:107`)
}

func TestAnswersThatBendTheRulesAreUnderstood(t *testing.T) {
	for _, test := range []struct{ name, media, want string }{
		{"other payload types", "m=audio 7000 RTP/AVP 96 97\na=rtpmap:96 opus/48000/2\na=rtpmap:97 telephone-event/48000\n", "OPUS send 96 recv 107 event 97 110"},
		{"no rtpmap at all", "m=audio 7000 RTP/AVP 107 101\n", "OPUS send 107 recv 107 event 101 101"},
		{"several codecs, their order counts", "m=audio 7000 RTP/AVP 8 0 101\na=rtpmap:101 telephone-event/8000\n", "PCMA send 8 recv 8 event 101 101"},
		{"unknown codecs first", "m=audio 7000 RTP/AVP 18 0\n", "PCMU send 0 recv 0 event 0 0"},
		{"an extra m-line", "m=audio 7000 RTP/AVP 0\nm=video 0 RTP/AVP 31\n", "PCMU send 0 recv 0 event 0 0"},
	} {
		caps, tr := gateway(Plain)
		agreed, err := Accept(caps, tr, Offer(caps, tr), mustParse(t, "v=0\nc=IN IP4 192.0.2.7\n"+test.media))
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		s := agreed.Audio()
		got := strings.Join([]string{s.Send.Name, "send", num(s.Send.PayloadType), "recv", num(s.Recv.PayloadType), "event", num(s.SendEvent.PayloadType), num(s.RecvEvent.PayloadType)}, " ")
		equal(t, test.name, got, test.want)
	}
}

func num(n uint8) string { return strconv.Itoa(int(n)) }

func TestUnusableAnswersAreRefusedWithAReason(t *testing.T) {
	for _, test := range []struct {
		policy        Security
		media, reason string
		status        int
	}{
		{Plain, "m=audio 0 RTP/AVP 0\n", "rejected", 488},
		{Plain, "", "rejected", 488},
		{Plain, "m=video 5000 RTP/AVP 0\n", "where audio was offered", 400},
		{Plain, "m=audio 5000 RTP/AVP 18\n", "none of the offered codecs", 488},
		{Plain, "m=audio 5000 TCP/X 0\n", "changed the profile", 488},
		{Plain, "m=audio 5000 RTP/SAVP 0\n", "without usable keys", 488},
		{SDES, "m=audio 5000 RTP/AVP 0\n", "without usable keys", 488},
		{DTLS, "m=audio 5000 UDP/TLS/RTP/SAVPF 0\n", "without usable keys", 488},
		{SDES, "m=audio 5000 RTP/SAVP 0\na=crypto:9 AES_CM_128_HMAC_SHA1_80 inline:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwd\n", "not offered", 488},
	} {
		caps, tr := gateway(test.policy)
		_, err := Accept(caps, tr, Offer(caps, tr), mustParse(t, "v=0\nc=IN IP4 192.0.2.7\n"+test.media))
		var e *Error
		if !errors.As(err, &e) || e.Status != test.status || !strings.Contains(e.Reason, test.reason) {
			t.Errorf("%q: got %v, want %d …%s…", test.media, err, test.status, test.reason)
		}
	}
	caps, tr := gateway(Plain)
	if _, err := Accept(caps, tr, Offer(caps, tr), nil); err == nil {
		t.Error("no answer at all was accepted")
	}
	caps.Mux = MuxRequire
	if _, err := Accept(caps, tr, Offer(caps, tr), mustParse(t, simple("RTP/AVP"))); err == nil {
		t.Error("an answer without rtcp-mux was accepted by a leg that needs it")
	}
	_, err := Accept(caps, tr, Offer(caps, tr), mustParse(t, "v=0\nm=audio 5000 RTP/AVP 0\n"))
	if err == nil || !strings.Contains(err.Error(), "answer has no c=") {
		t.Errorf("got %v", err)
	}
}
