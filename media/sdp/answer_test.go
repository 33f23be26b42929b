package sdp

import (
	"errors"
	"strings"
	"testing"

	"tandem/media"
)

func TestEveryFormOfHoldIsUnderstood(t *testing.T) {
	const ice = "a=ice-ufrag:abcd\na=ice-pwd:0123456789abcdef012345"
	for _, test := range []struct {
		name, connection string
		lines            []string
		want             media.Direction
		held             bool
	}{
		{"nothing said", "192.0.2.7", nil, media.SendRecv, false},
		{"sendrecv", "192.0.2.7", []string{"a=sendrecv"}, media.SendRecv, false},
		{"sendonly: music on hold", "192.0.2.7", []string{"a=sendonly"}, media.RecvOnly, true},
		{"recvonly", "192.0.2.7", []string{"a=recvonly"}, media.SendOnly, false},
		{"inactive", "192.0.2.7", []string{"a=inactive"}, media.Inactive, true},
		{"upper case", "192.0.2.7", []string{"a=SENDONLY"}, media.RecvOnly, true},
		{"RFC 2543: c=0.0.0.0", "0.0.0.0", nil, media.RecvOnly, true},
		{"RFC 2543 with sendonly", "0.0.0.0", []string{"a=sendonly"}, media.RecvOnly, true},
		{"RFC 2543 with recvonly", "0.0.0.0", []string{"a=recvonly"}, media.Inactive, true},
		{"RFC 2543 with inactive", "0.0.0.0", []string{"a=inactive"}, media.Inactive, true},
		{"the unspecified IPv6 address", "::", nil, media.RecvOnly, true},
		{"0.0.0.0 of ICE is no hold", "0.0.0.0", []string{ice}, media.SendRecv, false},
		{"ICE and sendonly", "0.0.0.0", []string{ice, "a=sendonly"}, media.RecvOnly, true},
		{"the m-line outranks the session", "192.0.2.7", []string{"a=sendrecv"}, media.SendRecv, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			text := strings.ReplaceAll(simple("RTP/AVP", test.lines...), "c=IN IP4 192.0.2.7", "c=IN IP4 "+test.connection)
			if strings.HasPrefix(test.name, "the m-line") {
				text = strings.Replace(text, "t=0 0\n", "t=0 0\na=inactive\n", 1)
			}
			caps, tr := gateway(Plain)
			answer, agreed := mustAnswer(t, caps, tr, mustParse(t, text), "")
			equal(t, "direction", agreed.Audio().Direction, test.want)
			equal(t, "held", agreed.Audio().Held, test.held)
			if _, ok := answer.Media[0].Attribute(test.want.String()); !ok {
				t.Errorf("the answer does not say %s:\n%s", test.want, answer)
			}
			equal(t, "our c=", answer.Connection.Address, "203.0.113.1")
		})
	}
}

func TestOurHoldMeetsTheirs(t *testing.T) {
	for _, test := range []struct {
		theirs string
		ours   media.Direction
		want   media.Direction
	}{
		{"sendrecv", media.SendOnly, media.SendOnly},
		{"sendonly", media.SendOnly, media.Inactive},
		{"recvonly", media.SendOnly, media.SendOnly},
		{"sendrecv", media.RecvOnly, media.RecvOnly},
		{"sendonly", media.RecvOnly, media.RecvOnly},
		{"recvonly", media.RecvOnly, media.Inactive},
		{"inactive", media.SendRecv, media.Inactive},
		{"sendrecv", media.Inactive, media.Inactive},
	} {
		caps, tr := gateway(Plain)
		caps.Direction = test.ours
		_, agreed := mustAnswer(t, caps, tr, mustParse(t, simple("RTP/AVP", "a="+test.theirs)), "")
		equal(t, test.theirs+" and "+test.ours.String(), agreed.Audio().Direction, test.want)
	}
}

