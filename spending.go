package tandem

import (
	"context"
	"time"

	"tandem/store"
	"tandem/toll"
)

// spending is where the machines of a cluster show each other what their callers do.
type spending struct {
	node string
	all  *store.Collection[toll.Figures]
}

var _ toll.Shared = (*spending)(nil)

// keepSpending is how long the figures of a machine that died stay: a caller that it
// stopped is stopped for as long as they last.
const keepSpending = time.Hour

// Show implements toll.Shared.
func (s *spending) Show(ctx context.Context, f toll.Figures) error {
	return s.all.Set(ctx, s.node, f, time.Now().Add(keepSpending))
}

// Others implements toll.Shared.
func (s *spending) Others(ctx context.Context) (map[string]toll.Shown, error) {
	others := make(map[string]toll.Shown)
	for item, err := range s.all.Each(ctx) {
		if err != nil {
			return nil, err
		}
		if item.Key != s.node {
			others[item.Key] = toll.Shown{Version: item.Version, Figures: item.Value}
		}
	}
	return others, nil
}
