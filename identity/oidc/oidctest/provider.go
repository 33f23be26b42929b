// Package oidctest is a small, strict OpenID Connect provider for tests: what a client
// does that the standard forbids is an error of the test.
package oidctest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// What the provider knows of its client.
const (
	ClientID     = "tandem"
	ClientSecret = "a secret with / and + in it"
)

// A Provider signs everybody in at once as Claims say. Change Forge to make it send
// what a client must not take.
type Provider struct {
	URL      string // the issuer
	Roots    string // PEM file
	Redirect string // the only address that browsers are sent back to
	Refuse   string // the error that is sent back instead of a code

	mu     sync.Mutex // guards what follows
	claims map[string]any
	forge  func(claims map[string]any, key *ecdsa.PrivateKey) string
	codes  map[string]url.Values // authorization requests by the codes they led to

	t   *testing.T
	key *ecdsa.PrivateKey
}

// New starts a provider that ends with the test.
func New(t *testing.T, redirect string) *Provider {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p := &Provider{t: t, key: key, Redirect: redirect, codes: make(map[string]url.Values)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", p.discovery)
	mux.HandleFunc("GET /keys", p.keys)
	mux.HandleFunc("GET /authorize", p.authorize)
	mux.HandleFunc("POST /token", p.token)
	s := httptest.NewTLSServer(mux)
	t.Cleanup(s.Close)
	p.URL, p.Roots = s.URL, filepath.Join(t.TempDir(), "provider.pem")
	root := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	if err := os.WriteFile(p.Roots, root, 0o600); err != nil {
		t.Fatal(err)
	}
	p.Person(map[string]any{"sub": "1", "email": "anna@example.com", "email_verified": true})
	return p
}

// Person is who signs in from now on.
func (p *Provider) Person(claims map[string]any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.claims = claims
}

// Forge makes ID tokens itself from now on; nil leaves it to the provider.
func (p *Provider) Forge(f func(claims map[string]any, key *ecdsa.PrivateKey) string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.forge = f
}

// Visit is what a browser does that is sent to the provider: it returns where the provider
// sends it back to.
func (p *Provider) Visit(to string) *url.URL {
	p.t.Helper()
	u, err := url.Parse(to)
	if err != nil {
		p.t.Fatal(err)
	}
	w := httptest.NewRecorder()
	p.authorize(w, httptest.NewRequest(http.MethodGet, u.String(), nil))
	back, err := url.Parse(w.Header().Get("Location"))
	if err != nil || w.Code != http.StatusFound {
		p.t.Fatalf("the provider answers %d %s", w.Code, w.Body)
	}
	return back
}

// Sign makes a token of claims.
func Sign(t *testing.T, key any, claims map[string]any) string {
	t.Helper()
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, (&jose.SignerOptions{}).WithType("JWT").WithHeader("kid", "1"))
	if err != nil {
		t.Fatal(err)
	}
	text, err := jwt.Signed(s).Claims(claims).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func (p *Provider) discovery(w http.ResponseWriter, _ *http.Request) {
	write(w, http.StatusOK, map[string]any{
		"issuer": p.URL, "authorization_endpoint": p.URL + "/authorize", "token_endpoint": p.URL + "/token", "jwks_uri": p.URL + "/keys",
		"response_types_supported": []string{"code"}, "subject_types_supported": []string{"public"}, "id_token_signing_alg_values_supported": []string{"ES256"},
	})
}

func (p *Provider) keys(w http.ResponseWriter, _ *http.Request) {
	write(w, http.StatusOK, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: p.key.Public(), KeyID: "1", Algorithm: "ES256", Use: "sig"}}})
}

func (p *Provider) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	for name, want := range map[string]string{"response_type": "code", "client_id": ClientID, "redirect_uri": p.Redirect, "code_challenge_method": "S256"} {
		if got := q.Get(name); got != want {
			p.t.Errorf("authorization request: %s is %q, want %q", name, got, want)
		}
	}
	for _, name := range []string{"state", "nonce", "code_challenge"} {
		if len(q.Get(name)) < 32 {
			p.t.Errorf("authorization request: %s is %q, which can be guessed", name, q.Get(name))
		}
	}
	if !slices.Contains(strings.Fields(q.Get("scope")), "openid") {
		p.t.Errorf("authorization request: scope %q lacks openid", q.Get("scope"))
	}
	back := url.Values{"state": {q.Get("state")}, "iss": {p.URL}}
	if p.Refuse != "" {
		back.Set("error", p.Refuse)
	} else {
		code := rand.Text()
		p.mu.Lock()
		p.codes[code] = q
		p.mu.Unlock()
		back.Set("code", code)
	}
	w.Header().Set("Location", p.Redirect+"?"+back.Encode())
	w.WriteHeader(http.StatusFound)
}

func (p *Provider) token(w http.ResponseWriter, r *http.Request) {
	id, secret, _ := r.BasicAuth()
	id, _ = url.QueryUnescape(id) // RFC 6749 §2.3.1
	secret, _ = url.QueryUnescape(secret)
	if id != ClientID || secret != ClientSecret {
		write(w, http.StatusUnauthorized, map[string]string{"error": "invalid_client"})
		return
	}
	code := r.PostFormValue("code")
	p.mu.Lock()
	defer p.mu.Unlock()
	asked, ok := p.codes[code]
	delete(p.codes, code) // once only
	sum := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	switch {
	case !ok, r.PostFormValue("grant_type") != "authorization_code", r.PostFormValue("redirect_uri") != p.Redirect,
		base64.RawURLEncoding.EncodeToString(sum[:]) != asked.Get("code_challenge"):
		write(w, http.StatusBadRequest, map[string]string{"error": "invalid_grant"})
		return
	}
	claims := map[string]any{"iss": p.URL, "aud": ClientID, "exp": time.Now().Add(time.Minute).Unix(), "iat": time.Now().Unix(), "nonce": asked.Get("nonce")}
	for name, v := range p.claims {
		claims[name] = v
	}
	text := ""
	if p.forge != nil {
		text = p.forge(claims, p.key)
	} else {
		text = Sign(p.t, p.key, claims)
	}
	write(w, http.StatusOK, map[string]any{"access_token": rand.Text(), "token_type": "Bearer", "expires_in": 60, "id_token": text})
}

func write(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the test finds out
}
