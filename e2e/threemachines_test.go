//go:build unix

package e2e

import (
	"context"
	"testing"
	"time"

	"tandem/call"
	"tandem/cluster"
	sim "tandem/sim/gvoice"
	"tandem/sim/phone"
	"tandem/store"
)

// TestThreeMachinesOneIsKilled is the story of a cluster: accounts are shared out,
// phones are reached on whichever machine they have registered with, and a machine
// that is killed in the middle of a call is replaced; within 15 s, where nothing else
// keeps this machine busy.
func TestThreeMachinesOneIsKilled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Minute)
	defer cancel()
	w := buildTown(ctx, t)
	for _, name := range []string{"a", "b", "c"} {
		w.start(name)
	}
	w.until("a third of the accounts for each machine", func() bool { return w.balanced(3) })

	kitchen, study := w.phone(ctx, "kitchen", "a", "tcp"), w.phone(ctx, "study", "b", "udp")
	w.across(ctx, kitchen, study)

	// The victim holds an account that neither phone's machine... may hold any; take that of c.
	victim := "c"
	account := w.heldBy(victim)
	w.fromOutside(ctx, account, kitchen)
	c := w.outside(ctx, kitchen, account)
	w.until("the call in the view of the cluster", func() bool { return w.shown("kitchen") == 2 })
	record := w.status(victim).Calls
	if len(record) != 1 {
		t.Fatalf("the victim has the calls %+v", record)
	}
	w.kill(victim)
	took := w.until("the account of the dead machine elsewhere", func() bool { return w.balanced(2) })
	t.Logf("the account was registered again %v after the kill", took)
	if timed() && took > 15*time.Second {
		t.Error("that is too late")
	}
	w.lost(ctx, record[0].ID)
	_ = c.HangUp(ctx)
	w.fromOutside(ctx, account, kitchen)
	again := w.outside(ctx, kitchen, account)
	if err := again.HangUp(ctx); err != nil {
		t.Error(err)
	}
	w.drained(ctx, kitchen, study)

	w.stop("a")
	w.stop("b")
	w.until("the end of all registrations", func() bool { return len(w.edge.Registrations()) == 0 })
	if n := w.edge.State().Counters[sim.TakenOver]; n != 0 {
		t.Errorf("%d registrations were doubled", n)
	}
}

// across calls from one machine's phone to another's, both ways, and ends the calls
// from both sides.
func (w *town) across(ctx context.Context, kitchen, study *phone.Phone) {
	w.t.Helper()
	a, b := w.connect(ctx, kitchen, "study", study)
	w.hangUp(ctx, a, b)
	a, b = w.connect(ctx, kitchen, "study", study)
	w.hangUp(ctx, b, a)
	a, b = w.connect(ctx, study, "kitchen", kitchen)
	if err := b.Hold(ctx); err != nil { // a request within the call, from the phone that is elsewhere
		w.t.Error(err)
	}
	if err := b.Resume(ctx); err != nil {
		w.t.Error(err)
	}
	w.hangUp(ctx, b, a)
	a, b = w.connect(ctx, study, "kitchen", kitchen)
	w.hangUp(ctx, a, b)
}

func (w *town) heldBy(node string) string {
	w.t.Helper()
	for account, by := range w.holders() {
		if by == node {
			return account
		}
	}
	w.t.Fatalf("%s holds nothing: %v", node, w.holders())
	return ""
}

// shown counts the calls of a caller that the machines show each other.
func (w *town) shown(from string) (n int) {
	calls, err := cluster.Calls(w.t.Context(), w.db)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, c := range calls {
		if c.From == from {
			n++
		}
	}
	return n
}

// lost waits until the record of a call says that its machine did not survive it.
func (w *town) lost(ctx context.Context, id string) {
	w.t.Helper()
	history := &store.Log[call.Record]{DB: w.db, Name: "calls"}
	w.until("the record of the lost call", func() bool {
		e, err := history.Get(ctx, id)
		return err == nil && !e.Value.Ended.IsZero() && e.Value.Cause == call.Lost
	})
}

// drained drains the kitchen's machine: its accounts move, new calls of its phones are
// refused for now, and its phones can be called all the same.
func (w *town) drained(ctx context.Context, kitchen, study *phone.Phone) {
	w.t.Helper()
	if err := cluster.Drain(ctx, w.db, "a", true, "test"); err != nil {
		w.t.Fatal(err)
	}
	w.until("b to hold all accounts", func() bool { return w.balanced(1) })
	refused, err := kitchen.Call(ctx, "study")
	if err != nil {
		w.t.Fatal(err)
	}
	r, err := refused.Wait(ctx)
	if err != nil || r.Status != 503 {
		w.t.Errorf("a call to a drained machine: %d, %v", r.Status, err)
	}
	a, b := w.connect(ctx, study, "kitchen", kitchen)
	w.hangUp(ctx, a, b)
}
