package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"tandem/config"
	"tandem/control"
	"tandem/store"
)

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
	return a.with(func(ctx context.Context, r record) error {
		d, err := r.try(ctx, conf)
		if err != nil {
			return locate(err)
		}
		printDiff(d)
		if a.DryRun || len(d) == 0 {
			return nil
		}
		v, err := r.replace(ctx, conf, a.Expect, a.Comment)
		if err != nil {
			return locate(err)
		}
		fmt.Printf("%v is in the store; gateways on it take it over within a second\n", v)
		now, _, err := r.at(ctx, 0)
		if err == nil {
			printFindings(now, all)
		}
		return err
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
	return e.with(func(ctx context.Context, r record) error {
		if _, far := r.(*remote); far && e.Secrets {
			return errors.New("the API shows no secrets; run this on the machine, without --url")
		}
		c, v, err := r.at(ctx, e.Number)
		if err != nil {
			return err
		}
		text, err := config.Export(c.WithMachine(&config.Config{}), e.Secrets)
		if err != nil {
			return err
		}
		text = append(fmt.Appendf(nil, "# %v, %s, by %s\n", v, v.At.Format(time.RFC3339), strings.Join(strings.Fields(v.Author), " ")), text...)
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
	return c.with(func(ctx context.Context, r record) error {
		if c.Number > 1 {
			d, err := r.diff(ctx, c.Number-1, c.Number)
			if err == nil {
				printDiff(d)
			}
			return err
		}
		all, err := r.versions(ctx, c.Limit)
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
	return c.with(func(ctx context.Context, r record) error {
		_, before, err := r.at(ctx, 0)
		if err != nil {
			return err
		}
		v, err := r.rollback(ctx, c.Number, c.Comment)
		if err != nil {
			return err
		}
		d, err := r.diff(ctx, before.Number, v.Number)
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
	if c.URL != "" {
		return errors.New("the key file is on the machine: run this there, without --url")
	}
	return c.open(func(ctx context.Context, m *control.Manager) error {
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
