package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"os/user"
	"strings"
	"syscall"
	"time"

	"tandem/capture"
	"tandem/store"
	"tandem/support"
)

type captureCmd struct {
	keptIn
	Call  string        `arg:"" help:"The call's identifier, as in the log, at /status and on the page."`
	Out   string        `short:"o" help:"File to write; default CALL.pcapng; - is the standard output." placeholder:"FILE"`
	For   time.Duration `help:"How long; at most 10m." default:"60s"`
	Media bool          `help:"Record what is said and seen, too, in the clear. Ask those who talk."`
	URL   string        `name:"gateway" help:"HTTP address of the running gateway, instead of the file's." placeholder:"http://127.0.0.1:8080"`
}

// Run records until the call or the time is over, or Ctrl-C. It shows that it may by
// writing a ticket into the store.
func (c *captureCmd) Run() error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	conf, err := c.machine()
	if err != nil {
		return err
	}
	url := cmp.Or(c.URL, localURL(conf))
	if url == "" {
		return errors.New("the gateway has no HTTP listener (http: off), so it cannot be asked")
	}
	ticket, err := c.ticket(ctx, conf.StoreURL())
	if err != nil {
		return err
	}
	body, err := redeem(ctx, url, ticket)
	if err != nil {
		return err
	}
	defer body.Close()
	path := cmp.Or(c.Out, c.Call+".pcapng")
	n, err := save(path, body)
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("after %d octets: %w", n, err)
	}
	fmt.Fprintf(os.Stderr, "%s: %d octets. Open it with Wireshark.\n", path, n)
	return nil
}

func (c *captureCmd) ticket(ctx context.Context, url string) (string, error) {
	db, err := store.Look(ctx, url)
	if err != nil {
		return "", err
	}
	defer db.Close()
	by := "somebody"
	if u, err := user.Current(); err == nil {
		by = u.Username
	}
	return capture.Issue(ctx, db, capture.Ticket{Call: c.Call, Media: c.Media, For: c.For, By: by})
}

// redeem returns the file as it grows.
func redeem(ctx context.Context, url, ticket string) (io.ReadCloser, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/capture", http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("ask the gateway: %w", err)
	}
	r.Header.Set("Authorization", "Bearer "+ticket)
	resp, err := support.Client().Do(r)
	if err != nil {
		return nil, fmt.Errorf("the gateway does not answer: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		defer resp.Body.Close()
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 1000))
		return nil, errors.New(strings.TrimSpace(cmp.Or(string(text), resp.Status)))
	}
	return resp.Body, nil
}

// save writes a file that only its owner may read, and that is not there yet.
func save(path string, from io.Reader) (n int64, err error) {
	if path == "-" {
		return io.Copy(os.Stdout, from)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return 0, err
	}
	n, err = io.Copy(f, from)
	return n, errors.Join(err, f.Close())
}
