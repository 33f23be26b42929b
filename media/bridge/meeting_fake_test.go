package bridge

import (
	"fmt"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tandem/media"
	"tandem/media/codec"
	"tandem/media/codec/openh264"
	"tandem/media/codec/vpx"
	"tandem/media/codec/yuv"
	"tandem/media/rtp"
	"tandem/media/tone"
	"tandem/media/video"
)

// fakeMany is a session with many streams, whose far end is the test.
type fakeMany struct {
	loop    *fakeLoop
	changed chan struct{}
	mu      sync.Mutex // guards what follows
	sources []*fakeSource
	sinks   []*fakeSink
}

func (s *fakeMany) Sources() []media.Source {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []media.Source
	for _, src := range s.sources {
		list = append(list, src)
	}
	return list
}

func (s *fakeMany) Sinks() []media.Sink {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []media.Sink
	for _, dst := range s.sinks {
		list = append(list, dst)
	}
	return list
}

func (s *fakeMany) Changed() <-chan struct{} { return s.changed }
func (s *fakeMany) Loop() media.Loop         { return s.loop }
func (s *fakeMany) Stats() media.Stats       { return media.Stats{} }
func (s *fakeMany) String() string           { return "fake" }

func (s *fakeMany) tell() {
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

func (s *fakeMany) source(i media.StreamInfo) *fakeSource {
	src := &fakeSource{info: i}
	s.sources = append(s.sources, src)
	return src
}

func (s *fakeMany) sink(i media.StreamInfo) *fakeSink {
	dst := &fakeSink{info: i, keep: true}
	s.sinks = append(s.sinks, dst)
	return dst
}

// fakeMeeting is a meeting of eight pictures and sixteen voices.
type fakeMeeting struct {
	fakeMany
	roster media.Roster
	shown  []media.View
	shows  int
	muted  [2]bool
	mutes  int
	typed  string
}

func (m *fakeMeeting) Type(key rune) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.typed += string(key)
}

func (m *fakeMeeting) Roster() media.Roster {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.roster
	r.People = slices.Clone(r.People)
	return r
}

func (m *fakeMeeting) Show(v []media.View) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.shown = slices.Clone(v)
	m.shows++
}

func (m *fakeMeeting) Mute(audio, video bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.muted = [2]bool{audio, video}
	m.mutes++
}

func (m *fakeMeeting) change(f func(*media.Roster)) {
	m.mu.Lock()
	f(&m.roster)
	m.mu.Unlock()
	m.tell()
}

// world is a room, a meeting and the conference between them.
type world struct {
	t        testing.TB
	loop     *fakeLoop
	room     *fakeMany
	meeting  *fakeMeeting
	bridge   *Bridge
	hears    *fakeSink    // the room's audio
	sees     *fakeSink    // the room's picture; nil
	speaks   *talker      // the room's voice
	films    *fakeSource  // the room's camera; nil
	heard    *fakeSink    // the meeting's audio from the room
	layers   [3]*fakeSink // and its pictures
	actors   []*actor
	others   []func(time.Time)
	watching *viewer
}

func videoStream(codecName, fmtp string) media.StreamInfo {
	return media.StreamInfo{Kind: media.Video, Codec: codecName, Clock: 90000, PayloadType: 97, FMTP: fmtp}
}

// A room of 640x360, which saves the tests most of their time.
func small() media.Limits { return media.Limits{FrameSize: 920, BlockRate: 27600} }

const mode1 = "packetization-mode=1"

// large makes the room's screen one of 1280x720.
func (w *world) large() { w.sees.info.Limits = media.Limits{} }

// newWorld makes a room with an audio codec and a video codec, "" for none.
func newWorld(t testing.TB, audio, videoCodec string) *world {
	t.Helper()
	loop := &fakeLoop{}
	w := &world{t: t, loop: loop, room: &fakeMany{loop: loop, changed: make(chan struct{}, 1)}}
	w.meeting = &fakeMeeting{fakeMany: fakeMany{loop: loop, changed: make(chan struct{}, 1)}}
	i := stream(audio)
	src := w.room.source(i)
	w.hears = w.room.sink(i)
	w.speaks = newTalker(t, &fakeSession{source: src}, signal(1000))
	w.speaks.mute = true
	if videoCodec != "" {
		i := videoStream(videoCodec, mode1)
		i.Limits = small()
		w.films = w.room.source(i)
		w.sees = w.room.sink(i)
		w.watching = newViewer(t, w.sees)
	}
	opus := without(stream("OPUS"))
	for n := range 4 {
		opus.ID = fmt.Sprint("a", n)
		w.meeting.source(opus)
	}
	for n := range 8 {
		v := videoStream("VP8", "")
		v.ID = fmt.Sprint("v", n)
		w.meeting.source(v)
	}
	c := videoStream("VP8", "")
	c.ID, c.Kind = "c0", media.Content
	w.meeting.source(c)
	w.heard = w.meeting.sink(opus)
	for n := range 3 {
		v := videoStream("VP8", "")
		v.Layer = n
		w.layers[n] = w.meeting.sink(v)
	}
	w.meeting.roster.Since = time.Now()
	return w
}