func TestTheOtherLegsCodecIsPreferred(t *testing.T) {
	offer := mustParse(t, "v=0\no=- 1 1 IN IP4 192.0.2.7\ns=-\nc=IN IP4 192.0.2.7\nt=0 0\nm=audio 6000 RTP/AVP 8 0 9 96 101\na=rtpmap:96 opus/48000/2\na=rtpmap:101 telephone-event/8000\n")
	for prefer, want := range map[string]string{"": "96 101", "PCMU": "0 101", "pcma": "8 101", "G722": "9 101", "OPUS": "96 101", "VP8": "96 101"} {
		caps, tr := gateway(Plain)
		answer, agreed := mustAnswer(t, caps, tr, offer, prefer)
		equal(t, "formats for "+prefer, strings.Join(answer.Media[0].Formats, " "), want)
		equal(t, "all codecs for "+prefer, len(agreed.Audio().Codecs), 4)
	}
}

// Google's web edge answers 48000, but offers 8000 beside Opus (GV-S37, GV-C22).
func TestTelephoneEventFollowsTheCodecsClock(t *testing.T) {
	for _, test := range []struct {
		name, formats string
		lines         []string
		want          media.Event
	}{
		{"own clock", "111 101 110", []string{"101 telephone-event/8000", "110 telephone-event/48000"}, media.Event{PayloadType: 110, Clock: 48000}},
		{"8000 beside Opus", "111 101", []string{"101 telephone-event/8000"}, media.Event{PayloadType: 101, Clock: 8000}},
		{"only an odd clock", "111 99", []string{"99 telephone-event/16000"}, media.Event{PayloadType: 99, Clock: 16000}},
		{"none", "111", nil, media.Event{}},
		{"rtpmap for a number not listed", "111", []string{"101 telephone-event/8000"}, media.Event{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			text := "v=0\no=- 1 1 IN IP4 192.0.2.7\ns=-\nc=IN IP4 192.0.2.7\nt=0 0\nm=audio 6000 RTP/AVP " + test.formats + "\na=rtpmap:111 opus/48000/2\n"
			for _, l := range test.lines {
				text += "a=rtpmap:" + l + "\n"
			}
			caps, tr := gateway(Plain)
			_, agreed := mustAnswer(t, caps, tr, mustParse(t, text), "")
			equal(t, "event", agreed.Audio().SendEvent, test.want)
			equal(t, "event we get", agreed.Audio().RecvEvent, test.want)
			equal(t, "in the sink", agreed.Audio().SinkInfo().Event, test.want)
		})
	}
}

func TestTheProfileIsEchoed(t *testing.T) {
	keys := "a=crypto:7 AES_CM_128_HMAC_SHA1_80 inline:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwd"
	print := "a=fingerprint:SHA-256 " + strings.TrimSuffix(strings.Repeat("ab:", 32), ":")
	for _, test := range []struct {
		profile string
		policy  Security
		line    string
		want    Security
	}{
		{"RTP/AVP", Plain, "", Plain},
		{"RTP/AVPF", Plain, "", Plain},
		{"rtp/avp", Plain, "", Plain},
		{"RTP/SAVP", SDES, keys, SDES},
		{"RTP/SAVPF", SDES, keys, SDES},
		{"RTP/AVP", SDES, keys, SDES},            // before RFC 8643
		{"RTP/AVP", Opportunistic, keys, SDES},   // RFC 8643
		{"RTP/AVP", Opportunistic, print, DTLS},  // GV-C21
		{"RTP/AVP", DTLS, print, DTLS},           // GV-C21, web edge
		{"RTP/AVP", Plain, print, Plain},         // GV-C21, telephony edge: DTLS is optional
		{"RTP/SAVPF", DTLS, print, DTLS},         // browsers before 2015
		{"UDP/TLS/RTP/SAVP", DTLS, print, DTLS},  //
		{"UDP/TLS/RTP/SAVPF", DTLS, print, DTLS}, //
		{"UDP/TLS/RTP/SAVPF", Opportunistic, print, DTLS},
		{"RTP/AVP", Opportunistic, "", Plain},
	} {
		caps, tr := gateway(test.policy)
		answer, agreed := mustAnswer(t, caps, tr, mustParse(t, simple(test.profile, test.line)), "")
		equal(t, "profile", answer.Media[0].Profile, test.profile)
		equal(t, test.profile+" "+test.policy.String(), agreed.Audio().Security, test.want)
	}
}

