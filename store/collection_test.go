package store

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestItemsLiveByTheirKey(t *testing.T) {
	each(t, func(t *testing.T, db *DB) {
		c := Collection[thing]{DB: db, Name: "things"}
		other := Collection[thing]{DB: db, Name: "others"}
		ctx := t.Context()
		if _, err := c.Get(ctx, "a"); !errors.Is(err, ErrNotFound) {
			t.Errorf("get what is not there: %v", err)
		}
		for version := int64(1); version <= 3; version++ {
			if item, err := c.Put(ctx, "a", thing{"ä\x00", int(version)}); err != nil || item.Version != version {
				t.Errorf("put: got version %d, %v; want %d", item.Version, err, version)
			}
		}
		if item, err := c.Get(ctx, "a"); err != nil || item.Value != (thing{"ä\x00", 3}) || item.Version != 3 {
			t.Errorf("get: %+v, %v", item, err)
		}
		if err := c.Set(ctx, "a", thing{"b", 4}, time.Time{}); err != nil {
			t.Errorf("set: %v", err)
		}
		if item, err := c.Get(ctx, "a"); err != nil || item.Value != (thing{"b", 4}) || item.Version != 4 {
			t.Errorf("get what was set: %+v, %v", item, err)
		}
		if _, err := other.Get(ctx, "a"); !errors.Is(err, ErrNotFound) {
			t.Errorf("get from another collection: %v", err)
		}
		if err := c.Delete(ctx, "a"); err != nil {
			t.Errorf("delete: %v", err)
		}
		if err := c.Delete(ctx, "a"); !errors.Is(err, ErrNotFound) {
			t.Errorf("delete again: %v", err)
		}
	})
}

func TestSwapIsRefusedAfterAnotherChange(t *testing.T) {
	each(t, func(t *testing.T, db *DB) {
		c := Collection[thing]{DB: db, Name: "things"}
		ctx := t.Context()
		first, err := c.Swap(ctx, Item[thing]{Key: "a"})
		if err != nil || first.Version != 1 {
			t.Fatalf("create: version %d, %v", first.Version, err)
		}
		if _, err := c.Swap(ctx, Item[thing]{Key: "a"}); !errors.Is(err, ErrConflict) {
			t.Errorf("create again: %v", err)
		}
		if _, err := c.Swap(ctx, first); err != nil {
			t.Errorf("change: %v", err)
		}
		if _, err := c.Swap(ctx, first); !errors.Is(err, ErrConflict) {
			t.Errorf("change the old one: %v", err)
		}
		if err := c.DeleteVersion(ctx, "a", 1); !errors.Is(err, ErrConflict) {
			t.Errorf("delete the old one: %v", err)
		}
		if err := c.DeleteVersion(ctx, "a", 2); err != nil {
			t.Errorf("delete: %v", err)
		}
		if _, err := c.Swap(ctx, Item[thing]{Key: "a", Version: 2}); !errors.Is(err, ErrConflict) {
			t.Errorf("change what is gone: %v", err)
		}
	})
}

func TestItemsEnd(t *testing.T) {
	each(t, func(t *testing.T, db *DB) {
		c := Collection[thing]{DB: db, Name: "things"}
		ctx, now := t.Context(), time.Now()
		for key, expires := range map[string]time.Time{
			"over": now.Add(-time.Second), "soon": now.Add(time.Minute), "later": now.Add(time.Hour), "never": {},
		} {
			if _, err := c.PutUntil(ctx, key, thing{Name: key}, expires); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := c.Get(ctx, "over"); !errors.Is(err, ErrNotFound) {
			t.Errorf("get what is over: %v", err)
		}
		if item, err := c.Get(ctx, "later"); err != nil || !item.Expires.Equal(now.Add(time.Hour)) {
			t.Errorf("get: %v, %v", item.Expires, err)
		}
		if got := keys(c.List(ctx, Page{})); got != "later never soon" {
			t.Errorf("list: got %q", got)
		}
		if got := keys(c.ListBefore(ctx, now.Add(10*time.Minute), 0)); got != "over soon" {
			t.Errorf("list before: got %q", got)
		}
		if item, err := c.Swap(ctx, Item[thing]{Key: "over"}); err != nil || item.Version != 2 {
			t.Errorf("take over what is over: version %d, %v", item.Version, err)
		}
		if n, err := c.DeleteExpired(ctx, now.Add(10*time.Minute)); err != nil || n != 1 {
			t.Errorf("delete expired: got %d, %v; want soon only", n, err)
		}
	})
}

func TestPagesJoinUp(t *testing.T) {
	each(t, func(t *testing.T, db *DB) {
		c := Collection[thing]{DB: db, Name: "things", Label: func(v thing) string { return []string{"even", "odd"}[v.Count%2] }}
		ctx := t.Context()
		for i := range 25 {
			if _, err := c.Put(ctx, fmt.Sprintf("k%02d", i), thing{Count: i}); err != nil {
				t.Fatal(err)
			}
		}
		var got []string
		for p := (Page{Limit: 5, Label: "odd"}); ; {
			items, err := c.List(ctx, p)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, keys(items, nil))
			if len(items) < p.Limit {
				break
			}
			p.After = items[len(items)-1].Key
		}
		want := "k01 k03 k05 k07 k09|k11 k13 k15 k17 k19|k21 k23"
		if strings.Join(got, "|") != want {
			t.Errorf("got %s, want %s", strings.Join(got, "|"), want)
		}
		n := 0
		for item, err := range c.Each(ctx) {
			if err != nil || item.Value.Count != n {
				t.Fatalf("each: item %d is %+v, %v", n, item, err)
			}
			n++
		}
		if n != 25 {
			t.Errorf("each: got %d items, want 25", n)
		}
	})
}

func TestWhatCannotBeKeptIsRefused(t *testing.T) {
	each(t, func(t *testing.T, db *DB) {
		c := Collection[any]{DB: db, Name: "things"}
		for _, test := range []struct {
			name, key string
			value     any
		}{
			{"no key", "", 1},
			{"NUL in the key", "a\x00b", 1},
			{"key too long", strings.Repeat("k", 513), 1},
			{"value too large", "a", strings.Repeat("v", maxValue)},
			{"value without JSON", "a", func() {}},
		} {
			if _, err := c.Put(t.Context(), test.key, test.value); err == nil {
				t.Errorf("%s: not refused", test.name)
			}
		}
	})
}

func keys[T any](items []Item[T], err error) string {
	if err != nil {
		return err.Error()
	}
	var k []string
	for _, item := range items {
		k = append(k, item.Key)
	}
	return strings.Join(k, " ")
}

// Twenty registrations gather before they are stored together.
func BenchmarkSetTogether(b *testing.B) {
	db, err := Open(b.Context(), filepath.Join(b.TempDir(), "bench.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	c := Collection[thing]{DB: db, Name: "things"}
	for b.Loop() {
		err := db.Atomically(b.Context(), func(ctx context.Context) error {
			var errs []error
			for i := range 20 {
				errs = append(errs, c.Set(ctx, fmt.Sprint(i), thing{"b", i}, time.Unix(1e9, 0)))
			}
			return errors.Join(errs...)
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}