func signal(freq float64) func(rate int) func([]int16) {
	return func(rate int) func([]int16) { return tone.Sine(freq, -20, rate).Fill }
}

func (w *world) join() { w.bridge = Join(w.room, w.meeting, Options{}) }

// run lets virtual time pass.
func (w *world) run(d time.Duration) {
	for range d / (10 * time.Millisecond) {
		time.Sleep(10 * time.Millisecond) // virtual
		now := time.Now()
		w.speaks.step(now)
		for _, a := range w.actors {
			a.step(now)
		}
		for _, f := range w.others {
			f(now)
		}
		w.loop.run(now)
	}
	synctest.Wait()
}

// actor is somebody in the meeting: a voice and a picture.
type actor struct {
	t       testing.TB
	person  media.Person
	voice   *talker
	camera  *filmer
	silent  bool
	hidden  bool
	elapsed time.Duration
}

// add brings somebody in: their voice on audio stream n when freq is not 0, their
// picture, of one colour, on video stream n.
func (w *world) add(n int, name string, freq float64, colour [3]byte) *actor {
	w.t.Helper()
	a := &actor{t: w.t, person: media.Person{
		ID: "spaces/s/devices/" + name, Name: name, AudioCSRC: uint32(100 + n), VideoCSRC: uint32(200 + n), ContentCSRC: uint32(300 + n),
	}}
	if freq > 0 {
		a.voice = newTalker(w.t, &fakeSession{source: w.meeting.sources[n]}, signal(freq))
		a.voice.packet.CSRC = a.person.AudioCSRC
	}
	if n < 8 {
		a.camera = newFilmer(w.t, w.meeting.sources[4+n], 320, 180, colour)
		a.camera.packet.CSRC = a.person.VideoCSRC
	}
	w.actors = append(w.actors, a)
	w.meeting.change(func(r *media.Roster) { r.People = append(r.People, a.person) })
	return a
}

func (a *actor) step(now time.Time) {
	if a.voice != nil && !a.silent {
		a.voice.step(now)
	}
	if a.elapsed += 10 * time.Millisecond; a.elapsed >= 40*time.Millisecond {
		a.elapsed = 0
		if a.camera != nil && !a.hidden {
			a.camera.film(now)
		}
	}
}

// filmer is a camera that sees one colour, and something that moves.
type filmer struct {
	t       testing.TB
	to      *fakeSource
	encode  func(*video.Picture, time.Duration) ([][]byte, error)
	key     func()
	close   func()
	picture *video.Picture
	colour  [3]byte
	packet  media.Packet
	n       int
	asked   int32
	spoil   func(n int, payload []byte) []byte // may be nil
}

func newFilmer(t testing.TB, to *fakeSource, width, height int, colour [3]byte) *filmer {
	t.Helper()
	f := &filmer{t: t, to: to, picture: video.New(width, height), colour: colour, packet: media.Packet{PayloadType: 97, SSRC: 99, Sequence: 65000}}
	switch to.Info().Codec {
	case "VP8":
		e, err := vpx.NewEncoder(vpx.Config{Layers: []vpx.Layer{{Width: width, Height: height, Bitrate: 300_000}}, FrameRate: 25})
		if err != nil {
			t.Fatal(err)
		}
		p := rtp.VP8Packetizer{}
		f.key, f.close = func() { e.RequestKey(0) }, e.Close
		f.encode = func(pic *video.Picture, at time.Duration) ([][]byte, error) {
			frames, err := e.Encode(pic, at)
			if err != nil || len(frames) == 0 {
				return nil, err
			}
			return p.Packetize(vp8Frame(frames[0])), nil
		}
	case "H264":
		e, err := openh264.NewEncoder(openh264.Config{Width: width, Height: height, Bitrate: 600_000, FrameRate: 25})
		if err != nil {
			t.Fatal(err)
		}
		p := rtp.H264Packetizer{}
		f.key, f.close = e.RequestKey, e.Close
		f.encode = func(pic *video.Picture, at time.Duration) ([][]byte, error) {
			frame, err := e.Encode(pic, at)
			if err != nil || len(frame.Data) == 0 {
				return nil, err
			}
			return p.Packetize(frame.Data), nil
		}
	}
	t.Cleanup(f.close)
	return f
}