func TestWhatCannotBeAcceptedIsRefusedWithAReason(t *testing.T) {
	crypto := "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwd"
	for _, test := range []struct {
		name, offer string
		policy      Security
		mux         Mux
		status      int
		reason      string
	}{
		{"encryption is demanded, none offered", simple("RTP/AVP"), SDES, MuxOff, 488, "protection"},
		{"DTLS is demanded, keys offered", simple("RTP/SAVP", crypto), DTLS, MuxOff, 488, "protection"},
		{"plain policy, encrypted offer", simple("RTP/SAVP", crypto), Plain, MuxOff, 488, "protection"},
		{"SAVP without keys", simple("RTP/SAVP"), Opportunistic, MuxOff, 488, "protection"},
		{"keys on a DTLS profile", simple("UDP/TLS/RTP/SAVP", crypto), Opportunistic, MuxOff, 488, "protection"},
		{"TCP", simple("TCP/RTP/AVP"), Plain, MuxOff, 488, "TCP/RTP/AVP"},
		{"no mux", simple("RTP/AVP"), Plain, MuxRequire, 488, "rtcp-mux"},
		{"no codec", strings.ReplaceAll(simple("RTP/AVP"), "PCMU", "GSM"), Plain, MuxOff, 488, "GSM"},
		{"no c=", strings.ReplaceAll(simple("RTP/AVP"), "c=IN IP4 192.0.2.7\n", ""), Plain, MuxOff, 400, "c="},
		{"empty c=", strings.ReplaceAll(simple("RTP/AVP"), "c=IN IP4 192.0.2.7", "c=IN IP4"), Plain, MuxOff, 400, "c="},
		{"multicast", strings.ReplaceAll(simple("RTP/AVP"), "c=IN IP4 192.0.2.7", "c=IN IP4 224.2.1.1/127"), Plain, MuxOff, 488, "multicast"},
		{"port 0 in a first offer", strings.ReplaceAll(simple("RTP/AVP"), "audio 6000", "audio 0"), Plain, MuxOff, 488, "no media stream in use"},
		{"no m-line", "v=0\no=- 1 1 IN IP4 192.0.2.7\ns=-\nt=0 0\n", Plain, MuxOff, 488, "no media stream in use"},
		{"only video", "v=0\nc=IN IP4 192.0.2.7\nm=video 6000 RTP/AVP 96\na=rtpmap:96 VP8/90000\n", Plain, MuxOff, 488, "video"},
	} {
		t.Run(test.name, func(t *testing.T) {
			caps, tr := gateway(test.policy)
			caps.Mux = test.mux
			_, _, err := Answer(caps, tr, mustParse(t, test.offer), "")
			var e *Error
			if !errors.As(err, &e) || e.Status != test.status || !strings.Contains(e.Reason, test.reason) {
				t.Errorf("got %v, want %d …%s…", err, test.status, test.reason)
			}
		})
	}
	caps, tr := gateway(Plain)
	if _, _, err := Answer(caps, tr, nil, ""); err == nil {
		t.Error("no offer at all was answered")
	}
}

func TestOtherStreamsAreRejectedInTheirPlaces(t *testing.T) {
	offer := mustParse(t, "v=0\nc=IN IP4 192.0.2.7\nm=image 5000 udptl t38\nm=video 0 RTP/AVP 31\nm=audio 6000 RTP/AVP 8\nm=audio 6002 RTP/AVP 0\nm=text 6004 RTP/AVP 98\nm=foo 1 bar\n")
	caps, tr := gateway(Plain)
	answer, agreed := mustAnswer(t, caps, tr, offer, "")
	var ports []uint16
	for _, m := range answer.Media {
		ports = append(ports, m.Port)
	}
	equal(t, "ports", ports, []uint16{0, 0, 40000, 0, 0, 0})
	equal(t, "index", agreed.Audio().Index, 2)
}

