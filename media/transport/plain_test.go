package transport

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"tandem/media"
	"tandem/media/sdp"
)

func TestPlainRTPOnBothFamilies(t *testing.T) {
	for _, ip := range []netip.Addr{loop4, loop6} {
		t.Run(ip.String(), func(t *testing.T) {
			s, events := newTestSession(t, newEngine(t), nil)
			p := newPhone(t, ip)
			answer, err := s.AnswerTo([]byte(p.sdp()), "PCMU")
			if err != nil {
				t.Fatal(err)
			}
			events.wait(t, Connected)
			at := portOf(t, answer)
			if at.Addr() != ip {
				t.Fatalf("answer shows %v, want %v", at.Addr(), ip)
			}
			got := collect(s)
			p.send(at, 1, 1, "hello")
			if l := got.wait(t, 1); string(l[0].Payload) != "hello" || l[0].SSRC != 1 || l[0].Arrived.IsZero() {
				t.Fatalf("got %+v", l[0])
			}
			talk(s, 1)
			if got := p.readPayload(); got != "packet 0" {
				t.Fatalf("got %q", got)
			}
			if want := "RTP " + at.String() + " <-> " + addrOf(p.rtp).String() + " PCMU"; s.String() != want {
				t.Errorf("String is %q, want %q", s.String(), want)
			}
		})
	}
}

func TestOurSessionsTalkToEachOther(t *testing.T) {
	secure := func(sec sdp.Security, ice sdp.ICEMode, mux sdp.Mux) func(*Options) {
		return func(o *Options) {
			o.Capabilities.Security, o.Capabilities.ICE, o.Capabilities.Mux = sec, ice, mux
		}
	}
	tests := []struct {
		name string
		a, b func(*Options)
	}{
		{"plain", nil, nil},
		{"plain, rtcp-mux", secure(sdp.Plain, 0, sdp.MuxOffer), secure(sdp.Plain, 0, sdp.MuxOffer)},
		{"SDES", secure(sdp.SDES, 0, 0), secure(sdp.SDES, 0, 0)},
		{"opportunistic", secure(sdp.Opportunistic, 0, 0), secure(sdp.Opportunistic, 0, 0)},
		{"DTLS without ICE", secure(sdp.DTLS, 0, sdp.MuxRequire), secure(sdp.DTLS, 0, sdp.MuxRequire)},
		{"ICE, plain RTP", secure(sdp.Plain, sdp.ICEFull, sdp.MuxRequire), secure(sdp.Plain, sdp.ICEFull, sdp.MuxRequire)},
		{"ICE, we are lite", secure(sdp.Plain, sdp.ICEFull, sdp.MuxRequire), secure(sdp.Plain, sdp.ICELite, sdp.MuxRequire)},
		{"ICE, the offerer is lite", secure(sdp.Plain, sdp.ICELite, sdp.MuxRequire), secure(sdp.Plain, sdp.ICEFull, sdp.MuxRequire)},
		{"ICE, DTLS", secure(sdp.DTLS, sdp.ICEFull, sdp.MuxRequire), secure(sdp.DTLS, sdp.ICEFull, sdp.MuxRequire)},
		{"ICE, SDES", secure(sdp.SDES, sdp.ICEFull, sdp.MuxRequire), secure(sdp.SDES, sdp.ICEFull, sdp.MuxRequire)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := newEngine(t)
			a, ea := newTestSession(t, e, tt.a)
			b, eb := newTestSession(t, e, tt.b)
			join(t, a, b)
			ea.wait(t, Connected)
			eb.wait(t, Connected)
			bothWays(t, a, b)
			t.Log(a)
		})
	}
}

func TestEverySDESSuite(t *testing.T) {
	for i, suite := range suites {
		t.Run(string(suite), func(t *testing.T) {
			e := newEngine(t)
			a, _ := newTestSession(t, e, func(o *Options) { o.Capabilities.Security = sdp.SDES })
			b, _ := newTestSession(t, e, func(o *Options) { o.Capabilities.Security = sdp.SDES })
			offer, err := a.Offer()
			if err != nil {
				t.Fatal(err)
			}
			// Leave the far end this suite only; what we do not offer others do.
			ours := fmt.Sprintf("a=crypto:9 %s inline:%s\r\n", suite, base64.StdEncoding.EncodeToString(make([]byte, suite.KeyLen())))
			offered := false
			var lines []string
			for _, l := range strings.SplitAfter(string(offer), "\r\n") {
				if strings.HasPrefix(l, "a=crypto:") && strings.Contains(l, string(suite)) {
					ours, offered = l, true
				}
				if l != "" && !strings.HasPrefix(l, "a=crypto:") {
					lines = append(lines, l)
				}
			}
			if short := suite == sdp.AES128GCM || suite == sdp.AES128CMSHA1_80; offered != short {
				t.Errorf("offered: %v, want %v", offered, short)
			}
			answer, err := b.AnswerTo([]byte(strings.Join(append(lines, ours), "")), "")
			if err != nil {
				t.Fatal(err)
			}
			agreed := b.Agreed()
			got := agreed.Audio().Keys
			if got.Suite != suites[i] {
				t.Fatalf("agreed on %s", got.Suite)
			}
			if !offered {
				if _, err := sdesContext(got.Suite, got.Local); err != nil {
					t.Error(err)
				}
				return
			}
			if err := a.SetAnswer(answer); err != nil {
				t.Fatal(err)
			}
			bothWays(t, a, b)
		})
	}
}

