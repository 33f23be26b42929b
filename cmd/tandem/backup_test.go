package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tandem/store"
)

// aStore makes a database with one item and one secret, and its key file.
func aStore(t *testing.T, dir, item string) keptIn {
	t.Helper()
	in := keptIn{Store: "sqlite:" + filepath.Join(dir, "tandem.db")}
	db, err := store.Open(t.Context(), in.Store)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	key, err := store.OpenKey(filepath.Join(dir, "tandem.key"))
	if err != nil {
		t.Fatal(err)
	}
	if err := (&store.Secrets{DB: db, Key: key}).Set(t.Context(), "secret", "canary "+item); err != nil {
		t.Fatal(err)
	}
	if err := (&store.Collection[string]{DB: db, Name: "test"}).Set(t.Context(), "item", item, time.Time{}); err != nil {
		t.Fatal(err)
	}
	return in
}

// secretOf reads what aStore wrote.
func secretOf(t *testing.T, dir string) (string, error) {
	t.Helper()
	db, err := store.Open(t.Context(), filepath.Join(dir, "tandem.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	key, err := store.OpenKey(filepath.Join(dir, "tandem.key"))
	if err != nil {
		t.Fatal(err)
	}
	return (&store.Secrets{DB: db, Key: key}).Get(t.Context(), "secret")
}

func TestABackupIsRestoredWithItsKey(t *testing.T) {
	from, to := t.TempDir(), t.TempDir()
	file := filepath.Join(to, "backup")
	if err := (&backupCmd{keptIn: aStore(t, from, "one"), File: file, WithKey: true}).Run(); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the archive: %v, %v; others must not read it", info.Mode(), err)
	}
	into := keptIn{Store: "sqlite:" + filepath.Join(to, "tandem.db")}
	if err := (&restoreCmd{keptIn: into, File: file}).Run(); err != nil {
		t.Fatal(err)
	}
	if got, err := secretOf(t, to); err != nil || got != "canary one" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestARestoreReplacesNothingUnasked(t *testing.T) {
	from, to := t.TempDir(), t.TempDir()
	file := filepath.Join(from, "backup")
	archive := &backupCmd{keptIn: aStore(t, from, "one"), File: file, WithKey: true}
	if err := archive.Run(); err != nil {
		t.Fatal(err)
	}
	if err := archive.Run(); err == nil || !strings.Contains(err.Error(), "--force") {
		t.Errorf("the archive was replaced: %v", err)
	}
	r := &restoreCmd{keptIn: aStore(t, to, "two"), File: file}
	if err := r.Run(); err == nil || !strings.Contains(err.Error(), "key file") {
		t.Errorf("the key file: %v", err)
	}
	if err := os.Remove(filepath.Join(to, "tandem.key")); err != nil {
		t.Fatal(err)
	}
	if err := r.Run(); err == nil || !strings.Contains(err.Error(), "not empty") {
		t.Errorf("the store: %v", err)
	}
	r.Force = true
	if err := r.Run(); err != nil {
		t.Fatal(err)
	}
	if got, err := secretOf(t, to); err != nil || got != "canary one" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestAFailedWriteLeavesNoFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	err := writeWhole(path, false, func(w io.Writer) error {
		_, _ = io.WriteString(w, "half")
		return io.ErrShortWrite
	})
	if left, _ := os.ReadDir(filepath.Dir(path)); err == nil || len(left) > 0 {
		t.Errorf("%v, left behind: %v", err, left)
	}
}