func TestTheDTLSRoleIsKeptOverReOffers(t *testing.T) {
	print := "a=fingerprint:sha-256 " + strings.TrimSuffix(strings.Repeat("CD:", 32), ":")
	for _, test := range []struct {
		setup    string
		standing Role
		want     Role
	}{
		{"a=setup:actpass", RoleNone, RoleClient},
		{"a=setup:actpass", RoleServer, RoleServer},
		{"a=setup:actpass", RoleClient, RoleClient},
		{"a=setup:active", RoleNone, RoleServer},
		{"a=setup:passive", RoleNone, RoleClient},
		{"", RoleNone, RoleServer},
	} {
		caps, tr := gateway(DTLS)
		tr.Role = test.standing
		answer, agreed := mustAnswer(t, caps, tr, mustParse(t, simple("UDP/TLS/RTP/SAVPF", print, test.setup)), "")
		equal(t, test.setup, agreed.Audio().DTLS.Role, test.want)
		got, _ := answer.Media[0].Attribute("setup")
		equal(t, "written", got, test.want.String())
	}
	caps, tr := gateway(DTLS)
	if _, _, err := Answer(caps, tr, mustParse(t, simple("UDP/TLS/RTP/SAVPF", print, "a=setup:holdconn")), ""); err == nil {
		t.Error("holdconn was accepted")
	}
	for _, bad := range []string{"md5 " + strings.Repeat("AB:", 15) + "AB", "sha-256 AB:CD", "sha-256 zz", "sha-256"} {
		if _, _, err := Answer(caps, tr, mustParse(t, simple("UDP/TLS/RTP/SAVPF", "a=fingerprint:"+bad, "a=setup:actpass")), ""); err == nil {
			t.Errorf("fingerprint %q was accepted", bad)
		}
	}
}

func TestSDESKeysAreReadStrictly(t *testing.T) {
	const key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwd"
	for line, want := range map[string]bool{
		"1 AES_CM_128_HMAC_SHA1_80 inline:" + key:                            true,
		"1 aes_cm_128_hmac_sha1_32 INLINE:" + key + "|2^20":                  true,
		"1 AES_CM_128_HMAC_SHA1_80 inline:" + key + " WSH=64":                true,
		"1 AEAD_AES_128_GCM inline:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGw==": true,
		"1 AEAD_AES_128_GCM inline:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGw":   true,
		"1 AES_CM_128_HMAC_SHA1_80 inline:" + key + "|2^31|1:4":              false,
		"1 AES_CM_128_HMAC_SHA1_80 inline:" + key + "|1:4":                   false,
		"1 AES_CM_128_HMAC_SHA1_80 inline:" + key + ";inline:" + key:         false,
		"1 AES_CM_128_HMAC_SHA1_80 inline:" + key + " UNENCRYPTED_SRTP":      false,
		"1 AES_CM_128_HMAC_SHA1_80 inline:" + key + " UNAUTHENTICATED_SRTP":  false,
		"1 AES_CM_128_HMAC_SHA1_80 inline:" + key + " KDR=3":                 false,
		"1 AES_CM_128_HMAC_SHA1_80 inline:AAEC":                              false,
		"1 AES_CM_128_HMAC_SHA1_80 inline:!!!!":                              false,
		"1 AES_CM_128_HMAC_SHA1_80 uri:https://example.com/key":              false,
		"1 AES_192_CM_HMAC_SHA1_80 inline:" + key:                            false,
		"x AES_CM_128_HMAC_SHA1_80 inline:" + key:                            false,
		"-1 AES_CM_128_HMAC_SHA1_80 inline:" + key:                           false,
		"1 AES_CM_128_HMAC_SHA1_80":                                          false,
	} {
		caps, tr := gateway(SDES)
		_, agreed, err := Answer(caps, tr, mustParse(t, simple("RTP/SAVP", "a=crypto:"+line)), "")
		if (err == nil) != want {
			t.Errorf("%s: %v", line, err)
		}
		if err == nil {
			k := agreed.Audio().Keys
			equal(t, "key lengths", [2]int{len(k.Local), len(k.Remote)}, [2]int{k.Suite.KeyLen(), k.Suite.KeyLen()})
		}
	}
	if s := (Crypto{1, AES128GCM, []byte("secretsecret")}).String(); strings.Contains(s, "secret") {
		t.Errorf("a key prints: %s", s)
	}
}

