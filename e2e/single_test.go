package e2e

import (
	"context"
	"testing"
	"time"

	"tandem/cluster"
	"tandem/internal/stage"
	"tandem/leg/sipua"
	"tandem/store"
)

// A gateway on a SQLite file is alone: it holds its accounts without a lease, asks the
// store for nobody's registration, and leaves nothing of a cluster in it.
func TestASingleMachineHasNothingOfACluster(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Minute)
	defer cancel()
	s, err := stage.Start(ctx, stage.Options{Dir: t.TempDir(), Log: storyLog()})
	if err != nil {
		t.Fatal(err)
	}
	if s.Gateway.Cluster() != nil || s.Gateway.Nodes() != nil || s.Gateway.Phones.Inner != nil || s.Gateway.Voice.May != nil || s.Gateway.Phones.InnerAddr() != "" {
		t.Error("the gateway has a cluster")
	}
	talk(ctx, t, s, func() {})
	if err := s.Gateway.Settle(ctx); err != nil {
		t.Fatal(err)
	}
	for _, d := range s.Gateway.Phones.Devices() {
		for _, b := range d.Contacts {
			if b.Node != "" || b.Token != "" {
				t.Errorf("a registration names a machine: %+v", b)
			}
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := store.Open(ctx, s.Config.StoreURL())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if v, err := cluster.Read(ctx, db); err != nil || len(v.Nodes)+len(v.Leases)+len(v.Wishes) != 0 {
		t.Errorf("got %+v, %v", v, err)
	}
	if calls, err := cluster.Calls(ctx, db); err != nil || len(calls) != 0 {
		t.Errorf("got %v, %v", calls, err)
	}
	labelled := &store.Collection[sipua.Binding]{DB: db, Name: "bindings"}
	if items, err := labelled.List(ctx, store.Page{Label: stage.Kitchen}); err != nil || len(items) != 0 {
		t.Errorf("registrations are labelled for other machines: %v, %v", items, err)
	}
}
