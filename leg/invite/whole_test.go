package invite

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tandem/call"
	"tandem/media"
	"tandem/media/transport"
	"tandem/sip/dialog"
	"tandem/sip/flow"
)

// A whole is a call from end to end: a phone, our leg towards it, the switch, our leg
// towards another phone, and that one. Only the media is missing.
type whole struct {
	*testing.T
	a, b    *side
	sw      *call.Switch
	records chan call.Record
}

// A side is a phone and the stack of our leg towards it.
type side struct {
	*testing.T
	rig  *rig // its stack, and its options
	far  *dialog.Session
	said chan dialog.Event // heard by the phone
	cut  func()            // pulls the phone's plug: nothing passes any more

	mu    sync.Mutex     // guards what follows
	wires map[string]int // messages we sent and got, by "in BYE", "out 491"
}

// newSide joins a phone to our stack by a line that takes 10 ms; timer is what we ask of
// it, and change may alter the phone.
func newSide(t *testing.T, lines *sync.WaitGroup, timer dialog.SessionTimer, change func(*dialog.Core)) *side {
	s := &side{T: t, said: make(chan dialog.Event, 256), wires: make(map[string]int)}
	ours, mid := net.Pipe()
	mid2, theirs := net.Pipe()
	dead := make(chan struct{})
	s.cut = sync.OnceFunc(func() { close(dead) })
	for _, way := range [][2]net.Conn{{mid2, mid}, {mid, mid2}} {
		lines.Go(func() { line(way[0], way[1], dead) })
	}
	r := &rig{T: t, us: newEnd(t, ours, "us"), them: newEnd(t, theirs, "them")}
	r.us.net.Trace = s.trace
	r.us.core.Timer = timer
	r.us.core.UserAgent = "Tandem"
	if change != nil {
		change(r.them.core)
	}
	r.stack = &Stack{Core: r.us.core, Log: slog.New(slog.DiscardHandler)}
	r.stack.make = func(opt transport.Options) (path, error) { return &fakePath{opt: opt}, nil }
	r.opt = options()
	s.rig = r
	return s
}

// line carries bytes for as long as it is not dead.
func line(to, from net.Conn, dead chan struct{}) {
	defer to.Close()
	defer from.Close()
	b := make([]byte, 1<<16)
	for {
		n, err := from.Read(b)
		if err != nil {
			return
		}
		time.Sleep(10 * time.Millisecond) // the line's latency
		select {
		case <-dead:
			continue
		default:
		}
		if _, err := to.Write(b[:n]); err != nil {
			return
		}
	}
}

func (s *side) trace(ev flow.TraceEvent) {
	what, _, _ := strings.Cut(strings.TrimPrefix(string(ev.Data), "SIP/2.0 "), " ")
	if ev.Out {
		what = "out " + what
	} else {
		what = "in " + what
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wires[what]++
}

// passed is how many messages passed so far: "in BYE", "out 491".
func (s *side) passed(what string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.wires[what]
}

// hears is the phone's next event of a kind; others are passed over.
func hears[T dialog.Event](s *side) T {
	s.Helper()
	for {
		select {
		case ev := <-s.said:
			if got, ok := ev.(T); ok {
				return got
			}
		case <-time.After(2 * time.Hour):
			var want T
			s.mu.Lock()
			defer s.mu.Unlock()
			s.Fatalf("the phone heard nothing, want %T; passed: %v", want, s.wires)
			return want
		}
	}
}

// wholeOptions are what a story differs in.
type wholeOptions struct {
	a, b   dialog.SessionTimer // what we ask of the phones
	caller func(*dialog.Core)  // alters the calling phone
}

// wholly runs a story of a whole call in virtual time.
func wholly(t *testing.T, o wholeOptions, test func(w *whole)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		var lines sync.WaitGroup
		defer lines.Wait()
		w := &whole{T: t, records: make(chan call.Record, 4)}
		w.a, w.b = newSide(t, &lines, o.a, o.caller), newSide(t, &lines, o.b, nil)
		w.sw = &call.Switch{
			Router: w, Dialers: map[string]call.Dialer{"b": w}, Recorder: w, Log: slog.New(slog.DiscardHandler),
			Join: func(a, b media.Session, _ bool, _ *slog.Logger) call.Bridge { return noBridge{} },
		}
		w.a.rig.us.core.OnInvite = func(s *dialog.Session) {
			l, err := w.a.rig.stack.In(t.Context(), w.a.rig.opt, s, ReadOffer(s.Request().Body))
			if err != nil {
				t.Error(err)
				return
			}
			w.sw.Incoming(t.Context(), call.Request{From: "a", To: "b"}, l)
		}
		defer func() {
			for _, s := range []*side{w.a, w.b} {
				s.rig.us.close()
				s.rig.them.close()
			}
			w.sw.Wait()
			w.a.rig.stack.Wait()
			w.b.rig.stack.Wait()
		}()
		test(w)
	})
}

