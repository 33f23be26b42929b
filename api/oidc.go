package api

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"tandem/identity"
	"tandem/identity/oidc"
)

// oidcCookie holds what a browser has to bring back from the provider. It is not
// SameSite=Strict as the session's: the provider is another site.
const oidcCookie = "tandem_oidc"

type (
	oidcOutput struct {
		Body struct {
			Enabled bool   `json:"enabled"`
			Label   string `json:"label,omitempty" doc:"On the button."`
			Login   string `json:"login,omitempty" doc:"Where the button leads."`
		}
	}
	redirectOutput struct {
		Status    int
		Location  string        `header:"Location"`
		SetCookie []http.Cookie `header:"Set-Cookie"`
	}
	oidcCallback struct {
		Code    string `query:"code" maxLength:"4000"`
		State   string `query:"state" maxLength:"400"`
		Error   string `query:"error" maxLength:"400"`
		Words   string `query:"error_description" maxLength:"2000"`
		URI     string `query:"error_uri" maxLength:"2000"`
		Issuer  string `query:"iss" maxLength:"400"`
		Scope   string `query:"scope" maxLength:"4000"`
		Session string `query:"session_state" maxLength:"400"`
		User    string `query:"authuser" maxLength:"100"`
		Domain  string `query:"hd" maxLength:"400"`
		Prompt  string `query:"prompt" maxLength:"100"`
		Cookie  string `cookie:"tandem_oidc" hidden:"true"`
	}
)

func (s *Server) registerOIDC() {
	const tag = "session"
	huma.Register(s.api, operation(open, http.MethodGet, "/oidc", "get-oidc", tag, "Ask whether people can sign in by an OpenID Connect provider"), s.showOIDC)
	op := operation(open, http.MethodGet, "/oidc/login", "oidc-login", tag, "Go to the OpenID Connect provider to sign in")
	op.DefaultStatus = http.StatusFound
	op.Errors = append(op.Errors, http.StatusNotFound)
	huma.Register(s.api, op, s.beginOIDC)
	op = operation(open, http.MethodGet, "/oidc/callback", "oidc-callback", tag, "Come back from the OpenID Connect provider")
	op.DefaultStatus = http.StatusFound
	op.Errors = append(op.Errors, http.StatusNotFound)
	huma.Register(s.api, op, s.finishOIDC)
}

func (s *Server) showOIDC(context.Context, *struct{}) (*oidcOutput, error) {
	c, _ := s.Config.Current()
	out := new(oidcOutput)
	if conf := &c.OIDC; conf.On() {
		out.Body.Enabled, out.Body.Label, out.Body.Login = true, conf.Label, prefix+"/oidc/login"
		if u, err := url.Parse(conf.Issuer); err == nil && conf.Label == "" {
			out.Body.Label = u.Host
		}
	}
	return out, nil
}

func (s *Server) beginOIDC(ctx context.Context, _ *struct{}) (*redirectOutput, error) {
	c, _ := s.Config.Current()
	if !c.OIDC.On() {
		return nil, huma.Error404NotFound("nobody signs in by an OpenID Connect provider here")
	}
	to, cookie, err := s.oidc.Begin(ctx, c.OIDC)
	if err != nil {
		return s.notIn(ctx, err), nil
	}
	return &redirectOutput{Status: http.StatusFound, Location: to, SetCookie: oidcCookieOf(ctx, cookie, time.Now().Add(oidc.Patience))}, nil
}

func (s *Server) finishOIDC(ctx context.Context, in *oidcCallback) (*redirectOutput, error) {
	c, _ := s.Config.Current()
	if !c.OIDC.On() {
		return nil, huma.Error404NotFound("nobody signs in by an OpenID Connect provider here")
	}
	p, err := s.oidc.Finish(ctx, c.OIDC, in.Cookie, oidc.Answer{Code: in.Code, State: in.State, Error: in.Error, Description: in.Words})
	if err != nil {
		return s.notIn(ctx, err), nil
	}
	session, err := s.Identity.Federated(ctx, p.Name, p.Subject, identity.Role(p.Role), address(ctx))
	if err != nil {
		s.signedIn(ctx, oidcAction, p.Name, err)
		if errors.Is(err, identity.ErrNotTheirs) || errors.Is(err, identity.ErrDisabled) {
			return back(ctx, err.Error()), nil
		}
		return nil, problem(err)
	}
	s.signedIn(ctx, oidcAction, session.Name, nil)
	out := back(ctx, "")
	out.SetCookie = append(out.SetCookie, sessionCookie(ctx, session.Cookie, session.Until)...)
	return out, nil
}

const oidcAction = "Sign in by OpenID Connect"

// notIn sends the browser back to the page with the reason, and notes it.
func (s *Server) notIn(ctx context.Context, err error) *redirectOutput {
	text := "Signing in did not work. Try again."
	var e *oidc.Error
	if errors.As(err, &e) {
		text = e.Text
	}
	s.Log.Warn("nobody was signed in by the OpenID Connect provider", "from", address(ctx), "why", text, "err", errors.Unwrap(err))
	s.signedIn(ctx, oidcAction, "", err)
	return back(ctx, text)
}

// back leads to the page; a problem is shown where people sign in.
func back(ctx context.Context, problem string) *redirectOutput {
	to := "/#/"
	if problem != "" {
		to = "/#/sign-in?error=" + url.QueryEscape(problem)
	}
	return &redirectOutput{Status: http.StatusFound, Location: to, SetCookie: oidcCookieOf(ctx, "", time.Unix(1, 0))}
}

func oidcCookieOf(ctx context.Context, value string, until time.Time) []http.Cookie {
	return []http.Cookie{{
		Name: oidcCookie, Value: value, Path: prefix + "/oidc/", Expires: until, HttpOnly: true, Secure: encrypted(ctx), SameSite: http.SameSiteLaxMode,
	}}
}
