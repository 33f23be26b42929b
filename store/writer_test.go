package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// startWriter runs w until the returned function is called, which returns
// Run's error.
func startWriter[T any](t *testing.T, w *Writer[T]) (stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	t.Cleanup(cancel)
	return func() error {
		cancel()
		return <-done
	}
}

func newWriter(db *DB) *Writer[thing] {
	l := &Log[thing]{DB: db, Name: "calls", Label: func(v thing) string { return v.Name }}
	return &Writer[thing]{To: l, Log: slog.New(slog.DiscardHandler)}
}

func TestTheWriterStoresEverything(t *testing.T) {
	each(t, func(t *testing.T, db *DB) {
		w := newWriter(db)
		stop := startWriter(t, w)
		const calls = 300
		for _, state := range []string{"running", "ended"} {
			for i := range calls {
				if !w.Put(Entry[thing]{fmt.Sprint(i), time.Now(), thing{state, i}}) {
					t.Fatalf("record %d was dropped", i)
				}
			}
			if state == "running" {
				if err := w.Flush(t.Context()); err != nil {
					t.Fatal(err)
				}
				if page, err := w.To.List(t.Context(), Span{Limit: 1000}); len(page) != calls || err != nil {
					t.Errorf("after the flush: %d records, %v", len(page), err)
				}
			}
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
		if page, err := w.To.List(t.Context(), Span{Label: "ended", Limit: 1000}); len(page) != calls || err != nil {
			t.Errorf("at the end: %d ended records, %v; want %d", len(page), err, calls)
		}
		if s := w.Stats(); s.Waiting != 0 || s.Written != 2*calls || s.Dropped+s.Failed+s.Retries != 0 || s.Err != nil {
			t.Errorf("got %+v", s)
		}
	})
}

// Without Run nothing is written, so the queue shows its rules.
func TestTheQueueIsBounded(t *testing.T) {
	db := mustOpen(t, t.TempDir()+"/test.db")
	w := newWriter(db)
	w.Queue = 2
	at := time.Now()
	for _, step := range []struct {
		id   string
		want bool
	}{{"a", true}, {"b", true}, {"c", false}, {"a", true}} {
		if got := w.Put(Entry[thing]{step.id, at, thing{Name: "x"}}); got != step.want {
			t.Errorf("put %s: got %v", step.id, got)
		}
		at = at.Add(time.Second)
	}
	if s := w.Stats(); s.Waiting != 2 || s.Dropped != 1 || s.Merged != 1 {
		t.Errorf("got %+v", s)
	}
	stop := startWriter(t, w)
	if err := stop(); err != nil {
		t.Error(err)
	}
	if e, err := w.To.Get(t.Context(), "a"); err != nil || !e.At.Equal(at.Add(-4*time.Second)) {
		t.Errorf("a merged record keeps its place: %v, %v; want %v", e.At, err, at.Add(-4*time.Second))
	}
}

func TestOneBadRecordDoesNotHoldUpTheOthers(t *testing.T) {
	each(t, func(t *testing.T, db *DB) {
		w := newWriter(db)
		for _, id := range []string{"a", "", "b"} { // a record without an ID cannot be stored
			w.Put(Entry[thing]{id, time.Now(), thing{Name: "x"}})
		}
		stop := startWriter(t, w)
		if err := w.Flush(t.Context()); err != nil {
			t.Error(err)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
		if s := w.Stats(); s.Written != 2 || s.Failed != 1 {
			t.Errorf("got %+v", s)
		}
	})
}

func TestAFullDiskIsNamedAndWaitedFor(t *testing.T) {
	db := mustOpen(t, t.TempDir()+"/test.db")
	db.sql.SetMaxOpenConns(1) // PRAGMAs are per connection
	c := Collection[thing]{DB: db, Name: "things"}
	limitPages(t, db, 1) // SQLite takes it as "no more than now"
	var err error
	for i := 0; err == nil && i < 1000; i++ {
		_, err = c.Put(t.Context(), fmt.Sprint(i), thing{Name: strings.Repeat("x", 1000)})
	}
	if !errors.Is(err, ErrFull) || !strings.Contains(err.Error(), "free some disk space") {
		t.Fatalf("got %v, want ErrFull", err)
	}

	w := newWriter(db)
	told := make(chan error, 100)
	w.Changed = func(err error) { told <- err }
	stop := startWriter(t, w)
	for i := range 50 {
		w.Put(Entry[thing]{fmt.Sprint(i), time.Now(), thing{Name: strings.Repeat("x", 1000)}})
	}
	for w.Stats().Retries == 0 { // it has tried, and tried again
		time.Sleep(time.Millisecond)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if err := w.Flush(ctx); !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, ErrFull) {
		t.Errorf("flush to a full disk: %v", err)
	}
	if s := w.Stats(); s.Waiting != 50 || s.Retries == 0 || !errors.Is(s.Err, ErrFull) {
		t.Errorf("while full: %+v", s)
	}
	limitPages(t, db, 1_000_000)
	if err := w.Flush(t.Context()); err != nil {
		t.Error(err)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	if s := w.Stats(); s.Waiting != 0 || s.Written != 50 || s.Err != nil {
		t.Errorf("with space again: %+v", s)
	}
	close(told)
	var last error
	for err := range told {
		if last = err; err != nil && !errors.Is(err, ErrFull) {
			t.Errorf("told %v, want ErrFull", err)
		}
	}
	if last != nil {
		t.Errorf("told last: %v, want nil", last)
	}
}

func TestAReadOnlyDatabaseIsNamed(t *testing.T) {
	db := mustOpen(t, t.TempDir()+"/test.db")
	db.sql.SetMaxOpenConns(1)
	if _, err := db.sql.Exec(`PRAGMA query_only = 1`); err != nil {
		t.Fatal(err)
	}
	c := Collection[thing]{DB: db, Name: "things"}
	if _, err := c.Put(t.Context(), "a", thing{}); !errors.Is(err, ErrReadOnly) {
		t.Errorf("got %v, want ErrReadOnly", err)
	}
	if _, err := c.List(t.Context(), Page{}); err != nil {
		t.Errorf("reading must still work: %v", err)
	}
	if err := db.Ping(t.Context()); !errors.Is(err, ErrReadOnly) {
		t.Errorf("ping: got %v, want ErrReadOnly", err)
	}
}

func limitPages(t *testing.T, db *DB, pages int) {
	t.Helper()
	if _, err := db.sql.Exec(fmt.Sprintf(`PRAGMA max_page_count = %d`, pages)); err != nil {
		t.Fatal(err)
	}
}

func TestTheWriterTellsWhenARecordIsStored(t *testing.T) {
	each(t, func(t *testing.T, db *DB) {
		w := newWriter(db)
		if w.Stored("1") != nil {
			t.Error("a record that nobody put is awaited")
		}
		w.Put(Entry[thing]{"1", time.Now(), thing{"running", 1}})
		stored := w.Stored("1")
		if stored == nil {
			t.Fatal("the record is said to be stored, and nobody writes yet")
		}
		stop := startWriter(t, w)
		<-stored
		if page, err := w.To.List(t.Context(), Span{}); len(page) != 1 || err != nil {
			t.Errorf("%d records are stored, %v", len(page), err)
		}
		if w.Stored("1") != nil {
			t.Error("a stored record is awaited")
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// Many calls are answered one after the other: each begins at once to wait for its
// record, and they are stored together. One that comes alone waits for nobody.
func TestRecordsThatAreWaitedForAreStoredTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := mustOpen(t, t.TempDir()+"/test.db")
		w := newWriter(db)
		stop := startWriter(t, w)
		put := func(id string) (stored <-chan struct{}) {
			w.Put(Entry[thing]{id, time.Now(), thing{"running", 1}})
			return w.Stored(id)
		}
		time.Sleep(time.Second)
		begin := time.Now()
		<-put("alone")
		if took := time.Since(begin); took > 0 {
			t.Errorf("a record that came alone was stored after %v", took)
		}
		var others []<-chan struct{}
		for _, id := range []string{"second", "third", "last"} {
			time.Sleep(5 * time.Millisecond)
			others = append(others, put(id))
		}
		for _, stored := range others {
			<-stored
			if took := time.Since(begin); took != apart {
				t.Errorf("a record was stored %v after the first, want %v", took, apart)
			}
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
}

// While somebody else holds the database, as a stuck backup does, nobody who puts a
// record waits for it: calls and registrations go on. What was put is stored after.
func TestALockedDatabaseHoldsUpNobody(t *testing.T) {
	path := t.TempDir() + "/test.db"
	db := mustOpen(t, path)
	raw, err := sql.Open("sqlite", "file:"+path+"?_txlock=exclusive")
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	lock, err := raw.Begin()
	if err != nil {
		t.Fatal(err)
	}
	w := newWriter(db)
	stop := startWriter(t, w)
	put := make(chan bool)
	go func() {
		defer close(put)
		for i := range 50 {
			w.Put(Entry[thing]{fmt.Sprint(i), time.Now(), thing{Name: "a call"}})
			w.Stored(fmt.Sprint(i))
			w.Stats()
		}
	}()
	select { // each would wait for as long as the lock is held
	case <-put:
	case <-time.After(time.Minute):
		t.Fatal("who put a record waited for the database")
	}
	if s := w.Stats(); s.Waiting != 50 || s.Written > 0 {
		t.Errorf("while locked: %+v", s)
	}
	if err := lock.Rollback(); err != nil {
		t.Fatal(err)
	}
	if err := w.Flush(t.Context()); err != nil {
		t.Error(err)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	if s := w.Stats(); s.Written != 50 || s.Dropped+s.Failed > 0 || s.Err != nil {
		t.Errorf("after it: %+v", s)
	}
}
