package e2e

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"tandem/capture"
	"tandem/config"
	"tandem/internal/ports"
	"tandem/internal/stage"
	"tandem/store"
)

// freeAddr is an address that nobody listens on.
func freeAddr(t *testing.T) string {
	t.Helper()
	addrs, err := ports.Free(1)
	if err != nil {
		t.Fatal(err)
	}
	return addrs[0]
}

// ask asks for a capture as `tandem capture` does.
func ask(ctx context.Context, t *testing.T, s *stage.Stage, secret string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+s.Config.HTTP+"/capture", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+secret)
	for {
		resp, err := http.DefaultClient.Do(r)
		if err == nil {
			return resp
		}
		select { // the listener comes with the gateway
		case <-ctx.Done():
			t.Fatal(err)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func issue(ctx context.Context, t *testing.T, s *stage.Stage, want capture.Ticket) string {
	t.Helper()
	db, err := store.Look(ctx, s.Config.Store)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	secret, err := capture.Issue(ctx, db, want)
	if err != nil {
		t.Fatal(err)
	}
	return secret
}

// captured is what a capture of a call between two phones holds.
func captured(t *testing.T, media bool) []byte {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Minute)
	defer cancel()
	s, err := stage.Start(ctx, stage.Options{
		Dir: t.TempDir(), Log: storyLog(), HTTP: freeAddr(t), Change: func(c *config.Config) { c.Capture = true },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	var resp *http.Response
	talk(ctx, t, s, func() {
		secret := issue(ctx, t, s, capture.Ticket{Call: s.Gateway.Switch.Live()[0].ID, Media: media, For: time.Minute, By: "test"})
		resp = ask(ctx, t, s, secret)
		if resp.StatusCode != http.StatusOK {
			text, _ := io.ReadAll(resp.Body)
			t.Fatalf("got %s: %s", resp.Status, text)
		}
		again := ask(ctx, t, s, secret)
		if again.Body.Close(); again.StatusCode != http.StatusUnauthorized {
			t.Errorf("a ticket was good twice: %s", again.Status)
		}
		select { // something is said
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	})
	defer resp.Body.Close()
	file, err := io.ReadAll(resp.Body) // it ends with the call
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func TestACallIsCaptured(t *testing.T) {
	t.Parallel()
	file := captured(t, false)
	if !bytes.HasPrefix(file, []byte{0x0a, 0x0d, 0x0d, 0x0a}) {
		t.Fatalf("not pcapng: %x", file[:min(len(file), 16)])
	}
	for _, want := range []string{"INVITE sip:study@", "SIP/2.0 200 OK", "BYE sip:", "a=rtpmap:", "Authorization: Digest [redacted]"} {
		if !bytes.Contains(file, []byte(want)) {
			t.Errorf("there is no %q in it", want)
		}
	}
	if found := regexp.MustCompile(`response="|(?:inline|ice-pwd):(?:[^R]|R[^E])`).Find(file); found != nil {
		t.Errorf("%s is in it", found)
	}
}

func TestCapturesAreNotForEverybody(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		on     bool
		call   string // asked for with a ticket; empty: without one
		status int
		want   string
	}{
		{"off", false, "x", http.StatusForbidden, "capture: true"},
		{"no ticket", true, "", http.StatusUnauthorized, "ticket"},
		{"no such call", true, "x", http.StatusNotFound, "no such call"},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(context.Background(), 4*time.Minute)
			defer cancel()
			s, err := stage.Start(ctx, stage.Options{
				Dir: t.TempDir(), Log: storyLog(), HTTP: freeAddr(t), Change: func(conf *config.Config) { conf.Capture = c.on },
			})
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			}()
			secret := strings.Repeat("A", 26)
			if c.call != "" {
				secret = issue(ctx, t, s, capture.Ticket{Call: c.call, For: time.Minute})
			}
			resp := ask(ctx, t, s, secret)
			defer resp.Body.Close()
			if text, _ := io.ReadAll(resp.Body); resp.StatusCode != c.status || !strings.Contains(string(text), c.want) {
				t.Errorf("got %s: %s", resp.Status, text)
			}
		})
	}
}
