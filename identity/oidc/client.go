package oidc

import (
	"context"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"reflect"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"tandem/internal/public"
)

const (
	answerTime = 10 * time.Second // of the provider
	maxAnswer  = 1 << 20          // octets of it
	// Patience is how long somebody may take at the provider.
	Patience = 10 * time.Minute
)

// A Client signs people in. The zero value is ready; it is safe for concurrent use.
type Client struct {
	mu       sync.Mutex // guards what follows
	conf     Config     // that provider is of
	provider *oidc.Provider
	http     *http.Client
}

// A Person is who the provider says has signed in.
type Person struct {
	Subject string // unique at the provider, with the provider's name
	Name    string // e-mail address, or what the person is called there
	Role    string // viewer, operator, admin
}

// An Error says why somebody did not get in; its text is for them. Detail is for the log.
type Error struct {
	Text   string
	Detail error
}

func (e *Error) Error() string { return e.Text }
func (e *Error) Unwrap() error { return e.Detail }

func refuse(text string, detail error) error { return &Error{text, detail} }

// ticket is what the browser keeps while its owner is at the provider.
type ticket struct {
	State    string `json:"s"`
	Nonce    string `json:"n"`
	Verifier string `json:"v"`
	Until    int64  `json:"u"` // Unix time
}

// Begin returns where to send the browser, and what it has to bring back as a cookie.
func (c *Client) Begin(ctx context.Context, conf Config) (to, cookie string, err error) {
	p, _, err := c.at(ctx, conf)
	if err != nil {
		return "", "", err
	}
	t := ticket{State: oauth2.GenerateVerifier(), Nonce: oauth2.GenerateVerifier(), Verifier: oauth2.GenerateVerifier(), Until: time.Now().Add(Patience).Unix()}
	text, err := json.Marshal(t)
	if err != nil {
		return "", "", err
	}
	return flow(conf, p).AuthCodeURL(t.State, oidc.Nonce(t.Nonce), oauth2.S256ChallengeOption(t.Verifier)), base64.RawURLEncoding.EncodeToString(text), nil
}

// Answer is what the provider has sent the browser back with.
type Answer struct{ Code, State, Error, Description string }

// Finish checks what the browser came back with and returns who it is. Errors are
// [*Error].
func (c *Client) Finish(ctx context.Context, conf Config, cookie string, a Answer) (Person, error) {
	t, err := open(cookie)
	switch {
	case err != nil:
		return Person{}, refuse("Signing in was not begun in this browser, or took too long. Try again.", err)
	case subtle.ConstantTimeCompare([]byte(t.State), []byte(a.State)) != 1:
		return Person{}, refuse("The answer does not belong to this attempt to sign in. Try again.", errors.New("the state is another one"))
	case a.Error != "":
		return Person{}, refuse("The provider did not let you in.", fmt.Errorf("%.100q: %.300q", a.Error, a.Description))
	case a.Code == "":
		return Person{}, refuse("The provider's answer is incomplete. Try again.", errors.New("there is no code"))
	}
	p, client, err := c.at(ctx, conf)
	if err != nil {
		return Person{}, err
	}
	ctx, cancel := context.WithTimeout(oidc.ClientContext(ctx, client), answerTime)
	defer cancel()
	tokens, err := flow(conf, p).Exchange(ctx, a.Code, oauth2.VerifierOption(t.Verifier))
	if err != nil {
		return Person{}, refuse("The provider did not take the code; the gateway's client ID or secret may be wrong.", discreet(err))
	}
	raw, ok := tokens.Extra("id_token").(string)
	if !ok {
		return Person{}, refuse("The provider's answer has no ID token.", errors.New("no id_token in the answer"))
	}
	id, err := p.Verifier(&oidc.Config{ClientID: conf.ClientID}).Verify(ctx, raw)
	if err != nil {
		return Person{}, refuse("The provider's ID token is not valid.", err)
	}
	if subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(t.Nonce)) != 1 {
		return Person{}, refuse("The provider's ID token is not for this attempt to sign in.", errors.New("the nonce is another one"))
	}
	return conf.person(id)
}

// discreet leaves out what a provider's answer may hold.
func discreet(err error) error {
	var r *oauth2.RetrieveError
	if errors.As(err, &r) {
		return fmt.Errorf("%.100q: %.300q", r.ErrorCode, r.ErrorDescription)
	}
	return err
}

func open(cookie string) (t ticket, err error) {
	text, err := base64.RawURLEncoding.DecodeString(cookie)
	if err == nil {
		err = json.Unmarshal(text, &t)
	}
	switch {
	case err != nil:
	case t.State == "" || t.Nonce == "" || t.Verifier == "":
		err = errors.New("the cookie is incomplete")
	case time.Now().Unix() > t.Until:
		err = errors.New("the cookie is too old")
	}
	return t, err
}

