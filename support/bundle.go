// Package support packs what somebody who helps needs to see of a gateway into
// one zip file, without any secret. Start reading at [Bundle.Write].
package support

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"time"

	"tandem/config"
	"tandem/store"
)

const (
	maxPart   = 8 << 20          // bytes of one file in the zip
	partTime  = 20 * time.Second // that one part may take
	someCalls = 200              // the last records that are taken
)

// A Bundle says where to look. What cannot be had is told in the zip and leaves the
// rest as it is.
type Bundle struct {
	Version string         // of the program
	Config  *config.Config // as the file has it, with its secrets, which are looked for everywhere else
	File    string         // where it is from, for people; may be empty
	URL     string         // of the running gateway's HTTP listener; empty: none is asked
	LogFile string         // the gateway's log; empty: the journal of the service is tried
	Now     time.Time
}

// part is one file of the zip.
type part struct {
	name    string
	untyped bool // text in which secrets have no type
	get     func(context.Context) ([]byte, error)
}

// Write writes the zip to w. The error is w's: whatever else fails is in the zip.
func (b *Bundle) Write(ctx context.Context, w io.Writer) error {
	db, err := store.Look(ctx, b.Config.StoreURL())
	noStore := err
	if db != nil {
		defer func() { _ = db.Close() }()
	}
	s := newScrubber(b.secrets(ctx, db))
	z := zip.NewWriter(w)
	var told []string
	for _, p := range b.parts(db, noStore) {
		text, err := b.fetch(ctx, p)
		if err != nil {
			told = append(told, fmt.Sprintf("%s: %s", p.name, s.clean([]byte(err.Error()), true)))
		}
		if len(text) > 0 {
			if err := b.add(z, p.name, s.clean(text, p.untyped)); err != nil {
				return err
			}
		}
	}
	return errors.Join(b.add(z, "README.txt", []byte(b.readme(told))), z.Close())
}

// fetch gets a part within its time and its size.
func (b *Bundle) fetch(ctx context.Context, p part) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, partTime)
	defer cancel()
	text, err := p.get(ctx)
	if len(text) > maxPart {
		text = append(slices.Clip(text[:maxPart]), "\n… cut here\n"...)
	}
	return text, err
}

func (b *Bundle) add(z *zip.Writer, name string, text []byte) error {
	f, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: b.Now})
	if err == nil {
		_, err = f.Write(text)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

// secrets are all that can be known: the file's, those the key file opens, and the
// password of the database.
func (b *Bundle) secrets(ctx context.Context, db *store.DB) []string {
	all := secretsIn(b.Config)
	if u, err := url.Parse(b.Config.StoreURL()); err == nil && u.User != nil {
		if password, ok := u.User.Password(); ok {
			all = append(all, password, url.QueryEscape(password))
		}
	}
	all = append(all, keyLines(b.Config.KeyFile())...)
	if db == nil {
		return all
	}
	return append(all, opened(ctx, db, b.Config.KeyFile())...)
}

func (b *Bundle) readme(told []string) string {
	var t strings.Builder
	fmt.Fprintf(&t, "Tandem %s, support bundle of %s\n\n", b.Version, b.Now.UTC().Format(time.RFC3339))
	t.WriteString("Taken out: passwords, tokens, private keys, media keys, and the key file. " +
		"Still in it: names, telephone numbers, addresses, and who called whom when. Look through it before you send it.\n\n" +
		"machine.json   program, system, memory, clock\n" +
		"config.json    the configuration file; of a managed gateway stored-config.json is in force\n" +
		"versions.jsonl who changed the stored configuration and when\n" +
		"status.json, metrics.txt, ready.json   what the gateway says of itself now, with its alarms\n" +
		"calls.jsonl, alarms.jsonl   the last records of calls and alarms, the newest first\n" +
		"store.json     what the database holds\n" +
		"log.txt        the end of the log\n")
	if len(told) > 0 {
		t.WriteString("\nCould not be had:\n")
		for _, line := range told {
			t.WriteString("  " + line + "\n")
		}
	}
	return t.String()
}
