package rtp

import (
	"testing"
	"time"

	"tandem/media"
)

// vp8Key is the beginning of a VP8 key frame (RFC 6386 §9.1) behind its descriptor.
func vp8Key(width, height int) []byte {
	return []byte{0x10, 0x50, 0x01, 0x00, 0x9d, 0x01, 0x2a, byte(width), byte(width >> 8), byte(height), byte(height >> 8), 0}
}

func TestPicturesAreMeasured(t *testing.T) {
	var p Pictures
	var f media.Figures
	begin := time.Unix(1000, 0)
	p.Figures(begin, &f)
	if f != (media.Figures{}) {
		t.Errorf("before the first packet: %+v", f)
	}
	payload := make([]byte, 500)
	payload[0] = 0x10
	now := begin
	for n := range 100 { // 25 pictures of two packets in a second, for four seconds
		first := payload
		if n == 0 {
			first = append(vp8Key(1280, 720), payload[12:]...)
		}
		p.Packet(now, "VP8", uint32(n)*3600, first)
		p.Packet(now, "VP8", uint32(n)*3600, payload)
		now = now.Add(40 * time.Millisecond)
	}
	p.Figures(now, &f)
	if f.Width != 1280 || f.Height != 720 || f.FrameRate < 24 || f.FrameRate > 26 || f.Bitrate < 195000 || f.Bitrate > 205000 {
		t.Errorf("got %+v", f)
	}
	f = media.Figures{}
	p.Figures(now.Add(time.Hour), &f)
	if f.FrameRate != 0 || f.Bitrate != 0 || f.Width != 1280 {
		t.Errorf("after a pause: %+v", f)
	}
}

func TestTheSizeOfPicturesIsRead(t *testing.T) {
	single := []byte{0x67, 0x42, 0xc0, 0x1e, 0xda, 0x02, 0x80, 0xf6, 0x40}
	sps := append([]byte{packetSTAPA, 0, 2, 0x68, 0xce, 0, byte(len(single))}, single...)
	for _, test := range []struct {
		name, codec   string
		payload       []byte
		width, height int
	}{
		{"a VP8 key frame", "VP8", vp8Key(320, 180), 320, 180},
		{"scaling bits are no size", "VP8", vp8Key(320|0x4000, 180|0x8000), 320, 180},
		{"not the first packet", "VP8", append([]byte{0}, vp8Key(320, 180)[1:]...), 0, 0},
		{"H.264 in an aggregate", "H264", sps, 640, 480},
		{"H.264 alone", "H264", single, 640, 480},
		{"another format", "H265", vp8Key(320, 180), 0, 0},
		{"nothing", "H264", nil, 0, 0},
	} {
		var p Pictures
		p.Packet(time.Unix(1, 0), test.codec, 1, test.payload)
		if p.width != test.width || p.height != test.height {
			t.Errorf("%s: %dx%d", test.name, p.width, p.height)
		}
	}
}

func TestMeasuringAllocatesNothing(t *testing.T) {
	var p Pictures
	payload, now := make([]byte, 1000), time.Unix(1000, 0)
	if n := testing.AllocsPerRun(100, func() { p.Packet(now, "VP8", 1, payload) }); n > 0 {
		t.Errorf("%.0f allocations for a packet", n)
	}
}

func FuzzPictures(f *testing.F) {
	f.Add(vp8Key(640, 360), true)
	f.Add(golden(f, "h264-stap-a.hex"), false)
	f.Fuzz(func(t *testing.T, b []byte, vp8 bool) {
		codec := "H264"
		if vp8 {
			codec = "VP8"
		}
		var p Pictures
		p.Packet(time.Unix(1, 0), codec, 1, b)
		if p.width < 0 || p.width > 1<<14 || p.height < 0 || p.height > 1<<14 || (p.width == 0) != (p.height == 0) {
			t.Errorf("%dx%d", p.width, p.height)
		}
	})
}
