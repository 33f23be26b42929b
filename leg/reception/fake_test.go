package reception

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"tandem/call"
	"tandem/media"
	"tandem/media/bridge"
	"tandem/media/codec"
	"tandem/media/dtmf"
	"tandem/media/tone"
)

// tickers is a loop in virtual time.
type tickers struct{ mu sync.Mutex }

func (l *tickers) Every(d time.Duration, f func(time.Time)) (stop func()) {
	t, quit, done := time.NewTicker(d), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-quit:
				return
			case now := <-t.C:
				l.mu.Lock()
				f(now)
				l.mu.Unlock()
			}
		}
	}()
	return func() {
		t.Stop()
		close(quit)
		<-done
	}
}

// handset is a telephone's session: its far end is the test.
type handset struct {
	loop *tickers
	info media.StreamInfo

	mu       sync.Mutex // guards what follows
	receiver media.Receiver
	fill     func([]int16) // what is said into it
	keys     *dtmf.Sender
	seq      uint16
	ts       uint32
	heard    []int16
}

func newHandset(events bool) *handset {
	h := &handset{loop: new(tickers), info: media.StreamInfo{
		ID: "0", Kind: media.Audio, Codec: "PCMU", Clock: 8000, Packet: 20 * time.Millisecond, Direction: media.SendRecv,
	}}
	if events {
		h.info.Event = media.Event{PayloadType: 101, Clock: 8000}
		h.keys = &dtmf.Sender{Clock: 8000, PayloadType: 101}
	}
	return h
}

func (h *handset) Sources() []media.Source  { return []media.Source{(*handsetSource)(h)} }
func (h *handset) Sinks() []media.Sink      { return []media.Sink{(*handsetSink)(h)} }
func (h *handset) Changed() <-chan struct{} { return nil }
func (h *handset) Loop() media.Loop         { return h.loop }
func (h *handset) Stats() media.Stats       { return media.Stats{} }
func (h *handset) String() string           { return "handset" }

// talk sends a packet every 20 ms.
func (h *handset) talk() (stop func()) {
	return h.loop.Every(20*time.Millisecond, func(now time.Time) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.ts += 160
		p := media.Packet{Timestamp: h.ts, SSRC: 7}
		if h.keys == nil || !h.keys.Next(h.ts, &p) {
			pcm := make([]int16, 160)
			if h.fill != nil {
				h.fill(pcm)
			}
			p.Payload = codec.MuLaw.Compress(nil, pcm)
		}
		h.seq++
		p.Sequence, p.SSRC, p.Arrived = h.seq, 7, now
		if h.receiver != nil {
			h.receiver.Receive(&p)
		}
	})
}

// press presses keys as telephone-events.
func (h *handset) press(t *testing.T, keys string) {
	for _, k := range keys {
		h.mu.Lock()
		err := h.keys.Send(dtmf.Digit{Key: k})
		h.mu.Unlock()
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(300 * time.Millisecond) // virtual
	}
}

// whistle presses keys as tones.
func (h *handset) whistle(keys string) {
	g := dtmf.NewGenerator(8000)
	for _, k := range keys {
		_ = g.Send(dtmf.Digit{Key: k})
	}
	h.mu.Lock()
	h.fill = func(pcm []int16) { g.Fill(pcm) }
	h.mu.Unlock()
	time.Sleep(time.Duration(len(keys)) * 300 * time.Millisecond) // virtual
}

// take returns how loud what was heard since the last time is, in dBFS.
func (h *handset) take() float64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	defer func() { h.heard = nil }()
	return tone.Level(h.heard)
}

type handsetSource handset

func (s *handsetSource) Info() media.StreamInfo { return s.info }
func (s *handsetSource) RequestKeyframe()       {}
func (s *handsetSource) Attach(r media.Receiver) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.receiver = r
}

type handsetSink handset

func (s *handsetSink) Info() media.StreamInfo   { return s.info }
func (s *handsetSink) OnKeyframeRequest(func()) {}
func (s *handsetSink) Write(p *media.Packet) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.heard = codec.MuLaw.Expand(s.heard, p.Payload)
}

// farEnd is a leg whose far end is the test.
type farEnd struct {
	id     string
	media  media.Session
	asked  chan call.Event
	events chan call.Event
	once   sync.Once
}