func flow(conf Config, p *oidc.Provider) *oauth2.Config {
	scopes := conf.Scopes
	if len(scopes) == 0 {
		scopes = []string{"email", "profile"}
	}
	return &oauth2.Config{
		ClientID: conf.ClientID, ClientSecret: conf.ClientSecret.Reveal(), Endpoint: p.Endpoint(), RedirectURL: conf.RedirectURL,
		Scopes: append([]string{oidc.ScopeOpenID}, scopes...),
	}
}

// person is who a checked ID token is about, if they may sign in.
func (c *Config) person(id *oidc.IDToken) (Person, error) {
	var claims struct {
		Email    string `json:"email"`
		Verified flag   `json:"email_verified"`
		Name     string `json:"preferred_username"`
	}
	var all map[string]json.RawMessage
	if err := errors.Join(id.Claims(&claims), id.Claims(&all)); err != nil {
		return Person{}, refuse("The provider's ID token cannot be read.", err)
	}
	p := Person{Subject: id.Issuer + "#" + id.Subject, Name: claims.Name}
	if claims.Email != "" && bool(claims.Verified) {
		p.Name = claims.Email
	}
	if p.Name == "" {
		p.Name = id.Subject
	}
	if len(c.Domains) > 0 {
		switch {
		case claims.Email == "":
			return Person{}, refuse("The provider does not tell your e-mail address, so it cannot be seen whether you may sign in.", errors.New("no email claim"))
		case !bool(claims.Verified):
			return Person{}, refuse("The provider has not verified your e-mail address.", errors.New("email_verified is not true"))
		case !c.allows(claims.Email):
			return Person{}, refuse("People with an e-mail address of your domain may not sign in here.", fmt.Errorf("%.100q is in no domain that may", claims.Email))
		}
	}
	claim := c.Claim
	if claim == "" {
		claim = "groups"
	}
	p.Role = c.roleOf(groups(all[claim]))
	if p.Role == "" {
		return Person{}, refuse("You are in none of the groups that may sign in here. Ask who runs this gateway.", fmt.Errorf("none of the groups in the claim %q has a role", claim))
	}
	return p, nil
}

// flag is true or false, which some providers write as a text.
type flag bool

func (f *flag) UnmarshalJSON(text []byte) error {
	*f = string(text) == "true" || string(text) == `"true"`
	return nil
}

// groups reads a list of texts, or one text.
func groups(text json.RawMessage) (all []string) {
	var one string
	if json.Unmarshal(text, &one) == nil {
		return []string{one}
	}
	_ = json.Unmarshal(text, &all) // what is no list of texts has no groups
	return all
}

// at finds the provider (OpenID Connect Discovery); it is asked once.
func (c *Client) at(ctx context.Context, conf Config) (*oidc.Provider, *http.Client, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.provider != nil && reflect.DeepEqual(c.conf, conf) {
		return c.provider, c.http, nil
	}
	client, err := newHTTP(conf.Roots, conf.Private)
	if err != nil {
		return nil, nil, refuse("Signing in by the provider is not set up rightly.", err)
	}
	// The provider asks for keys later on, with this context.
	p, err := oidc.NewProvider(oidc.ClientContext(context.WithoutCancel(ctx), client), conf.Issuer)
	if err != nil {
		return nil, nil, refuse("The provider cannot be reached, or is not what issuer names. Try again later.", err)
	}
	c.provider, c.http, c.conf = p, client, conf
	return p, client, nil
}

func newHTTP(roots string, private bool) (*http.Client, error) {
	conf := &tls.Config{MinVersion: tls.VersionTLS12}
	if roots != "" {
		pem, err := os.ReadFile(roots)
		if err != nil {
			return nil, fmt.Errorf("roots: %w", err)
		}
		conf.RootCAs = x509.NewCertPool()
		if !conf.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("roots: %s holds no PEM certificate", roots)
		}
	}
	d := &net.Dialer{Timeout: answerTime}
	if !private {
		d.Control = public.Control
	}
	t := &http.Transport{DialContext: d.DialContext, TLSClientConfig: conf, TLSHandshakeTimeout: answerTime, ResponseHeaderTimeout: answerTime, MaxResponseHeaderBytes: 64 << 10, IdleConnTimeout: 30 * time.Second}
	return &http.Client{
		Timeout: answerTime, Transport: bounded{t},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, nil
}

// bounded cuts answers that are too long.
type bounded struct{ next http.RoundTripper }

func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme != "https" {
		return nil, fmt.Errorf("%s is not asked without TLS", r.URL.Host)
	}
	a, err := b.next.RoundTrip(r)
	if err == nil {
		a.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(a.Body, maxAnswer), a.Body}
	}
	return a, err
}
