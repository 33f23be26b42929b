package transport

import (
	"strings"
	"testing"

	"tandem/media"
	"tandem/media/rtp"
	"tandem/media/sdp"
)

const simulcastLines = "a=extmap:10 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id\r\n" +
	"a=extmap:11 urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id\r\n" +
	"a=rid:q send\r\na=rid:h send\r\na=rid:f send\r\na=simulcast:send q;h;f\r\n"

// simulcasting joins a session that takes layers with one that sends what the test writes.
func simulcasting(t *testing.T) (near, far *Session) {
	t.Helper()
	e := newEngine(t)
	near, up := newTestSession(t, e, secured(sdp.DTLS, true))
	far, _ = newTestSession(t, e, secured(sdp.DTLS, true))
	near.SetLayers(3)
	offer, err := far.Offer()
	if err != nil {
		t.Fatal(err)
	}
	at := strings.Index(string(offer), "m=video")
	end := strings.Index(string(offer)[at:], "a=rtcp-mux")
	text := string(offer)[:at+end] + simulcastLines + string(offer)[at+end:]
	answer, err := near.AnswerTo([]byte(text), "")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(answer), "a=simulcast:recv q;h;f") {
		t.Fatalf("the answer to\n%s\nis\n%s", text, answer)
	}
	if err := far.SetAnswer(answer); err != nil {
		t.Fatal(err)
	}
	up.wait(t, Connected)
	return near, far
}

// put writes a packet of any SSRC; rid names its layer in the header extension id.
func (s *Session) put(ssrc uint32, pt uint8, seq uint16, id uint8, rid string, payload []byte) {
	h := rtp.Header{PayloadType: pt, Sequence: seq, Timestamp: 3000 * uint32(seq), SSRC: ssrc}
	if rid != "" {
		h.Profile, h.Extension = rtp.OneByteProfile, rtp.PadElements(rtp.AppendElement(nil, id, []byte(rid)))
	}
	k := s.audio.sink
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.ready() {
		k.out(append(h.Append(make([]byte, 0, maxDatagram)), payload...))
	}
}

func TestASimulcastComesLayerByLayer(t *testing.T) {
	near, far := simulcasting(t)
	sources := near.Sources()
	if len(sources) != 4 || len(near.Sinks()) != 2 {
		t.Fatalf("%d sources, %d sinks", len(sources), len(near.Sinks()))
	}
	var layers [3]*collector
	for i := range layers {
		info := sources[1+i].Info()
		if info.Kind != media.Video || info.Layer != i || info.ID != []string{"q", "h", "f"}[i] || info.Codec != "VP8" {
			t.Errorf("layer %d is %+v", i, info)
		}
		layers[i] = &collector{arrived: make(chan struct{}, 1)}
		sources[1+i].Attach(layers[i])
	}
	pt := sources[1].Info().PayloadType
	seq := uint16(0)
	until(t, "layers", func() bool { return layers[0].count() > 2 && layers[1].count() > 2 && layers[2].count() > 2 }, func() {
		seq++
		far.put(9, pt, seq, 0, "", []byte{9}) // nobody knows what it is
		for i, rid := range []string{"q", "h", "f"} {
			if seq > 1 && layers[i].count() > 0 {
				rid = "" // senders stop naming it
			}
			far.put(uint32(100+i), pt, seq, 10, rid, []byte{byte(i)})
		}
	})
	for i, c := range layers {
		for _, p := range c.list() {
			if p.SSRC != uint32(100+i) || p.Payload[0] != byte(i) {
				t.Errorf("layer %d got %d from %d", i, p.Payload[0], p.SSRC)
			}
		}
	}
	if st := near.StatsOf(media.Video); st.PacketsIn < 9 {
		t.Errorf("stats %+v", st)
	}
}

func TestALayersRequestsAreItsOwn(t *testing.T) {
	near, far := simulcasting(t)
	asked := make(chan uint32, 64)
	s := far.audio
	s.session.tap.Store(&tap{f: func(p Tapped) {
		if !p.RTCP || p.Out {
			return
		}
		for f := range rtp.Feedbacks(p.Data) {
			if f.Kind == rtp.PictureLoss {
				select {
				case asked <- f.Media:
				default:
				}
			}
		}
	}})
	sources := near.Sources()
	got := &collector{arrived: make(chan struct{}, 1)}
	sources[2].Attach(got)
	pt, seq := sources[1].Info().PayloadType, uint16(0)
	until(t, "picture", func() bool { return got.count() > 0 }, func() {
		seq++
		far.put(101, pt, seq, 10, "h", []byte{1})
	})
	sources[2].RequestKeyframe()
	until(t, "request", func() bool { return len(asked) > 0 }, func() {})
	if ssrc := <-asked; ssrc != 101 {
		t.Errorf("a keyframe of %d was asked for", ssrc)
	}
}

func TestLayersEndWithTheirOffer(t *testing.T) {
	near, far := simulcasting(t)
	offer, err := far.Offer() // without simulcast
	if err != nil {
		t.Fatal(err)
	}
	answer, err := near.AnswerTo(offer, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := far.SetAnswer(answer); err != nil {
		t.Fatal(err)
	}
	if n := len(near.Sources()); n != 2 {
		t.Errorf("%d sources are left", n)
	}
	in := &near.audio.in
	in.mu.Lock()
	defer in.mu.Unlock()
	if len(in.riders) != 1 {
		t.Errorf("%d streams are bundled", len(in.riders))
	}
}
