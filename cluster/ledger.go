package cluster

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"tandem/store"
)

// A ledger is what the machines of a cluster share. Every change is one
// compare-and-swap; times are the database's.
type ledger struct {
	db *store.DB
	// around, set by tests, is called instead of every visit to the store.
	around func(visit func() error) error
}

func (g *ledger) nodes() *store.Collection[Node] {
	return &store.Collection[Node]{DB: g.db, Name: "cluster_nodes"}
}

func (g *ledger) leases() *store.Collection[Lease] {
	return &store.Collection[Lease]{DB: g.db, Name: "cluster_leases"}
}

func (g *ledger) wishes() *store.Collection[Wish] {
	return &store.Collection[Wish]{DB: g.db, Name: "cluster_wishes"}
}

func (g *ledger) calls() *store.Collection[liveCalls] {
	return &store.Collection[liveCalls]{DB: g.db, Name: "cluster_calls"}
}

// atomically runs f in one transaction that has the database's time.
func (g *ledger) atomically(ctx context.Context, f func(ctx context.Context, now time.Time) error) error {
	visit := func() error {
		return g.db.Atomically(ctx, func(ctx context.Context) error {
			now, err := g.db.Now(ctx)
			if err != nil {
				return err
			}
			return f(ctx, now)
		})
	}
	if g.around != nil {
		return g.around(visit)
	}
	return visit()
}

var (
	// errTaken: another process has this machine's name and lives.
	errTaken = errors.New("another machine of the cluster has the same name; set node: to a name of its own in the configuration of one of them")
	// errLost: others have taken this machine for dead, or another has its name now.
	errLost = errors.New("the other machines have given this one up for dead")
)

// join begins a session of n, unless another process has one under its name.
func (g *ledger) join(ctx context.Context, n Node, ttl time.Duration) (Node, error) {
	err := g.atomically(ctx, func(ctx context.Context, now time.Time) error {
		item, err := g.nodes().Get(ctx, n.Name)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		if item.Value.alive(now) {
			return errTaken
		}
		n.Session, n.Started, n.Beat, n.Until, n.Tidied = item.Value.Session+1, now, now, now.Add(ttl), false
		_, err = g.nodes().Swap(ctx, store.Item[Node]{Key: n.Name, Value: n, Version: item.Version})
		return err
	})
	return n, err
}

// beat renews the session of n: errLost when it is over.
func (g *ledger) beat(ctx context.Context, n Node, ttl time.Duration) (Node, error) {
	err := g.atomically(ctx, func(ctx context.Context, now time.Time) error {
		item, err := g.nodes().Get(ctx, n.Name)
		if errors.Is(err, store.ErrNotFound) || err == nil && (item.Value.Session != n.Session || !item.Value.State.here()) {
			return errLost
		}
		if err != nil {
			return err
		}
		n.Started, n.Beat, n.Until = item.Value.Started, now, now.Add(ttl)
		if !n.State.here() {
			n.Until = now
		}
		_, err = g.nodes().Swap(ctx, store.Item[Node]{Key: n.Name, Value: n, Version: item.Version})
		return err
	})
	return n, err
}

// mark moves the machine to a state, if it is as v says it was.
func (g *ledger) mark(ctx context.Context, was Node, change func(*Node)) error {
	return g.atomically(ctx, func(ctx context.Context, _ time.Time) error {
		item, err := g.nodes().Get(ctx, was.Name)
		if err != nil {
			return err
		}
		if !item.Value.same(was) {
			return store.ErrConflict
		}
		change(&item.Value)
		_, err = g.nodes().Swap(ctx, item)
		return err
	})
}

// view reads all there is.
func (g *ledger) view(ctx context.Context) (*View, error) {
	v := &View{Wishes: make(map[string]Wish)}
	err := g.atomically(ctx, func(ctx context.Context, now time.Time) error {
		v.Now = now
		for item, err := range g.nodes().Each(ctx) {
			if err != nil {
				return err
			}
			v.Nodes = append(v.Nodes, item.Value)
		}
		for item, err := range g.leases().Each(ctx) {
			if err != nil {
				return err
			}
			v.Leases = append(v.Leases, item.Value)
		}
		for item, err := range g.wishes().Each(ctx) {
			if err != nil {
				return err
			}
			v.Wishes[item.Key] = item.Value
		}
		return nil
	})
	slices.SortFunc(v.Nodes, func(a, b Node) int { return strings.Compare(a.Name, b.Name) })
	slices.SortFunc(v.Leases, func(a, b Lease) int { return strings.Compare(a.Resource, b.Resource) })
	return v, err
}

// take makes the lease n's, if it is still as was says and n still has its session.
func (g *ledger) take(ctx context.Context, was Lease, n Node) (Lease, error) {
	next := Lease{Resource: was.Resource, Node: n.Name, Session: n.Session, Fence: was.Fence + 1}
	err := g.atomically(ctx, func(ctx context.Context, now time.Time) error {
		next.Since = now
		self, err := g.nodes().Get(ctx, n.Name)
		if err != nil || self.Value.Session != n.Session || !self.Value.alive(now) {
			return errors.Join(errLost, err)
		}
		return g.replace(ctx, was, next)
	})
	return next, err
}

// release gives a lease of n's back.
func (g *ledger) release(ctx context.Context, resource string, n Node) error {
	return g.atomically(ctx, func(ctx context.Context, now time.Time) error {
		item, err := g.leases().Get(ctx, resource)
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		was := item.Value
		if was.Node != n.Name || was.Session != n.Session {
			return nil
		}
		return g.replace(ctx, was, Lease{Resource: resource, Fence: was.Fence, Since: now})
	})
}

func (g *ledger) replace(ctx context.Context, was, next Lease) error {
	item, err := g.leases().Get(ctx, was.Resource)
	switch {
	case errors.Is(err, store.ErrNotFound):
		item = store.Item[Lease]{Key: was.Resource}
	case err != nil:
		return err
	case item.Value.Fence != was.Fence || item.Value.Node != was.Node || item.Value.Session != was.Session:
		return store.ErrConflict
	}
	item.Value = next
	_, err = g.leases().Swap(ctx, item)
	return err
}

// show replaces the calls that a machine shows the others.
func (g *ledger) show(ctx context.Context, node string, c liveCalls) error {
	return g.atomically(ctx, func(ctx context.Context, _ time.Time) error { return g.calls().Set(ctx, node, c, time.Time{}) })
}

// forget deletes the row of a machine that is gone for good.
func (g *ledger) forget(ctx context.Context, n Node) error {
	return g.atomically(ctx, func(ctx context.Context, _ time.Time) error {
		item, err := g.nodes().Get(ctx, n.Name)
		if err != nil || !item.Value.same(n) {
			return err
		}
		_ = g.calls().Delete(ctx, n.Name)
		return g.nodes().DeleteVersion(ctx, n.Name, item.Version)
	})
}
