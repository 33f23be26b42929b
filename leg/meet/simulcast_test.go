package meet_test

import (
	"sync"
	"testing"
	"time"

	"tandem/media"
	"tandem/media/bridge"
	"tandem/media/codec/vpx"
	"tandem/media/codec/yuv"
	"tandem/media/rtp"
	"tandem/media/video"
)

// browser is a room that sends its camera in three sizes, and is sent no picture.
type browser struct {
	*room
	layers [3]roomSource
}

func (b *browser) Sources() []media.Source {
	return []media.Source{&b.voice, &b.layers[0], &b.layers[1], &b.layers[2]}
}

func (b *browser) Sinks() []media.Sink { return []media.Sink{&b.ear} }

// film sends a green picture with something that moves.
func (b *browser) film(t *testing.T, stop chan struct{}) {
	enc, err := vpx.NewEncoder(vpx.Config{FrameRate: 10, Layers: []vpx.Layer{
		{Width: 320, Height: 180, Bitrate: 150_000}, {Width: 640, Height: 360, Bitrate: 400_000}, {Width: 1280, Height: 720, Bitrate: 900_000},
	}})
	if err != nil {
		t.Error(err)
		return
	}
	defer enc.Close()
	var packets [3]rtp.VP8Packetizer
	var sent [3]media.Packet
	pic := video.New(1280, 720)
	every(100*time.Millisecond, stop, func(n int) {
		yuv.Fill(pic, 98, 105, 83)
		bar := pic.Crop(video.Rect{X: n * 16 % 1200, W: 16, H: 16})
		yuv.Fill(&bar, 200, 128, 128)
		for i := range b.layers {
			if n%20 == 0 { // as the browser does when it is asked
				enc.RequestKey(i)
			}
		}
		frames, err := enc.Encode(pic, time.Duration(n)*100*time.Millisecond)
		if err != nil {
			t.Error(err)
			return
		}
		for _, f := range frames {
			p := &sent[f.Layer]
			p.SSRC, p.PayloadType, p.Timestamp = uint32(10+f.Layer), 96, uint32(n*9000)
			list := packets[f.Layer].Packetize(rtp.VP8Frame{Data: f.Data, Key: f.Key})
			for i, payload := range list {
				p.Payload, p.Marker, p.Arrived = payload, i == len(list)-1, time.Now()
				b.layers[f.Layer].deliver(p)
				p.Sequence++
			}
		}
	})
}

// TestABrowsersLayersReachTheMeeting: what the browser coded is what the meeting decodes.
func TestABrowsersLayersReachTheMeeting(t *testing.T) {
	r := newRig(t, changes{})
	c := r.dial("acme", pin, true).answered()
	b := &browser{room: newRoom(c.meet.Loop())}
	for i := range b.layers {
		b.layers[i].info = media.StreamInfo{Kind: media.Video, Codec: "VP8", Clock: 90000, PayloadType: 96, Layer: i}
	}
	br := bridge.Join(b, c.meet, bridge.Options{})
	defer br.Close()
	stop := make(chan struct{})
	var work sync.WaitGroup
	work.Go(func() { b.film(t, stop) })
	defer work.Wait()
	defer close(stop)
	r.wait("three layers", func() bool {
		d := r.device()
		return d.Up.Track("l").Decoded > 5 && d.Up.Track("m").Decoded > 5 && d.Up.Track("h").Decoded > 5
	})
	for name, height := range map[string]int{"l": 180, "m": 360, "h": 720} {
		if got := r.device().Up.Track(name); got.Height != height {
			t.Errorf("layer %s is %dx%d", name, got.Width, got.Height)
		}
	}
	if s := br.Stats().Meeting; s.Encoded != 0 || s.Decoded != 0 {
		t.Errorf("something was transcoded: %+v", s)
	}
	br.Close()
	c.hangup()
	r.clean()
}
