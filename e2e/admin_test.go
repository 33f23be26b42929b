package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"tandem/config"
	"tandem/internal/stage"
	"tandem/sim/phone"
)

// admin is a browser.
type admin struct {
	*testing.T
	base, csrf string
	client     http.Client
}

// do asks the API, and wants an answer of the 200s.
func (a *admin) do(ctx context.Context, method, path string, body any, out any) {
	a.Helper()
	var r io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			a.Fatal(err)
		}
		r = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, a.base+"/api/v1"+path, r)
	if err != nil {
		a.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-CSRF-Token", a.csrf)
	resp, err := a.client.Do(req)
	if err != nil {
		a.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode >= 300 {
		a.Fatalf("%s %s: %d %s %v", method, path, resp.StatusCode, text, err)
	}
	if out != nil {
		if err := json.Unmarshal(text, out); err != nil {
			a.Fatalf("%s %s: %v in %s", method, path, err, text)
		}
	}
}

// announced keeps what the gateway says when it starts.
type announced struct {
	mu   sync.Mutex
	text strings.Builder
}

func (a *announced) Write(p []byte) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.text.Write(p)
}

// link waits for the one-time link; nil when there is none.
func (a *announced) link(ctx context.Context) []string {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		a.mu.Lock()
		found := setupLink.FindStringSubmatch(a.text.String())
		a.mu.Unlock()
		if found != nil {
			return found
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

var setupLink = regexp.MustCompile(`(http://[^/]+)/#/setup\?token=([\w-]+)`)

// TestAnAdministratorSetsUpAPhoneAndCalls goes from the one-time link to a call
// with its evidence, without a restart.
func TestAnAdministratorSetsUpAPhoneAndCalls(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Minute)
	defer cancel()
	said := new(announced)
	s, err := stage.Start(ctx, stage.Options{
		Dir: t.TempDir(), Log: slog.New(slog.NewTextHandler(said, nil)), HTTP: "127.0.0.1:0",
		Change: func(c *config.Config) { c.Managed, c.Evidence.Store = true, "all" },
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

	a.do(ctx, "POST", "/devices", map[string]any{"name": "hall", "password": "hall's password"}, nil)
	a.do(ctx, "POST", "/rules", map[string]any{"name": "the hall", "match": "77", "to": []any{map[string]string{"device": "hall"}}}, nil)
	hall, err := s.Phone(ctx, "hall", func(c *phone.Config) { c.Password, c.Tone = "hall's password", 800 })
	if err != nil {
		t.Fatal(err)
	}
	kitchen, err := s.Phone(ctx, stage.Kitchen, func(c *phone.Config) { c.Tone = 600 })
	if err != nil {
		t.Fatal(err)
	}
	c, err := kitchen.Call(ctx, "77")
	if err != nil {
		t.Fatal(err)
	}
	if err := c.WaitTone(ctx, 800, 300*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	id := a.oneCall(ctx, "active")
	var detail struct {
		Ladder   []struct{ Leg, Summary, Text string } `json:"ladder"`
		Streams  []struct{ Leg, Codec string }         `json:"streams"`
		Pipeline []string                              `json:"pipeline"`
	}
	a.do(ctx, "GET", "/calls/"+id, nil, &detail)
	if len(detail.Streams) != 4 || len(detail.Pipeline) != 3 {
		t.Errorf("%+v", detail)
	}
	a.do(ctx, "DELETE", "/calls/"+id, nil, nil)
	if _, err := c.Wait(ctx); err != nil {
		t.Fatal(err)
	}
	a.checkHistory(ctx, id)
	a.callBack(ctx, hall, kitchen)
}

// setUp makes the first user by the link in the log.
func setUp(ctx context.Context, t *testing.T, said *announced) *admin {
	t.Helper()
	link := said.link(ctx)
	if link == nil {
		t.Fatal("the log shows no link")
	}
	jar, _ := cookiejar.New(nil)
	a := &admin{T: t, base: link[1], client: http.Client{Jar: jar}}
	var session struct{ CSRF string }
	a.do(ctx, "POST", "/setup", map[string]string{"token": link[2], "user": "root", "password": "a sentence to sign in"}, &session)
	a.csrf = session.CSRF
	return a
}

// oneCall waits for the only call to reach a phase, and returns its ID.
func (a *admin) oneCall(ctx context.Context, phase string) string {
	a.Helper()
	var calls struct{ Items []struct{ ID, Phase string } }
	for ; ctx.Err() == nil; a.pause(ctx) {
		a.do(ctx, "GET", "/calls", nil, &calls)
		if len(calls.Items) == 1 && calls.Items[0].Phase == phase {
			return calls.Items[0].ID
		}
	}
	a.Fatalf("no call is %s: %+v", phase, calls)
	return ""
}

// pause keeps below the rate limit while something is waited for.
func (a *admin) pause(ctx context.Context) {
	t := time.NewTimer(20 * time.Millisecond)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// checkHistory wants the SIP messages of both legs, without the phone's digest.
func (a *admin) checkHistory(ctx context.Context, id string) {
	a.Helper()
	var past struct {
		Cause  string
		Ladder []struct{ Leg, Direction, Summary, Text string }
	}
	for ; ctx.Err() == nil; a.pause(ctx) {
		a.do(ctx, "GET", "/history/"+id, nil, &past)
		if past.Cause != "lost" && len(past.Ladder) > 10 {
			break
		}
	}
	seen := make(map[string]int)
	for _, m := range past.Ladder {
		word, _, _ := strings.Cut(m.Summary, " ")
		seen[m.Leg+" "+m.Direction+" "+word]++
		if strings.Contains(m.Text, "response=") {
			a.Errorf("a digest is shown: %s", m.Text)
		}
	}
	want := map[string]int{"a in INVITE": 2, "a out 401": 1, "a out 200": 1, "b out INVITE": 1, "b in 200": 1}
	for what, n := range want {
		if seen[what] < n {
			a.Errorf("the ladder has %d of %q, want %d: %v", seen[what], what, n, seen)
		}
	}
}

// callBack has the API call the kitchen from the hall: the hall rings first.
func (a *admin) callBack(ctx context.Context, hall, kitchen *phone.Phone) {
	a.Helper()
	var made struct{ ID string }
	a.do(ctx, "POST", "/calls", map[string]string{"from": "hall", "to": stage.Kitchen}, &made)
	first, err := hall.NextCall(ctx)
	if err != nil {
		a.Fatal(err)
	}
	second, err := kitchen.NextCall(ctx)
	if err != nil {
		a.Fatal(err)
	}
	if err := second.WaitTone(ctx, 800, 300*time.Millisecond); err != nil {
		a.Fatal(err)
	}
	if err := first.WaitTone(ctx, 600, 300*time.Millisecond); err != nil {
		a.Fatal(err)
	}
	if id := a.oneCall(ctx, "active"); id != made.ID {
		a.Errorf("the call is %s, want %s", id, made.ID)
	}
	a.do(ctx, "POST", fmt.Sprintf("/calls/%s/dtmf", made.ID), map[string]string{"digits": "5#", "leg": "b"}, nil)
	if err := second.WaitDTMF(ctx, "5#"); err != nil {
		a.Error(err)
	}
	if err := second.HangUp(ctx); err != nil {
		a.Error(err)
	}
	if _, err := first.Wait(ctx); err != nil {
		a.Error(err)
	}
}
