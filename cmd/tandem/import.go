package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"tandem/config"
	"tandem/importer"
)

type importCmd struct {
	Asterisk asteriskCmd `cmd:"" help:"Take Google Voice accounts and phones out of Asterisk's pjsip.conf."`
	Pexip    pexipCmd    `cmd:"" help:"Take rules, receptions, access tokens, devices and SIP proxies out of a Pexip export (JSON or CSV)."`
}

type asteriskCmd struct{ imported }

// Run imports pjsip.conf.
func (c *asteriskCmd) Run() error { return c.run(importer.Asterisk) }

type pexipCmd struct{ imported }

// Run imports an export of Pexip.
func (c *pexipCmd) Run() error { return c.run(importer.Pexip) }

// imported is what both imports are given. The configuration goes to a file or the
// standard output, the report to standard error.
type imported struct {
	Out   string   `short:"o" help:"File for the configuration, with its secrets, readable by its owner only; default the standard output." type:"path"`
	Files []string `arg:"" help:"Files to read." type:"path"`
}

// maxImport bounds what is read from a file that somebody named by mistake.
const maxImport = 8 << 20 // octets

func (c *imported) run(read func([]importer.File) (*importer.Result, error)) error {
	var files []importer.File
	for _, path := range c.Files {
		text, err := readFile(path)
		if err != nil {
			return err
		}
		files = append(files, importer.File{Name: filepath.Base(path), Text: text})
	}
	r, err := read(files)
	if err != nil {
		return err
	}
	text, err := config.Export(r.Config, true)
	if err != nil {
		return err
	}
	for _, n := range r.Notes {
		fmt.Fprintln(os.Stderr, n)
	}
	if c.Out == "" {
		_, err = os.Stdout.Write(text)
		return err
	}
	if err := os.WriteFile(c.Out, text, 0o600); err != nil {
		return fmt.Errorf("write the configuration: %w", err)
	}
	fmt.Fprintf(os.Stderr, "%s is written. Read the %d lines above, mend it, and try it with tandem check %s\n", c.Out, len(r.Notes), c.Out)
	return nil
}

func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	text, err := io.ReadAll(io.LimitReader(f, maxImport+1))
	if err == nil && len(text) > maxImport {
		err = fmt.Errorf("%s has more than %d bytes", path, maxImport)
	}
	return text, err
}