// Route implements call.Router.
func (w *whole) Route(call.Request) ([]call.Destination, error) {
	return []call.Destination{{Connector: "b", Target: "b"}}, nil
}

// Dial implements call.Dialer.
func (w *whole) Dial(ctx context.Context, _ call.Destination, _ call.Request) (call.Leg, error) {
	r := w.b.rig
	return r.stack.Out(ctx, r.opt, dialog.Invite{Flow: r.us.flow, Request: r.request(), Timer: r.us.core.Timer})
}

func (w *whole) Began(call.Record)   {}
func (w *whole) Ended(r call.Record) { w.records <- r }

type noBridge struct{}

func (noBridge) Ringback(bool)  {}
func (noBridge) Close()         {}
func (noBridge) String() string { return "no media" }

// dial has the first phone call, and returns when the other rings.
func (w *whole) dial(offer []byte, timer dialog.SessionTimer) {
	w.Helper()
	r := w.a.rig
	var err error
	w.a.far, err = r.them.core.Invite(dialog.Invite{
		Flow: r.them.flow, Request: r.request(), SDP: offer, Timer: timer, On: w.a.hear,
	})
	if err != nil {
		w.Fatal(err)
	}
	w.b.far = <-w.b.rig.them.calls
	w.b.far.On(w.b.hear)
}

// hear keeps what the phone is told. Our refreshes it answers by itself.
func (s *side) hear(ev dialog.Event) {
	if o, ok := ev.(dialog.Offer); ok && o.Message.IsRequest() {
		s.far.AnswerOffer(nil)
		return
	}
	s.said <- ev
}

// over hangs up nothing: it waits for the record, and checks that both phones know.
func (w *whole) over(want call.Cause) call.Record {
	w.Helper()
	hears[dialog.Ended](w.a)
	hears[dialog.Ended](w.b)
	rec := <-w.records
	if rec.Cause != want {
		w.Errorf("the record says %v (%s), want %v", rec.Cause, rec.Text, want)
	}
	return rec
}

func TestPRACKThroughBothLegs(t *testing.T) {
	wholly(t, wholeOptions{}, func(w *whole) {
		w.dial(phone(1, ""), dialog.SessionTimer{})
		w.b.far.Progress(183, phone(1, ""), true)
		early := hears[dialog.Provisional](w.a)
		for early.Status == 100 {
			early = hears[dialog.Provisional](w.a)
		}
		if early.Status != 183 || early.SDP == nil || early.Message.Get("RSeq") == "" {
			t.Errorf("the caller hears %s", early.Message)
		}
		w.b.far.Accept(nil)
		hears[dialog.Answered](w.a)
		hears[dialog.Acked](w.b)
		if in, out := w.a.passed("in PRACK"), w.b.passed("out PRACK"); in != 1 || out != 1 {
			t.Errorf("%d PRACKs came from the caller, %d went to the callee, want 1 and 1", in, out)
		}
		w.a.far.Bye()
		w.over(call.NormalClearing)
	})
}

func TestALateOfferThroughTheGateway(t *testing.T) {
	wholly(t, wholeOptions{}, func(w *whole) {
		w.dial(nil, dialog.SessionTimer{})
		if offer := w.b.far.Request().Body; !bytes.Contains(offer, []byte("m=audio 4000")) {
			t.Errorf("the callee is offered %q, want our description", offer)
		}
		w.b.far.Progress(183, phone(1, ""), false) // the caller has nothing to hear it with
		w.b.far.Accept(phone(1, ""))
		o := hears[dialog.Offer](w.a)
		if o.Message.Status != 200 || !bytes.Contains(o.SDP, []byte("m=audio 4000")) {
			t.Errorf("the caller is offered %q by %d, want our description in the 200", o.SDP, o.Message.Status)
		}
		w.a.far.AnswerOffer(phone(1, ""))
		hears[dialog.Acked](w.b)
		w.a.far.Reinvite(phone(2, "sendonly"))
		if held := hears[dialog.OfferAnswered](w.a); !bytes.Contains(held.SDP, []byte("a=recvonly")) {
			t.Errorf("the hold was answered by %q", held.SDP)
		}
		w.b.far.Bye()
		w.over(call.NormalClearing)
	})
}

