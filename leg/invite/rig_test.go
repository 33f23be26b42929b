package invite

import (
	"bytes"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tandem/call"
	"tandem/media"
	"tandem/media/sdp"
	"tandem/media/transport"
	"tandem/sip"
	"tandem/sip/dialog"
	"tandem/sip/flow"
	"tandem/sip/transaction"
)

// fakePath negotiates as a media session does, and has no socket.
type fakePath struct {
	opt transport.Options

	mu       sync.Mutex // guards what follows
	pending  *sdp.Description
	agreed   sdp.Agreed
	keys     string // telephone-events sent
	pictures int    // asked for by INFO
	on       func(transport.Event)
	closed   bool
}

func (p *fakePath) Sources() []media.Source  { return nil }
func (p *fakePath) Sinks() []media.Sink      { return nil }
func (p *fakePath) Changed() <-chan struct{} { return nil }
func (p *fakePath) Loop() media.Loop         { return nil }
func (p *fakePath) Stats() media.Stats       { return media.Stats{} }
func (p *fakePath) String() string           { return "fake path" }

func here() sdp.Transport {
	ip := netip.MustParseAddr("192.0.2.9")
	return sdp.Transport{Address: ip, Port: 4000, Video: &sdp.Transport{Address: ip, Port: 4002}}
}

func (p *fakePath) Offer() ([]byte, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pending = sdp.Offer(p.opt.Capabilities, here())
	return p.pending.Append(nil), nil
}

func (p *fakePath) AnswerTo(offer []byte, prefer string) ([]byte, error) {
	d, err := sdp.Parse(offer)
	if err != nil {
		return nil, err
	}
	answer, agreed, err := sdp.Answer(p.opt.Capabilities, here(), d, prefer)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.agreed = agreed
	return answer.Append(nil), nil
}

func (p *fakePath) SetAnswer(answer []byte) error {
	d, err := sdp.Parse(answer)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	agreed, err := sdp.Accept(p.opt.Capabilities, here(), p.pending, d)
	if err == nil {
		p.agreed = agreed
	}
	return err
}

func (p *fakePath) Rollback() {}

func (p *fakePath) SetScreen(bool) {}

func (p *fakePath) SetVideo(on bool, format string, l media.Limits) {
	p.mu.Lock()
	defer p.mu.Unlock()
	caps := &p.opt.Capabilities
	caps.PreferVideo, caps.VideoLimits = format, l
	if !on {
		caps.Video = nil
	}
}

func (p *fakePath) SetLayers(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.opt.Capabilities.Layers = n
}

func (p *fakePath) KeyframeRequested() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pictures++
}

func (p *fakePath) Agreed() sdp.Agreed {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.agreed
}

func (p *fakePath) SendDigit(key rune, _ time.Duration) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if a := p.agreed.Audio(); a == nil || a.SendEvent.Clock == 0 {
		return io.ErrNoProgress
	}
	p.keys += string(key)
	return nil
}

func (p *fakePath) OnEvent(f func(transport.Event)) { p.on = f }

func (p *fakePath) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
}

// direction is what was agreed last, "" without.
func (p *fakePath) direction() string {
	a := p.Agreed()
	if s := a.Audio(); s != nil {
		return s.Direction.String()
	}
	return ""
}

// An end is one user agent on a pipe.
type end struct {
	layer *transaction.Layer
	net   *flow.Transport
	core  *dialog.Core
	flow  *flow.Flow
	calls chan *dialog.Session
}

func newEnd(t *testing.T, conn net.Conn, user string) *end {
	log := slog.New(slog.DiscardHandler)
	e := &end{layer: &transaction.Layer{Log: log}, calls: make(chan *dialog.Session, 4)}
	e.net = &flow.Transport{Handler: e.layer.Receive, Malformed: e.layer.Malformed, Log: log}
	e.core = &dialog.Core{
		Transactions: e.layer, Log: log, OnInvite: func(s *dialog.Session) { e.calls <- s },
		Contact: func(*flow.Flow) sip.URI { return sip.URI{Scheme: "sip", User: user, Host: "192.0.2.1"} },
	}
	e.layer.OnRequest, e.layer.OnStray = e.core.HandleRequest, e.core.HandleStray
	var err error
	if e.flow, err = e.net.Adopt(conn, "tcp"); err != nil {
		t.Fatal(err)
	}
	return e
}

func (e *end) close() {
	e.core.Close()
	e.layer.Close()
	_ = e.net.Close()
}

// rig is a leg of ours between the call, which is the test, and its far end, which is
// the test as well.
type rig struct {
	*testing.T
	us, them *end
	stack    *Stack
	path     *fakePath
	leg      *Leg
	far      *dialog.Session
	heard    chan dialog.Event // by the far end
	opt      Options
	deaf     *valve
}

// A valve can stop what the far end gets and sends: it vanishes.
type valve struct {
	net.Conn
	mu     sync.Mutex
	closed bool
}

func (v *valve) Write(b []byte) (int, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.closed {
		return len(b), nil
	}
	return v.Conn.Write(b)
}