func TestICEIsReadAtBothLevels(t *testing.T) {
	const ufrag, pwd, lite = "a=ice-ufrag:abcd", "a=ice-pwd:0123456789abcdef012345", "a=ice-lite"
	const fits, moved = "a=candidate:1 1 UDP 1 192.0.2.7 6000 typ host", "a=candidate:1 1 UDP 1 10.0.0.1 6000 typ host"
	for _, test := range []struct {
		name                  string
		session, media        []string
		ice, lite, mismatched bool
	}{
		{"session level (GV-C20)", []string{lite, ufrag, pwd}, []string{fits}, true, true, false},
		{"media level", nil, []string{ufrag, pwd, fits}, true, false, false},
		{"lite at media level", nil, []string{lite, ufrag, pwd, fits}, true, true, false},
		{"no candidates yet", nil, []string{ufrag, pwd}, true, false, false},
		{"no password", nil, []string{ufrag, fits}, false, false, false},
		{"moved on the way", nil, []string{ufrag, pwd, moved}, false, false, true},
		{"one of several fits", nil, []string{ufrag, pwd, moved, fits}, true, false, false},
		{"a hidden name", nil, []string{ufrag, pwd, "a=candidate:1 1 UDP 1 8f1c.local 6000 typ host"}, true, false, false},
		{"broken candidates cost only themselves", nil, []string{ufrag, pwd, "a=candidate:1 1 UDP", "a=candidate:1 x UDP 1 192.0.2.7 6000 typ host", fits}, true, false, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			text := simple("RTP/AVP", test.media...)
			text = strings.Replace(text, "t=0 0\n", "t=0 0\n"+strings.Join(append(test.session, ""), "\n"), 1)
			caps, tr := gateway(Plain)
			answer, agreed := mustAnswer(t, caps, tr, mustParse(t, text), "")
			st := agreed.Audio()
			equal(t, "ice", st.ICE != nil, test.ice)
			equal(t, "mismatch", st.Mismatch, test.mismatched)
			if st.ICE != nil {
				equal(t, "lite", st.ICE.Lite, test.lite)
				equal(t, "credentials", st.ICE.Ufrag+" "+st.ICE.Password, "abcd 0123456789abcdef012345")
			}
			_, told := answer.Media[0].Attribute("ice-mismatch")
			equal(t, "mismatch told", told, test.mismatched)
		})
	}
	caps, tr := gateway(Plain)
	caps.ICE = ICENone
	_, agreed := mustAnswer(t, caps, tr, mustParse(t, simple("RTP/AVP", ufrag, pwd, fits)), "")
	equal(t, "ICE by a leg without", agreed.Audio().ICE == nil, true)
	caps.ICE = ICELite
	answer, _ := mustAnswer(t, caps, tr, mustParse(t, simple("RTP/AVP", ufrag, pwd, fits)), "")
	if _, ok := answer.Attribute("ice-lite"); !ok {
		t.Error("a lite agent does not say so at session level")
	}
}

