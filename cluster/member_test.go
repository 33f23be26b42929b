package cluster

import (
	"maps"
	"testing"
	"testing/synctest"
	"time"
)

func TestTheLeasesAreSharedAndFollowAMachinesDeath(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "w", "x", "y", "z")
		a := r.start("a")
		time.Sleep(100 * time.Millisecond)
		if got := r.share(); !maps.Equal(got, map[string]int{"a": 4}) {
			t.Errorf("alone: got %v", got)
		}
		b := r.start("b")
		time.Sleep(20 * time.Second) // one at a time, each after its un-REGISTER
		if got := r.share(); !maps.Equal(got, map[string]int{"a": 2, "b": 2}) {
			t.Errorf("two: got %v", got)
		}
		began := time.Now()
		b.kill()
		for len(r.share()) != 1 || r.share()["a"] != 4 {
			time.Sleep(50 * time.Millisecond)
			if time.Since(began) > 12*time.Second {
				t.Fatalf("after b's death: got %v", r.share())
			}
		}
		if took := time.Since(began); took < sessionTime-2*every {
			t.Errorf("a took over after %v: b could still have lived", took)
		}
		if len(r.buried) != 1 || r.buried[0] != "b by a" {
			t.Errorf("got %v", r.buried)
		}
		a.end()
		<-b.done
		if got := r.share(); len(got) != 0 {
			t.Errorf("after all left: got %v", got)
		}
		if v := r.read(); v.Nodes[0].State != Stopped || v.Nodes[1].State != Dead || v.Leases[0].Node != "" {
			t.Errorf("got %+v", v)
		}
	})
}

func TestALeaseThatIsGivenBackIsTakenAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "x")
		a := r.start("a")
		time.Sleep(100 * time.Millisecond)
		b := r.start("b")
		time.Sleep(2 * time.Second)
		began := time.Now()
		a.end()
		if took := time.Since(began); took > 4*time.Second {
			t.Errorf("leaving took %v", took)
		}
		time.Sleep(2 * every)
		if got := r.holders()["x"]; got != "b" {
			t.Errorf("got %q", got)
		}
		b.end()
	})
}

// A machine that cannot reach the store acts no more before another does, and
// comes back when it can.
func TestAMachineWithoutStoreStopsActingInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "x")
		a := r.start("a")
		time.Sleep(100 * time.Millisecond)
		b := r.start("b")
		time.Sleep(3 * time.Second)
		a.set(func() { a.cut = true })
		time.Sleep(actTime - every)
		if !a.Holds("x") {
			t.Error("a short outage has cost the lease")
		}
		time.Sleep(every)
		if a.Holds("x") {
			t.Error("a acts without a session")
		}
		if b.Holds("x") {
			t.Error("b took over too early")
		}
		time.Sleep(6 * time.Second)
		if got := r.holders()["x"]; got != "b" {
			t.Errorf("got %q", got)
		}
		a.set(func() { a.cut = false })
		time.Sleep(3 * time.Second)
		if a.Err() != nil || b.Err() != nil {
			t.Errorf("got %v, %v", a.Err(), b.Err())
		}
		if got := r.holders()["x"]; got != "b" {
			t.Errorf("after the outage: got %q", got)
		}
		if n, _ := b.Node("a"); n.State != Active || n.Session != 2 {
			t.Errorf("got %+v", n)
		}
		a.end()
		b.end()
	})
}

// An outage of the store that hits all moves nothing.
func TestAnOutageOfTheStoreMovesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "x", "y")
		a, b := r.start("a"), r.start("b")
		time.Sleep(10*time.Second + every/2) // between two heartbeats
		before := r.holders()
		for _, down := range []time.Duration{3 * time.Second, time.Minute} {
			a.set(func() { a.cut = true })
			b.set(func() { b.cut = true })
			time.Sleep(down)
			if down == time.Minute && len(r.share()) > 0 {
				t.Errorf("without store: got %v", r.share())
			}
			a.set(func() { a.cut = false })
			b.set(func() { b.cut = false })
			time.Sleep(15 * time.Second)
			if got := r.share(); got["a"] != 1 || got["b"] != 1 {
				t.Errorf("after %v: got %v, before %v", down, r.holders(), before)
			}
		}
		a.end()
		b.end()
	})
}

func TestADrainedMachineHandsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "x")
		a := r.start("a")
		time.Sleep(100 * time.Millisecond)
		b := r.start("b")
		a.set(func() { a.calls = []Call{{ID: "1", Node: "a", From: "kitchen", Began: time.Now()}} })
		time.Sleep(3 * time.Second)
		if err := r.drain("a", true); err != nil {
			t.Fatal(err)
		}
		time.Sleep(7 * time.Second)
		if got := r.holders()["x"]; got != "b" || !a.Draining() {
			t.Errorf("got %q, draining %v", got, a.Draining())
		}
		if n, _ := b.Node("a"); n.State != Draining || n.Calls != 1 {
			t.Errorf("got %+v", n)
		}
		var calls []Call
		if err := r.alone(func() (err error) {
			calls, err = Calls(t.Context(), r.db)
			return err
		}); err != nil || len(calls) != 1 || calls[0].From != "kitchen" {
			t.Errorf("got %v, %v", calls, err)
		}
		a.set(func() { a.calls = nil })
		time.Sleep(3 * time.Second)
		if n, _ := b.Node("a"); n.State != Maintenance {
			t.Errorf("got %+v", n)
		}
		b.end()
		time.Sleep(5 * time.Second)
		if got := r.share(); len(got) != 0 {
			t.Errorf("a drained machine took a lease: %v", got)
		}
		if err := r.drain("a", false); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Second)
		if got := r.holders()["x"]; got != "a" {
			t.Errorf("got %q", got)
		}
		a.end()
		if err := r.drain("nobody", true); err == nil {
			t.Error("a machine that is not there was drained")
		}
	})
}

// Two processes with one name do not act both; the one that was killed makes room.
func TestANameIsOneMachines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "x")
		first := r.start("a")
		time.Sleep(time.Second)
		second := r.start("a")
		time.Sleep(time.Minute)
		if second.Err() == nil || second.Holds("x") || !first.Holds("x") {
			t.Errorf("got %v", second.Err())
		}
		first.kill()
		time.Sleep(sessionTime + 2*every)
		if second.Err() != nil || !second.Holds("x") {
			t.Errorf("after the first was killed: %v", second.Err())
		}
		second.end()
		<-first.done
	})
}

// While others hold a lease, or nobody wants it, clocks of machines do not matter:
// a machine whose process stood still for long finds itself fenced off.
func TestAMachineThatStoodStillIsFencedOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "x")
		a := r.start("a")
		time.Sleep(100 * time.Millisecond)
		b := r.start("b")
		time.Sleep(2 * time.Second)
		a.set(func() { a.cut, a.letting = true, 0 }) // as if it did nothing at all meanwhile
		time.Sleep(30 * time.Second)
		a.set(func() { a.cut = false })
		time.Sleep(5 * time.Second)
		if b.Holds("x") == a.Holds("x") || r.holders()["x"] != "b" {
			t.Errorf("got %v", r.holders())
		}
		if v := r.read(); v.Leases[0].Fence != 2 {
			t.Errorf("got %+v", v.Leases)
		}
		a.end()
		b.end()
	})
}
