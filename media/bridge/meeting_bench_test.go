package bridge

import (
	"fmt"
	"log/slog"
	"syscall"
	"testing"
	"time"

	"tandem/internal/moving"
	"tandem/media"
	"tandem/media/codec/openh264"
	"tandem/media/codec/vpx"
	"tandem/media/compose"
	"tandem/media/rtp"
	"tandem/media/simulcast"
	"tandem/media/video"
)

// clips are coded streams that are played in a circle.
type clips struct {
	room, large, small [][]byte
}

const (
	clipFrames = 60
	frameTime  = time.Second / 30
)

func makeClips(b testing.TB) *clips {
	b.Helper()
	c := &clips{}
	h, err := openh264.NewEncoder(openh264.Config{Width: 1280, Height: 720, Bitrate: 1_500_000})
	if err != nil {
		b.Fatal(err)
	}
	defer h.Close()
	v, err := vpx.NewEncoder(vpx.Config{Layers: []vpx.Layer{
		{Width: 320, Height: 180, Bitrate: 150_000}, {Width: 640, Height: 360, Bitrate: 450_000}, {Width: 1280, Height: 720, Bitrate: 1_400_000},
	}})
	if err != nil {
		b.Fatal(err)
	}
	defer v.Close()
	pic := video.New(1280, 720)
	for n := range clipFrames {
		moving.Draw(pic, n)
		at := time.Duration(n) * frameTime
		f, err := h.Encode(pic, at)
		if err != nil {
			b.Fatal(err)
		}
		layers, err := v.Encode(pic, at)
		if err != nil || len(layers) != 3 {
			b.Fatal(len(layers), err)
		}
		c.room = append(c.room, append([]byte(nil), f.Data...))
		c.small = append(c.small, append([]byte(nil), layers[0].Data...))
		c.large = append(c.large, append([]byte(nil), layers[2].Data...))
	}
	return c
}

// bare is the same work by the codecs and the compositor alone: what a call costs at
// least.
type bare struct {
	room    *openh264.Decoder
	layers  *simulcast.Encoder
	people  [8]*vpx.Decoder
	picture *compose.Compositor
	encoder *openh264.Encoder
}

func newBare(b *testing.B) *bare {
	b.Helper()
	c := &bare{layers: simulcast.New(simulcast.Config{})}
	c.room, _ = openh264.NewDecoder()
	c.picture, _ = compose.New(compose.Config{Width: 1280, Height: 720})
	c.encoder, _ = openh264.NewEncoder(openh264.Config{Width: 1280, Height: 720, Bitrate: 1_500_000, Drop: true})
	s := compose.State{Speaker: "0"}
	for n := range c.people {
		c.people[n], _ = vpx.NewDecoder()
		s.Participants = append(s.Participants, compose.Participant{ID: fmt.Sprint(n), Name: fmt.Sprintf("Person %d", n+1), Camera: true})
	}
	c.picture.Show(s)
	b.Cleanup(func() {
		c.room.Close()
		c.layers.Close()
		c.encoder.Close()
		for _, d := range c.people {
			d.Close()
		}
	})
	return c
}

func (c *bare) step(b *testing.B, s *clips, n int) {
	at := time.Duration(n) * frameTime
	pic, err := c.room.Decode(s.room[n%clipFrames])
	if err != nil {
		b.Fatal(err)
	}
	if _, err := c.layers.Encode(pic, at); err != nil {
		b.Fatal(err)
	}
	for i, d := range c.people {
		data := s.small[n%clipFrames]
		if i == 0 {
			data = s.large[n%clipFrames]
		}
		pic, err := d.Decode(data)
		if err != nil {
			b.Fatal(err)
		}
		c.picture.Put(fmt.Sprint(i), pic, 0)
	}
	out, _ := c.picture.Tick(time.Unix(0, 0).Add(at))
	if _, err := c.encoder.Encode(out, at); err != nil {
		b.Fatal(err)
	}
}

// full is a call through a conference, without sockets: packets in, packets out.
type full struct {
	w       *world
	c       *conference
	now     time.Time
	packets [3][][]media.Packet // room, large, small: of each frame
	seq     [9]uint16
	audio   time.Duration
}

func newFull(b testing.TB, s *clips, share *Commons) *full {
	b.Helper()
	w := newWorld(b, "G722", "H264")
	w.large()
	for n := range 8 {
		a := w.add(n, fmt.Sprintf("Person %d", n+1), 0, colours()[n])
		a.camera = nil
	}
	w.hears.keep, w.sees.keep, w.heard.keep = false, false, false
	for _, l := range w.layers {
		l.keep = false
	}
	f := &full{w: w, now: time.Now()}
	stop := make(chan struct{})
	f.c = newConference(w.room, w.meeting, Options{Log: slog.New(slog.DiscardHandler), Commons: share}, nil, stop)
	b.Cleanup(f.c.release)
	f.freeze()
	var h rtp.H264Packetizer
	var v [2]rtp.VP8Packetizer
	for n := range clipFrames {
		f.packets[0] = append(f.packets[0], packets(h.Packetize(s.room[n])))
		f.packets[1] = append(f.packets[1], packets(v[0].Packetize(rtp.VP8Frame{Data: s.large[n], Key: n == 0})))
		f.packets[2] = append(f.packets[2], packets(v[1].Packetize(rtp.VP8Frame{Data: s.small[n], Key: n == 0})))
	}
	return f
}

