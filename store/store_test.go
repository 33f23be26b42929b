package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tandem/internal/postgres"
)

// thing is a value to keep.
type thing struct {
	Name  string
	Count int
}

// each runs a test on SQLite and, with -tags peers or when TANDEM_TEST_POSTGRES names a
// database, on PostgreSQL in a schema of its own.
func each(t *testing.T, test func(t *testing.T, db *DB)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(t, mustOpen(t, filepath.Join(t.TempDir(), "test.db"))) })
	t.Run("postgres", func(t *testing.T) { test(t, mustOpen(t, postgres.Schema(t))) })
}

func mustOpen(t *testing.T, databaseURL string) *DB {
	t.Helper()
	db, err := Open(t.Context(), databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func TestOpenRefusesWithASentence(t *testing.T) {
	notADatabase := filepath.Join(t.TempDir(), "notes.txt")
	if err := os.WriteFile(notADatabase, []byte(strings.Repeat("a shopping list\n", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ url, want string }{
		{"", "no file is named"},
		{"sqlite:", "no file is named"},
		{"mysql://host/db", "mysql:// is not supported"},
		{"postgres://u:p@ss%word@host/db", "percent-encoded"},
		{"postgres://u:canary@127.0.0.1:1/db?connect_timeout=2", "the database is not available"},
		{notADatabase, "damaged or is not a database"},
		{filepath.Join(notADatabase, "x.db"), "notes.txt"},
	} {
		_, err := Open(t.Context(), test.url)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("Open(%q): got %v, want %q", test.url, err, test.want)
		} else if strings.Contains(err.Error(), "canary") || strings.Contains(err.Error(), "p@ss") {
			t.Errorf("Open(%q): the error shows the password: %v", test.url, err)
		}
	}
}

func TestOpenKeepsWhatIsThere(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "dir?with#odd%names", "test.db")
	for i := range 3 {
		db, err := Open(t.Context(), "sqlite:"+path)
		if err != nil {
			t.Fatal(err)
		}
		c := Collection[thing]{DB: db, Name: "things"}
		if item, err := c.Put(t.Context(), "a", thing{"a", i}); err != nil || item.Version != int64(i+1) {
			t.Errorf("put %d: got version %d, %v", i, item.Version, err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{path, filepath.Dir(path)} {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s can be read by others: %v", name, info.Mode())
		}
	}
}

func TestOpenRefusesADatabaseOfTheFuture(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.db")
	db := mustOpen(t, path)
	if _, err := db.sql.Exec(`INSERT INTO schema_version (version_id, is_applied) VALUES (99999, TRUE)`); err != nil {
		t.Fatal(err)
	}
	_, err := Open(t.Context(), path)
	if err == nil || !strings.Contains(err.Error(), "newer version") {
		t.Errorf("got %v", err)
	}
}

func TestAtomicallyIsAllOrNothing(t *testing.T) {
	each(t, func(t *testing.T, db *DB) {
		c := Collection[thing]{DB: db, Name: "things"}
		stop := errors.New("stop")
		err := db.Atomically(t.Context(), func(ctx context.Context) error {
			for _, key := range []string{"a", "b"} {
				if _, err := c.Put(ctx, key, thing{}); err != nil {
					return err
				}
			}
			if _, err := c.Get(ctx, "a"); err != nil {
				t.Errorf("inside: %v", err)
			}
			return db.Atomically(ctx, func(context.Context) error { return stop })
		})
		if !errors.Is(err, stop) {
			t.Errorf("got %v, want %v", err, stop)
		}
		if _, err := c.Get(t.Context(), "a"); !errors.Is(err, ErrNotFound) {
			t.Errorf("after: got %v, want ErrNotFound", err)
		}
	})
}

// Many writers of one SQLite file wait for each other instead of failing.
func TestWritersWaitForEachOther(t *testing.T) {
	each(t, func(t *testing.T, db *DB) {
		c := Collection[thing]{DB: db, Name: "things"}
		const writers, writes = 8, 10
		errs := make(chan error, writers)
		for w := range writers {
			go func() {
				var err error
				for i := range writes {
					_, e := c.Put(t.Context(), fmt.Sprint(i), thing{Count: w})
					err = errors.Join(err, e)
				}
				errs <- err
			}()
		}
		for range writers {
			if err := <-errs; err != nil {
				t.Error(err)
			}
		}
		if item, err := c.Get(t.Context(), "0"); err != nil || item.Version != writers {
			t.Errorf("got version %d, %v; want %d", item.Version, err, writers)
		}
	})
}

func TestPing(t *testing.T) {
	each(t, func(t *testing.T, db *DB) {
		if err := db.Ping(t.Context()); err != nil {
			t.Error(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), -time.Second)
		defer cancel()
		if err := db.Ping(ctx); err == nil {
			t.Error("a ping without time must fail")
		}
	})
}
