package store

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"
)

func TestOldRecordsGoInSmallBatches(t *testing.T) {
	each(t, func(t *testing.T, db *DB) {
		l := Log[thing]{DB: db, Name: "calls", Label: func(v thing) string { return v.Name }}
		other := Log[thing]{DB: db, Name: "other"}
		ctx, start := t.Context(), time.Unix(1_800_000_000, 0)
		const n = 2*pruneBatch + 10
		err := db.Atomically(ctx, func(ctx context.Context) error {
			for i := range n {
				name := "ended"
				if i == 3 {
					name = "running on gw1"
				}
				if err := l.Append(ctx, Entry[thing]{fmt.Sprint(i), start.Add(time.Duration(i) * time.Second), thing{name, i}}); err != nil {
					return err
				}
			}
			return other.Append(ctx, Entry[thing]{"1", start, thing{"x", 1}})
		})
		if err != nil {
			t.Fatal(err)
		}
		got, err := l.Prune(ctx, start.Add((n-5)*time.Second), "running")
		if err != nil || got != n-6 {
			t.Errorf("%d removed, %v; want all but one and the newest 5", got, err)
		}
		left, err := l.List(ctx, Span{Limit: 100})
		if err != nil || len(left) != 6 || left[5].ID != "3" {
			t.Errorf("%+v, %v", left, err)
		}
		if _, err := other.Get(ctx, "1"); err != nil {
			t.Errorf("another log: %v", err)
		}
		if got, err = l.Prune(ctx, start.Add(n*time.Second), ""); err != nil || got != 6 {
			t.Errorf("%d, %v", got, err)
		}
		if err := other.Delete(ctx, "1"); err != nil {
			t.Error(err)
		}
		if err := other.Delete(ctx, "1"); !errors.Is(err, ErrNotFound) {
			t.Errorf("delete again: %v", err)
		}
	})
}
