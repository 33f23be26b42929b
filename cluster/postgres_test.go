//go:build unix

package cluster

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"tandem/internal/postgres"
	"tandem/store"
)

// The compare-and-swaps hold on PostgreSQL, too, with the database's clock: of many
// that want a lease one gets it, and of many that bury a machine one does.
func TestThePostgresLedger(t *testing.T) {
	t.Parallel()
	pg := postgres.Start(t)
	db, err := store.Open(t.Context(), pg.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	g := &ledger{db: db}
	ctx := t.Context()
	a, err := g.join(ctx, Node{Name: "a", State: Active}, time.Minute)
	if err != nil || a.Session != 1 {
		t.Fatalf("got %+v, %v", a, err)
	}
	if _, err := g.join(ctx, Node{Name: "a", State: Active}, time.Minute); !errors.Is(err, errTaken) {
		t.Errorf("the name was given twice: %v", err)
	}
	b, err := g.join(ctx, Node{Name: "b", State: Active}, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if won := race(10, func(i int) error {
		_, err := g.take(ctx, Lease{Resource: "x"}, []Node{a, b}[i%2])
		return err
	}); won != 1 {
		t.Errorf("%d got the lease", won)
	}
	if a, err = g.beat(ctx, a, 10*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	var v *View
	for v == nil || v.Nodes[0].alive(v.Now) { // until a's 10 ms are over by the database's clock
		if v, err = g.view(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if won := race(10, func(int) error { return g.mark(ctx, v.Nodes[0], func(n *Node) { n.State = Dead }) }); won != 1 {
		t.Errorf("%d have buried the machine", won)
	}
	if _, err := g.beat(ctx, a, time.Minute); !errors.Is(err, errLost) {
		t.Errorf("a dead machine lives on: %v", err)
	}
	if _, err := g.take(ctx, v.Leases[0], a); !errors.Is(err, errLost) {
		t.Errorf("a dead machine took a lease: %v", err)
	}
	if a, err = g.join(ctx, a, time.Minute); err != nil || a.Session != 2 {
		t.Errorf("got %+v, %v", a, err)
	}
	if d := time.Since(v.Now); d > time.Minute || d < -time.Minute {
		t.Errorf("the database's clock is %v off", d)
	}
}

// race runs f n times at once and counts the successes.
func race(n int, f func(i int) error) (won int) {
	var mu sync.Mutex
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			err := f(i)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				won++
			}
		})
	}
	all.Wait()
	return won
}

// A database that is stopped and comes back costs nobody a lease when it is quick.
func TestAPostgresThatIsStartedAgain(t *testing.T) {
	t.Parallel()
	pg := postgres.Start(t)
	db, err := store.Open(t.Context(), pg.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	m := &machine{rig: &rig{t: t, db: db, turn: make(chan struct{}, 1), names: []string{"x"}, acting: make(map[string][]string)}, done: make(chan struct{}), gone: make(map[string]chan struct{})}
	m.Member = &Member{DB: db, Name: "a", Work: m, Log: slog.New(slog.DiscardHandler)}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	go func() {
		defer close(m.done)
		_ = m.Run(ctx)
	}()
	eventually(t, "the lease", func() bool { return m.Holds("x") })
	began := time.Now()
	pg.Stop()
	eventually(t, "the outage", func() bool { return m.Err() != nil })
	if err := pg.Restart(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the database", func() bool { return m.Err() == nil && m.Holds("x") })
	took := time.Since(began)
	v, err := Read(t.Context(), db)
	if err != nil || v.Leases[0].Fence != 1 && took < actTime-every {
		t.Errorf("got %+v, %v after %v", v, err, took)
	}
	stop()
	<-m.done
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(90 * time.Second); !ok(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("%s: not in time", what)
		}
	}
}
