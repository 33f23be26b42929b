package store

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestARecordIsAppendedOnceAndUpdated(t *testing.T) {
	each(t, func(t *testing.T, db *DB) {
		l := Log[thing]{DB: db, Name: "calls"}
		ctx, at := t.Context(), time.Now()
		if err := l.Update(ctx, Entry[thing]{ID: "1"}); !errors.Is(err, ErrNotFound) {
			t.Errorf("update what is not there: %v", err)
		}
		if err := l.Append(ctx, Entry[thing]{"1", at, thing{"running", 0}}); err != nil {
			t.Error(err)
		}
		if err := l.Append(ctx, Entry[thing]{"1", at, thing{"again", 0}}); !errors.Is(err, ErrConflict) {
			t.Errorf("append again: %v", err)
		}
		for _, write := range []func(Entry[thing]) error{
			func(e Entry[thing]) error { return l.Update(ctx, e) },
			func(e Entry[thing]) error { return l.Put(ctx, e) },
		} {
			if err := write(Entry[thing]{"1", at.Add(time.Hour), thing{"ended", 1}}); err != nil {
				t.Error(err)
			}
			if e, err := l.Get(ctx, "1"); err != nil || e.Value.Name != "ended" || !e.At.Equal(at) {
				t.Errorf("get: %+v, %v", e, err)
			}
		}
	})
}

func TestALogIsReadNewestFirst(t *testing.T) {
	each(t, func(t *testing.T, db *DB) {
		l := Log[thing]{DB: db, Name: "calls", Label: func(v thing) string { return v.Name }}
		ctx, start := t.Context(), time.Unix(1_800_000_000, 0)
		for i := range 10 {
			// Two records share each second: the pages must not lose one.
			e := Entry[thing]{fmt.Sprint(i), start.Add(time.Duration(i/2) * time.Second), thing{[]string{"ended", "running"}[i%2], i}}
			if err := l.Append(ctx, e); err != nil {
				t.Fatal(err)
			}
		}
		var got []string
		for s := (Span{Limit: 3}); ; {
			page, err := l.List(ctx, s)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, ids(page, nil))
			if len(page) < s.Limit {
				break
			}
			s.Before, s.BeforeID = page[2].At, page[2].ID
		}
		if s := strings.Join(got, "|"); s != "9 8 7|6 5 4|3 2 1|0" {
			t.Errorf("pages: got %s", s)
		}
		if got := ids(l.List(ctx, Span{Since: start.Add(2 * time.Second), Before: start.Add(4 * time.Second), Label: "running"})); got != "7 5" {
			t.Errorf("span: got %s", got)
		}
		if got := ids(l.ListBefore(ctx, start.Add(2*time.Second), 3)); got != "0 1 2" {
			t.Errorf("list before: got %s", got)
		}
		if n, err := l.DeleteBefore(ctx, start.Add(2*time.Second)); n != 4 || err != nil {
			t.Errorf("delete before: got %d, %v", n, err)
		}
	})
}

func TestRunningRecordsAreClosedTogether(t *testing.T) {
	each(t, func(t *testing.T, db *DB) {
		l := Log[thing]{DB: db, Name: "calls", Label: func(v thing) string { return v.Name }}
		ctx := t.Context()
		for i := range 7 {
			if err := l.Append(ctx, Entry[thing]{fmt.Sprint(i), time.Now(), thing{[]string{"ended", "running"}[i%2], i}}); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := l.UpdateLabelled(ctx, "running", func(*Entry[thing]) {}); err == nil {
			t.Error("a change that keeps the label would go on for ever")
		}
		n, err := l.UpdateLabelled(ctx, "running", func(e *Entry[thing]) { e.Value.Name = "lost" })
		if n != 3 || err != nil {
			t.Errorf("got %d, %v; want 3", n, err)
		}
		if got := ids(l.List(ctx, Span{Label: "running"})); got != "" {
			t.Errorf("still running: %s", got)
		}
		if got := ids(l.List(ctx, Span{Label: "lost"})); got != "5 3 1" {
			t.Errorf("lost: got %s", got)
		}
	})
}

func ids[T any](entries []Entry[T], err error) string {
	if err != nil {
		return err.Error()
	}
	var s []string
	for _, e := range entries {
		s = append(s, e.ID)
	}
	return strings.Join(s, " ")
}
