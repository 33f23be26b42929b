package bridge

import (
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tandem/media"
	"tandem/media/codec"
)

// fakeLoop runs what is registered when the test says so: its clock is the test's.
type fakeLoop struct {
	mu    sync.Mutex // held while a tick runs, so stop waits
	ticks []*fakeTick
}

type fakeTick struct {
	d   time.Duration
	due time.Time
	f   func(time.Time)
}

func (l *fakeLoop) Every(d time.Duration, f func(time.Time)) (stop func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := &fakeTick{d: d, due: time.Now().Add(d), f: f}
	l.ticks = append(l.ticks, t)
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.ticks = slices.DeleteFunc(l.ticks, func(o *fakeTick) bool { return o == t })
	}
}

func (l *fakeLoop) run(now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, t := range l.ticks {
		for ; !t.due.After(now); t.due = t.due.Add(t.d) {
			t.f(now)
		}
	}
}

// fakeSession is a leg's media whose far end is the test.
type fakeSession struct {
	loop    *fakeLoop
	changed chan struct{}
	mu      sync.Mutex // guards the fields below
	source  *fakeSource
	sink    *fakeSink
}

func (s *fakeSession) Sources() []media.Source {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.source == nil {
		return nil
	}
	return []media.Source{s.source}
}

func (s *fakeSession) Sinks() []media.Sink {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sink == nil {
		return nil
	}
	return []media.Sink{s.sink}
}

func (s *fakeSession) Changed() <-chan struct{} { return s.changed }
func (s *fakeSession) Loop() media.Loop         { return s.loop }
func (s *fakeSession) Stats() media.Stats       { return media.Stats{} }
func (s *fakeSession) String() string           { return "fake" }

// renegotiate gives the session another stream.
func (s *fakeSession) renegotiate(i media.StreamInfo) {
	s.source.mu.Lock()
	s.source.info = i
	s.source.mu.Unlock()
	s.sink.mu.Lock()
	s.sink.info = i
	s.sink.mu.Unlock()
	s.changed <- struct{}{}
}

type fakeSource struct {
	mu       sync.Mutex // held while the receiver runs, so Attach waits
	info     media.StreamInfo
	receiver media.Receiver
	asked    atomic.Int32                          // keyframes
	clock    func() (ntp uint64, timestamp uint32) // nil: no sender reports
}

// SenderClock implements clocked.
func (s *fakeSource) SenderClock() (ntp uint64, timestamp uint32, ok bool) {
	if s.clock == nil {
		return 0, 0, false
	}
	ntp, timestamp = s.clock()
	return ntp, timestamp, true
}

func (s *fakeSource) Info() media.StreamInfo {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.info
}

func (s *fakeSource) Attach(r media.Receiver) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.receiver = r
}

func (s *fakeSource) RequestKeyframe() { s.asked.Add(1) }

func (s *fakeSource) deliver(p *media.Packet) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.receiver != nil {
		s.receiver.Receive(p)
	}
}

type fakeSink struct {
	mu      sync.Mutex
	info    media.StreamInfo
	keep    bool
	packets []media.Packet
	count   int
	wanted  func()       // asks for a keyframe
	slow    atomic.Int64 // nanoseconds that a Write takes
}

func (s *fakeSink) Info() media.StreamInfo {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.info
}