// vanish makes the far end unreachable from now on; its connection stands.
func (r *rig) vanish() {
	r.deaf.mu.Lock()
	defer r.deaf.mu.Unlock()
	r.deaf.closed = true
}

func story(t *testing.T, test func(r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		a, b := net.Pipe()
		r := &rig{T: t, heard: make(chan dialog.Event, 64), deaf: &valve{Conn: a}}
		r.us, r.them = newEnd(t, r.deaf, "us"), newEnd(t, b, "them")
		r.stack = &Stack{Core: r.us.core, Log: slog.New(slog.DiscardHandler)}
		r.stack.make = func(opt transport.Options) (path, error) {
			r.path = &fakePath{opt: opt}
			return r.path, nil
		}
		r.opt = options()
		defer func() {
			r.us.close()
			r.them.close()
			r.stack.Wait()
		}()
		test(r)
	})
}

// options are those of a leg with a plain telephone.
func options() Options {
	return Options{
		Info: call.Info{ID: "leg", Remote: "sip:them"}, Alias: func(u sip.URI) string { return u.User },
		Media: transport.Options{Timeout: time.Minute, Capabilities: sdp.Capabilities{
			Audio:  []sdp.Codec{{Name: "PCMU", Clock: 8000}, {Name: "PCMA", Clock: 8000, PayloadType: 8}},
			Events: []media.Event{{PayloadType: 101, Clock: 8000}},
		}},
	}
}

// phone is the far end's description; hold replaces its direction.
func phone(version int, direction string) []byte {
	d := "v=0\r\no=- 7 " + string(rune('0'+version)) + " IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 5000 RTP/AVP 0 8 101\r\na=rtpmap:101 telephone-event/8000\r\n"
	switch direction {
	case "":
		return []byte(d)
	case "0.0.0.0":
		return bytes.Replace([]byte(d), []byte("c=IN IP4 192.0.2.1"), []byte("c=IN IP4 0.0.0.0"), 1)
	}
	return []byte(d + "a=" + direction + "\r\n")
}

func (r *rig) request() *sip.Message {
	m := sip.NewRequest("INVITE", sip.URI{Scheme: "sip", User: "someone", Host: "example.com"})
	m.Add("From", "<sip:caller@example.com>")
	m.Add("To", "<sip:someone@example.com>")
	return m
}

// out makes our call and returns the far end's side of it.
func (r *rig) out() {
	r.Helper()
	l, err := r.stack.Out(r.Context(), r.opt, dialog.Invite{Flow: r.us.flow, Request: r.request()})
	if err != nil {
		r.Fatal(err)
	}
	r.leg, r.far = l, <-r.them.calls
	r.far.On(func(ev dialog.Event) { r.heard <- ev })
}

// in makes a call of the far end.
func (r *rig) in(offer []byte, change ...func(*dialog.Invite)) {
	r.Helper()
	inv := dialog.Invite{Flow: r.them.flow, Request: r.request(), SDP: offer, On: func(ev dialog.Event) { r.heard <- ev }}
	for _, f := range change {
		f(&inv)
	}
	var err error
	if r.far, err = r.them.core.Invite(inv); err != nil {
		r.Fatal(err)
	}
	in := <-r.us.calls
	if r.leg, err = r.stack.In(r.Context(), r.opt, in, ReadOffer(in.Request().Body)); err != nil {
		r.Fatal(err)
	}
}

// up answers a call of the far end.
func (r *rig) up() {
	r.Helper()
	r.in(phone(1, ""))
	r.leg.Do(call.Answered{})
	next[dialog.Answered](r)
	synctest.Wait()
}

// said is the leg's next event, which must be a T.
func said[T call.Event](r *rig) T {
	r.Helper()
	select {
	case ev := <-r.leg.Events():
		got, ok := ev.(T)
		if !ok {
			r.Fatalf("the leg said %#v, want %T", ev, got)
		}
		return got
	case <-time.After(time.Hour):
		var want T
		r.Fatalf("the leg said nothing, want %T", want)
		return want
	}
}

// next is the far end's next event that is a T.
func next[T dialog.Event](r *rig) T {
	r.Helper()
	for {
		select {
		case ev := <-r.heard:
			if got, ok := ev.(T); ok {
				return got
			}
		case <-time.After(time.Hour):
			var want T
			r.Fatalf("the far end heard nothing, want %T", want)
			return want
		}
	}
}

// over checks that the leg has said its last word and let go.
func (r *rig) over(want call.Cause) call.Ended {
	r.Helper()
	end := said[call.Ended](r)
	if end.Cause != want {
		r.Errorf("ended by %v (%s), want %v", end.Cause, end.Text, want)
	}
	if _, more := <-r.leg.Events(); more {
		r.Error("an event after Ended")
	}
	if !r.path.closed {
		r.Error("the media session is open still")
	}
	return end
}

func (r *rig) silent() {
	r.Helper()
	synctest.Wait()
	select {
	case ev := <-r.leg.Events():
		r.Errorf("the leg said %#v, want nothing", ev)
	default:
	}
}

func reasons(m *sip.Message) string { return strings.Join(m.Values("Reason"), " | ") }
