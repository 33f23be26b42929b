package api

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"tandem/alarm"
	"tandem/call"
	"tandem/config"
	"tandem/control"
	"tandem/evidence"
	"tandem/identity"
	"tandem/leg/gvoice"
	"tandem/leg/meet"
	"tandem/leg/sipua"
	"tandem/route"
	"tandem/store"
	"tandem/token"
	"tandem/webhook"
)

const password = "a sentence to sign in"

// fakeGateway is a gateway whose calls are the test's.
type fakeGateway struct {
	mu     sync.Mutex
	table  *route.Table
	board  *alarm.Board
	calls  []call.Running
	orders []string
	ended  *store.Log[alarm.Alarm]
	token  *token.Gateway
}

func (g *fakeGateway) Explain(r call.Request) route.Trace { return g.table.Explain(r) }
func (g *fakeGateway) Overview() Overview {
	return Overview{Version: "test", Series: new(Pulse).Series(time.Unix(1e9, 0))}
}

func (g *fakeGateway) Running() []call.Running {
	g.mu.Lock()
	defer g.mu.Unlock()
	return append([]call.Running(nil), g.calls...)
}

func (g *fakeGateway) Look(_ context.Context, id string) (call.View, error) {
	for _, c := range g.Running() {
		if c.ID == id {
			return call.View{Running: c, Legs: []call.LegView{{LegRecord: c.A, Session: "RTP PCMU"}}}, nil
		}
	}
	return call.View{}, call.ErrNoCall
}

func (g *fakeGateway) Evidence(context.Context, string) (evidence.Evidence, error) {
	return evidence.Evidence{}, ErrNotFound
}

func (g *fakeGateway) Accounts() []gvoice.Status {
	return []gvoice.Status{{Account: "home", State: gvoice.Registered}}
}
func (g *fakeGateway) Devices() []sipua.DeviceStatus { return nil }
func (g *fakeGateway) Trunks() []sipua.TrunkStatus   { return nil }
func (g *fakeGateway) Meetings() []meet.Status       { return nil }

func (g *fakeGateway) GatewayToken() *token.Gateway { return g.token }
func (g *fakeGateway) TestAccount(_ context.Context, name string) []gvoice.Check {
	if name != "home" {
		return []gvoice.Check{{Name: "token", Text: "invalid_grant"}}
	}
	return []gvoice.Check{{Name: "token", OK: true, Text: "good"}, {Name: "registration", OK: true, Text: "registered"}}
}

func (g *fakeGateway) TestMail(context.Context) error { g.order("mail"); return nil }

func (g *fakeGateway) order(words ...string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.orders = append(g.orders, strings.Join(words, " "))
}

func (g *fakeGateway) Call(_ context.Context, device, to string) (string, error) {
	g.order("call", device, to)
	return "new", nil
}

func (g *fakeGateway) Hangup(id string) bool { g.order("hangup", id); return g.has(id) }
func (g *fakeGateway) has(id string) bool {
	_, err := g.Look(context.Background(), id)
	return err == nil
}

func (g *fakeGateway) do(id string, words ...string) error {
	if !g.has(id) {
		return call.ErrNoCall
	}
	g.order(append(words, id)...)
	return nil
}

func (g *fakeGateway) Transfer(_ context.Context, id, to string) error {
	return g.do(id, "transfer", to)
}

func (g *fakeGateway) Keys(_ context.Context, id string, side call.Side, keys string) error {
	return g.do(id, "keys", side.String(), keys)
}

func (g *fakeGateway) Mute(_ context.Context, id string, side call.Side, _ bool) error {
	return g.do(id, "mute", side.String())
}

func (g *fakeGateway) Layout(_ context.Context, id, name string) error {
	return g.do(id, "layout", name)
}

func (g *fakeGateway) Say(_ context.Context, id, text string) error { return g.do(id, "say", text) }
func (g *fakeGateway) Active() []alarm.Alarm                        { return g.board.Active() }
func (g *fakeGateway) Acknowledge(key, who string) bool             { return g.board.Acknowledge(key, who) }

func (g *fakeGateway) Ended(ctx context.Context, s store.Span) ([]store.Entry[alarm.Alarm], error) {
	return g.ended.List(ctx, s)
}

