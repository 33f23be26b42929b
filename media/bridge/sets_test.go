package bridge

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tandem/media/codec/openh264"
	"tandem/media/rtp"
	"tandem/media/video"
)

// units cuts a stream with start codes into NAL units.
func units(data []byte) (list [][]byte) {
	for _, u := range bytes.Split(data, []byte{0, 0, 1}) {
		if u = bytes.TrimRight(u, "\x00"); len(u) > 0 {
			list = append(list, u)
		}
	}
	return list
}

// A room that tells its parameter sets by signalling alone is seen, as one that repeats
// them with every keyframe.
func TestParameterSetsOfTheDescriptionAreUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "PCMU", "H264")
		w.add(0, "Ada", 0, colours()[0])
		camera := newFilmer(t, w.films, 640, 360, colours()[3])
		e, err := openh264.NewEncoder(openh264.Config{Width: 640, Height: 360, Bitrate: 600_000, FrameRate: 25})
		if err != nil {
			t.Fatal(err)
		}
		defer e.Close()
		p := rtp.H264Packetizer{}
		var sets []string
		camera.key = e.RequestKey
		camera.encode = func(pic *video.Picture, at time.Duration) ([][]byte, error) {
			frame, err := e.Encode(pic, at)
			var rest []byte
			for _, u := range units(frame.Data) {
				if kind := u[0] & 0x1f; kind != 7 && kind != 8 {
					rest = append(append(rest, 0, 0, 0, 1), u...)
				} else if len(sets) < 2 {
					sets = append(sets, base64.StdEncoding.EncodeToString(u))
				}
			}
			if err != nil || len(rest) == 0 {
				return nil, err
			}
			return p.Packetize(rest), nil
		}
		if _, err := camera.encode(video.New(640, 360), 0); err != nil || len(sets) != 2 {
			t.Fatal(err, sets)
		}
		e.RequestKey()
		w.sees.mu.Lock()
		w.sees.info.FMTP = "profile-level-id=42e01f;packetization-mode=1;sprop-parameter-sets=" + strings.Join(sets, ",")
		w.sees.mu.Unlock()
		n := 0
		w.others = append(w.others, func(now time.Time) {
			if n++; n%4 == 0 {
				camera.film(now)
			}
		})
		w.join()
		defer w.bridge.Close()
		w.run(time.Second)
		if got := share(newViewer(t, w.layers[1]).look(), colours()[3]); got < 0.8 {
			t.Errorf("the meeting sees the room in %.2f of its picture", got)
		}
	})
}

func TestBrokenParameterSetsAreLetGo(t *testing.T) {
	for fmtp, want := range map[string]int{
		"sprop-parameter-sets=Z0LAH4yNQFA=,aM48gA==":                           2,
		"packetization-mode=1; sprop-parameter-sets=Z0LAH4yNQFA=":              1,
		"sprop-parameter-sets=":                                                0,
		"sprop-parameter-sets=Z0LAH4yNQFA=,!":                                  0,
		"sprop-parameter-sets=AAAA":                                            0,
		"sprop-parameter-sets=" + strings.Repeat("Z0LAH4yNQFA=,", 500) + "AAA": 0,
	} {
		if got := parameterSets(fmtp); len(got) != want {
			t.Errorf("%.60s: %d sets, want %d", fmtp, len(got), want)
		}
	}
}
