package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"time"

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

// with opens the store and runs f.
func (s *inStore) with(f func(ctx context.Context, m *control.Manager) error) error {
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
	err = (&inStore{Config: path}).with(func(_ context.Context, m *control.Manager) error {
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

type applyCmd struct {
	inStore
	File    string `arg:"" help:"Configuration; what it leaves out is at its default afterwards, secrets excepted." type:"path"`
	DryRun  bool   `help:"Tell what would change, and change nothing."`
	Expect  int64  `help:"The version the file was made from; refuse when there is a newer one."`
	Comment string `short:"m" help:"What the change is for."`
}

// Run makes the file the newest version.
func (a *applyCmd) Run() error {
	path, err := filepath.Abs(a.File) // files it names are looked for beside it, wherever the gateway runs
	if err != nil {
		return err
	}
	conf, locate, err := config.LoadMasked(path)
	if err != nil {
		return err
	}
	return a.with(func(ctx context.Context, m *control.Manager) error {
		edit := func(c *config.Config) error {
			*c = *conf.Clone().WithMachine(m.Base)
			return nil
		}
		d, err := m.Try(ctx, edit)
		if err != nil {
			return locate(err)
		}
		printDiff(d)
		if a.DryRun || len(d) == 0 {
			return nil
		}
		v, err := m.Change(ctx, author(a.Comment), a.Expect, edit)
		if err != nil {
			return locate(err)
		}
		fmt.Printf("%v is in the store; gateways on it take it over within a second\n", v)
		now, _ := m.Current()
		printFindings(now, all)
		return nil
	})
}

func printDiff(d control.Diff) {
	if len(d) == 0 {
		fmt.Println("nothing differs")
	}
	for _, one := range d {
		switch {
		case one.Before == "":
			fmt.Printf("+ %s: %s\n", one.Field, one.After)
		case one.After == "":
			fmt.Printf("- %s: %s\n", one.Field, one.Before)
		default:
			fmt.Printf("~ %s: %s -> %s\n", one.Field, one.Before, one.After)
		}
	}
}

type exportCmd struct {
	inStore
	Number  int64  `name:"version" help:"An old version, instead of the newest."`
	Secrets bool   `help:"Write the secrets, too; otherwise they stand as ******** and stay as they are when the file is applied."`
	Out     string `short:"o" help:"File, readable by its owner only; default the standard output." type:"path"`
}

// Run writes a version as a file.
func (e *exportCmd) Run() error {
	return e.with(func(ctx context.Context, m *control.Manager) error {
		c, v := m.Current()
		if e.Number != 0 {
			var err error
			if c, v, err = m.At(ctx, e.Number); err != nil {
				return err
			}
		}
		text, err := config.Export(c.WithMachine(&config.Config{}), e.Secrets)
		if err != nil {
			return err
		}
		text = append([]byte(fmt.Sprintf("# %v, %s, by %s\n", v, v.At.Format(time.RFC3339), v.Author)), text...)
		if e.Out == "" {
			_, err = os.Stdout.Write(text)
			return err
		}
		return os.WriteFile(e.Out, text, 0o600)
	})
}

type versionsCmd struct {
	inStore
	Number int64 `arg:"" optional:"" help:"Tell what this version changed."`
	Limit  int   `default:"20" help:"How many, the newest first."`
}

// Run lists versions, or tells what one changed.
func (c *versionsCmd) Run() error {
	return c.with(func(ctx context.Context, m *control.Manager) error {
		if c.Number > 1 {
			d, err := m.Diff(ctx, c.Number-1, c.Number)
			if err == nil {
				printDiff(d)
			}
			return err
		}
		all, err := m.Versions(ctx, 0, c.Limit)
		for _, v := range all {
			note := v.Comment
			if v.Undo != 0 {
				note = strings.TrimSpace(fmt.Sprintf("back to version %d %s", v.Undo, note))
			}
			fmt.Printf("%5d  %s  %s  %s\n", v.Number, v.At.Local().Format(time.DateTime), v.Author, note)
		}
		return err
	})
}

type rollbackCmd struct {
	inStore
	Number  int64  `arg:"" help:"The version to go back to."`
	Comment string `short:"m" help:"What it is for."`
}

// Run makes an old version the newest.
func (c *rollbackCmd) Run() error {
	return c.with(func(ctx context.Context, m *control.Manager) error {
		_, before := m.Current()
		v, err := m.Rollback(ctx, author(c.Comment), c.Number)
		if err != nil {
			return err
		}
		d, err := m.Diff(ctx, before.Number, v.Number)
		printDiff(d)
		fmt.Printf("%v is as version %d was\n", v, c.Number)
		return err
	})
}

type keysCmd struct {
	Rotate rotateCmd `cmd:"" help:"Seal every secret in the store with a new key."`
}

type rotateCmd struct {
	inStore
	Forget bool `help:"Make no new key: seal everything with the newest, and take the others out of the key file. Backups that are older cannot be opened then."`
}

// Run puts a new key into the key file and seals everything with it.
func (c *rotateCmd) Run() error {
	return c.with(func(ctx context.Context, m *control.Manager) error {
		path := m.Base.KeyFile()
		if !c.Forget {
			if err := store.RotateKey(path); err != nil {
				return err
			}
		}
		if err := m.Secrets.Reseal(ctx); err != nil {
			return err
		}
		names, err := m.Secrets.Names(ctx)
		if err != nil {
			return err
		}
		fmt.Printf("%d secrets are sealed with the newest key of %s\n", len(names), path)
		if c.Forget {
			return store.ForgetKeys(path)
		}
		fmt.Println("Copy the file to the other nodes, and to where backups of it are kept; older keys go with tandem keys rotate --forget.")
		return nil
	})
}
