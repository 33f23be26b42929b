package cluster

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"tandem/store"
)

// Read looks at the cluster without being a part of it.
func Read(ctx context.Context, db *store.DB) (*View, error) {
	v, err := (&ledger{db: db}).view(ctx)
	if err != nil {
		return nil, err
	}
	for i, n := range v.Nodes {
		if n.State.here() && !n.alive(v.Now) {
			v.Nodes[i].State = Dead // nobody has said so yet
		}
	}
	return v, nil
}

// Calls lists the calls of all machines that live, the oldest first, as each showed
// them in the last seconds; of one machine at most 500.
func Calls(ctx context.Context, db *store.DB) ([]Call, error) {
	g := &ledger{db: db}
	v, err := Read(ctx, db)
	if err != nil {
		return nil, err
	}
	var out []Call
	for item, err := range g.calls().Each(ctx) {
		if err != nil {
			return nil, err
		}
		if n, ok := v.Node(item.Key); ok && n.State.here() {
			out = append(out, item.Value.Calls...)
		}
	}
	slices.SortFunc(out, func(a, b Call) int { return cmp.Or(a.Began.Compare(b.Began), cmp.Compare(a.ID, b.ID)) })
	return out, nil
}

// Drain tells a machine to take no new calls, or to take them again. It follows
// within a second, or when it is started again.
func Drain(ctx context.Context, db *store.DB, node string, drain bool, by string) error {
	g := &ledger{db: db}
	return g.atomically(ctx, func(ctx context.Context, now time.Time) error {
		if _, err := g.nodes().Get(ctx, node); err != nil {
			return fmt.Errorf("there is no machine %q in the cluster: %w", node, err)
		}
		_, err := g.wishes().Put(ctx, node, Wish{Drain: drain, By: by, At: now})
		return err
	})
}