func packets(payloads [][]byte) (list []media.Packet) {
	for i, p := range payloads {
		list = append(list, media.Packet{PayloadType: 97, SSRC: 5, Marker: i == len(payloads)-1, Payload: append([]byte(nil), p...)})
	}
	return list
}

func (f *full) deliver(stream, clip, n int, to *fakeSource, csrc uint32) {
	list := f.packets[clip][n%clipFrames]
	for i := range list {
		p := &list[i]
		p.Sequence, p.Timestamp, p.CSRC, p.Arrived = f.seq[stream], uint32(n*3000), csrc, f.now
		// The picture id goes on when the clip begins again.
		if clip > 0 {
			id := uint16(n) & 0x7fff
			p.Payload[2], p.Payload[3] = 0x80|byte(id>>8), byte(id)
		}
		f.seq[stream]++
		to.deliver(p)
	}
}

// freeze makes the call's time pass with step alone. On a busy machine a frame takes longer
// than there is time; a call that noticed would send later, rest, and show less.
func (f *full) freeze() {
	now := func() time.Time { return f.now }
	f.c.clock = now
	for _, cam := range f.c.cameras {
		cam.clock = now
	}
	f.c.uplink.(*uplink).camera.clock = now
}

// step is one frame.
func (f *full) step(n int) {
	f.c.next = f.now
	f.deliver(0, 0, n, f.w.films, 0)
	for i := range 8 {
		f.deliver(1+i, 1+min(i, 1), n, f.w.meeting.sources[4+i], uint32(200+i))
	}
	for end := f.now.Add(frameTime); f.now.Before(end); {
		if f.audio += 5 * time.Millisecond; f.audio >= mixTick {
			f.audio = 0
			f.c.voices.tick(f.now)
			f.c.mic.tick(f.now)
		}
		f.c.work(f.now)
		f.now = f.now.Add(frameTime / 6)
	}
}

// BenchmarkMeetingCall is the whole of a call with eight pictures at 720p30 and three
// layers up, against the codecs alone (goals P-6), interleaved. "allocs" are of the
// whole call for one frame.
func BenchmarkMeetingCall(b *testing.B) {
	s := makeClips(b)
	floor, call := newBare(b), newFull(b, s, nil)
	for n := range 30 {
		floor.step(b, s, n)
		call.step(n)
	}
	var spent [2]time.Duration
	n := 30
	for b.Loop() {
		t := cpuTime()
		for i := range 10 {
			floor.step(b, s, n+i)
		}
		middle := cpuTime()
		for i := range 10 {
			call.step(n + i)
		}
		spent[0] += middle - t
		spent[1] += cpuTime() - middle
		n += 10
	}
	frames := float64(10 * b.N)
	b.ReportMetric(spent[0].Seconds()*1e3/frames, "floor-ms/frame")
	b.ReportMetric(spent[1].Seconds()*1e3/frames, "ms/frame")
	b.ReportMetric(spent[1].Seconds()/spent[0].Seconds(), "ratio")
	b.ReportMetric(0, "ns/op")
	d, u := call.c.videoDown.stats(), call.c.videoUp.stats()
	if made := uint64(n - 30); d.Damaged > 0 || d.Encoded < made*9/10 || u.Encoded < 3*made*9/10 || d.Decoded < 8*made {
		b.Errorf("%d frames: down %+v, up %+v", n, d, u)
	}
	b.ReportMetric(testing.AllocsPerRun(60, func() { call.step(n); n++ }), "allocs/frame")
}

// BenchmarkSecondRoom is what a second room in a meeting costs that a first one of the
// same gateway is in already, against the first.
func BenchmarkSecondRoom(b *testing.B) {
	s := makeClips(b)
	share := new(Commons)
	first, second := newFull(b, s, share), newFull(b, s, share)
	n := 0
	for ; n < 60; n++ {
		first.step(n)
		second.step(n)
	}
	var spent [2]time.Duration
	for b.Loop() {
		for range 10 {
			t := cpuTime()
			first.step(n)
			middle := cpuTime()
			second.step(n)
			spent[0] += middle - t
			spent[1] += cpuTime() - middle
			n++
		}
	}
	frames := float64(10 * b.N)
	b.ReportMetric(spent[0].Seconds()*1e3/frames, "first-ms/frame")
	b.ReportMetric(spent[1].Seconds()*1e3/frames, "second-ms/frame")
	b.ReportMetric(spent[1].Seconds()/spent[0].Seconds(), "ratio")
	b.ReportMetric(0, "ns/op")
	d := second.c.videoDown.stats()
	b.ReportMetric(float64(d.Decoded)/float64(n), "decodes/frame")
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