func TestAPayloadTypeThatWasNotAgreedIsDropped(t *testing.T) {
	s, _ := newTestSession(t, newEngine(t), nil)
	p := newPhone(t, loop4)
	answer, err := s.AnswerTo([]byte(p.sdp()), "PCMU")
	if err != nil {
		t.Fatal(err)
	}
	got := collect(s)
	bad := rtpPacket(1, 1, "video")
	bad[1] = 99
	_, _ = p.rtp.WriteToUDPAddrPort(bad, portOf(t, answer))
	p.send(portOf(t, answer), 1, 2, "audio")
	p.send(portOf(t, answer), 1, 2, "audio") // and a duplicate
	p.send(portOf(t, answer), 1, 3, "end")
	if l := got.wait(t, 2); string(l[0].Payload) != "audio" || string(l[1].Payload) != "end" {
		t.Fatalf("got %q %q", l[0].Payload, l[1].Payload)
	}
	if d := s.Stats().Dropped; d != 2 {
		t.Errorf("%d dropped, want 2", d)
	}
}

func TestComfortNoiseIsTakenWithATelephoneCodec(t *testing.T) {
	s, _ := newTestSession(t, newEngine(t), nil)
	p := newPhone(t, loop4)
	answer, err := s.AnswerTo([]byte(p.sdp()), "PCMU")
	if err != nil {
		t.Fatal(err)
	}
	got := collect(s)
	noise := rtpPacket(1, 1, "\x40")
	noise[1] = 13
	_, _ = p.rtp.WriteToUDPAddrPort(noise, portOf(t, answer))
	if l := got.wait(t, 1); l[0].PayloadType != 13 {
		t.Fatalf("got payload type %d", l[0].PayloadType)
	}
	if info := s.Sources()[0].Info(); info.Codec != "PCMU" {
		t.Fatalf("the codec became %s", info.Codec)
	}
}

func TestTheFarEndMayChangeTheCodec(t *testing.T) {
	s, _ := newTestSession(t, newEngine(t), nil)
	p := newPhone(t, loop4)
	offer, err := s.Offer()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.SetAnswer([]byte(p.sdp())); err != nil {
		t.Fatal(err)
	}
	<-s.Changed()
	got := collect(s)
	b := rtpPacket(1, 1, "alaw")
	b[1] = 8
	_, _ = p.rtp.WriteToUDPAddrPort(b, portOf(t, offer))
	got.wait(t, 1)
	<-s.Changed()
	if info := s.Sources()[0].Info(); info.Codec != "PCMA" || info.PayloadType != 8 {
		t.Fatalf("source is %+v", info)
	}
	if info := s.Sinks()[0].Info(); info.Codec != "PCMU" {
		t.Fatalf("sink is %+v", info)
	}
}

func TestAReofferMovesTheMedia(t *testing.T) {
	s, _ := newTestSession(t, newEngine(t), nil)
	p, q := newPhone(t, loop4), newPhone(t, loop4)
	answer, err := s.AnswerTo([]byte(p.sdp()), "")
	if err != nil {
		t.Fatal(err)
	}
	at, got := portOf(t, answer), collect(s)
	p.send(at, 1, 1, "first")
	got.wait(t, 1)
	again, err := s.AnswerTo([]byte(p.sdp()), "")
	if err != nil || string(again) != string(answer) {
		t.Fatalf("the same offer got another answer (%v):\n%s", err, again)
	}
	answer, err = s.AnswerTo([]byte(strings.Replace(q.sdp(), "o=phone 1 1", "o=phone 1 2", 1)), "")
	if err != nil || portOf(t, answer) != at {
		t.Fatalf("answer %v:\n%s", err, answer)
	}
	q.send(at, 2, 1, "second")
	if l := got.wait(t, 2); string(l[1].Payload) != "second" {
		t.Fatalf("got %q", l[1].Payload)
	}
	talk(s, 1)
	if got := q.readPayload(); got != "packet 0" {
		t.Fatalf("got %q", got)
	}
	p.send(at, 1, 2, "stale")
	q.send(at, 2, 2, "third")
	if l := got.wait(t, 3); string(l[2].Payload) != "third" {
		t.Fatalf("got %q", l[2].Payload)
	}
}

