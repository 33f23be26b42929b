package transport

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"tandem/media"
	"tandem/media/rtp"
	"tandem/media/sdp"
)

// camera is a leg with a picture beside its voice.
func camera() sdp.Capabilities {
	caps := voice()
	caps.Video = []sdp.Codec{{Name: "VP8", Clock: 90000, PayloadType: 100}}
	return caps
}

func secured(security sdp.Security, bundle bool) func(*Options) {
	return func(o *Options) {
		o.Capabilities = camera()
		o.Capabilities.Security = security
		if security == sdp.DTLS {
			o.Capabilities.Mux = sdp.MuxOffer
		}
		if bundle {
			o.Capabilities.ICE, o.Capabilities.WebRTC = sdp.ICEFull, true
		}
	}
}

// atVideo keeps copies of what the camera's source delivers.
func atVideo(t *testing.T, s *Session) (*collector, media.Source, media.Sink) {
	t.Helper()
	sources, sinks := s.Sources(), s.Sinks()
	if len(sources) != 2 || len(sinks) != 2 || sources[0].Info().Kind != media.Audio || sources[1].Info().Kind != media.Video {
		t.Fatalf("sources %d, sinks %d", len(sources), len(sinks))
	}
	c := &collector{arrived: make(chan struct{}, 1)}
	sources[1].Attach(c)
	return c, sources[1], sinks[1]
}

// until repeats f until done; what is sent before ICE and DTLS are up is lost.
func until(t *testing.T, what string, done func() bool, f func()) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); !done(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("no %s", what)
		}
		f()
	}
}

func (c *collector) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.packets)
}

func TestVideoFlowsBesideTheVoice(t *testing.T) {
	for _, row := range []struct {
		security sdp.Security
		bundle   bool
	}{{sdp.Plain, false}, {sdp.SDES, false}, {sdp.DTLS, false}, {sdp.DTLS, true}} {
		t.Run(fmt.Sprintf("%s, bundle %t", row.security, row.bundle), func(t *testing.T) {
			e := newEngine(t)
			a, _ := newTestSession(t, e, secured(row.security, row.bundle))
			b, _ := newTestSession(t, e, secured(row.security, row.bundle))
			join(t, a, b)
			_, _, sink := atVideo(t, a)
			got, source, _ := atVideo(t, b)
			heard := collect(b)
			seq := uint16(0)
			until(t, "picture and voice", func() bool { return got.count() > 3 && heard.count() > 3 }, func() {
				seq++
				a.Sinks()[0].Write(&media.Packet{SSRC: 1, Sequence: seq, Timestamp: 160 * uint32(seq), Payload: make([]byte, 160)})
				sink.Write(&media.Packet{SSRC: 2, Sequence: seq, Timestamp: 3000 * uint32(seq), Marker: seq%2 == 0, Payload: make([]byte, 1440)})
			})
			asked := make(chan struct{}, 8)
			sink.OnKeyframeRequest(func() { asked <- struct{}{} })
			source.RequestKeyframe()
			select {
			case <-asked:
			case <-time.After(patience):
				t.Fatal("the wish for a keyframe did not come")
			}
			if st := b.StatsOf(media.Video); st.PacketsIn == 0 || st.PacketsIn == b.Stats().PacketsIn+100 || st.BytesIn < 1440 {
				t.Errorf("stats %+v", st)
			}
			if ports := e.Stats().Ports; row.bundle && ports > 4 {
				t.Errorf("%d ports for two bundled sessions", ports)
			}
		})
	}
}

// far is a far end with plain RTP and RTCP sockets for its camera.
type far struct {
	rtp, rtcp *net.UDPConn
	to, toCtl netip.AddrPort
}

func (f *far) open(t *testing.T) {
	t.Helper()
	for _, c := range []**net.UDPConn{&f.rtp, &f.rtcp} {
		var err error
		if *c, err = net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = (*c).Close() })
	}
}

func portNumber(c *net.UDPConn) int { return c.LocalAddr().(*net.UDPAddr).Port }

// room is a session whose far end is a pair of sockets that knows every feedback.
func withFar(t *testing.T, rtx bool) (*Session, *far) {
	t.Helper()
	f := &far{}
	f.open(t)
	s, _ := newTestSession(t, newEngine(t), secured(sdp.Plain, false))
	formats, more := "100", ""
	if rtx {
		formats, more = "100 101", "a=rtpmap:101 rtx/90000\r\na=fmtp:101 apt=100\r\n"
	}
	offer := fmt.Sprintf("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\n"+
		"m=video %d RTP/AVPF %s\r\nb=TIAS:900000\r\na=rtpmap:100 VP8/90000\r\n%sa=rtcp-fb:* nack\r\na=rtcp-fb:* nack pli\r\na=rtcp-fb:* ccm fir\r\na=rtcp-fb:* ccm tmmbr\r\na=rtcp:%d\r\n",
		portNumber(f.rtp), formats, more, portNumber(f.rtcp))
	answer, err := s.AnswerTo([]byte(offer), "")
	if err != nil {
		t.Fatal(err)
	}
	d, err := sdp.Parse(answer)
	if err != nil || len(d.Media) != 2 || d.Media[1].Port == 0 {
		t.Fatalf("%v\n%s", err, answer)
	}
	f.to = netip.AddrPortFrom(loop4, d.Media[1].Port)
	f.toCtl = netip.AddrPortFrom(loop4, d.Media[1].Port+1)
	return s, f
}

