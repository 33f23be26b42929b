package store

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// RotateKey puts a new key before the others of the key file. Programs that run use
// it for what they seal from then on, and open with the others what is older;
// [Secrets.Reseal] changes that. The file must be there.
func RotateKey(path string) error {
	return rewriteKeys(path, func(lines []string) []string {
		raw := make([]byte, keySize)
		_, _ = rand.Read(raw) // never fails
		return append([]string{fmt.Sprintf("%x # since %s", raw, time.Now().UTC().Format(time.DateOnly))}, lines...)
	})
}

// ForgetKeys leaves only the newest key in the file. What older ones have sealed, in
// this database or in a backup, cannot be opened with it.
func ForgetKeys(path string) error {
	return rewriteKeys(path, func(lines []string) []string { return lines[:1] })
}

// rewriteKeys changes the lines with keys. The file is exchanged whole.
func rewriteKeys(path string, change func([]string) []string) error {
	if _, _, err := readKeyFile(path); err != nil {
		return err
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("change key file: %w", err)
	}
	var comments, keys []string
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "#"):
			comments = append(comments, line)
		case line != "":
			keys = append(keys, line)
		}
	}
	keys = change(keys)
	if len(keys) > maxKeys {
		return fmt.Errorf("change key file %s: it would hold %d keys, more than %d; forget the old ones first", path, len(keys), maxKeys)
	}
	if err := replaceFile(path, strings.Join(append(comments, keys...), "\n")+"\n"); err != nil {
		return fmt.Errorf("change key file %s: %w", path, err)
	}
	return nil
}

// replaceFile exchanges a file for its owner only: it is the old one or the new
// one, whole, whenever the power fails.
func replaceFile(path, text string) error {
	old, err := os.Stat(path)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".key-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }()
	_, err = f.WriteString(text)
	err = errors.Join(err, keepOwner(f.Name(), old))
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}
