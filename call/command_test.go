package call

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func (r *rig) originate(x string, to string) (string, error) {
	r.Helper()
	id, err := r.sw.Originate(r.Context(), Destination{Connector: "fake", To: x, Within: 20 * time.Second}, Request{From: x, To: to})
	synctest.Wait()
	return id, err
}

func TestACallBeginsWithItsCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newFakeLeg("a", 0), newFakeLeg("b", 0)
		r := newRig(t, exchange{"a": a, "b": b})
		id, err := r.originate("a", "b")
		if err != nil || len(r.sw.Running()) != 1 || r.sw.Running()[0].ID != id {
			t.Fatalf("%q, %v, %+v", id, err, r.sw.Running())
		}
		a.events <- Progress{}
		synctest.Wait()
		if len(r.joins) > 0 {
			t.Error("the second leg was dialled before the first has answered")
		}
		a.events <- Answered{Codec: "PCMU"}
		b.events <- Progress{} // a talks to us: only we can let it hear that b rings
		b.events <- Answered{}
		r.wantMedia("joined", "ringback", "through")
		if len(a.asked) != 0 {
			t.Errorf("the caller, who has answered, was asked for %v", <-a.asked)
		}
		b.end(NormalClearing)
		r.want(a, ended(NormalClearing))
		if rec := r.wantEnd(NormalClearing); rec.ID != id || rec.To != "b" || rec.Answered.IsZero() {
			t.Errorf("%+v", rec)
		}
	})
}

func TestACallWhoseCallerDoesNotPickUp(t *testing.T) {
	for name, test := range map[string]struct {
		happens func(r *rig, a *fakeLeg, id string)
		want    Cause
	}{
		"nobody answers": {func(*rig, *fakeLeg, string) { time.Sleep(21 * time.Second) }, NoAnswer},
		"busy":           {func(_ *rig, a *fakeLeg, _ string) { a.end(Busy) }, Busy},
		"an administrator ends it": {func(r *rig, _ *fakeLeg, id string) {
			if !r.sw.Hangup(id) {
				r.Error("no such call")
			}
		}, NormalClearing},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := newFakeLeg("a", 0), newFakeLeg("b", 0)
				r := newRig(t, exchange{"a": a, "b": b})
				id, err := r.originate("a", "b")
				if err != nil {
					t.Fatal(err)
				}
				test.happens(r, a, id)
				r.wantEnd(test.want)
				if len(b.asked) > 0 {
					t.Error("the second leg was dialled")
				}
			})
		})
	}
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, exchange{})
		if _, err := r.originate("x", "b"); err == nil {
			t.Error("a destination that does not exist was dialled")
		}
	})
}

func TestOrdersReachTheLegs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, c := newFakeLeg("a", 0), newFakeLeg("b", 0), newFakeLeg("c", 0)
		r := newRig(t, exchange{"b": b, "c": c})
		var seen []Phase
		r.sw.Watch = func(c Running) { seen = append(seen, c.Phase) }
		r.call(t.Context(), a, "b")
		ctx, id := t.Context(), r.sw.Live()[0].ID
		if err := r.sw.Keys(ctx, id, B, "1"); !errors.Is(err, ErrNotNow) {
			t.Errorf("keys before the answer: %v", err)
		}
		b.events <- Answered{}
		r.want(a, Answered{})
		if err := r.sw.Keys(ctx, id, B, "1#"); err != nil {
			t.Error(err)
		}
		r.want(b, Digit{Key: '1', Hold: keyHold})
		r.want(b, Digit{Key: '#', Hold: keyHold})
		for _, bad := range []string{"", "1x", "é"} {
			if err := r.sw.Keys(ctx, id, A, bad); err == nil || errors.Is(err, ErrNotNow) {
				t.Errorf("%q: %v", bad, err)
			}
		}
		if err := errors.Join(r.sw.Layout(ctx, id, "1:7"), r.sw.Say(ctx, id, "x")); !errors.Is(err, ErrNotNow) {
			t.Errorf("no meeting: %v", err)
		}
		v, err := r.sw.Look(ctx, id)
		if err != nil || len(v.Legs) != 2 || v.Legs[1].ID != "b" || v.Phase != Active {
			t.Errorf("%+v, %v", v, err)
		}
		if err := errors.Join(r.sw.Mute(ctx, id, A, true), r.sw.Mute(ctx, id, B, true), r.sw.Mute(ctx, id, B, false)); err != nil {
			t.Error(err)
		}
		if err := r.sw.Transfer(ctx, id, "c"); err != nil {
			t.Error(err)
		}
		r.want(b, ended(TransferDone))
		c.events <- Answered{}
		synctest.Wait()
		if got := r.sw.Live()[0].B.ID; got != "c" {
			t.Errorf("the caller talks to %q", got)
		}
		if v, err := r.sw.Look(ctx, id); err != nil || !v.Legs[0].Muted || v.Legs[1].Muted {
			t.Errorf("who was muted is so toward the next leg, too: %+v, %v", v, err)
		}
		before := len(seen)
		r.sw.Sample()
		synctest.Wait()
		if len(seen) != before+1 {
			t.Errorf("a sample was told %d times", len(seen)-before)
		}
		c.end(NormalClearing)
		r.wantEnd(NormalClearing)
		for _, err := range []error{r.sw.Transfer(ctx, id, "c"), r.sw.Keys(ctx, "", A, "1")} {
			if !errors.Is(err, ErrNoCall) {
				t.Errorf("after the end: %v", err)
			}
		}
		if seen[0] != Dialing || seen[len(seen)-1] < Ending {
			t.Errorf("watched %v", seen)
		}
	})
}

// Whoever asks a call that ends meanwhile is told so.
func TestAnOrderToACallThatEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newFakeLeg("a", 0), newFakeLeg("b", 0)
		r := newRig(t, exchange{"b": b})
		r.call(t.Context(), a, "b")
		c := r.sw.calls()[0]
		for range 3 {
			a.end(NormalClearing)
		}
		reply := make(chan error, 1)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		go func() { reply <- r.sw.Keys(ctx, c.ID, A, "1") }()
		r.wantEnd(Cancelled)
		if err := <-reply; err == nil {
			t.Error("keys were sent to nobody")
		}
	})
}

// pictured is a dialer whose calls may have pictures; it notes what was asked of it.
type pictured struct {
	exchange
	asked []Request
}

func (p *pictured) Pictures() bool { return true }

func (p *pictured) Dial(ctx context.Context, d Destination, r Request) (Leg, error) {
	p.asked = append(p.asked, r)
	return p.exchange.Dial(ctx, d, r)
}

// A room that is called first is asked for its camera when whom it is to be connected to
// may have pictures, and that one is told what the room can do.
func TestARoomThatIsCalledFirstBringsItsPicture(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newFakeLeg("a", 0), newFakeLeg("b", 0)
		r := newRig(t, exchange{"a": a, "b": b})
		dialer := &pictured{exchange: exchange{"a": a, "b": b}}
		r.sw.Dialers["fake"] = dialer
		if _, err := r.originate("a", "b"); err != nil {
			t.Fatal(err)
		}
		a.events <- Answered{Codec: "OPUS", Video: Video{Format: "VP8", Screen: true}}
		synctest.Wait()
		if len(dialer.asked) != 2 || !dialer.asked[0].Video || !dialer.asked[1].Video || !dialer.asked[1].Screen || dialer.asked[1].Videos[0] != "VP8" {
			t.Errorf("%+v", dialer.asked)
		}
		b.end(NormalClearing)
		r.want(a, ended(NormalClearing))
		r.wantEnd(NormalClearing)
	})
}
