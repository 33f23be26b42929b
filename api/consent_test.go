package api

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"tandem/identity"
	sim "tandem/sim/gvoice"
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
