package api

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"tandem/alarm"
	"tandem/call"
	"tandem/config"
	"tandem/control"
	"tandem/identity"
	"tandem/route"
	"tandem/store"
)

// pages asks for one address again and again.
func (s *Server) pages(b *testing.B, key, path string) {
	b.Run(path, func(b *testing.B) {
		h := s.Handler()
		for b.Loop() {
			s.limits = limiter{}
			req := httptest.NewRequest("GET", prefix+path, nil)
			req.Header.Set("Authorization", "Bearer "+key)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, req)
			if w.Code != http.StatusOK {
				b.Fatal(w.Code, w.Body)
			}
		}
	})
}

func ok(b *testing.B, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// A page of 100,000 calls that were, of 1,000 that run, and of 10,000 rules.
func BenchmarkPages(b *testing.B) {
	ctx, dir, log := b.Context(), b.TempDir(), slog.New(slog.DiscardHandler)
	db, err := store.Open(ctx, filepath.Join(dir, "bench.db"))
	ok(b, err)
	defer db.Close()
	conf := &config.Config{}
	conf.DialPlan.Rules = make([]route.RuleConfig, 10_000)
	for i := range conf.DialPlan.Rules {
		conf.DialPlan.Rules[i] = route.RuleConfig{Name: fmt.Sprintf("rule %05d", i), Match: fmt.Sprintf(`\+1%010d`, i), To: []route.Target{{Trunk: "t"}}}
	}
	m := &control.Manager{DB: db, Base: conf, File: "bench", Log: log}
	ok(b, m.Open(ctx))
	g := &fakeGateway{board: &alarm.Board{Log: log}}
	for i := range 1000 {
		g.calls = append(g.calls, running(fmt.Sprintf("%04d", i), call.Active))
	}
	h := &store.Log[call.Record]{DB: db, Name: "calls"}
	for n := range 100 {
		ok(b, db.Atomically(ctx, func(ctx context.Context) error {
			for i := range 1000 {
				r := record(n*1000 + i)
				if err := h.Append(ctx, store.Entry[call.Record]{ID: r.ID, At: r.Began, Value: r}); err != nil {
					return err
				}
			}
			return nil
		}))
	}
	k := identity.New(db, log)
	_, key, err := k.AddKey(ctx, &identity.Principal{Scopes: identity.Scopes()}, "bench", []identity.Scope{identity.Read}, time.Time{})
	ok(b, err)
	s := &Server{Identity: k, Config: m, Gateway: g, History: h, Log: log}
	for _, path := range []string{
		"/rules", "/rules?after=rule%2009000", "/rules?q=0009999", "/calls?limit=1000", "/history", "/history?cause=busy", "/history?q=12025500007", "/history?q=nobody",
	} {
		s.pages(b, key, path)
	}
}