func (f *far) send(t *testing.T, seq uint16) {
	t.Helper()
	if _, err := f.rtp.WriteToUDPAddrPort(videoPacket(100, seq, 77, []byte{0x10, 1, 2, 3}), f.to); err != nil {
		t.Fatal(err)
	}
}

func videoPacket(pt uint8, seq uint16, ssrc uint32, payload []byte) []byte {
	b := []byte{0x80, pt, byte(seq >> 8), byte(seq)}
	b = binary.BigEndian.AppendUint32(b, 3000*uint32(seq))
	return append(binary.BigEndian.AppendUint32(b, ssrc), payload...)
}

func datagramFrom(t *testing.T, c *net.UDPConn) []byte {
	t.Helper()
	b := make([]byte, 2048)
	_ = c.SetReadDeadline(time.Now().Add(patience))
	n, err := c.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	return b[:n]
}

// feedback waits for a message of a kind.
func (f *far) feedback(t *testing.T, kind rtp.FeedbackKind) rtp.Feedback {
	t.Helper()
	for range 20 {
		for m := range rtp.Feedbacks(datagramFrom(t, f.rtcp)) {
			if m.Kind == kind {
				return m
			}
		}
	}
	t.Fatalf("no feedback of kind %d", kind)
	return rtp.Feedback{}
}

func TestLostPacketsAreAskedForAndComeAgain(t *testing.T) {
	for _, rtx := range []bool{false, true} {
		t.Run(fmt.Sprintf("rtx %t", rtx), func(t *testing.T) {
			s, f := withFar(t, rtx)
			got, _, _ := atVideo(t, s)
			for _, seq := range []uint16{10, 11, 13} {
				f.send(t, seq)
			}
			lost := []uint16{}
			for n := range f.feedback(t, rtp.Retransmission).Lost() {
				lost = append(lost, n)
			}
			if len(lost) != 1 || lost[0] != 12 {
				t.Fatalf("asked for %v, want 12", lost)
			}
			if rtx {
				_, _ = f.rtp.WriteToUDPAddrPort(videoPacket(101, 900, 78, []byte{0, 12, 0x10, 9, 9}), f.to)
			} else {
				f.send(t, 12)
			}
			until(t, "the lost packet", func() bool { return got.count() == 4 }, func() {})
			got.mu.Lock()
			defer got.mu.Unlock()
			if p := got.packets[3]; p.Sequence != 12 || p.PayloadType != 100 || p.SSRC != 77 {
				t.Errorf("came again as %+v", p)
			}
		})
	}
}

func TestPacketsOfOursAreSentAgain(t *testing.T) {
	for _, rtx := range []bool{false, true} {
		t.Run(fmt.Sprintf("rtx %t", rtx), func(t *testing.T) {
			s, f := withFar(t, rtx)
			_, _, sink := atVideo(t, s)
			var first, h rtp.Header
			for i := range uint16(3) {
				sink.Write(&media.Packet{SSRC: 5, Sequence: i, Timestamp: 3000, Payload: []byte{0x10, byte(i)}})
				if _, err := rtp.Parse(datagramFrom(t, f.rtp), &h); err != nil {
					t.Fatal(err)
				}
				if i == 1 {
					first = h
				}
			}
			_, _ = f.rtcp.WriteToUDPAddrPort(rtp.AppendNACK(rtp.AppendReceiverReport(nil, 77), 77, first.SSRC, []uint16{first.Sequence}), f.toCtl)
			payload, err := rtp.Parse(datagramFrom(t, f.rtp), &h)
			switch {
			case err != nil:
				t.Fatal(err)
			case rtx && (h.PayloadType != 101 || h.SSRC == first.SSRC || binary.BigEndian.Uint16(payload) != first.Sequence || payload[3] != 1):
				t.Errorf("again: %+v %x", h, payload)
			case !rtx && (h.Sequence != first.Sequence || h.SSRC != first.SSRC || payload[1] != 1):
				t.Errorf("again: %+v %x", h, payload)
			}
		})
	}
}

