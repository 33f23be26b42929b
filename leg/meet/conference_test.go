package meet_test

import (
	"math"
	"slices"
	"sync"
	"testing"
	"time"

	"tandem/media"
	"tandem/media/bridge"
	"tandem/media/codec"
	"tandem/media/codec/openh264"
	"tandem/media/codec/yuv"
	"tandem/media/rtp"
	"tandem/media/tone"
	"tandem/media/video"
)

// room is a session of a SIP room: PCMU and H.264, whose far end is the test.
type room struct {
	loop   media.Loop
	voice  roomSource
	camera roomSource
	ear    roomSink
	screen roomSink
}

func newRoom(loop media.Loop) *room {
	pcmu := media.StreamInfo{Kind: media.Audio, Codec: "PCMU", Clock: 8000, Packet: 20 * time.Millisecond}
	h264 := media.StreamInfo{Kind: media.Video, Codec: "H264", Clock: 90000, PayloadType: 97, FMTP: "packetization-mode=1"}
	return &room{loop: loop, voice: roomSource{info: pcmu}, ear: roomSink{info: pcmu}, camera: roomSource{info: h264}, screen: roomSink{info: h264}}
}

func (r *room) Sources() []media.Source  { return []media.Source{&r.voice, &r.camera} }
func (r *room) Sinks() []media.Sink      { return []media.Sink{&r.ear, &r.screen} }
func (r *room) Changed() <-chan struct{} { return nil }
func (r *room) Loop() media.Loop         { return r.loop }
func (r *room) Stats() media.Stats       { return media.Stats{} }
func (r *room) String() string           { return "room" }

type roomSource struct {
	info     media.StreamInfo
	mu       sync.Mutex
	receiver media.Receiver
}

func (s *roomSource) Info() media.StreamInfo { return s.info }

func (s *roomSource) Attach(r media.Receiver) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.receiver = r
}

func (s *roomSource) RequestKeyframe() {}

func (s *roomSource) deliver(p *media.Packet) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.receiver != nil {
		s.receiver.Receive(p)
	}
}

type roomSink struct {
	info    media.StreamInfo
	mu      sync.Mutex
	packets []media.Packet
}

func (s *roomSink) Info() media.StreamInfo   { return s.info }
func (s *roomSink) OnKeyframeRequest(func()) {}

func (s *roomSink) Write(p *media.Packet) {
	c := *p
	c.Payload, c.Arrived = slices.Clone(p.Payload), time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.packets = append(s.packets, c)
}

func (s *roomSink) all() []media.Packet {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.packets
}

// The whole of the room's way: the conference between a room and the simulated meeting.
func TestARoomIsInTheMeetingThroughTheConference(t *testing.T) {
	r := newRig(t, changes{})
	c := r.dial("acme", pin, true).answered()
	rm := newRoom(c.meet.Loop())
	b := bridge.Join(rm, c.meet, bridge.Options{})
	defer b.Close()
	stop := make(chan struct{})
	var work sync.WaitGroup
	work.Go(func() { rm.speak(t, stop) })
	work.Go(func() { rm.film(t, stop) })
	defer work.Wait()
	defer close(stop)
	r.wait("three layers and a voice", func() bool {
		d := r.device()
		return d.Up.Track("l").Decoded > 5 && d.Up.Track("m").Decoded > 5 && d.Up.Track("h").Decoded > 5 && math.Abs(d.Up.Track("audio").Tone-500) < 15
	})
	// The beginning may be quiet, until the first voices have come on a busy machine.
	r.wait("a picture, and Ada's voice", func() bool {
		return len(rm.screen.all()) > 40 && len(rm.ear.all()) > 100 && rm.hears(t, 400) > -45
	})
	if own := rm.hears(t, 500); own > -50 {
		t.Errorf("the room hears itself at %.0f dBFS", own)
	}
	if got := rm.red(t); got < 0.3 {
		t.Errorf("Ada fills %.2f of the room's picture", got)
	}
	b.Close()
	c.hangup()
	r.clean()
}

// hears returns the level of a tone in the last second that the room was sent, in dBFS.
func (r *room) hears(t *testing.T, frequency float64) float64 {
	t.Helper()
	dec, err := codec.NewDecoder("PCMU", 8000)
	must(t, err)
	var pcm []int16
	all := r.ear.all()
	for _, p := range all[max(0, len(all)-50):] {
		pcm, err = dec.Decode(pcm, p.Payload)
		must(t, err)
	}
	return tone.LevelAt(pcm, 8000, frequency)
}

// red is the part of the room's last picture that has Ada's colour.
func (r *room) red(t *testing.T) float64 {
	t.Helper()
	frames := rtp.NewAssembler(rtp.AssemblerConfig{Codec: "H264"})
	d, err := openh264.NewDecoder()
	must(t, err)
	defer d.Close()
	share := 0.0
	for _, p := range r.screen.all() {
		frames.Push(p.Arrived, &p)
		for u, ok := frames.Pop(p.Arrived); ok; u, ok = frames.Pop(p.Arrived) {
			pic, err := d.Decode(u.Data)
			must(t, err)
			n := 0
			for i, v := range pic.V[:pic.StrideC*(pic.ChromaHeight()-1)] {
				if v > 180 && pic.U[i] < 128 {
					n++
				}
			}
			share = float64(n) / float64(pic.ChromaWidth()*pic.ChromaHeight())
		}
	}
	return share
}

// speak sends a tone of 500 Hz.
func (r *room) speak(t *testing.T, stop chan struct{}) {
	voice, err := codec.NewEncoder(codec.Params{Name: "PCMU", Rate: 8000})
	if err != nil {
		t.Error(err)
		return
	}
	sine, pcm, p := tone.Sine(500, -12, 8000), make([]int16, 160), media.Packet{SSRC: 1}
	every(20*time.Millisecond, stop, func(int) {
		sine.Fill(pcm)
		p.Payload, _ = voice.Encode(nil, pcm)
		p.Arrived = time.Now()
		r.voice.deliver(&p)
		p.Sequence++
		p.Timestamp += 160
	})
}

// film sends a green picture with something that moves.
func (r *room) film(t *testing.T, stop chan struct{}) {
	enc, err := openh264.NewEncoder(openh264.Config{Width: 1280, Height: 720, Bitrate: 1_000_000, FrameRate: 10})
	if err != nil {
		t.Error(err)
		return
	}
	defer enc.Close()
	var packets rtp.H264Packetizer
	pic, p := video.New(1280, 720), media.Packet{SSRC: 2, PayloadType: 97}
	every(100*time.Millisecond, stop, func(n int) {
		yuv.Fill(pic, 98, 105, 83)
		bar := pic.Crop(video.Rect{X: n * 16 % 1200, W: 16, H: 16})
		yuv.Fill(&bar, 200, 128, 128)
		f, err := enc.Encode(pic, time.Duration(n)*100*time.Millisecond)
		if err != nil {
			t.Error(err)
			return
		}
		list := packets.Packetize(f.Data)
		for i, b := range list {
			p.Payload, p.Marker, p.Arrived = b, i == len(list)-1, time.Now()
			r.camera.deliver(&p)
			p.Sequence++
		}
		p.Timestamp += 9000
	})
}

func every(d time.Duration, stop chan struct{}, f func(n int)) {
	tick := time.NewTicker(d)
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-stop:
			return
		case <-tick.C:
			f(n)
		}
	}
}
