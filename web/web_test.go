package web

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
)

func ask(t *testing.T, method, path string, header ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(method, path, nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	Handler().ServeHTTP(w, r)
	return w.Result()
}

func text(t *testing.T, r io.Reader) string {
	t.Helper()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestTheRootIsThePage(t *testing.T) {
	r := ask(t, "GET", "/")
	page := text(t, r.Body)
	if r.StatusCode != 200 || !strings.Contains(page, `<div id="app">`) {
		t.Fatalf("got %d and %q", r.StatusCode, page)
	}
	if got, want := r.Header.Get("Content-Type"), "text/html; charset=utf-8"; got != want {
		t.Errorf("got Content-Type %q, want %q", got, want)
	}
	if got, want := r.Header.Get("Cache-Control"), "no-cache"; got != want {
		t.Errorf("got Cache-Control %q, want %q: a new version would not be seen", got, want)
	}
	again := ask(t, "GET", "/", "If-None-Match", r.Header.Get("ETag"))
	if again.StatusCode != http.StatusNotModified {
		t.Errorf("got %d for a page the browser has, want 304", again.StatusCode)
	}
}

// What the page loads is there, is cached for ever, and nothing is inline or from elsewhere.
func TestThePageLoadsOnlyItsOwnFiles(t *testing.T) {
	page := text(t, ask(t, "GET", "/").Body)
	loads := regexp.MustCompile(`(?:src|href)="([^"]+)"`).FindAllStringSubmatch(page, -1)
	if len(loads) < 3 {
		t.Fatalf("got %d files in %s, want script, style and icon", len(loads), page)
	}
	for _, l := range loads {
		r := ask(t, "GET", l[1])
		if r.StatusCode != 200 {
			t.Errorf("%s: got %d", l[1], r.StatusCode)
		}
		if got := r.Header.Get("Cache-Control"); !strings.Contains(got, "immutable") {
			t.Errorf("%s: got Cache-Control %q, want immutable", l[1], got)
		}
	}
	if regexp.MustCompile(`<script[^>]*>[^<]`).MatchString(page) || strings.Contains(page, "<style") || strings.Contains(page, " style=") {
		t.Error("the page has inline script or style, which its policy forbids")
	}
}

func TestEveryAnswerCarriesThePolicy(t *testing.T) {
	r := ask(t, "GET", "/")
	for _, h := range []string{"Content-Security-Policy", "X-Content-Type-Options", "Referrer-Policy", "X-Frame-Options"} {
		if r.Header.Get(h) == "" {
			t.Errorf("%s is missing", h)
		}
	}
	for _, weak := range []string{"unsafe-inline", "unsafe-eval", "data:", "*", "http"} {
		if strings.Contains(Policy, weak) {
			t.Errorf("the policy has %s", weak)
		}
	}
}

func TestFilesAreSentCompressedToThoseWhoTakeIt(t *testing.T) {
	plain := text(t, ask(t, "GET", "/").Body)
	for accept, want := range map[string]string{"gzip": "gzip", "br, gzip;q=0.5": "gzip", "gzip;q=0": "", "br": "", "": ""} {
		r := ask(t, "GET", "/", "Accept-Encoding", accept)
		if got := r.Header.Get("Content-Encoding"); got != want {
			t.Errorf("%q: got Content-Encoding %q, want %q", accept, got, want)
			continue
		}
		body := io.Reader(r.Body)
		if want == "gzip" {
			z, err := gzip.NewReader(r.Body)
			if err != nil {
				t.Fatal(err)
			}
			body = z
		}
		if text(t, body) != plain {
			t.Errorf("%q: the content differs", accept)
		}
	}
}

func TestWhatIsNotThereIs404(t *testing.T) {
	for _, path := range []string{"/nowhere", "/dist/index.html", "/assets/", "/assets", "/index.html/", "/../web.go", "/%2e%2e/web.go", "/api/v1/status"} {
		if r := ask(t, "GET", path); r.StatusCode != 404 {
			t.Errorf("%s: got %d, want 404", path, r.StatusCode)
		}
	}
	if r := ask(t, "POST", "/"); r.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("POST: got %d, want 405", r.StatusCode)
	}
}

// A page that is interactive within a second on a slow line is a small one.
func TestTheBundleIsSmall(t *testing.T) {
	files, err := read(bundle)
	if err != nil {
		t.Fatal(err)
	}
	total := 0
	for _, f := range files {
		if f.gzip != nil {
			total += len(f.gzip)
		} else {
			total += len(f.plain)
		}
	}
	if most := 250_000; total > most {
		t.Errorf("the bundle is %d bytes compressed, want less than %d", total, most)
	}
	t.Logf("%d files, %d bytes compressed", len(files), total)
}
