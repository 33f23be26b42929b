package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"tandem"
	"tandem/config"
	"tandem/store"
)

// keptIn says which store a command works on.
type keptIn struct {
	Config string `short:"c" help:"Configuration file; default tandem.yaml, else /etc/tandem/tandem.yaml, if there is one. Its store and key_file are meant." type:"path"`
	Store  string `help:"Database, instead of the file's: sqlite:PATH or postgres://…"`
}

// installedFile is where the package has the configuration.
const installedFile = "/etc/tandem/tandem.yaml"

// machine is the configuration file, of which the fields of the machine count.
func (k *keptIn) machine() (*config.Config, error) {
	conf := new(config.Config)
	for _, path := range []string{defaultFile, installedFile} {
		if _, err := os.Stat(path); k.Config == "" && err == nil {
			k.Config = path
		}
	}
	if k.Config != "" {
		var err error
		if conf, err = config.Load(k.Config); err != nil {
			return nil, err
		}
	}
	if k.Store != "" {
		conf.Store = k.Store
	}
	return conf, nil
}

type backupCmd struct {
	keptIn
	File    string `arg:"" help:"Archive to write; - is the standard output."`
	WithKey bool   `help:"Put the key file in, too. Who has the archive can then read every secret."`
	Force   bool   `help:"Replace FILE."`
}

// archivedKey is the key file's name in an archive.
const archivedKey = "tandem.key"

// Run writes the archive while the gateway runs.
func (b *backupCmd) Run() error {
	conf, err := b.machine()
	if err != nil {
		return err
	}
	files := make(map[string]string)
	if b.WithKey {
		text, err := os.ReadFile(conf.KeyFile())
		if err != nil {
			return fmt.Errorf("read the key file: %w", err)
		}
		files[archivedKey] = string(text)
	}
	db, err := store.Look(context.Background(), conf.StoreURL())
	if err != nil {
		return err
	}
	defer db.Close()
	var m store.Manifest
	err = writeWhole(b.File, b.Force, func(w io.Writer) (err error) {
		m, err = db.Backup(context.Background(), w, tandem.Version, files)
		return err
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "%s holds %s of %s.\n", b.File, contents(m), db)
	if !b.WithKey && m.Rows["secrets"] > 0 {
		fmt.Fprintf(os.Stderr, "Its secrets are sealed: keep a copy of %s elsewhere, without it they are lost.\n", conf.KeyFile())
	}
	return nil
}

func contents(m store.Manifest) string {
	var parts []string
	for _, table := range slices.Sorted(maps.Keys(m.Rows)) {
		parts = append(parts, fmt.Sprintf("%d %s", m.Rows[table], table))
	}
	for name := range m.Files {
		parts = append(parts, "the key file "+name)
	}
	return strings.Join(parts, ", ")
}

// writeWhole writes a file that appears complete or not at all, readable by its
// owner only. An existing one is replaced when force is set.
func writeWhole(path string, force bool, write func(io.Writer) error) (err error) {
	if path == "-" {
		return write(os.Stdout)
	}
	if _, err := os.Lstat(path); err == nil && !force {
		return fmt.Errorf("%s is there already; name another file, or use --force", path)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".tandem-*") // mode 0600
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer func() { _ = os.Remove(f.Name()) }() // does nothing after Rename
	if err := errors.Join(write(f), f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

type restoreCmd struct {
	keptIn
	File  string `arg:"" help:"Archive that tandem backup wrote." type:"existingfile"`
	Force bool   `help:"Replace what the store, and the key file, hold now."`
	Check bool   `help:"Only read the archive and tell whether it is whole."`
}

// Run reads the archive twice: once to check all of it, once to restore it.
func (r *restoreCmd) Run() error {
	f, err := os.Open(r.File)
	if err != nil {
		return fmt.Errorf("read the archive: %w", err)
	}
	defer f.Close()
	m, err := store.CheckArchive(f)
	if err != nil {
		return fmt.Errorf("%s: %w", r.File, err)
	}
	fmt.Printf("%s was made on %s by version %s from a %s store; it holds %s.\n", r.File, m.Made.Format("2006-01-02 15:04:05 UTC"), m.By, m.Engine, contents(m))
	if r.Check {
		return nil
	}
	conf, err := r.machine()
	if err != nil {
		return err
	}
	if err := r.fits(m, conf); err != nil {
		return err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("read the archive: %w", err)
	}
	name, err := r.restore(f, conf.StoreURL())
	if err != nil {
		return err
	}
	if text, ok := m.Files[archivedKey]; ok {
		if err := writeKey(conf.KeyFile(), text); err != nil {
			return fmt.Errorf("the store is restored, its key file is not: %w", err)
		}
	}
	fmt.Printf("Restored into %s. Start the gateway.\n", name)
	return nil
}

// fits refuses an archive whose key file would replace another one.
func (r *restoreCmd) fits(m store.Manifest, conf *config.Config) error {
	text, hasKey := m.Files[archivedKey]
	there, err := os.ReadFile(conf.KeyFile())
	switch {
	case err == nil && hasKey && string(there) != text && !r.Force:
		return fmt.Errorf("the key file %s differs from the archive's; use --force to replace it, or move it away", conf.KeyFile())
	case errors.Is(err, fs.ErrNotExist) && !hasKey && m.Rows["secrets"] > 0:
		fmt.Printf("There is no key file %s: put yours there before the gateway starts, or no secret can be opened.\n", conf.KeyFile())
	}
	return nil
}

// restore returns the database's name without a password.
func (r *restoreCmd) restore(f io.Reader, url string) (string, error) {
	ctx := context.Background()
	db, err := store.Open(ctx, url)
	if err != nil {
		return "", err
	}
	defer db.Close()
	if err := db.Idle(ctx); err != nil {
		return "", err
	}
	_, err = db.Restore(ctx, f, r.Force)
	if errors.Is(err, store.ErrNotEmpty) {
		return "", fmt.Errorf("%w; --force replaces all it holds", err)
	}
	return db.String(), err
}

// writeKey puts the key file in its place. One that differs is kept beside it.
func writeKey(path, text string) error {
	if there, err := os.ReadFile(path); err == nil {
		if string(there) == text {
			return nil
		}
		if err := os.Rename(path, path+".old"); err != nil {
			return err
		}
	}
	return writeWhole(path, false, func(w io.Writer) error {
		_, err := io.WriteString(w, text)
		return err
	})
}
