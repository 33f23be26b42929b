package oidc

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"tandem/identity/oidc/oidctest"
	"tandem/internal/public"
	"tandem/token"
)

const redirect = "https://gateway.example.com" + CallbackPath

func configured(p *oidctest.Provider) Config {
	return Config{
		Issuer: p.URL, ClientID: oidctest.ClientID, ClientSecret: token.Secret(oidctest.ClientSecret), RedirectURL: redirect, Roots: p.Roots, Private: true,
		Domains: []string{"example.com"}, Role: "viewer", Roles: map[string][]string{"admin": {"owners"}, "operator": {"helpdesk", "desk"}},
	}
}

// signIn goes the whole way.
func signIn(t *testing.T, c *Client, conf Config, p *oidctest.Provider) (Person, error) {
	t.Helper()
	to, cookie, err := c.Begin(t.Context(), conf)
	if err != nil {
		return Person{}, err
	}
	q := p.Visit(to).Query()
	return c.Finish(t.Context(), conf, cookie, Answer{Code: q.Get("code"), State: q.Get("state"), Error: q.Get("error")})
}

func TestWhoTheProviderKnowsSignsIn(t *testing.T) {
	p, c := oidctest.New(t, redirect), new(Client)
	conf := configured(p)
	for _, tt := range []struct {
		name   string
		claims map[string]any
		want   Person
		wrong  string
	}{
		{"by the domain", map[string]any{"sub": "1", "email": "anna@example.com", "email_verified": true}, Person{Name: "anna@example.com", Role: "viewer"}, ""},
		{"verified as a text", map[string]any{"sub": "1", "email": "anna@EXAMPLE.com", "email_verified": "true"}, Person{Name: "anna@EXAMPLE.com", Role: "viewer"}, ""},
		{"by a group", map[string]any{"sub": "2", "email": "ben@example.com", "email_verified": true, "groups": []string{"all", "desk"}}, Person{Name: "ben@example.com", Role: "operator"}, ""},
		{"by two groups", map[string]any{"sub": "2", "email": "ben@example.com", "email_verified": true, "groups": []string{"desk", "owners"}}, Person{Name: "ben@example.com", Role: "admin"}, ""},
		{"one group as a text", map[string]any{"sub": "2", "email": "ben@example.com", "email_verified": true, "groups": "owners"}, Person{Name: "ben@example.com", Role: "admin"}, ""},
		{"groups that are no list", map[string]any{"sub": "2", "email": "ben@example.com", "email_verified": true, "groups": map[string]any{"owners": 1}}, Person{Name: "ben@example.com", Role: "viewer"}, ""},
		{"another domain", map[string]any{"sub": "3", "email": "eve@example.org", "email_verified": true}, Person{}, "of your domain"},
		{"a domain that ends so", map[string]any{"sub": "3", "email": "eve@notexample.com", "email_verified": true}, Person{}, "of your domain"},
		{"an address with two @", map[string]any{"sub": "3", "email": "eve@example.org@example.com", "email_verified": true}, Person{}, "of your domain"},
		{"not verified", map[string]any{"sub": "3", "email": "eve@example.com"}, Person{}, "not verified"},
		{"no address", map[string]any{"sub": "3"}, Person{}, "does not tell your e-mail"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p.Person(tt.claims)
			got, err := signIn(t, c, conf, p)
			if tt.wrong != "" {
				var e *Error
				if !errors.As(err, &e) || !strings.Contains(e.Text, tt.wrong) || e.Detail == nil {
					t.Fatalf("got %+v, %v; want %q", got, err, tt.wrong)
				}
				return
			}
			tt.want.Subject = p.URL + "#" + tt.claims["sub"].(string)
			if err != nil || got != tt.want {
				t.Errorf("got %+v, %v; want %+v", got, err, tt.want)
			}
		})
	}
}

