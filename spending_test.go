//go:build unix

package tandem

import (
	"context"
	"log/slog"
	"net/netip"
	"path/filepath"
	"testing"
	"time"

	"tandem/call"
	"tandem/cluster"
	"tandem/config"
	"tandem/internal/postgres"
	"tandem/leg/sipua"
	"tandem/store"
)

// aMachine is a gateway of a cluster, which runs until the test ends.
func aMachine(t *testing.T, url, name string) *Gateway {
	t.Helper()
	c := &config.Config{Node: name, Store: url, HTTP: "off", Key: filepath.Join(t.TempDir(), "tandem.key")}
	c.Media.Bind = netip.MustParseAddr("127.0.0.1")
	c.SIP.Listen = []sipua.Listen{{Network: "udp", Addr: "127.0.0.1:0"}}
	c.SIP.Devices = []sipua.Device{{Name: "kitchen", Password: "a password of the kitchen"}}
	c.Toll.PerMinute, c.Toll.Burst = 4, 100
	g, err := New(t.Context(), c, Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- g.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return g
}

// Two gateways with one store have one quota for each caller.
func TestTwoGatewaysShareAQuota(t *testing.T) {
	t.Parallel()
	pg := postgres.Start(t)
	one, two := aMachine(t, pg.URL, "one"), aMachine(t, pg.URL, "two")
	kitchen := call.Spending{Payer: "kitchen", To: "+12025550100"}
	for i := range 4 {
		if err := one.toll.Admit(kitchen); err != nil {
			t.Fatalf("call %d: %v", i, err)
		}
	}
	// The machines do so by themselves, once a second: TestAQuotaIsOneForAllMachines of toll.
	for _, g := range []*Gateway{one, two} {
		if err := g.toll.Sync(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := two.toll.Admit(kitchen); err == nil {
		t.Error("a fifth call within a minute was admitted at the other machine")
	}
	if err := two.toll.Admit(call.Spending{Payer: "study", To: "+12025550100"}); err != nil {
		t.Errorf("somebody else: %v", err)
	}
}

// What a dead machine had registered is over when it is declared dead, not when it is
// started again; what others have lasts.
func TestRegistrationsOfADeadMachineEnd(t *testing.T) {
	db, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "test.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	began, beat := time.Unix(1e9, 0), time.Unix(1e9+60, 0)
	machines := make(map[string]*Gateway)
	for _, node := range []string{"one", "two"} {
		g := &Gateway{db: db, log: slog.New(slog.DiscardHandler)}
		g.openPast(node)
		machines[node] = g
		for _, id := range []string{" a", " b"} {
			r := sipua.Registration{ID: node + id, Device: "kitchen", Network: "udp", Node: node, Began: began}
			if id == " b" {
				r.Began = beat.Add(time.Second) // its clock was ahead
			}
			if err := g.past.registrations.Append(t.Context(), store.Entry[sipua.Registration]{ID: r.ID, At: r.Began, Value: r}); err != nil {
				t.Fatal(err)
			}
		}
	}
	for range 2 { // it may be done again
		if err := machines["two"].past.bury(t.Context(), cluster.Node{Name: "one", Beat: beat}); err != nil {
			t.Fatal(err)
		}
	}
	for id, want := range map[string]time.Time{"one a": beat, "one b": beat.Add(time.Second), "two a": {}, "two b": {}} {
		e, err := machines["two"].past.registrations.Get(t.Context(), id)
		if err != nil || !e.Value.Ended.Equal(want) || (e.Value.Reason == "") != want.IsZero() {
			t.Errorf("%s: %+v, %v", id, e.Value, err)
		}
	}
}