func TestTheFarEndsLimitIsTold(t *testing.T) {
	s, f := withFar(t, false)
	_, source, sink := atVideo(t, s)
	if l := sink.Info().Limits.Bitrate; l != 900_000 {
		t.Errorf("limit %d, want b=TIAS of the offer", l)
	}
	limit := rtp.AppendTMMBR(rtp.AppendReceiverReport(nil, 77), 77, rtp.RateLimit{SSRC: 1, Bitrate: 400_000, Overhead: 40})
	_, _ = f.rtcp.WriteToUDPAddrPort(limit, f.toCtl)
	f.feedback(t, rtp.RateNotification)
	if l := sink.Info().Limits.Bitrate; l != 400_000 {
		t.Errorf("limit %d, want TMMBR's", l)
	}
	f.send(t, 1)
	source.(interface{ Limit(int) }).Limit(256_000)
	for l := range f.feedback(t, rtp.RateRequest).RateLimits() {
		if l.SSRC != 77 || l.Bitrate != 256_000 {
			t.Errorf("asked for %+v", l)
		}
	}
}

func TestAKeyframeIsAskedForOncePerGap(t *testing.T) {
	s, f := withFar(t, false)
	_, source, sink := atVideo(t, s)
	f.send(t, 1)
	for range 5 {
		source.RequestKeyframe()
	}
	if m := f.feedback(t, rtp.PictureLoss); m.Media != 77 {
		t.Errorf("PLI about %d", m.Media)
	}
	asked := make(chan struct{}, 8)
	sink.OnKeyframeRequest(func() { asked <- struct{}{} })
	fir := rtp.AppendFIR(rtp.AppendReceiverReport(nil, 77), 77, 0, 3)
	for range 2 { // the same number: a repetition
		_, _ = f.rtcp.WriteToUDPAddrPort(fir, f.toCtl)
	}
	s.KeyframeRequested()
	select {
	case <-asked:
	case <-time.After(patience):
		t.Fatal("FIR is not heard")
	}
}

func TestWithoutFeedbackTheLegIsAsked(t *testing.T) {
	f := &far{}
	f.open(t)
	s, log := newTestSession(t, newEngine(t), secured(sdp.Plain, false))
	offer := fmt.Sprintf("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\nm=video %d RTP/AVP 100\r\na=rtpmap:100 VP8/90000\r\n", portNumber(f.rtp))
	answer, err := s.AnswerTo([]byte(offer), "")
	if err != nil {
		t.Fatal(err)
	}
	log.wait(t, Connected)
	d, _ := sdp.Parse(answer)
	f.to = netip.AddrPortFrom(loop4, d.Media[1].Port)
	got, source, _ := atVideo(t, s)
	until(t, "a picture", func() bool { return got.count() > 0 }, func() { f.send(t, uint16(time.Now().UnixMilli())) })
	source.RequestKeyframe()
	log.wait(t, KeyframeNeeded)
}

func TestRefusedVideoGivesItsPortsBack(t *testing.T) {
	e := newEngine(t)
	a, _ := newTestSession(t, e, secured(sdp.Plain, false))
	b, _ := newTestSession(t, e, func(o *Options) { o.Capabilities = voice() })
	join(t, a, b)
	if n := e.Stats().Ports; n != 4 {
		t.Errorf("%d ports in use, want those of two voices", n)
	}
	if len(a.Sources()) != 1 || strings.Contains(a.String(), "VP8") {
		t.Errorf("a picture is left: %s", a)
	}
	b.SetVideo(true, "", media.Limits{})
	a.SetVideo(false, "", media.Limits{})
	offer, err := a.Offer()
	if err != nil || strings.Count(string(offer), "m=video 0 ") != 1 {
		t.Errorf("%v\n%s", err, offer)
	}
}

func TestHolesAreAskedForAFewTimes(t *testing.T) {
	var h holes
	now := time.Unix(1000, 0)
	h.came(now, 1, 65534)
	h.came(now, 1, 2) // 65535, 0 and 1 are missing
	if got := h.ask(now, 0); len(got) != 0 {
		t.Errorf("asked at once for %v", got)
	}
	now = now.Add(holeWait)
	if got := h.ask(now, 0); len(got) != 3 || got[0] != 65535 || got[2] != 1 {
		t.Errorf("asked for %v", got)
	}
	h.came(now, 1, 0)
	asked := 0
	for range 100 {
		now = now.Add(10 * time.Millisecond)
		asked += len(h.ask(now, 0))
	}
	if asked != 2*(maxAsked-1) || len(h.list) != 0 {
		t.Errorf("asked %d times more, %d left", asked, len(h.list))
	}
	h.came(now, 1, 1000) // another stream, or the same after a pause
	if got := h.ask(now.Add(holeWait), 0); len(got) != 0 {
		t.Errorf("asked for %d after a jump", len(got))
	}
	h.came(now, 2, 7)
	if len(h.list) != 0 {
		t.Error("holes of a stream that ended")
	}
}
