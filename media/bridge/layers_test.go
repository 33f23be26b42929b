package bridge

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"tandem/media"
	"tandem/media/rtp"
)

// browser is a world whose room sends its camera in several sizes.
func browser(t *testing.T, heights ...int) (*world, []*filmer) {
	t.Helper()
	w := newWorld(t, "OPUS", "")
	var cameras []*filmer
	for i, h := range heights {
		info := videoStream("VP8", "")
		info.ID, info.Layer = fmt.Sprint("rid", i), i
		f := newFilmer(t, w.room.source(info), h*16/9&^1, h, colours()[i])
		f.packet.SSRC = uint32(500 + i)
		cameras = append(cameras, f)
	}
	w.others = append(w.others, func(now time.Time) {
		for _, f := range cameras {
			if now.UnixMilli()%40 < 10 {
				f.film(now)
			}
		}
	})
	w.meeting.change(func(r *media.Roster) { r.Stage = media.Joined })
	return w, cameras
}

func TestABrowsersLayersAreRelayed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, cameras := browser(t, 720, 180, 360) // in any order
		w.join()
		w.run(2 * time.Second)
		s := w.bridge.Stats().Meeting
		if s.Decoded != 0 || s.Encoded != 0 || s.Relayed == 0 {
			t.Errorf("%+v", s)
		}
		for layer, camera := range []int{1, 2, 0} {
			v := newViewer(t, w.layers[layer])
			if pic := v.look(); pic.Height != []int{180, 360, 720}[layer] || share(pic, colours()[camera]) < 0.8 {
				t.Errorf("layer %d has %v", layer, pic)
			}
			if v.frames < 40 {
				t.Errorf("layer %d has %d frames", layer, v.frames)
			}
		}
		if got, want := w.bridge.conference.uplink.String(), "VP8 relay 720p 360p 180p"; got != want {
			t.Errorf("the path is %q, want %q", got, want)
		}
		asked := []int32{cameras[0].to.asked.Load(), cameras[1].to.asked.Load(), cameras[2].to.asked.Load()}
		w.layers[1].wantKeyframe()
		w.run(100 * time.Millisecond)
		for i, c := range cameras {
			if want := asked[i] + int32(i/2); c.to.asked.Load() != want { // the third one is of 360 lines
				t.Errorf("camera %d was asked %d times, want %d", i, c.to.asked.Load(), want)
			}
		}
		w.bridge.Close()
		for _, c := range cameras {
			if c.to.receiver != nil {
				t.Error("a layer is still attached")
			}
		}
	})
}

func TestALayerThatChangesItsSizeGoesElsewhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, _ := browser(t, 360, 720)
		w.join()
		w.run(time.Second)
		for layer, want := range []bool{false, true, true} {
			if got := len(w.layers[layer].take()) > 0; got != want {
				t.Errorf("layer %d carries something: %t", layer, got)
			}
		}
		w.bridge.Close()
	})
	for _, row := range []struct{ heights, want []int }{
		{[]int{180, 360, 720}, []int{0, 1, 2}},
		{[]int{720, 800, 900}, []int{0, 1, 2}},
		{[]int{90, 100, 110}, []int{0, 1, 2}},
		{[]int{300, 500}, []int{1, 2}},
		{[]int{700, 720}, []int{1, 2}},
		{[]int{720}, []int{2}},
		{[]int{180}, []int{0}},
		{nil, nil},
	} {
		var list []*relayedLayer
		for _, h := range row.heights {
			list = append(list, &relayedLayer{height: h})
		}
		if got := places(list); !slices.Equal(got, row.want) {
			t.Errorf("%v go to %v, want %v", row.heights, got, row.want)
		}
	}
}

// narrowSource notes what it is limited to.
type narrowSource struct {
	*fakeSource
	limit int
}

func (s *narrowSource) Limit(bitrate int) { s.limit = bitrate }

func TestTheTopLayerIsLeftOutOfANarrowPath(t *testing.T) {
	now := time.Unix(100, 0)
	var count videoCounters
	path := 2_000_000
	plan := &uplinkPlan{}
	var sources [3]*narrowSource
	var sinks [3]*fakeSink
	for i := range sources {
		sources[i] = &narrowSource{fakeSource: &fakeSource{info: videoStream("VP8", "")}}
		sinks[i] = &fakeSink{info: videoStream("VP8", ""), keep: true}
		plan.layers[i], plan.sinks[i] = sources[i], sinks[i]
	}
	r := newLayerRelay(plan, 2_000_000, func() int { return path }, &count)
	pass := func(d time.Duration) {
		for end := now.Add(d); now.Before(end); now = now.Add(50 * time.Millisecond) {
			for i, s := range sources {
				height := 180 << i
				key := []byte{0x10, 0, 0, 0, 0x9d, 1, 0x2a, byte(height * 16 / 9), byte(height * 16 / 9 >> 8), byte(height), byte(height >> 8)}
				p := media.Packet{PayloadType: 97, SSRC: uint32(i), Marker: true, Arrived: now, Payload: append(key, make([]byte, []int{900, 2800, 7000}[i])...)}
				s.deliver(&p)
			}
			r.work(now)
		}
	}
	carried := func() (list [3]bool) {
		for i, s := range sinks {
			list[i] = len(s.take()) > 0
		}
		return list
	}
	pass(3 * time.Second)
	if got := carried(); got != [3]bool{true, true, true} || sources[0].limit != 2_000_000 {
		t.Errorf("%v pass, the limit is %d", got, sources[0].limit)
	}
	path = 700_000
	pass(4 * time.Second)
	carried()
	pass(time.Second)
	if got := carried(); got != [3]bool{true, true, false} || sources[0].limit != path {
		t.Errorf("of a narrow path %v pass, the limit is %d", got, sources[0].limit)
	}
	path = 2_000_000
	pass(4 * time.Second)
	carried()
	pass(time.Second)
	if got := carried(); got != [3]bool{true, true, true} {
		t.Errorf("of a path that is wide again %v pass", got)
	}
	r.close()
	if sources[0].limit != 0 || sources[1].receiver != nil {
		t.Error("a source is still bound")
	}
}

func FuzzKeyframeHeight(f *testing.F) {
	f.Add([]byte{0x10, 0, 0, 0, 0x9d, 1, 0x2a, 64, 1, 180, 0})
	f.Add([]byte{0x90, 0x80, 1})
	f.Fuzz(func(t *testing.T, payload []byte) {
		h, ok := keyframeHeight(payload)
		var d rtp.VP8Descriptor
		if _, err := rtp.ParseVP8(payload, &d); ok && (err != nil || h < 1 || h >= 1<<14) {
			t.Errorf("%d lines of %x", h, payload)
		}
	})
}
