package e2e

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"testing"
	"time"

	"tandem/config"
	"tandem/internal/stage"
)

// recorded is a capture as the API shows it.
type recorded struct {
	ID, State string
	Octets    int
}

// TestAnOperatorRecordsAndMutesACall does on a running call what the page of a call
// offers.
func TestAnOperatorRecordsAndMutesACall(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	said := new(announced)
	s, err := stage.Start(ctx, stage.Options{
		Dir: t.TempDir(), Log: slog.New(slog.NewTextHandler(said, nil)), HTTP: "127.0.0.1:0",
		Change: func(c *config.Config) { c.Managed, c.Capture = true, true },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	a := setUp(ctx, t, said)
	var file recorded
	talk(ctx, t, s, func() {
		id := a.oneCall(ctx, "active")
		a.do(ctx, "POST", "/calls/"+id+"/capture", map[string]int{"seconds": 60}, &file)
		for _, leg := range []string{"a", "b"} {
			a.do(ctx, "POST", "/calls/"+id+"/mute", map[string]any{"muted": true, "leg": leg}, nil)
		}
		if got := a.muted(ctx, id); !slices.Equal(got, []string{"a", "b"}) {
			t.Errorf("muted: %q", got)
		}
		a.do(ctx, "POST", "/calls/"+id+"/mute", map[string]any{"muted": false}, nil)
		if got := a.muted(ctx, id); !slices.Equal(got, []string{"b"}) {
			t.Errorf("muted: %q", got)
		}
		for ; ctx.Err() == nil && a.recorded(ctx, file.ID).Octets < 5000; a.pause(ctx) {
		}
		a.do(ctx, "POST", "/captures/"+file.ID+"/stop", map[string]any{}, nil)
	})
	for ; ctx.Err() == nil && a.recorded(ctx, file.ID).State != "over"; a.pause(ctx) {
	}
	text := a.fetch(ctx, "/captures/"+file.ID+"/file")
	if !bytes.HasPrefix(text, []byte{0x0a, 0x0d, 0x0d, 0x0a}) || !bytes.Contains(text, []byte("INVITE sip:study@")) || bytes.Contains(text, []byte(`response="`)) {
		t.Errorf("%d octets are not the capture", len(text))
	}
	a.do(ctx, "DELETE", "/captures/"+file.ID, nil, nil)
	var left struct {
		Items []recorded
		On    bool
	}
	a.do(ctx, "GET", "/captures", nil, &left)
	if len(left.Items) > 0 || !left.On {
		t.Errorf("left: %+v", left)
	}
}

func (a *admin) muted(ctx context.Context, id string) []string {
	a.Helper()
	var detail struct{ Muted []string }
	a.do(ctx, "GET", "/calls/"+id, nil, &detail)
	return detail.Muted
}

func (a *admin) recorded(ctx context.Context, id string) recorded {
	a.Helper()
	var all struct{ Items []recorded }
	a.do(ctx, "GET", "/captures", nil, &all)
	i := slices.IndexFunc(all.Items, func(r recorded) bool { return r.ID == id })
	if i < 0 {
		a.Fatalf("there is no capture %s in %+v", id, all)
	}
	return all.Items[i]
}

// fetch downloads a file.
func (a *admin) fetch(ctx context.Context, path string) []byte {
	a.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, a.base+"/api/v1"+path, http.NoBody)
	if err != nil {
		a.Fatal(err)
	}
	resp, err := a.client.Do(r)
	if err != nil {
		a.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		a.Fatalf("%s: %s %s %v", path, resp.Status, b, err)
	}
	return b
}