func TestRTCPHasItsAddress(t *testing.T) {
	for _, test := range []struct {
		mux   Mux
		lines []string
		want  string
		muxed bool
	}{
		{MuxOffer, nil, "192.0.2.7:6001", false},
		{MuxOffer, []string{"a=rtcp:7000"}, "192.0.2.7:7000", false},
		{MuxOffer, []string{"a=rtcp:7000 IN IP4 192.0.2.8"}, "192.0.2.8:7000", false},
		{MuxOffer, []string{"a=rtcp:junk"}, "192.0.2.7:6001", false},
		{MuxOffer, []string{"a=rtcp:7000", "a=rtcp-mux"}, "192.0.2.7:6000", true},
		{MuxOff, []string{"a=rtcp-mux"}, "192.0.2.7:6001", false},
	} {
		caps, tr := gateway(Plain)
		caps.Mux = test.mux
		_, agreed := mustAnswer(t, caps, tr, mustParse(t, simple("RTP/AVP", test.lines...)), "")
		equal(t, "rtcp", agreed.Audio().RTCP.String(), test.want)
		equal(t, "mux", agreed.Audio().Mux, test.muxed)
	}
	caps, tr := gateway(Plain)
	tr.RTCPPort = 40010
	answer, _ := mustAnswer(t, caps, tr, mustParse(t, simple("RTP/AVP")), "")
	got, _ := answer.Media[0].Attribute("rtcp")
	equal(t, "our rtcp", got, "40010")
}

func TestPacketDurationsAreOnesWeCanMake(t *testing.T) {
	for line, want := range map[string]string{
		"a=ptime:20": "20", "a=ptime:30": "30", "a=ptime:60": "60", "a=ptime:10": "10", "a=ptime:5": "10",
		"a=ptime:25": "20", "a=ptime:200": "60", "a=ptime:0": "20", "a=ptime:x": "20", "a=ptime:20.0": "20",
		"a=ptime:40\na=maxptime:20": "20", "a=maxptime:10": "10", "a=ptime:-20": "20", "a=ptime:NaN": "20",
	} {
		caps, tr := gateway(Plain)
		answer, agreed := mustAnswer(t, caps, tr, mustParse(t, simple("RTP/AVP", line)), "")
		got, _ := answer.Media[0].Attribute("ptime")
		equal(t, line, got, want)
		equal(t, line, milliseconds(agreed.Audio().SinkInfo().Packet), want)
	}
}

// A path of ICE is made for RTP only, so a far end that wants a path of its own for
// RTCP (component 2) gets audio and is told that there are no reports. Google Voice
// always shares the port (GV-C20, GV-S34).
func TestICEWithoutASharedPortHasNoRTCP(t *testing.T) {
	lines := []string{
		"a=ice-ufrag:abcd", "a=ice-pwd:abcdefghijklmnopqrstuvwx", "a=rtcp:6001",
		"a=candidate:1 1 UDP 2130706431 192.0.2.7 6000 typ host", "a=candidate:1 2 UDP 2130706430 192.0.2.7 6001 typ host",
	}
	for _, mux := range []bool{false, true} {
		if mux {
			lines = append(lines, "a=rtcp-mux")
		}
		caps, tr := gateway(Plain)
		answer, agreed := mustAnswer(t, caps, tr, mustParse(t, simple("RTP/AVP", lines...)), "")
		a := agreed.Audio()
		if a.ICE == nil || a.Mux != mux {
			t.Errorf("mux %v: ICE %v, mux %v", mux, a.ICE, a.Mux)
		}
		text := string(answer.Append(nil))
		if told := strings.Contains(text, "b=RS:0\r\nb=RR:0\r\n"); told == mux {
			t.Errorf("mux %v: that there is no RTCP was told: %v\n%s", mux, told, text)
		}
		if strings.Contains(text, "a=candidate:1 2 ") || strings.Contains(text, "a=rtcp-mux") != mux {
			t.Errorf("mux %v: the answer is\n%s", mux, text)
		}
	}
}
