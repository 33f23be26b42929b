package api

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"tandem/identity"
	"tandem/identity/oidc"
	"tandem/identity/oidc/oidctest"
)

// browse asks as a browser that has these cookies.
func (r *rig) browse(to string, cookies ...*http.Cookie) *http.Response {
	r.Helper()
	q := httptest.NewRequest(http.MethodGet, to, nil)
	for _, c := range cookies {
		q.AddCookie(c)
	}
	w := httptest.NewRecorder()
	r.server.Handler().ServeHTTP(w, q)
	return w.Result()
}

func cookieOf(a *http.Response, name string) *http.Cookie {
	for _, c := range a.Cookies() {
		if c.Name == name {
			return c
		}
	}
	return nil
}

func TestPeopleSignInByTheProvider(t *testing.T) {
	r := newRig(t)
	c := r.as(identity.Administrator)
	if a := r.browse(prefix + "/oidc/login"); a.StatusCode != 404 {
		t.Errorf("without a provider: %d", a.StatusCode)
	}
	p := oidctest.New(t, "https://gateway.example.com"+oidc.CallbackPath)
	conf := map[string]any{
		"issuer": p.URL, "client_id": oidctest.ClientID, "client_secret": oidctest.ClientSecret, "redirect_url": p.Redirect, "roots": p.Roots, "allow_private": true,
		"domains": []string{"example.com"}, "role": "viewer", "roles": map[string]any{"operator": []string{"desk"}}, "label": "Example",
	}
	c.do("PUT", "/settings/oidc", conf).want(t, 200)
	if a := c.do("GET", "/settings/oidc", nil).want(t, 200); a.body["client_secret"] != "********" {
		t.Errorf("%s", a.raw)
	}
	if a := c.do("GET", "/oidc", nil).want(t, 200); a.text("label") != "Example" || a.text("login") != prefix+"/oidc/login" {
		t.Errorf("%s", a.raw)
	}

	in := func() *http.Response {
		begun := r.browse(prefix + "/oidc/login")
		if begun.StatusCode != http.StatusFound || !strings.HasPrefix(begun.Header.Get("Location"), p.URL) {
			t.Fatalf("%d %s", begun.StatusCode, begun.Header.Get("Location"))
		}
		ticket := cookieOf(begun, oidcCookie)
		if !ticket.HttpOnly || ticket.SameSite != http.SameSiteLaxMode {
			t.Errorf("%+v", ticket)
		}
		back := p.Visit(begun.Header.Get("Location"))
		return r.browse(back.RequestURI(), ticket)
	}
	done := in()
	session := cookieOf(done, cookieName)
	if done.Header.Get("Location") != "/#/" || session == nil || session.SameSite != http.SameSiteStrictMode || !session.HttpOnly {
		t.Fatalf("%d %v %v", done.StatusCode, done.Header, session)
	}
	if a := r.browse(prefix+"/session", session); a.StatusCode != 200 {
		t.Errorf("the session gives %d", a.StatusCode)
	}
	u, err := r.server.Identity.User(t.Context(), "anna@example.com")
	if err != nil || u.Role != identity.Viewer || u.Hash != "" {
		t.Errorf("%+v, %v", u, err)
	}

	p.Person(map[string]any{"sub": "1", "email": "anna@example.com", "email_verified": true, "groups": []string{"desk"}})
	in() // the role is what the groups give now, in old sessions, too
	if who, err := r.server.Identity.Session(t.Context(), session.Value); err != nil || !who.May(identity.Operate) {
		t.Errorf("%+v, %v", who, err)
	}

	for name, try := range map[string]struct {
		claims map[string]any
		want   string
	}{
		"another domain":              {map[string]any{"sub": "3", "email": "eve@example.org", "email_verified": true}, "of your domain"},
		"another person of this name": {map[string]any{"sub": "4", "email": "anna@example.com", "email_verified": true}, "there is a user of your name"},
	} {
		p.Person(try.claims)
		a := in()
		to, err := url.Parse(a.Header.Get("Location"))
		if err != nil || cookieOf(a, cookieName) != nil || !strings.HasPrefix(to.Fragment, "/sign-in?error=") {
			t.Errorf("%s: %v", name, a.Header)
			continue
		}
		if text, _ := url.QueryUnescape(to.EscapedFragment()); !strings.Contains(text, try.want) {
			t.Errorf("%s: %q, want %q", name, text, try.want)
		}
	}

	disabled := true
	if _, err := r.server.Identity.ChangeUser(t.Context(), "anna@example.com", identity.UserChange{Disabled: &disabled}); err != nil {
		t.Fatal(err)
	}
	p.Person(map[string]any{"sub": "1", "email": "anna@example.com", "email_verified": true})
	if a := in(); cookieOf(a, cookieName) != nil {
		t.Error("a user who is switched off got in")
	}
	log := string(c.do("GET", "/audit?kind=session", nil).want(t, 200).raw)
	for _, want := range []string{oidcAction, "anna@example.com", "refused"} {
		if !strings.Contains(log, want) {
			t.Errorf("the audit log lacks %q: %s", want, log)
		}
	}
}
