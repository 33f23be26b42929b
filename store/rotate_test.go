package store

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestANewKeyIsUsedAtOnceAndOldOnesCanBeForgotten(t *testing.T) {
	each(t, func(t *testing.T, db *DB) {
		path := filepath.Join(t.TempDir(), "key")
		key, err := OpenKey(path)
		if err != nil {
			t.Fatal(err)
		}
		running := &Secrets{DB: db, Key: key} // a gateway that runs meanwhile
		if err := running.Set(t.Context(), "a", "canary-a"); err != nil {
			t.Fatal(err)
		}
		before, _ := OpenKey(copyOf(t, path))
		if err := RotateKey(path); err != nil {
			t.Fatal(err)
		}
		if err := running.Set(t.Context(), "b", "canary-b"); err != nil {
			t.Fatal(err)
		}
		if got, err := running.Get(t.Context(), "a"); err != nil || got != "canary-a" {
			t.Errorf("got %s, %v", got, err)
		}
		if _, err := (&Secrets{DB: db, Key: before}).Get(t.Context(), "b"); !errors.Is(err, ErrKey) {
			t.Errorf("the old key opens what the new one sealed: %v", err)
		}
		aside, err := OpenKey(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := (&Secrets{DB: db, Key: aside}).Reseal(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := ForgetKeys(path); err != nil {
			t.Fatal(err)
		}
		if err := running.Check(t.Context()); err != nil || running.Key.String() != "[1 keys]" {
			t.Errorf("%v with %v", err, running.Key)
		}
		info, err := os.Stat(path)
		text, _ := os.ReadFile(path)
		if err != nil || info.Mode().Perm() != 0o600 || !strings.HasPrefix(string(text), "# Opens the secrets") {
			t.Errorf("%v, %v: %s", info.Mode(), err, text)
		}
	})
}

func copyOf(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(t.TempDir(), "copy")
	if err := os.WriteFile(to, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return to
}
