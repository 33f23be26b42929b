package meet

import (
	"context"
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"tandem/sim/audio"
	"tandem/sim/opus"
	"tandem/sim/picture"
	"tandem/sim/vp8"
)

// speak sends a tone until the test ends.
func (r *room) speak(tone float64) {
	e, err := opus.NewEncoder()
	r.must(err)
	pcm := make([]int16, opus.FrameSamples)
	r.work.Go(func() {
		defer e.Close()
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for n := 0; ; n++ {
			for i := range pcm {
				pcm[i] = int16(6000 * math.Sin(2*math.Pi*tone*float64(n*opus.FrameSamples+i)/opus.EncodeRate))
			}
			packet, err := e.Encode(pcm)
			if err != nil {
				return
			}
			p := &rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: uint16(n), Timestamp: uint32(n * 960)}, Payload: packet}
			level, _ := rtp.AudioLevelExtension{Level: 20, Voice: true}.Marshal()
			_ = p.SetExtension(r.extID(extLevel), level)
			_ = r.audioUp.WriteRTP(p)
			select {
			case <-tick.C:
			case <-r.ctx.Done():
				return
			}
		}
	})
}

// extID is the offer's id of an extension.
func (r *room) extID(uri string) uint8 {
	d, _ := parseSDP(r.sdp)
	for _, s := range d.sections {
		if id := s.extensions()[uri]; id != 0 {
			return id
		}
	}
	return 0
}

// film sends a VP8 stream on a track until the test ends.
func (r *room) film(track *webrtc.TrackLocalStaticRTP, mid, rid string, colour string, width, height, fps int) {
	c, err := picture.ParseHex(colour)
	r.must(err)
	e, err := vp8.NewEncoder(width, height, fps, layerRate(height)/2000)
	r.must(err)
	img := picture.New(width, height)
	midID, ridID := r.extID(extMID), r.extID(extRID)
	keys := r.keyframes(track)
	r.work.Go(func() {
		defer e.Close()
		tick := time.NewTicker(time.Second / time.Duration(fps))
		defer tick.Stop()
		seq := uint16(0)
		for n := 0; ; n++ {
			picture.Scene{Name: "Room", Colour: c}.Draw(img, float64(n%20)/20)
			kind := vp8.Base
			select {
			case <-keys:
				kind = vp8.Key
			default:
				if n == 0 {
					kind = vp8.Key
				}
			}
			f, err := e.Encode(img, kind)
			if err != nil {
				return
			}
			parts := vp8.Split(f, vp8.Descriptor{PictureID: n & 0x7fff, TID: -1, TL0PicIdx: -1}, maxPayload)
			for i, part := range parts {
				p := &rtp.Packet{Header: rtp.Header{
					Version: 2, Marker: i == len(parts)-1, SequenceNumber: seq, Timestamp: uint32(n * 90000 / fps),
				}, Payload: part}
				seq++
				_ = p.SetExtension(midID, []byte(mid))
				if rid != "" {
					_ = p.SetExtension(ridID, []byte(rid))
				}
				_ = track.WriteRTP(p)
			}
			select {
			case <-tick.C:
			case <-r.ctx.Done():
				return
			}
		}
	})
}

// keyframes fires when the edge may want one: every 400 ms, which is simpler than
// to read RTCP per layer.
func (r *room) keyframes(*webrtc.TrackLocalStaticRTP) <-chan time.Time {
	t := time.NewTicker(400 * time.Millisecond)
	context.AfterFunc(r.ctx, t.Stop)
	return t.C
}

func (r *room) filmAll(colour string) {
	for rid, size := range map[string][2]int{"l": {160, 90}, "m": {320, 180}, "h": {640, 360}} {
		r.film(r.layers[rid], r.mids["camera"], rid, colour, size[0], size[1], 10)
	}
}

func TestTheEdgeTellsWhatEachSimulcastLayerShows(t *testing.T) {
	s := newEdge(t, nil)
	r := enter(t, s, roomOptions{})
	r.filmAll("#208040")
	r.speak(500)
	st, err := s.WaitFor(soon(t), testPIN, "three layers and a voice", func(m MeetingState) bool {
		d, ok := m.Device("Board room")
		return ok && d.Up.Track("l").Decoded > 8 && d.Up.Track("m").Decoded > 8 && d.Up.Track("h").Decoded > 8 && audio.Heard(d.Up.Track("audio").Heard, 500) > 500*time.Millisecond
	})
	if err != nil {
		b, _ := json.MarshalIndent(st, "", " ")
		t.Fatalf("%v\n%s", err, b)
	}
	d, _ := st.Device("Board room")
	for rid, height := range map[string]int{"l": 90, "m": 180, "h": 360} {
		if tr := d.Up.Track(rid); tr.Height != height || !near(t, tr.Colour, "#208040") || tr.DecodeErrors > 0 || !tr.Active {
			t.Errorf("%s: %+v", rid, tr)
		}
		img, err := s.Picture(testPIN, "Board room", rid)
		if err != nil || img.Bounds().Dy() != height {
			t.Errorf("%s: %v", rid, err)
		}
	}
	if a := d.Up.Track("audio"); math.Abs(a.Tone-500) > 5 || a.Level > -15 || a.Level < -25 {
		t.Errorf("%+v", a)
	}
	if v := s.Violations(); len(v) > 0 {
		t.Errorf("%+v", v)
	}
}

