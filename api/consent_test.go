package api

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"tandem/identity"
	"tandem/leg/gvoice"
	sim "tandem/sim/gvoice"
	"tandem/store"
	"tandem/token"
)

func TestAnAccountIsMadeByConsent(t *testing.T) {
	edge := &sim.Server{Config: sim.Config{Accounts: []sim.Account{{Number: "+12025550123", ClientID: "client", ClientSecret: "canary-secret", RefreshToken: "canary-refresh"}}}}
	if err := edge.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = edge.Close() })
	r := newRig(t)
	c := r.as(identity.Administrator)
	begin := map[string]any{
		"account": "home", "client_id": "client", "client_secret": "canary-secret", "redirect_url": "http://127.0.0.1:8080/", "authorize_url": edge.ConsentURL(), "token_url": edge.PlainTokenURL(), "allow_private": true,
	}
	if a := c.do("POST", "/google-voice-consent", begin).want(t, 422); a.errorAt("body.number") == "" {
		t.Errorf("%s", a.raw)
	}
	begin["number"] = "+12025550123"
	if a := c.do("POST", "/google-voice-consent", begin, "Origin", "https://gateway.example.com").want(t, 422); a.errorAt("body.redirect_url") == "" {
		t.Errorf("%s", a.raw)
	}
	a := c.do("POST", "/google-voice-consent", begin, "Origin", "http://127.0.0.1:8080").want(t, 201)
	if strings.Contains(string(a.raw), "canary") {
		t.Errorf("a secret is in the answer: %s", a.raw)
	}
	browser := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	sent, err := browser.Get(a.text("url"))
	if err != nil {
		t.Fatal(err)
	}
	_ = sent.Body.Close()
	back, err := url.Parse(sent.Header.Get("Location"))
	if err != nil {
		t.Fatal(err)
	}
	answer := map[string]any{"state": back.Query().Get("state"), "code": back.Query().Get("code")}
	r.as(identity.Operator).do("POST", "/google-voice-consent/finish", answer).want(t, 403)
	done := c.do("POST", "/google-voice-consent/finish", answer).want(t, 200)
	if done.text("account") != "home" {
		t.Errorf("%s", done.raw)
	}
	conf, _ := r.manager.Current()
	if len(conf.Voice) != 1 || conf.Voice[0].RefreshToken.Reveal() != "canary-refresh" || conf.Voice[0].ClientSecret.Reveal() != "canary-secret" || conf.Voice[0].Number != "+12025550123" {
		t.Errorf("%+v", conf.Voice)
	}
	if a := c.do("GET", "/google-voice/home", nil).want(t, 200); a.body["refresh_token"] != "********" {
		t.Errorf("%s", a.raw)
	}
	c.do("POST", "/google-voice-consent/finish", answer).want(t, 404) // once only
	refused := c.do("POST", "/google-voice-consent", map[string]any{"account": "home", "redirect_url": "http://127.0.0.1:8080/"}).want(t, 201)
	if a := c.do("POST", "/google-voice-consent/finish", map[string]any{"state": refused.text("state"), "error": "access_denied"}).want(t, 422); a.errorAt("body.error") == "" {
		t.Errorf("%s", a.raw)
	}
	if log := string(c.do("GET", "/audit", nil).want(t, 200).raw); !strings.Contains(log, "Take the consent") || strings.Contains(log, "canary") {
		t.Errorf("%s", log)
	}
}

// The browser may come back to another machine: what waits is in the store, sealed, for
// whom began it, once, and not for ever.
func TestAConsentIsFinishedAtAnotherMachine(t *testing.T) {
	r := newRig(t)
	here, err := r.server.consents()
	must(t, err)
	there := *here // another process with the same store and key
	from := token.Consent{ClientID: "client", ClientSecret: "canary-secret", AuthorizeURL: "https://accounts.example.com/a", TokenURL: "https://accounts.example.com/t", RedirectURL: "https://gw.example.com/"}
	begin := func(until time.Time) consent {
		p, err := from.Begin()
		must(t, err)
		one := consent{p, gvoice.Account{Name: "home", Number: "+12025550123", ClientID: "client", ClientSecret: "canary-secret", RefreshToken: "canary-refresh", TokenURL: from.TokenURL, Private: true}}
		must(t, here.put(t.Context(), one, from.AuthorizeURL, from.RedirectURL, "anna", until))
		return one
	}
	one := begin(time.Now().Add(consentLife))
	items, err := here.all.List(t.Context(), store.Page{})
	must(t, err)
	if text, _ := json.Marshal(items); len(items) != 1 || bytes.Contains(text, []byte("canary")) || bytes.Contains(text, []byte(one.State)) || bytes.Contains(text, []byte(one.Verifier().Reveal())) {
		t.Errorf("the store shows %s", text)
	}
	if _, ok, err := there.take(t.Context(), one.State, "eve"); ok || err != nil {
		t.Errorf("somebody else: %v, %v", ok, err)
	}
	got, ok, err := there.take(t.Context(), one.State, "anna")
	if !ok || err != nil || got.State != one.State || !got.Verifier().Equal(one.Verifier()) || !reflect.DeepEqual(got.account, one.account) {
		t.Errorf("%v, %v: %+v", ok, err, got)
	}
	if _, ok, _ := here.take(t.Context(), one.State, "anna"); ok {
		t.Error("it was taken twice")
	}
	late := begin(time.Now().Add(-time.Second))
	if _, ok, err := there.take(t.Context(), late.State, "anna"); ok || err != nil {
		t.Errorf("too late: %v, %v", ok, err)
	}
	first := begin(time.Now().Add(time.Minute))
	for range maxConsents {
		begin(time.Now().Add(consentLife))
	}
	if items, err = here.all.List(t.Context(), store.Page{Limit: 1000}); err != nil || len(items) != maxConsents {
		t.Errorf("%d wait, %v", len(items), err)
	}
	if _, ok, _ := there.take(t.Context(), first.State, "anna"); ok {
		t.Error("the one that ends first did not make room")
	}
}