// Both phones put the call on hold in the very moment in which we refresh both sessions:
// on both legs the re-INVITEs cross, are refused by 491, and both get through later
// (RFC 3261 §14.1).
func TestGlareOnBothLegs(t *testing.T) {
	ours := dialog.SessionTimer{Expires: 90 * time.Second, Method: "INVITE"}
	noTimer := func(c *dialog.Core) { c.Supported = []string{"100rel"} } // so we refresh
	wholly(t, wholeOptions{a: ours, b: ours, caller: noTimer}, func(w *whole) {
		w.dial(phone(1, ""), dialog.SessionTimer{})
		w.b.far.Accept(phone(1, ""))
		answered := time.Now()
		hears[dialog.Acked](w.b)
		hears[dialog.Answered](w.a)
		// We heard of B's answer after 10 ms, and sent A ours at once.
		time.Sleep(time.Until(answered.Add(10*time.Millisecond + 45*time.Second)))
		for _, s := range []*side{w.a, w.b} {
			s.far.Reinvite(phone(2, "sendonly"))
		}
		for _, s := range []*side{w.a, w.b} {
			if held := hears[dialog.OfferAnswered](s); !bytes.Contains(held.SDP, []byte("a=recvonly")) {
				t.Errorf("the hold was answered by %q", held.SDP)
			}
		}
		time.Sleep(10 * time.Second)
		for name, s := range map[string]*side{"caller": w.a, "callee": w.b} {
			if in, out := s.passed("in 491"), s.passed("out 491"); in != 1 || out != 1 {
				t.Errorf("%s: we got %d and sent %d 491, want 1 and 1", name, in, out)
			}
		}
		w.a.far.Bye()
		w.over(call.NormalClearing)
	})
}

// A phone asks for a session timer that is too short, is told so, and takes ours
// (RFC 4028 §6). Whoever refreshes, the call goes on; once a phone is gone, the session
// ends when its time is over, and so does the call, for the other phone too.
func TestSessionTimersOfAWholeCall(t *testing.T) {
	noTimer := func(c *dialog.Core) { c.Supported = []string{"100rel"} }
	ours := dialog.SessionTimer{Expires: 90 * time.Second, Min: 90 * time.Second}
	for _, row := range []struct {
		name      string
		change    func(*dialog.Core)  // the calling phone
		timer     dialog.SessionTimer // that it asks for
		refresher string              // in the 200 to the caller
		weRefresh bool                // on the caller's leg
		gone      string              // who loses power: "caller", "callee"
		within    time.Duration       // the end after that
		cause     call.Cause
	}{
		{"the caller refreshes and is gone", nil, dialog.SessionTimer{Expires: 60 * time.Second, Min: 60 * time.Second}, "uac", false, "caller", 90 * time.Second, call.NetworkFailure},
		{"we refresh, and the caller is gone", noTimer, dialog.SessionTimer{}, "uas", true, "caller", 90 * time.Second, call.Unreachable},
		{"the caller refreshes, and the callee is gone", nil, dialog.SessionTimer{Expires: 60 * time.Second, Min: 60 * time.Second}, "uac", false, "callee", 90 * time.Second, call.Unreachable},
	} {
		t.Run(row.name, func(t *testing.T) {
			wholly(t, wholeOptions{a: ours, b: ours, caller: row.change}, func(w *whole) {
				w.dial(phone(1, ""), row.timer)
				w.b.far.Accept(phone(1, ""))
				up := hears[dialog.Answered](w.a)
				if got, want := up.Message.Get("Session-Expires"), "90;refresher="+row.refresher; got != want {
					t.Errorf("agreed on %q with the caller, want %q", got, want)
				}
				if asked := row.timer.Expires > 0; asked && (w.a.passed("out 422") != 1 || w.a.passed("in INVITE") != 2) {
					t.Errorf("%d times 422 to %d INVITEs, want 1 to 2", w.a.passed("out 422"), w.a.passed("in INVITE"))
				}
				time.Sleep(20 * time.Minute)
				synctest.Wait()
				from, to := w.a.passed("in UPDATE"), w.a.passed("out UPDATE")
				if row.weRefresh {
					from, to = to, from
				}
				if from < 20 || to > 0 {
					t.Errorf("%d refreshes by who is to refresh, %d by the other, in 20 minutes", from, to)
				}
				if n := w.b.passed("out UPDATE"); n < 20 {
					t.Errorf("we refreshed the callee %d times in 20 minutes", n)
				}
				if n := len(w.sw.Live()); n != 1 {
					t.Fatalf("%d calls run after 20 minutes, want 1", n)
				}
				lost, other := w.a, w.b
				if row.gone == "callee" {
					lost, other = w.b, w.a
				}
				lost.cut()
				began := time.Now()
				end := hears[dialog.Ended](other)
				if took := time.Since(began); end.Cause != dialog.RemoteBye || took > row.within {
					t.Errorf("the other phone was told %v after %v, want a BYE within %v", end.Cause, took, row.within)
				}
				if rec := <-w.records; rec.Cause != row.cause || rec.Text == "" {
					t.Errorf("the record says %v %q", rec.Cause, rec.Text)
				}
			})
		})
	}
}