func (s *fakeSink) Write(p *media.Packet) {
	if d := s.slow.Load(); d > 0 {
		time.Sleep(time.Duration(d)) // virtual
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count++
	if !s.keep {
		return
	}
	c := *p
	c.Payload = slices.Clone(p.Payload)
	c.Arrived = time.Now() // when it was written
	s.packets = append(s.packets, c)
}

func (s *fakeSink) OnKeyframeRequest(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wanted = f
}

// wantKeyframe is the far end asking for a new picture.
func (s *fakeSink) wantKeyframe() {
	s.mu.Lock()
	f := s.wanted
	s.mu.Unlock()
	if f != nil {
		f()
	}
}

// take returns what was written since the last look.
func (s *fakeSink) take() []media.Packet {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.packets
	s.packets = nil
	return p
}

func stream(codecName string) media.StreamInfo {
	i := media.StreamInfo{
		Kind: media.Audio, Codec: codecName, Clock: 8000, Packet: 20 * time.Millisecond,
		Event: media.Event{PayloadType: 101, Clock: 8000},
	}
	switch codecName {
	case "PCMA":
		i.PayloadType = 8
	case "G722":
		i.PayloadType = 9
	case "OPUS":
		i.PayloadType, i.Clock, i.Event = 111, 48000, media.Event{PayloadType: 110, Clock: 48000}
	}
	return i
}

func without(i media.StreamInfo) media.StreamInfo {
	i.Event = media.Event{}
	return i
}

func with(i media.StreamInfo, packet time.Duration) media.StreamInfo {
	i.Packet = packet
	return i
}

func session(i media.StreamInfo) *fakeSession {
	return &fakeSession{
		loop: &fakeLoop{}, changed: make(chan struct{}, 1),
		source: &fakeSource{info: i}, sink: &fakeSink{info: i, keep: true},
	}
}

// talker is a far end that sends a signal.
type talker struct {
	t        testing.TB
	to       *fakeSource
	info     media.StreamInfo
	encoder  codec.Encoder
	rate     int
	signal   func([]int16)
	packet   media.Packet
	since    time.Duration
	mute     bool                      // only what is in flight arrives
	lose     func(n int) bool          // nil: nothing
	delay    func(n int) time.Duration // nil: none
	n        int
	inFlight []flying
}

type flying struct {
	at time.Time
	p  media.Packet
}

func newTalker(t testing.TB, s *fakeSession, signal func(rate int) func([]int16)) *talker {
	t.Helper()
	i := s.source.Info()
	rate := map[string]int{"G722": 16000, "OPUS": 16000}[i.Codec]
	if rate == 0 {
		rate = 8000
	}
	enc, err := codec.NewEncoder(codec.Params{Name: i.Codec, Rate: rate, Frame: i.Packet})
	if err != nil {
		t.Fatal(err)
	}
	return &talker{t: t, to: s.source, info: i, encoder: enc, rate: rate, signal: signal(rate), packet: media.Packet{SSRC: 7, Sequence: 65530, Timestamp: math.MaxUint32 - 2000}}
}

// step is called every 10 ms of virtual time.
func (k *talker) step(now time.Time) {
	if k.since += 10 * time.Millisecond; k.since >= k.info.Packet && !k.mute {
		k.since -= k.info.Packet
		k.send(now)
	}
	slices.SortStableFunc(k.inFlight, func(a, b flying) int { return a.at.Compare(b.at) })
	for len(k.inFlight) > 0 && !k.inFlight[0].at.After(now) {
		p := k.inFlight[0].p
		k.inFlight = k.inFlight[1:]
		p.Arrived = now
		k.to.deliver(&p)
	}
}

func (k *talker) send(now time.Time) {
	pcm := make([]int16, samplesIn(k.info.Packet, k.rate))
	k.signal(pcm)
	payload, err := k.encoder.Encode(nil, pcm)
	if err != nil {
		k.t.Fatal(err)
	}
	k.packet.PayloadType, k.packet.Payload = k.info.PayloadType, payload
	k.n++
	if k.lose == nil || !k.lose(k.n) {
		at := now
		if k.delay != nil {
			at = at.Add(k.delay(k.n))
		}
		k.inFlight = append(k.inFlight, flying{at, k.packet})
	}
	k.packet.Sequence++
	k.packet.Timestamp += uint32(samplesIn(k.info.Packet, k.info.Clock))
}

// event sends one telephone-event packet at the talker's present time.
func (k *talker) event(key byte, duration uint16, marker, end bool, timestamp uint32) {
	volume := byte(10)
	if end {
		volume |= 0x80
	}
	k.to.deliver(&media.Packet{
		PayloadType: k.info.Event.PayloadType, Marker: marker, SSRC: k.packet.SSRC, Sequence: k.packet.Sequence,
		Timestamp: timestamp, Payload: []byte{key, volume, byte(duration >> 8), byte(duration)}, Arrived: time.Now(),
	})
	k.packet.Sequence++
}

// press sends a whole digit of 100 ms, as a phone does: no audio meanwhile. run lets
// d of virtual time pass.
func (k *talker) press(key byte, run func(time.Duration)) {
	start := k.packet.Timestamp
	unit := uint16(k.info.Event.Clock / 50)
	for n := uint16(1); n <= 5; n++ {
		k.event(key, n*unit, n == 1, false, start)
		run(20 * time.Millisecond)
	}
	for range 3 {
		k.event(key, 5*unit, false, true, start)
	}
	k.packet.Timestamp += uint32(5 * 20 * k.info.Clock / 1000)
}

// run lets virtual time pass: packets arrive, loops tick, every 10 ms.
func run(d time.Duration, loop *fakeLoop, talkers ...*talker) {
	for range d / (10 * time.Millisecond) {
		time.Sleep(10 * time.Millisecond) // virtual
		now := time.Now()
		for _, k := range talkers {
			k.step(now)
		}
		loop.run(now)
	}
}

// hear decodes what a far end got, at the codec's natural rate, with silence where
// time passed without a packet.
func hear(t *testing.T, i media.StreamInfo, packets []media.Packet) (pcm []int16, rate int) {
	t.Helper()
	rate = map[string]int{"G722": 16000, "OPUS": 16000}[i.Codec]
	if rate == 0 {
		rate = 8000
	}
	dec, err := codec.NewDecoder(i.Codec, rate)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range packets {
		if p.PayloadType != i.PayloadType {
			continue
		}
		if pcm, err = dec.Decode(pcm, p.Payload); err != nil {
			t.Fatal(err)
		}
	}
	return pcm, rate
}

// continuous fails when the packets of one stream are not one timeline.
func continuous(t *testing.T, i media.StreamInfo, packets []media.Packet) {
	t.Helper()
	step := uint32(samplesIn(packetOf(i), i.Clock))
	for n := 1; n < len(packets); n++ {
		a, b := packets[n-1], packets[n]
		if a.SSRC != b.SSRC {
			continue
		}
		if b.Sequence != a.Sequence+1 {
			t.Errorf("packet %d has sequence %d after %d", n, b.Sequence, a.Sequence)
		}
		if a.PayloadType == i.PayloadType && b.PayloadType == i.PayloadType && !b.Marker && b.Timestamp-a.Timestamp != step {
			t.Errorf("packet %d is %d units after the one before, want %d", n, b.Timestamp-a.Timestamp, step)
		}
	}
}