func TestTwoRoomsSeeAndHearEachOther(t *testing.T) {
	t.Parallel()
	s := newEdge(t, func(c *Config) { c.Meetings[0].People = nil })
	a := enter(t, s, roomOptions{name: "Room A"})
	b := enter(t, s, roomOptions{name: "Room B"})
	a.filmAll("#e0a020")
	a.speak(700)
	a.until(chParticipants, `"anonymousUser":{"displayName":"Room B"}`)
	b.request(chAssignment, "setAssignment", canvases("relevant", [2]int{320, 180}))
	b.wait("A's picture", func() bool { return b.stream(7777).frames > 5 })
	b.wait("A's voice", func() bool { return b.stream(6666).packets > 20 })
	got := b.stream(7777)
	st, _ := s.Meeting(testPIN)
	d, _ := st.Device("Room A")
	if !near(t, got.pictures[d.VideoCSRC], "#e0a020") || got.sizes["320x180"] == 0 || got.errors > 0 {
		t.Errorf("%+v", got)
	}
	if v := b.stream(6666); v.csrcs[d.AudioCSRC] == 0 || v.csrcs[42] == 0 {
		t.Errorf("%+v", v)
	}
	if a.stream(6666).packets > 0 {
		t.Error("A hears itself")
	}
	a.request(chControl, "setMediaState", map[string]bool{"audioMuted": true, "videoMuted": true})
	b.until(chEntries, `"audioMuted":true`)
	b.until(chAssignment, `{"canvasId":1}`)
}

func TestPresentationsGoBothWays(t *testing.T) {
	t.Parallel()
	s := newEdge(t, nil)
	r := enter(t, s, roomOptions{content: true, videos: 1})
	layout := canvases("relevant", [2]int{320, 180})
	model := layout["layoutModel"].(map[string]any)
	model["canvases"] = append(model["canvases"].([]map[string]any), map[string]any{"id": 9, "dimensions": map[string]int{"width": 960, "height": 540}, "presentation": map[string]any{}})
	if resp := r.request(chAssignment, "setAssignment", layout); statusOf(resp) != 0 {
		t.Fatal(resp)
	}
	r.until(chAssignment, `{"canvasId":9}`)
	if err := s.Do(testPIN, "Bob", Step{Do: Share}); err != nil {
		t.Fatal(err)
	}
	r.until(chContent, `"presenterKey":"participants/p2"`)
	r.until(chEntries, `"screenshare":true`)
	r.until(chAssignment, `{"canvasId":9,"mediaEntryId":22,"ssrc":8777}`)
	r.wait("Bob's screen", func() bool { return r.stream(8777).frames > 3 })
	if got := r.stream(8777); got.csrcs[1023] == 0 || !near(t, got.pictures[1023], "#2060c0") || got.sizes["960x540"] == 0 {
		t.Errorf("%+v", got)
	}
	r.film(r.content, r.mids["screen"], "", "#d060a0", 320, 180, 10)
	if _, err := s.WaitFor(soon(t), testPIN, "content that is dropped", func(m MeetingState) bool {
		d, _ := m.Device("Board room")
		return d.Up.NotPresenting > 5
	}); err != nil {
		t.Fatal(err)
	}
	if resp := r.request(chContent, "start", map[string]string{"label": "Laptop"}); statusOf(resp) != 0 {
		t.Fatal(resp)
	}
	r.until(chContent, `"own":true`)
	if _, err := s.WaitFor(soon(t), testPIN, "the room's content", func(m MeetingState) bool {
		d, _ := m.Device("Board room")
		return m.Presenter == "Board room" && near(t, or(d.Up.Track("content").Colour, "#000000"), "#d060a0")
	}); err != nil {
		t.Fatal(err)
	}
	r.until(chEntries, `"deletedResources":[{"id":22,"mediaEntry":true}]`)
	r.request(chContent, "stop", struct{}{})
	r.wait("the end of the presentation", func() bool { st, _ := s.Meeting(testPIN); return st.Presenter == "" })
}

func TestTheLoudestAreHeardWhenSlotsAreFew(t *testing.T) {
	s := newEdge(t, func(c *Config) {
		c.Meetings[0].People = []Person{
			{Name: "Loud", Talking: true, Level: -15},
			{Name: "Medium", Talking: true, Level: -25},
			{Name: "Quiet", Talking: true, Level: -40},
			{Name: "Muted", Talking: true, Level: -10, Muted: true},
		}
	})
	r := enter(t, s, roomOptions{kind: "PHONE", audios: 2})
	r.wait("two voices", func() bool { return r.stream(6666).packets > 20 && r.stream(6667).packets > 20 })
	if a, b := r.stream(6666), r.stream(6667); a.csrcs[1011] == 0 || b.csrcs[1021] == 0 || a.csrcs[42] == 0 || b.csrcs[42] > 0 {
		t.Errorf("%v %v", a.csrcs, b.csrcs)
	}
	for _, who := range []string{"Loud", "Medium"} {
		if err := s.Do(testPIN, who, Step{Do: Hush}); err != nil {
			t.Fatal(err)
		}
	}
	r.wait("the quiet voice", func() bool { return r.stream(6666).csrcs[1031]+r.stream(6667).csrcs[1031] > 5 })
	if err := s.Do(testPIN, "Muted", Step{Do: Unmute}); err != nil {
		t.Fatal(err)
	}
	r.wait("the one who was muted", func() bool { return r.stream(6666).csrcs[1041]+r.stream(6667).csrcs[1041] > 5 })
}

