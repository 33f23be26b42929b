package token_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	sim "tandem/sim/gvoice"
	"tandem/token"
)

const page = "http://127.0.0.1:8080/"

func edge(t *testing.T) *sim.Server {
	t.Helper()
	s := &sim.Server{Config: sim.Config{Accounts: []sim.Account{{
		Number: "+12025550123", ClientID: "client", ClientSecret: "secret", RefreshToken: "refresh", Redirects: []string{page},
	}}}}
	if err := s.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// visit is what a browser does; it returns where it is sent back to, or the answer.
func visit(t *testing.T, to string) (url.Values, int) {
	t.Helper()
	c := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	a, err := c.Get(to)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = a.Body.Close() }()
	back, _ := url.Parse(a.Header.Get("Location"))
	return back.Query(), a.StatusCode
}

func TestAConsentBecomesARefreshToken(t *testing.T) {
	s := edge(t)
	c := token.Consent{ClientID: "client", ClientSecret: "secret", AuthorizeURL: s.ConsentURL(), TokenURL: s.PlainTokenURL(), Private: true, RedirectURL: page}
	p, err := c.Begin()
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(p.URL, "secret") {
		t.Errorf("the secret is in the address: %s", p.URL)
	}
	q, status := visit(t, p.URL)
	if status != http.StatusFound || q.Get("state") != p.State {
		t.Fatalf("%d %v", status, q)
	}
	if _, err := p.Finish(t.Context(), q.Get("code"), "another"); !errors.Is(err, token.ErrState) {
		t.Errorf("another state: %v", err)
	}
	got, err := p.Finish(t.Context(), q.Get("code"), q.Get("state"))
	if err != nil || got.Reveal() != "refresh" {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := p.Finish(t.Context(), q.Get("code"), q.Get("state")); !errors.Is(err, token.ErrInvalidGrant) {
		t.Errorf("the same code again: %v", err)
	}
	src := token.Source{Name: "home", ClientID: "client", ClientSecret: "secret", RefreshToken: got, URL: s.PlainTokenURL(), Private: true}
	if _, _, err := src.Token(t.Context()); err != nil {
		t.Errorf("the refresh token is of no use: %v", err)
	}
}

func TestAConsentThatIsWrongIsRefused(t *testing.T) {
	s := edge(t)
	good := token.Consent{ClientID: "client", ClientSecret: "secret", AuthorizeURL: s.ConsentURL(), TokenURL: s.PlainTokenURL(), Private: true, RedirectURL: page}
	for name, change := range map[string]func(*token.Consent){
		"client_id: ":     func(c *token.Consent) { c.ClientID = "" },
		"redirect_url: ":  func(c *token.Consent) { c.RedirectURL = "http://192.0.2.1/" },
		"token_url: ":     func(c *token.Consent) { c.TokenURL = "http://192.0.2.1/token" },
		"authorize_url: ": func(c *token.Consent) { c.AuthorizeURL = "javascript:alert(1)" },
	} {
		c := good
		change(&c)
		if _, err := c.Begin(); err == nil || !strings.HasPrefix(err.Error(), name) {
			t.Errorf("%v, want an error about %s", err, name)
		}
	}
	for name, change := range map[string]func(*token.Consent){
		"another client":  func(c *token.Consent) { c.ClientID = "other" },
		"another address": func(c *token.Consent) { c.RedirectURL = "http://127.0.0.1:8080/other" },
	} {
		c := good
		change(&c)
		p, err := c.Begin()
		if err != nil {
			t.Fatal(err)
		}
		if _, status := visit(t, p.URL); status != http.StatusBadRequest {
			t.Errorf("%s: the simulator answers %d", name, status)
		}
	}
	c := good
	c.ClientSecret = "wrong"
	p, _ := c.Begin()
	q, _ := visit(t, p.URL)
	if _, err := p.Finish(t.Context(), q.Get("code"), q.Get("state")); !errors.Is(err, token.ErrInvalidClient) {
		t.Errorf("a wrong secret: %v", err)
	}
	p, _ = good.Begin()
	u, _ := url.Parse(p.URL)
	for field, value := range map[string]string{"scope": "email", "access_type": "online", "code_challenge_method": "plain", "code_challenge": "short", "response_type": "token", "state": "1"} {
		v := u.Query()
		v.Set(field, value)
		if q, _ := visit(t, s.ConsentURL()+"?"+v.Encode()); q.Get("error") != "invalid_request" || q.Get("code") != "" {
			t.Errorf("%s=%s: %v", field, value, q)
		}
	}
}