func TestGroupsAloneDecideWithoutARoleForEverybody(t *testing.T) {
	p, c := oidctest.New(t, redirect), new(Client)
	conf := configured(p)
	conf.Role, conf.Domains, conf.Claim = "", nil, "teams"
	p.Person(map[string]any{"sub": "1", "preferred_username": "anna", "groups": []string{"owners"}})
	if got, err := signIn(t, c, conf, p); err == nil || !strings.Contains(err.Error(), "none of the groups") {
		t.Errorf("%+v, %v", got, err)
	}
	p.Person(map[string]any{"sub": "1", "preferred_username": "anna", "teams": []string{"owners"}})
	if got, err := signIn(t, c, conf, p); err != nil || got.Name != "anna" || got.Role != "admin" {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestATokenThatIsNotRightIsNotTaken(t *testing.T) {
	p := oidctest.New(t, redirect)
	conf := configured(p)
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	with := func(name string, v any) func(map[string]any, *ecdsa.PrivateKey) string {
		return func(claims map[string]any, key *ecdsa.PrivateKey) string {
			claims[name] = v
			return oidctest.Sign(t, key, claims)
		}
	}
	for name, forge := range map[string]func(map[string]any, *ecdsa.PrivateKey) string{
		"for another client":     with("aud", "somebody-else"),
		"of another issuer":      with("iss", "https://evil.example"),
		"too old":                with("exp", time.Now().Add(-time.Hour).Unix()),
		"of another attempt":     with("nonce", "another"),
		"signed by somebody":     func(claims map[string]any, _ *ecdsa.PrivateKey) string { return oidctest.Sign(t, other, claims) },
		"not signed":             unsigned("none"),
		"signed with the secret": unsigned("HS256"),
		"no token at all":        func(map[string]any, *ecdsa.PrivateKey) string { return "x.y.z" },
	} {
		t.Run(name, func(t *testing.T) {
			p.Forge(forge)
			if got, err := signIn(t, new(Client), conf, p); err == nil || !strings.Contains(err.Error(), "ID token is not") {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
}

func unsigned(alg string) func(map[string]any, *ecdsa.PrivateKey) string {
	return func(claims map[string]any, _ *ecdsa.PrivateKey) string {
		head, _ := json.Marshal(map[string]string{"alg": alg, "typ": "JWT"})
		body, _ := json.Marshal(claims)
		return base64.RawURLEncoding.EncodeToString(head) + "." + base64.RawURLEncoding.EncodeToString(body) + "."
	}
}

func TestAnAnswerBelongsToItsBrowserAndItsAttempt(t *testing.T) {
	p, c := oidctest.New(t, redirect), new(Client)
	conf := configured(p)
	to, cookie, err := c.Begin(t.Context(), conf)
	if err != nil {
		t.Fatal(err)
	}
	_, otherCookie, _ := c.Begin(t.Context(), conf)
	q := p.Visit(to).Query()
	good := Answer{Code: q.Get("code"), State: q.Get("state")}
	for name, try := range map[string]struct {
		cookie string
		a      Answer
		want   string
	}{
		"no cookie":      {"", good, "not begun in this browser"},
		"a false cookie": {"e30", good, "not begun in this browser"},
		"another's":      {otherCookie, good, "does not belong"},
		"no state":       {cookie, Answer{Code: good.Code}, "does not belong"},
		"no code":        {cookie, Answer{State: good.State}, "incomplete"},
		"a wrong code":   {cookie, Answer{Code: "x", State: good.State}, "did not take the code"},
		"refused":        {cookie, Answer{State: good.State, Error: "access_denied"}, "did not let you in"},
	} {
		if _, err := c.Finish(t.Context(), conf, try.cookie, try.a); err == nil || !strings.Contains(err.Error(), try.want) {
			t.Errorf("%s: %v, want %q", name, err, try.want)
		}
	}
	if _, err := c.Finish(t.Context(), conf, cookie, good); err != nil {
		t.Errorf("the good answer: %v", err)
	}
	if _, err := c.Finish(t.Context(), conf, cookie, good); err == nil {
		t.Error("a code was taken twice")
	}
}

func TestAProviderThatIsNotThereIsASentence(t *testing.T) {
	p := oidctest.New(t, redirect)
	conf := configured(p)
	for name, change := range map[string]func(*Config){
		"another issuer": func(c *Config) { c.Issuer += "/other" },
		"no authority":   func(c *Config) { c.Roots = "" },
		"no such file":   func(c *Config) { c.Roots = "/nowhere.pem" },
	} {
		conf := conf
		change(&conf)
		var e *Error
		if _, _, err := new(Client).Begin(t.Context(), conf); !errors.As(err, &e) || e.Detail == nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	conf.ClientSecret = "hunter2"
	if _, err := signIn(t, new(Client), conf, p); err == nil || !strings.Contains(err.Error(), "client ID or secret") || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("%v", err)
	}
}

func TestASetUpThatLetsInNobodyOrEverybodyIsRefused(t *testing.T) {
	good := Config{Issuer: "https://a.example", ClientID: "x", RedirectURL: redirect, Domains: []string{"example.com"}, Role: "viewer"}
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(*Config){
		"issuer":       func(c *Config) { c.Issuer = "http://a.example" },
		"client_id":    func(c *Config) { c.ClientID = "" },
		"redirect_url": func(c *Config) { c.RedirectURL = "http://gateway.example.com" + CallbackPath },
		"domains":      func(c *Config) { c.Domains = nil },
		"domains[0]":   func(c *Config) { c.Domains = []string{"*"} },
		"role":         func(c *Config) { c.Role = "" },
		"roles.root":   func(c *Config) { c.Roles = map[string][]string{"root": {"x"}} },
		"roles.admin":  func(c *Config) { c.Roles = map[string][]string{"admin": {""}} },
	} {
		c := good
		change(&c)
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), want+": ") {
			t.Errorf("%v, want an error about %s", err, want)
		}
	}
}

// A provider in the own network is asked only when the configuration says that it is there.
func TestAProviderInTheOwnNetworkIsNotAsked(t *testing.T) {
	p := oidctest.New(t, redirect)
	_, port, err := net.SplitHostPort(strings.TrimPrefix(p.URL, "https://"))
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{"127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "[::1]"} {
		conf := configured(p)
		conf.Private, conf.Issuer = false, "https://"+host+":"+port
		if err := conf.Validate(); err == nil || !strings.HasPrefix(err.Error(), "issuer: ") {
			t.Errorf("%s: %v", host, err)
		}
		if _, _, err := new(Client).Begin(t.Context(), conf); !errors.Is(err, public.ErrPrivate) {
			t.Errorf("%s: %v", host, err)
		}
	}
}