func TestSpeakersMoveIntoTheViews(t *testing.T) {
	s := newEdge(t, func(c *Config) {
		c.Meetings[0].People = nil
		for _, n := range []string{"P1", "P2", "P3", "P4"} {
			c.Meetings[0].People = append(c.Meetings[0].People, Person{Name: n})
		}
	})
	r := enter(t, s, roomOptions{videos: 2})
	r.request(chAssignment, "setAssignment", canvases("relevant", [2]int{160, 90}, [2]int{160, 90}))
	r.until(chAssignment, `"canvases":[{"canvasId":1,"mediaEntryId":11,"ssrc":7777},{"canvasId":2,"mediaEntryId":21,"ssrc":7779}]`)
	if err := s.Do(testPIN, "P4", Step{Do: Talk}); err != nil {
		t.Fatal(err)
	}
	r.until(chAssignment, `[{"canvasId":1,"mediaEntryId":11,"ssrc":7777},{"canvasId":2,"mediaEntryId":41,"ssrc":7779}]`)
	r.wait("P4's picture", func() bool { return r.stream(7779).csrcs[1042] > 3 && r.stream(7779).pictures[1042] != "" })
	if got := r.stream(7779); got.gaps > 0 || got.jumps > 0 || got.errors > 0 {
		t.Errorf("%+v", got)
	}
	if err := s.Do(testPIN, "P1", Step{Do: Leave}); err != nil {
		t.Fatal(err)
	}
	r.until(chEntries, `{"id":11,"mediaEntry":true}`)
	r.until(chParticipants, `{"id":1,"participant":true}`)
	r.until(chAssignment, `[{"canvasId":1,"mediaEntryId":21,"ssrc":7777},{"canvasId":2,"mediaEntryId":41,"ssrc":7779}]`)
}

func TestLossIsRepairedByRetransmission(t *testing.T) {
	t.Parallel()
	s := newEdge(t, nil)
	if err := s.SetFault(Fault{Kind: Loss, Percent: 10, Direction: "down", Device: "Board room"}); err != nil {
		t.Fatal(err)
	}
	r := enter(t, s, roomOptions{})
	r.request(chAssignment, "setAssignment", canvases("relevant", [2]int{1280, 720}))
	r.wait("pictures in spite of loss", func() bool { return r.stream(7777).frames > 30 })
	st, _ := s.Meeting(testPIN)
	d, _ := st.Device("Board room")
	if d.Down.Nacked == 0 || d.Down.Resent == 0 || d.Transport.LostDown == 0 || d.Down.TWCC == 0 {
		t.Errorf("%+v %+v", d.Down, d.Transport)
	}
}

func TestKeyframeStarvationShowsNothing(t *testing.T) {
	t.Parallel()
	s := newEdge(t, nil)
	if err := s.SetFault(Fault{Kind: NoKeyframes}); err != nil {
		t.Fatal(err)
	}
	r := enter(t, s, roomOptions{})
	r.request(chAssignment, "setAssignment", canvases("relevant", [2]int{320, 180}))
	r.wait("packets", func() bool { return r.stream(7777).packets > 20 })
	if got := r.stream(7777); got.frames > 0 {
		t.Errorf("%+v", got)
	}
	s.ClearFaults(NoKeyframes)
	r.must(r.pc.WriteRTCP(pli(7777)))
	r.wait("a picture after PLI", func() bool { return r.stream(7777).frames > 0 })
}

func TestAnEncodedReelIsSharedAndNarrowPathsGetLowerLayers(t *testing.T) {
	s := newEdge(t, nil)
	r := enter(t, s, roomOptions{})
	r.request(chAssignment, "setAssignment", canvases("relevant", [2]int{1280, 720}))
	r.wait("the highest layer", func() bool { return r.stream(7777).sizes["1280x720"] > 0 })
	r.must(r.pc.WriteRTCP(remb(7777, 400_000)))
	r.wait("the lowest layer", func() bool { return r.stream(7777).sizes["320x180"] > 0 })
	if got := r.stream(7777); got.gaps > 0 || got.errors > 0 {
		t.Errorf("%+v", got)
	}
	if n := len(s.gallery.reels); n != 2 {
		t.Errorf("%d reels", n)
	}
	if !strings.Contains(r.answer.Answer, "a=rtcp-fb:96 goog-remb") {
		t.Error("REMB was not negotiated")
	}
}
