package tandem

import (
	"net/http"
	"net/http/httptest"
	"testing"
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
