package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"tandem/alarm"
	"tandem/internal/public"
	"tandem/store"
	"tandem/token"
)

const secret = token.Secret("a secret of enough length")

func book(t *testing.T) *Book {
	t.Helper()
	dir := t.TempDir()
	db, err := store.Open(t.Context(), filepath.Join(dir, "test.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	key, err := store.OpenKey(filepath.Join(dir, "key"))
	if err != nil {
		t.Fatal(err)
	}
	return NewBook(db, func() (*store.Secrets, error) { return &store.Secrets{DB: db, Key: key}, nil })
}

// receiver answers what the test wants, and keeps what came.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	status []int // answers; the last one stays
	got    []string
	came   chan struct{}
	t      *testing.T
}

func receive(t *testing.T, status ...int) *receiver {
	r := &receiver{status: status, came: make(chan struct{}, 100), t: t}
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, _ := io.ReadAll(req.Body)
	if want := "sha256=" + Sign(secret, req.Header.Get("Tandem-Timestamp"), body); req.Header.Get("Tandem-Signature") != want {
		r.t.Errorf("signature %q, want %q", req.Header.Get("Tandem-Signature"), want)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.got = append(r.got, string(body))
	status := r.status[0]
	if len(r.status) > 1 {
		r.status = r.status[1:]
	}
	if status >= 300 && status < 400 {
		w.Header().Set("Location", "http://127.0.0.1:1/elsewhere")
	}
	w.WriteHeader(status)
	r.came <- struct{}{}
}

func sender(t *testing.T, b *Book, hooks ...Hook) (*Sender, *alarm.Board) {
	t.Helper()
	for _, h := range hooks {
		h.Secret, h.Enabled = secret, true
		if _, _, err := b.Put(t.Context(), h, 0); err != nil {
			t.Fatal(err)
		}
	}
	board := &alarm.Board{Log: slog.New(slog.DiscardHandler)}
	s := &Sender{Book: b, Log: slog.New(slog.DiscardHandler), Node: "gw1", Alarms: board}
	ctx, stop := context.WithCancel(context.Background())
	if err := s.load(ctx); err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return s, board
}

func TestEventsAreSignedAndInOrder(t *testing.T) {
	r := receive(t, 200)
	s, _ := sender(t, book(t), Hook{Name: "a", URL: r.URL, Private: true, Events: []string{"call.ended"}})
	s.Publish("call.began", 0)
	s.Publish("call.ended", map[string]int{"n": 1})
	s.Publish("call.ended", map[string]int{"n": 2})
	<-r.came
	<-r.came
	for i, text := range r.got {
		var e struct {
			Node, Event, ID string
			Seq, Version    int
			Time            float64
			Data            struct{ N int }
		}
		if err := json.Unmarshal([]byte(text), &e); err != nil || e.Node != "gw1" || e.Event != "call.ended" || e.Seq != i+1 || e.Data.N != i+1 || e.Version != 1 || e.Time < 1e9 || e.ID == "" {
			t.Errorf("%s, %v", text, err)
		}
	}
	if status, err := s.Test(t.Context(), "a"); err != nil || status != 200 || !strings.Contains(r.got[2], `"event":"test"`) {
		t.Errorf("%d, %v", status, err)
	}
}

func TestAFailureIsTriedAgain(t *testing.T) {
	r := receive(t, 500, 200)
	b := book(t)
	s, _ := sender(t, b, Hook{Name: "a", URL: r.URL, Private: true})
	s.Publish("call.ended", 1)
	<-r.came
	<-r.came // two seconds later
	if r.got[0] != r.got[1] {
		t.Errorf("another body: %q", r.got)
	}
	if dead, err := b.Dead(t.Context(), "a", 10); err != nil || len(dead) != 0 {
		t.Errorf("%+v, %v", dead, err)
	}
}

func TestWhatIsNeverTakenIsKept(t *testing.T) {
	gone, moved := receive(t, 410), receive(t, 302)
	b := book(t)
	s, board := sender(t, b, Hook{Name: "gone", URL: gone.URL, Private: true}, Hook{Name: "moved", URL: moved.URL, Private: true},
		Hook{Name: "inside", URL: strings.Replace(gone.URL, "http://", "https://", 1)})
	s.Publish("alarm.raised", "x")
	for _, test := range []struct{ hook, says string }{{"gone", "410"}, {"moved", "not followed"}, {"inside", "private"}} {
		var dead []Letter
		for len(dead) == 0 && t.Context().Err() == nil {
			var err error
			if dead, err = b.Dead(t.Context(), test.hook, 10); err != nil {
				t.Fatal(err)
			}
		}
		if dead[0].Tries != 1 || !strings.Contains(dead[0].Error, test.says) || dead[0].Event != "alarm.raised" || len(dead[0].Body) == 0 {
			t.Errorf("%s: %+v", test.hook, dead[0])
		}
	}
	if n := len(board.Active()); n != 3 {
		t.Errorf("%d alarms", n)
	}
	if len(gone.got) != 1 || len(moved.got) != 1 {
		t.Errorf("asked %d and %d times", len(gone.got), len(moved.got))
	}
}

func TestWhatWasNeverTakenIsSentAgain(t *testing.T) {
	r := receive(t, 410, 410, 200)
	b := book(t)
	s, _ := sender(t, b, Hook{Name: "a", URL: r.URL, Private: true})
	dead := func(tries int) Letter {
		for t.Context().Err() == nil {
			all, err := b.Dead(t.Context(), "a", 10)
			if err != nil {
				t.Fatal(err)
			}
			if len(all) == 1 && len(r.came) == 0 && tries > 0 || len(all) == 0 && tries == 0 {
				return append(all, Letter{})[0]
			}
		}
		return Letter{}
	}
	s.Publish("call.ended", 1)
	<-r.came
	l := dead(1)
	if err := s.Again(t.Context(), "a", "no such letter"); !errors.Is(err, ErrNotFound) {
		t.Errorf("%v", err)
	}
	if err := s.Again(t.Context(), "b", l.ID); !errors.Is(err, ErrNotFound) {
		t.Errorf("%v", err)
	}
	if err := s.Again(t.Context(), "a", l.ID); err != nil {
		t.Fatal(err)
	}
	<-r.came // refused once more: it stays among the dead
	l = dead(1)
	if err := s.Again(t.Context(), "a", l.ID); err != nil {
		t.Fatal(err)
	}
	<-r.came
	dead(0) // taken, and no longer listed
	if r.got[0] != r.got[1] || r.got[1] != r.got[2] {
		t.Errorf("another body: %q", r.got)
	}
}

func TestHooksThatCannotBe(t *testing.T) {
	b := book(t)
	good := Hook{Name: "a", URL: "https://example.com/x", Secret: secret}
	for _, test := range []struct {
		field  string
		change func(*Hook)
	}{
		{"name", func(h *Hook) { h.Name = "" }},
		{"name", func(h *Hook) { h.Name = "a/b" }},
		{"url", func(h *Hook) { h.URL = "ftp://example.com" }},
		{"url", func(h *Hook) { h.URL = "https://user:password@example.com" }},
		{"url", func(h *Hook) { h.URL = "http://example.com" }},
		{"url", func(h *Hook) { h.URL = "file:///etc/passwd" }},
		{"events[1]", func(h *Hook) { h.Events = []string{"call.ended", "all"} }},
		{"secret", func(h *Hook) { h.Secret = "short" }},
		{"secret", func(h *Hook) { h.Secret = "" }},
	} {
		h := good
		test.change(&h)
		var bad *InputError
		if _, _, err := b.Put(t.Context(), h, 0); !errors.As(err, &bad) || bad.Field != test.field {
			t.Errorf("%s: %v", test.field, err)
		}
	}
	_, v, err := b.Put(t.Context(), good, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := b.Put(t.Context(), good, 0); !errors.Is(err, ErrTaken) {
		t.Errorf("again: %v", err)
	}
	good.Secret = "" // keeps it
	if _, v, err = b.Put(t.Context(), good, v); err != nil || v != 2 {
		t.Errorf("%d, %v", v, err)
	}
	if h, _, err := b.Get(t.Context(), "a"); err != nil || h.Secret != secret {
		t.Errorf("%v", err)
	}
	if _, _, err := b.Put(t.Context(), good, 1); !errors.Is(err, ErrConflict) {
		t.Errorf("an old version: %v", err)
	}
	if err := b.Remove(t.Context(), "a"); err != nil {
		t.Error(err)
	}
	if err := b.Remove(t.Context(), "a"); !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
}

func TestTooManyEventsAreDropped(t *testing.T) {
	s := &Sender{Log: slog.New(slog.DiscardHandler), hooks: []Hook{{Name: "a", Enabled: true}}, lines: map[string]*line{"a": {queue: make(chan Letter, 2)}}}
	for range 10 { // nobody reads: it would wait for ever
		s.Publish("call.ended", 1)
	}
	if s.Dropped() != 8 {
		t.Errorf("%d dropped", s.Dropped())
	}
}

// What a name leads to counts in the moment of connecting; a redirection is not followed.
func TestTheOwnNetworkGetsNoEvents(t *testing.T) {
	b := book(t)
	r := receive(t, 200)
	_, port, _ := strings.Cut(strings.TrimPrefix(r.URL, "http://"), ":")
	for i, host := range []string{"127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "[::1]", "0.0.0.0"} {
		h := Hook{Name: fmt.Sprintf("h%d", i), URL: "https://" + host + ":" + port + "/", Secret: secret, Enabled: true}
		if _, _, err := b.Put(t.Context(), h, 0); err != nil {
			t.Fatal(err)
		}
		if _, err := (&Sender{Book: b, Log: slog.New(slog.DiscardHandler)}).Test(t.Context(), h.Name); !errors.Is(err, public.ErrPrivate) {
			t.Errorf("%s: %v", host, err)
		}
	}
	if len(r.got) > 0 {
		t.Errorf("%d events arrived", len(r.got))
	}
	away := receive(t, 302)
	h := Hook{Name: "away", URL: away.URL, Private: true, Secret: secret, Enabled: true}
	if _, _, err := b.Put(t.Context(), h, 0); err != nil {
		t.Fatal(err)
	}
	if status, err := (&Sender{Book: b, Log: slog.New(slog.DiscardHandler)}).Test(t.Context(), "away"); status != 302 || err == nil || !strings.Contains(err.Error(), "not followed") {
		t.Errorf("%d, %v", status, err)
	}
}

// No name and no secret of a hook becomes a header of its own.
func TestNothingOfAHookBecomesAHeader(t *testing.T) {
	b := book(t)
	for _, h := range []Hook{
		{Name: "a\r\nX: y", URL: "https://example.com/"}, {Name: "a", URL: "https://example.com/\r\nX: y"}, {Name: "a", URL: "https://exa\nmple.com/"},
	} {
		h.Secret = secret
		var bad *InputError
		if _, _, err := b.Put(t.Context(), h, 0); !errors.As(err, &bad) {
			t.Errorf("%q %q: %v", h.Name, h.URL, err)
		}
	}
}