func newFarEnd(id string, m media.Session) *farEnd {
	return &farEnd{id: id, media: m, asked: make(chan call.Event, 32), events: make(chan call.Event, 32)}
}

func (f *farEnd) Info() call.Info           { return call.Info{ID: f.id, Connector: "fake", Via: f.id} }
func (f *farEnd) Media() media.Session      { return f.media }
func (f *farEnd) Events() <-chan call.Event { return f.events }
func (f *farEnd) Do(ev call.Event) {
	f.asked <- ev
	if e, over := ev.(call.Ended); over {
		f.end(e.Cause)
	}
}

func (f *farEnd) end(c call.Cause) {
	f.once.Do(func() {
		f.events <- call.Ended{Cause: c}
		close(f.events)
	})
}

// service is a resolver that knows some meetings by their titles.
type service map[string]string

func (s service) Resolve(_ context.Context, _, id string) (string, error) {
	time.Sleep(200 * time.Millisecond) // virtual
	if title, ok := s[id]; ok {
		return title, nil
	}
	return "", call.Refusal(call.MeetingUnknown, errors.New("there is no such meeting"))
}

// house is a switch with a reception at "front" and far ends at what it knows.
type house struct {
	*testing.T
	*Connector
	sw    *call.Switch
	phone *handset
	a     *farEnd
	hush  func()

	mu     sync.Mutex // guards what follows
	ends   map[string]*farEnd
	routed []call.Request
}

// answers puts a far end in the place of the one of its name.
func (h *house) answers(f *farEnd) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ends[f.id] = f
}

func (h *house) end(id string) *farEnd {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.ends[id]
}

// wish is what was routed last.
func (h *house) wish() call.Request {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.routed[len(h.routed)-1]
}

func (h *house) Route(r call.Request) ([]call.Destination, error) {
	h.mu.Lock()
	h.routed = append(h.routed, r)
	h.mu.Unlock()
	switch {
	case r.To == "front":
		return []call.Destination{{Connector: Name, Target: "front", To: r.To}}, nil
	case h.end(r.To) != nil:
		return []call.Destination{{Connector: "fake", To: r.To, Within: 30 * time.Second}}, nil
	}
	return nil, call.ErrNoRoute
}

type dialer struct{ h *house }

func (d dialer) Dial(_ context.Context, to call.Destination, _ call.Request) (call.Leg, error) {
	return d.h.end(to.To), nil
}

// keypad is the bridge as the gateway lends it to the switch.
type keypad struct{ *bridge.Bridge }

func (k keypad) Key(from call.Side, key rune) bool { return k.Bridge.Key(from == call.B, key) }

// open makes a house that a telephone has called.
func open(t *testing.T, conf Config, phone *handset, ends ...*farEnd) *house {
	t.Helper()
	conf.Name = "front"
	log := slog.New(slog.DiscardHandler)
	h := &house{T: t, phone: phone, ends: make(map[string]*farEnd)}
	for _, e := range ends {
		h.ends[e.id] = e
	}
	h.Connector = &Connector{
		Resolver: service{id: "Sales"}, Log: log, Loop: func(beside media.Loop) (media.Loop, error) { return beside, nil },
	}
	if err := h.Apply([]Config{conf}); err != nil {
		t.Fatal(err)
	}
	h.sw = &call.Switch{
		Router: h, Dialers: map[string]call.Dialer{Name: h.Connector, "fake": dialer{h}}, Log: log,
		Join: func(a, b media.Session, early bool, _ *slog.Logger) call.Bridge {
			return keypad{bridge.Join(a, b, bridge.Options{Early: early})}
		},
	}
	h.dial("a")
	return h
}

func (h *house) dial(from string) {
	h.hush = h.phone.talk()
	h.a = newFarEnd(from, h.phone)
	h.sw.Incoming(h.Context(), call.Request{Connector: "fake", Via: from, From: from, To: "front", Loop: h.phone.loop}, h.a)
	time.Sleep(5 * time.Second) // the first sentence is over
}

// close hangs up and waits until all is gone.
func (h *house) close() {
	h.a.end(call.NormalClearing)
	h.sw.Wait()
	h.legs.Wait()
	h.hush()
}

// asked is what a far end was asked to do so far.
func asked(f *farEnd) (all []call.Event) {
	for {
		select {
		case ev := <-f.asked:
			all = append(all, ev)
		default:
			return all
		}
	}
}