// rig is an API with a store of its own.
type rig struct {
	*testing.T
	server  *Server
	gateway *fakeGateway
	manager *control.Manager
	history *store.Log[call.Record]
	http    *httptest.Server
}

func newRig(t *testing.T) *rig {
	t.Helper()
	dir := t.TempDir()
	log := slog.New(slog.DiscardHandler)
	db, err := store.Open(t.Context(), filepath.Join(dir, "test.db"))
	must(t, err)
	t.Cleanup(func() { _ = db.Close() })
	key, err := store.OpenKey(filepath.Join(dir, "key"))
	must(t, err)
	table, err := route.New(route.Config{})
	must(t, err)
	g := &fakeGateway{table: table, board: &alarm.Board{Log: log}, ended: &store.Log[alarm.Alarm]{DB: db, Name: "alarms"}}
	m := &control.Manager{DB: db, Secrets: &store.Secrets{DB: db, Key: key}, Base: &config.Config{Managed: true}, Log: log, Apply: func(c *config.Config) error {
		t, err := route.New(c.Routes())
		if err == nil {
			g.table = t
		}
		return err
	}}
	must(t, m.Open(t.Context()))
	h := &store.Log[call.Record]{DB: db, Name: "calls"}
	hooks := webhook.NewBook(db, func() (*store.Secrets, error) { return m.Secrets, nil })
	s := &Server{
		Identity: identity.New(db, log), Config: m, Gateway: g, History: h, Log: log,
		Hooks: hooks, Sender: &webhook.Sender{Book: hooks, Log: log},
		Registrations: &store.Log[sipua.Registration]{DB: db, Name: "registrations"},
		Secrets:       func() (*store.Secrets, error) { return m.Secrets, nil },
	}
	ts := httptest.NewServer(s.Handler())
	t.Cleanup(ts.Close)
	return &rig{t, s, g, m, h, ts}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// client is somebody who uses the API.
type client struct {
	*rig
	cookie, csrf, key string
}

// as makes a user and signs them in.
func (r *rig) as(role identity.Role) *client {
	r.Helper()
	name := "the " + string(role)
	if _, err := r.server.Identity.AddUser(r.Context(), name, password, role); err != nil {
		r.Fatal(err)
	}
	c := &client{rig: r}
	answer := c.do("POST", "/session", map[string]string{"user": name, "password": password})
	if answer.status != 200 {
		r.Fatalf("sign in: %+v", answer)
	}
	c.cookie, _, _ = strings.Cut(strings.TrimPrefix(answer.header.Get("Set-Cookie"), cookieName+"="), ";")
	c.csrf = answer.text("csrf")
	return c
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	raw    []byte
	body   map[string]any
}

func (a answer) text(field string) string { s, _ := a.body[field].(string); return s }

func (a answer) items() []any { l, _ := a.body["items"].([]any); return l }

// errorAt returns the message at a location of a problem.
func (a answer) errorAt(location string) string {
	all, _ := a.body["errors"].([]any)
	for _, one := range all {
		if e, _ := one.(map[string]any); e["location"] == location {
			return e["message"].(string)
		}
	}
	return ""
}

func (c *client) do(method, path string, body any, headers ...string) answer {
	c.Helper()
	var r io.Reader
	if text, ok := body.(string); ok {
		r = strings.NewReader(text)
	} else if body != nil {
		b, err := json.Marshal(body)
		must(c.T, err)
		r = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(c.Context(), method, c.http.URL+prefix+path, r)
	must(c.T, err)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.cookie != "" {
		req.AddCookie(&http.Cookie{Name: cookieName, Value: c.cookie})
	}
	if c.csrf != "" {
		req.Header.Set(csrfHeader, c.csrf)
	}
	if c.key != "" {
		req.Header.Set("Authorization", "Bearer "+c.key)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	must(c.T, err)
	defer resp.Body.Close()
	a := answer{status: resp.StatusCode, header: resp.Header}
	a.raw, err = io.ReadAll(resp.Body)
	must(c.T, err)
	_ = json.Unmarshal(a.raw, &a.body)
	return a
}

// want checks the status.
func (a answer) want(t *testing.T, status int) answer {
	t.Helper()
	if a.status != status {
		t.Errorf("got %d %s, want %d", a.status, a.raw, status)
	}
	return a
}
