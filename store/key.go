package store

import (
	"bufio"
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// ErrKey means that a secret cannot be opened with this key file.
var ErrKey = errors.New("the key file does not open it; restore the key file this database was used with")

const (
	keySize = 32 // bytes: AES-256
	// sealedV1 begins every sealed text, so that another way can follow.
	sealedV1 = 1
	maxKeys  = 16
)

// Key seals and opens secrets with AES-256-GCM. It follows its file: a key that is
// put into the file is used from then on. It is safe for concurrent use.
type Key struct {
	path string // empty: there is no file to follow

	mu      sync.Mutex    // guards what follows
	ciphers []cipher.AEAD // the first seals, all open
	read    fs.FileInfo   // the file as it was read
}

// OpenKey reads the key file: one key of 64 hexadecimal digits a line, the
// newest first; # begins a comment. A missing file is made with a new random
// key, readable by its owner only. A file that others can read is refused.
func OpenKey(path string) (*Key, error) {
	err := makeKeyFile(path)
	if err != nil {
		return nil, fmt.Errorf("make key file %s: %w", path, err)
	}
	k := &Key{path: path}
	if k.ciphers, k.read, err = readKeyFile(path); err != nil {
		return nil, err
	}
	return k, nil
}

func readKeyFile(path string) ([]cipher.AEAD, fs.FileInfo, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, nil, fmt.Errorf("open key file: %w", err)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return nil, nil, fmt.Errorf("open key file %s: its mode %04o lets others read it; run: chmod 600 %s", path, mode, path)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, fmt.Errorf("open key file: %w", err)
	}
	k, err := parseKeys(text)
	if err != nil {
		return nil, nil, fmt.Errorf("open key file %s: %w", path, err)
	}
	return k.ciphers, info, nil
}

// keys are those of the file as it is now. While it cannot be read they stay.
func (k *Key) keys() []cipher.AEAD {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.path == "" {
		return k.ciphers
	}
	now, err := os.Stat(k.path)
	if err != nil || k.read != nil && now.ModTime().Equal(k.read.ModTime()) && os.SameFile(now, k.read) {
		return k.ciphers
	}
	if ciphers, info, err := readKeyFile(k.path); err == nil {
		k.ciphers, k.read = ciphers, info
	}
	return k.ciphers
}

func parseKeys(text []byte) (*Key, error) {
	k := new(Key)
	lines := bufio.NewScanner(bytes.NewReader(text))
	for n := 1; lines.Scan(); n++ {
		line, _, _ := strings.Cut(lines.Text(), "#")
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		raw, err := hex.DecodeString(line)
		if err != nil || len(raw) != keySize {
			return nil, fmt.Errorf("line %d is not a key of %d hexadecimal digits", n, 2*keySize)
		}
		if len(k.ciphers) == maxKeys {
			return nil, fmt.Errorf("it has more than %d keys", maxKeys)
		}
		block, err := aes.NewCipher(raw)
		if err != nil {
			return nil, err
		}
		aead, err := cipher.NewGCMWithRandomNonce(block)
		if err != nil {
			return nil, err
		}
		k.ciphers = append(k.ciphers, aead)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("it is not a text file with keys: %w", err)
	}
	if len(k.ciphers) == 0 {
		return nil, errors.New("it holds no key; remove the file to have one made, if no secret was stored yet")
	}
	return k, nil
}

// Seal encrypts the text for that name: it cannot be opened under another one,
// so that nobody can exchange secrets inside the database.
func (k *Key) Seal(name string, plain []byte) []byte {
	return k.keys()[0].Seal([]byte{sealedV1}, nil, plain, []byte(name))
}

// Open decrypts what Seal made for that name, or returns ErrKey.
func (k *Key) Open(name string, sealed []byte) ([]byte, error) {
	if len(sealed) == 0 || sealed[0] != sealedV1 {
		return nil, fmt.Errorf("%w: it was sealed in a way this version does not know", ErrKey)
	}
	for _, c := range k.keys() {
		if plain, err := c.Open(nil, nil, sealed[1:], []byte(name)); err == nil {
			return plain, nil
		}
	}
	return nil, ErrKey
}

// String keeps the key out of logs.
func (k *Key) String() string { return fmt.Sprintf("[%d keys]", len(k.keys())) }

// makeKeyFile makes the file when there is none. It appears complete or not at
// all: written aside, synced, then linked under its name, which fails when
// another process was faster.
func makeKeyFile(path string) error {
	if _, err := os.Stat(path); err == nil || !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".key-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }()
	raw := make([]byte, keySize)
	_, _ = rand.Read(raw) // never fails
	_, err = fmt.Fprintf(f, "# Opens the secrets in the database. Keep a copy of it, apart from the database's.\n%x\n", raw)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// syncDir makes a new name in the directory survive a loss of power.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
