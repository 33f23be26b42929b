package call

import (
	"errors"
	"testing"
	"testing/synctest"
)

// till is a guard that notes who spends, and refuses who is broke.
type till struct {
	seen  []Spending
	broke string
}

func (g *till) Admit(s Spending) error {
	g.seen = append(g.seen, s)
	if s.Payer == g.broke {
		return Refusal(Quota, errors.New("no more calls"))
	}
	return nil
}

// paid is an exchange all of whose destinations lead out.
type paid struct {
	exchange
	asked []Request
}

func (x *paid) Route(r Request) ([]Destination, error) {
	x.asked = append(x.asked, r)
	to, err := x.exchange.Route(r)
	for i := range to {
		to[i].Out, to[i].Target = true, to[i].To
	}
	return to, err
}

// spend makes a rig whose guard is a till.
func spend(t *testing.T, x exchange) (*rig, *till, *paid) {
	r, g, p := newRig(t, x), new(till), &paid{exchange: x}
	r.sw.Router, r.sw.Guard = p, g
	return r, g, p
}

func (r *rig) from(a *fakeLeg, to string) {
	r.sw.Incoming(r.Context(), Request{Connector: "fake", Via: a.id, From: a.id, To: to}, a)
	synctest.Wait()
}

func TestTheGuardIsAskedOnceForAnAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, busy, b := newFakeLeg("kitchen", 0), newFakeLeg("b", 0), newFakeLeg("c", 0)
		r, g, _ := spend(t, exchange{"b": busy, "c": b})
		r.from(a, "bc")
		busy.end(Busy)
		synctest.Wait()
		second := newFakeLeg("kitchen", 0)
		r.x["d"] = newFakeLeg("d", 0)
		r.from(second, "d")
		want := []Spending{
			{Payer: "kitchen", Dialed: "bc", To: "b"},
			{Payer: "kitchen", Dialed: "bc", To: "c", Again: true},
			{Payer: "kitchen", Dialed: "d", To: "d", Live: 1},
		}
		for i, s := range g.seen {
			if i >= len(want) || s != want[i] {
				t.Errorf("asked %d: %+v", i, s)
			}
		}
		a.end(NormalClearing)
		second.end(NormalClearing)
		r.sw.Wait()
	})
}

func TestWhoIsBrokeIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newFakeLeg("kitchen", 0)
		r, g, _ := spend(t, exchange{"b": newFakeLeg("b", 0), "c": newFakeLeg("c", 0)})
		g.broke = "kitchen"
		r.from(a, "bc")
		r.want(a, Ended{Cause: Quota, Text: "no more calls"})
		if rec := r.wantEnd(Quota); len(rec.Tried) != 1 {
			t.Errorf("tried %+v, want no second destination", rec.Tried)
		}
	})
}

// An outside caller that a phone transfers or forwards outside is that phone's expense.
func TestATransferIsTheTransferorsExpense(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		outside, kitchen, far := newFakeLeg("account", 0), newFakeLeg("k", 0), newFakeLeg("f", 0)
		r, g, x := spend(t, exchange{"k": kitchen, "f": far})
		r.from(outside, "k")
		kitchen.events <- Answered{}
		r.want(outside, Answered{})
		kitchen.events <- Transfer{To: "f"}
		synctest.Wait()
		if s := g.seen[len(g.seen)-1]; s.Payer != "k" || s.To != "f" {
			t.Errorf("asked %+v, want k to pay", s)
		}
		if q := x.asked[1]; q.Via != "k" || q.From != "account" {
			t.Errorf("routed %+v, want as k may call", q)
		}
		outside.end(NormalClearing)
		r.wantEnd(NormalClearing)
	})
}

func TestAPhonesForwardingIsFollowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		outside, kitchen, far := newFakeLeg("account", 0), newFakeLeg("k", 0), newFakeLeg("f", 0)
		r, g, x := spend(t, exchange{"k": kitchen, "f": far})
		r.from(outside, "kz")
		kitchen.forward("f")
		synctest.Wait()
		if s := g.seen[len(g.seen)-1]; s.Payer != "k" || s.To != "f" || x.asked[1].Via != "k" {
			t.Errorf("asked %+v, routed %+v; want k to pay", s, x.asked[1])
		}
		far.events <- Answered{}
		r.want(outside, Answered{})
		outside.end(NormalClearing)
		rec := r.wantEnd(NormalClearing)
		if rec.B.ID != "f" || len(rec.Tried) != 1 || rec.Tried[0].Target != "k" {
			t.Errorf("record %+v", rec)
		}
	})
}

func TestPhonesThatForwardToEachOtherAreLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		chain := "bcdef"
		x := exchange{}
		for _, c := range chain {
			x[string(c)] = newFakeLeg(string(c), 0)
		}
		r, g, _ := spend(t, x)
		r.from(newFakeLeg("a", 0), "b")
		for i := range maxMoves + 1 {
			x[chain[i:i+1]].forward(chain[i+1 : i+2])
			synctest.Wait()
		}
		r.wantEnd(Unreachable)
		if len(g.seen) != maxMoves+1 {
			t.Errorf("dialled %d times", len(g.seen))
		}
	})
}

// forward ends the leg as a phone does that forwards its calls.
func (l *fakeLeg) forward(to string) {
	l.once.Do(func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.events <- Ended{Cause: Unreachable, Forward: to}
		close(l.events)
	})
}