func TestHold(t *testing.T) {
	s, events := newTestSession(t, newEngine(t), func(o *Options) { o.Timeout = time.Second })
	p := newPhone(t, loop4)
	answer, err := s.AnswerTo([]byte(p.sdp("a=inactive")), "")
	if err != nil {
		t.Fatal(err)
	}
	events.wait(t, Connected)
	if d := s.Sinks()[0].Info().Direction; d != media.Inactive || !strings.Contains(string(answer), "a=inactive") {
		t.Fatalf("direction %v, answer:\n%s", d, answer)
	}
	talk(s, 1)
	if got := read(t, p.rtp, 50*time.Millisecond); got != "" {
		t.Fatalf("we sent %q on hold", got)
	}
	if _, err = s.AnswerTo([]byte(strings.Replace(p.sdp(), "o=phone 1 1", "o=phone 1 2", 1)), ""); err != nil {
		t.Fatal(err)
	}
	talk(s, 1)
	p.readPayload()
	events.wait(t, MediaTimeout) // on hold it would not have come
	p.send(portOf(t, answer), 1, 1, "back")
	events.wait(t, MediaResumed)

	s.SetDirection(media.SendOnly)
	offer, err := s.Offer()
	if err != nil || !strings.Contains(string(offer), "a=sendonly") {
		t.Fatalf("%v, offer:\n%s", err, offer)
	}
	s.Rollback()
	if _, err := s.AnswerTo([]byte(p.sdp()), ""); err != nil {
		t.Fatal(err)
	}
}

// Most phones send nothing while they hold, though "sendonly" would let them play music.
func TestAPhoneThatHoldsMayBeSilent(t *testing.T) {
	for _, row := range []struct {
		direction string
		times     bool
	}{{"sendonly", false}, {"recvonly", false}, {"inactive", false}, {"sendrecv", true}} {
		t.Run(row.direction, func(t *testing.T) {
			s, _ := newTestSession(t, newEngine(t), func(o *Options) { o.Timeout = time.Minute })
			if _, err := s.AnswerTo([]byte(newPhone(t, loop4).sdp("a="+row.direction)), ""); err != nil {
				t.Fatal(err)
			}
			s.audio.checkTimeouts(time.Now().Add(time.Hour))
			s.audio.in.mu.Lock()
			defer s.audio.in.mu.Unlock()
			if s.audio.in.timedOut != row.times {
				t.Errorf("timed out: %v, want %v", s.audio.in.timedOut, row.times)
			}
		})
	}
}

func TestErrorsSayWhichSIPStatus(t *testing.T) {
	s, _ := newTestSession(t, newEngine(t), nil)
	for offer, want := range map[string]int{
		"nonsense": 400,
		strings.Replace(newPhone(t, loop4).sdp(), "0 8 101", "18", 1): 488,
	} {
		_, err := s.AnswerTo([]byte(offer), "")
		var e *sdp.Error
		if !errors.As(err, &e) || e.Status != want {
			t.Errorf("%v, want status %d", err, want)
		}
	}
}

func TestPortExhaustionIsAClearErrorAndNothingLeaks(t *testing.T) {
	e := &Engine{Workers: 1, BindIPv4: loop4, PortMin: 29000, PortMax: 29007}
	startEngine(t, e)
	var open []*Session
	for {
		s, _ := newTestSession(t, e, nil)
		_, err := s.Offer()
		if err != nil {
			if !errors.Is(err, ErrNoPorts) || !strings.Contains(err.Error(), "29000") {
				t.Fatal(err)
			}
			break
		}
		open = append(open, s)
	}
	if len(open) == 0 || len(open) > 4 {
		t.Fatalf("%d sessions in eight ports", len(open))
	}
	for _, s := range open {
		s.Close()
	}
	if n := e.Stats().Ports; n != 0 {
		t.Fatalf("%d ports in use, want 0", n)
	}
	s, _ := newTestSession(t, e, nil)
	if _, err := s.Offer(); err != nil {
		t.Fatal(err)
	}
}

func TestNoDescriptorLeaksAfter200Sessions(t *testing.T) {
	e := newEngine(t)
	before := descriptors(t)
	for i := range 100 {
		a, err := e.NewSession(Options{Capabilities: voice()})
		if err != nil {
			t.Fatal(err)
		}
		b, err := e.NewSession(Options{Capabilities: voice()})
		if err != nil {
			t.Fatal(err)
		}
		join(t, a, b)
		if i%10 == 0 {
			bothWays(t, a, b)
		}
		a.Close()
		b.Close()
	}
	if after := descriptors(t); after > before {
		t.Fatalf("%d descriptors, %d before", after, before)
	}
	if st := e.Stats(); st.Sessions != 0 || st.Ports != 0 || st.PacketsIn != 400 {
		t.Fatalf("%+v", st)
	}
}

func descriptors(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip(err)
	}
	return len(list)
}
