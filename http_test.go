package tandem

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"testing"
	"time"

	"tandem/config"
	"tandem/leg/sipua"
)

// A browser is told to come by TLS only (HSTS) when it came by TLS.
func TestTLSIsDemandedOfWhomItReached(t *testing.T) {
	for _, encrypted := range []bool{true, false} {
		w := httptest.NewRecorder()
		secured(http.NotFoundHandler(), func(*http.Request) bool { return encrypted }).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
		if got := w.Header().Get("Strict-Transport-Security") != ""; got != encrypted {
			t.Errorf("encrypted %v: %v", encrypted, w.Header())
		}
	}
}

// Who sends headers or a body slowly, or reads slowly, is given up: no time is without end.
func TestNoClientIsWaitedForWithoutEnd(t *testing.T) {
	c := &config.Config{Store: "sqlite:" + filepath.Join(t.TempDir(), "tandem.db"), HTTP: "127.0.0.1:0"}
	c.Media.Bind = netip.MustParseAddr("127.0.0.1")
	c.SIP.Listen = []sipua.Listen{{Network: "udp", Addr: "127.0.0.1:0"}}
	g, err := New(t.Context(), c, Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := g.Close(); err != nil {
			t.Error(err)
		}
	}()
	p := g.serveHTTP(t.Context())
	defer func() { _ = p.Close() }()
	for what, d := range map[string]time.Duration{
		"headers": p.server.ReadHeaderTimeout, "a request": p.server.ReadTimeout, "an answer": p.server.WriteTimeout, "silence": p.server.IdleTimeout,
	} {
		if d <= 0 || d > time.Minute {
			t.Errorf("%s may take %v", what, d)
		}
	}
	if n := p.server.MaxHeaderBytes; n <= 0 || n > 1<<20 {
		t.Errorf("headers may have %d bytes", n)
	}
}