// film sends one picture.
func (f *filmer) film(now time.Time) {
	if n := f.to.asked.Load(); n != f.asked {
		f.asked = n
		f.key()
	}
	yuv.Fill(f.picture, f.colour[0], f.colour[1], f.colour[2])
	bar := f.picture.Crop(video.Rect{X: f.n * 4 % f.picture.Width &^ 1, Y: 0, W: 8, H: 16})
	yuv.Fill(&bar, 235, 128, 128)
	payloads, err := f.encode(f.picture, time.Duration(f.n)*40*time.Millisecond)
	if err != nil {
		f.t.Fatal(err)
	}
	for i, payload := range payloads {
		if f.spoil != nil {
			payload = f.spoil(f.n, payload)
		}
		f.packet.Payload, f.packet.Marker, f.packet.Arrived = payload, i == len(payloads)-1, now
		f.to.deliver(&f.packet)
		f.packet.Sequence++
	}
	f.n++
	f.packet.Timestamp += 90 * 40
}

// viewer decodes what a sink got.
type viewer struct {
	t         testing.TB
	sink      *fakeSink
	assembler *rtp.Assembler
	decoder   video.Decoder
	picture   *video.Picture // the last one
	frames    int
	keys      int
	first     time.Time
	lastKey   time.Time
}

func newViewer(t testing.TB, sink *fakeSink) *viewer {
	t.Helper()
	d, err := newVideoDecoder(sink.info.Codec)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return &viewer{t: t, sink: sink, decoder: d, assembler: rtp.NewAssembler(rtp.AssemblerConfig{Codec: sink.info.Codec})}
}

// look decodes what has come since the last look and returns the last picture.
func (v *viewer) look() *video.Picture {
	v.t.Helper()
	for _, p := range v.sink.take() {
		v.assembler.Push(p.Arrived, &p)
		for u, ok := v.assembler.Pop(p.Arrived); ok; u, ok = v.assembler.Pop(p.Arrived) {
			v.show(u, p.Arrived)
		}
	}
	if v.picture == nil {
		v.t.Fatal("no picture came")
	}
	return v.picture
}

func (v *viewer) show(u rtp.Unit, at time.Time) {
	v.t.Helper()
	pic, err := v.decoder.Decode(u.Data)
	if err != nil {
		v.t.Fatalf("frame %d: %v", v.frames, err)
	}
	v.frames++
	if v.first.IsZero() {
		v.first = at
	}
	if u.Key {
		v.keys++
		v.lastKey = at
	}
	if pic != nil {
		v.picture = pic
	}
}

// save writes a picture for people to look at, when they said where.
func save(t testing.TB, pic *video.Picture, name string) {
	t.Helper()
	dir := os.Getenv("TANDEM_PICTURES")
	if dir == "" {
		return
	}
	img := image.NewRGBA(image.Rect(0, 0, pic.Width, pic.Height))
	yuv.ToRGBA(img.Pix, img.Stride, pic)
	f, err := os.Create(filepath.Join(dir, name+".png"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := png.Encode(f, img); err != nil {
		t.Fatal(err)
	}
}

// share is the part of the picture that has a colour.
func share(pic *video.Picture, colour [3]byte) float64 {
	n, all := 0, 0
	for y := 2; y < pic.Height; y += 8 {
		for x := 2; x < pic.Width; x += 8 {
			all++
			c := [3]byte{pic.Y[y*pic.StrideY+x], pic.U[y/2*pic.StrideC+x/2], pic.V[y/2*pic.StrideC+x/2]}
			if alike(c, colour) {
				n++
			}
		}
	}
	return float64(n) / float64(all)
}

func alike(a, b [3]byte) bool {
	for i := range a {
		if d := int(a[i]) - int(b[i]); d > 14 || d < -14 {
			return false
		}
	}
	return true
}

// Colours that nothing else in the picture has.
func colours() [8][3]byte {
	return [8][3]byte{
		{145, 54, 34},
		{81, 90, 240},
		{106, 202, 222},
		{170, 166, 16},
		{210, 16, 146},
		{60, 220, 100},
		{120, 60, 170},
		{90, 160, 90},
	}
}

// listen decodes what a sink got, as samples.
func (w *world) listen(s *fakeSink) (pcm []int16, rate int) {
	w.t.Helper()
	i := s.Info()
	rate = map[string]int{"G722": 16000, "OPUS": 48000}[i.Codec]
	if rate == 0 {
		rate = 8000
	}
	d, err := codec.NewDecoder(i.Codec, rate)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, p := range s.take() {
		if p.PayloadType == i.PayloadType {
			if pcm, err = d.Decode(pcm, p.Payload); err != nil {
				w.t.Fatal(err)
			}
		}
	}
	return pcm, rate
}
