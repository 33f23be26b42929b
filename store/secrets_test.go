package store

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func mustKey(t *testing.T, path string) *Key {
	t.Helper()
	k, err := OpenKey(path)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestSecretsAreSealedAtRest(t *testing.T) {
	each(t, func(t *testing.T, db *DB) {
		ctx := t.Context()
		s := Secrets{DB: db, Key: mustKey(t, filepath.Join(t.TempDir(), "key"))}
		const canary = "canary-7f3a"
		for _, name := range []string{"a/refresh", "b/refresh"} {
			if err := s.Set(ctx, name, canary+name); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := s.Get(ctx, "a/refresh"); got != canary+"a/refresh" || err != nil {
			t.Errorf("get: %q, %v", got, err)
		}
		var stored string
		if err := db.sql.QueryRow(`SELECT sealed FROM secrets WHERE name = 'a/refresh'`).Scan(&stored); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(stored, canary) {
			t.Errorf("the secret is stored in the clear: %s", stored)
		}
		if _, err := db.sql.Exec(`UPDATE secrets SET sealed = $1 WHERE name = 'b/refresh'`, stored); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Get(ctx, "b/refresh"); !errors.Is(err, ErrKey) {
			t.Errorf("another secret put under the name: %v", err)
		}
		if err := s.Check(ctx); !errors.Is(err, ErrKey) {
			t.Errorf("check: %v", err)
		}
		if err := s.Delete(ctx, "b/refresh"); err != nil {
			t.Error(err)
		}
		if err := s.Delete(ctx, "b/refresh"); !errors.Is(err, ErrNotFound) {
			t.Errorf("delete again: %v", err)
		}
		if err := s.Check(ctx); err != nil {
			t.Errorf("check: %v", err)
		}
	})
}

func TestANewKeyTakesOver(t *testing.T) {
	each(t, func(t *testing.T, db *DB) {
		ctx, dir := t.Context(), t.TempDir()
		oldKey, newKey, both := filepath.Join(dir, "old"), filepath.Join(dir, "new"), filepath.Join(dir, "both")
		s := Secrets{DB: db, Key: mustKey(t, oldKey)}
		if err := s.Set(ctx, "a", "x"); err != nil {
			t.Fatal(err)
		}
		s.Key = mustKey(t, newKey)
		if _, err := s.Get(ctx, "a"); !errors.Is(err, ErrKey) {
			t.Errorf("get with the wrong key: %v", err)
		}
		if err := os.WriteFile(both, bytes.Join([][]byte{mustRead(t, newKey), mustRead(t, oldKey)}, nil), 0o600); err != nil {
			t.Fatal(err)
		}
		s.Key = mustKey(t, both)
		if err := s.Reseal(ctx); err != nil {
			t.Error(err)
		}
		s.Key = mustKey(t, newKey)
		if got, err := s.Get(ctx, "a"); got != "x" || err != nil {
			t.Errorf("get after reseal: %q, %v", got, err)
		}
	})
}

func TestTheKeyFileIsMadeOnceForItsOwnerOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "key")
	k := mustKey(t, path)
	text := mustRead(t, path)
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode: %v, %v", info.Mode(), err)
	}
	mustKey(t, path)
	if !bytes.Equal(mustRead(t, path), text) {
		t.Error("the key file was written again")
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), "*")); len(left) != 1 {
		t.Errorf("left over: %v", left)
	}
	hexKey := strings.TrimSpace(strings.SplitN(string(text), "\n", 2)[1])
	if s := fmt.Sprintf("%v %s %+v", k, k, struct{ K *Key }{k}); strings.Contains(s, hexKey) {
		t.Errorf("prints its key: %s", s)
	}
}

func TestBadKeyFilesAreRefused(t *testing.T) {
	good := strings.Repeat("ab", keySize)
	for _, test := range []struct {
		name, text, want string
		mode             os.FileMode
	}{
		{"readable by others", good, "chmod 600", 0o644},
		{"empty", "", "holds no key", 0o600},
		{"only a comment", "# hello\n", "holds no key", 0o600},
		{"too short", good + "\nabcd\n", "line 2 is not a key", 0o600},
		{"not hexadecimal", strings.Repeat("zz", keySize), "line 1 is not a key", 0o600},
		{"one endless line", strings.Repeat("a", 1<<17), "not a text file", 0o600},
		{"too many", strings.Repeat(good+"\n", maxKeys+1), "more than 16 keys", 0o600},
	} {
		path := filepath.Join(t.TempDir(), "key")
		if err := os.WriteFile(path, []byte(test.text), test.mode); err != nil {
			t.Fatal(err)
		}
		_, err := OpenKey(path)
		if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), good) {
			t.Errorf("%s: got %v, want %q", test.name, err, test.want)
		}
	}
	if _, err := OpenKey(t.TempDir()); err == nil {
		t.Error("a directory is no key file")
	}
}

func FuzzKeyOpen(f *testing.F) {
	k, err := parseKeys([]byte(strings.Repeat("ab", keySize)))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(k.Seal("a", []byte("x")))
	f.Add([]byte{sealedV1})
	f.Fuzz(func(t *testing.T, sealed []byte) {
		if plain, err := k.Open("b", sealed); err == nil {
			t.Errorf("opened %x to %q", sealed, plain)
		}
	})
}

func FuzzParseKeys(f *testing.F) {
	f.Add([]byte(strings.Repeat("ab", keySize) + " # newest\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if k, err := parseKeys(text); err == nil && len(k.ciphers) == 0 {
			t.Error("no error and no key")
		}
	})
}

func mustRead(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
