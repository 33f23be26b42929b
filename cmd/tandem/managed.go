package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"strings"

	"tandem/config"
	"tandem/control"
	"tandem/store"
)

// inStore says where a managed configuration is kept. A gateway that runs on the
// same store takes a change over within a second.
type inStore struct {
	Config string `short:"c" help:"File the gateway is started with; default tandem.yaml, where there is one." type:"path"`
	Store  string `help:"Database, instead of the file's: sqlite:PATH or postgres://…"`
	Key    string `help:"Key file, instead of the file's." type:"path"`
	URL    string `name:"url" env:"TANDEM_URL" help:"Address of a running gateway, to go by its API instead: https://gw.example.com"`
	APIKey string `name:"api-key" env:"TANDEM_API_KEY" help:"API key for it; better given as the environment's TANDEM_API_KEY."`
}

// machine is the file the gateway is started with, which names the store.
func (s *inStore) machine() (*config.Config, error) {
	c := &config.Config{Managed: true}
	path := s.Config
	if path == "" {
		path = defaultFile
	}
	switch _, err := os.Stat(path); {
	case err == nil:
		if c, err = config.Load(path); err != nil {
			return nil, err
		}
		if !c.Managed {
			return nil, fmt.Errorf("%s is the configuration itself; change it there, or put managed: true into it to keep the configuration in the store", path)
		}
	case s.Config != "" || !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	if s.Store != "" {
		c.Store = s.Store
	}
	if s.Key != "" {
		c.Key = s.Key
	}
	return c, nil
}

// with opens the store, or the API, and runs f.
func (s *inStore) with(f func(ctx context.Context, r record) error) error {
	if s.URL != "" {
		r, err := newRemote(s.URL, s.APIKey)
		if err != nil {
			return err
		}
		return f(context.Background(), r)
	}
	return s.open(func(ctx context.Context, m *control.Manager) error { return f(ctx, local{m}) })
}

// open opens the store and runs f.
func (s *inStore) open(f func(ctx context.Context, m *control.Manager) error) error {
	ctx := context.Background()
	base, err := s.machine()
	if err != nil {
		return err
	}
	if path, isFile := strings.CutPrefix(base.StoreURL(), "sqlite:"); isFile {
		if _, err := os.Stat(path); err != nil {
			return fmt.Errorf("there is no store at %s; name it with --store, or start the gateway first: tandem serve", path)
		}
	}
	db, err := store.Open(ctx, base.StoreURL())
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	if _, err := os.Stat(base.KeyFile()); err != nil {
		return fmt.Errorf("the key file that opens the secrets in the store: %w; name it with --key", err)
	}
	key, err := store.OpenKey(base.KeyFile())
	if err != nil {
		return err
	}
	m := &control.Manager{DB: db, Secrets: &store.Secrets{DB: db, Key: key}, Base: base}
	if err := m.Load(ctx); err != nil {
		return err
	}
	return f(ctx, m)
}

// inForce is the configuration that a gateway started with the file has: the
// file's, or the newest one in the store.
func inForce(path string) (*config.Config, error) {
	c, err := config.Load(path)
	if err != nil || !c.Managed {
		return c, err
	}
	err = (&inStore{Config: path}).open(func(_ context.Context, m *control.Manager) error {
		c, _ = m.Current()
		return nil
	})
	return c, err
}

// author is who changes the configuration by the command line.
func author(comment string) control.Author {
	name := "command line"
	if u, err := user.Current(); err == nil {
		name += " (" + u.Username + ")"
	}
	return control.Author{Name: name, Comment: comment}
}

// record is the configuration of record, here or behind the API.
type record interface {
	at(ctx context.Context, number int64) (*config.Config, control.Version, error) // 0 is the newest
	try(ctx context.Context, c *config.Config) (control.Diff, error)
	replace(ctx context.Context, c *config.Config, expect int64, comment string) (control.Version, error)
	versions(ctx context.Context, limit int) ([]control.Version, error)
	diff(ctx context.Context, from, to int64) (control.Diff, error)
	rollback(ctx context.Context, to int64, comment string) (control.Version, error)
}

// local is the one in a store.
type local struct{ *control.Manager }

var _ record = local{}

func (l local) at(ctx context.Context, number int64) (*config.Config, control.Version, error) {
	if number == 0 {
		c, v := l.Current()
		return c, v, nil
	}
	return l.At(ctx, number)
}

func (l local) by(c *config.Config) func(*config.Config) error {
	return func(to *config.Config) error {
		*to = *c.WithMachine(l.Base)
		return nil
	}
}

func (l local) try(ctx context.Context, c *config.Config) (control.Diff, error) {
	return l.Try(ctx, l.by(c))
}

func (l local) replace(ctx context.Context, c *config.Config, expect int64, comment string) (control.Version, error) {
	return l.Change(ctx, author(comment), expect, l.by(c))
}

func (l local) versions(ctx context.Context, limit int) ([]control.Version, error) {
	return l.Versions(ctx, 0, limit)
}

func (l local) diff(ctx context.Context, from, to int64) (control.Diff, error) {
	return l.Diff(ctx, from, to)
}

func (l local) rollback(ctx context.Context, to int64, comment string) (control.Version, error) {
	return l.Rollback(ctx, author(comment), to)
}
