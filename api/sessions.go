package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"tandem/identity"
)

type sessionBody struct {
	User   string           `json:"user"`
	Role   identity.Role    `json:"role,omitempty" doc:"Empty for an API key."`
	Scopes []identity.Scope `json:"scopes"`
	CSRF   string           `json:"csrf,omitempty" doc:"Goes into the header X-CSRF-Token of every change."`
}

type sessionOutput struct {
	SetCookie []http.Cookie `header:"Set-Cookie"`
	Body      sessionBody
}

type setUpOutput struct {
	Body struct {
		Needed bool `json:"needed" doc:"There is no user yet. The log of the gateway shows the link to make the first."`
	}
}

func (s *Server) registerSessions() {
	const tag = "session"
	huma.Register(s.api, operation(open, http.MethodGet, "/setup", "get-setup", tag, "Ask whether the gateway waits for its first user"),
		func(ctx context.Context, _ *struct{}) (*setUpOutput, error) {
			needed, err := s.Identity.Needed(ctx)
			out := new(setUpOutput)
			out.Body.Needed = needed
			return out, problem(err)
		})
	op := operation(open, http.MethodPost, "/setup", "set-up", tag, "Make the first user")
	op.Errors = append(op.Errors, http.StatusForbidden, http.StatusConflict)
	huma.Register(s.api, op, s.setUp)
	op = operation(open, http.MethodPost, "/session", "sign-in", tag, "Sign in")
	op.Errors = append(op.Errors, http.StatusUnauthorized)
	huma.Register(s.api, op, s.signIn)
	huma.Register(s.api, operation(identity.Read, http.MethodGet, "/session", "get-session", tag, "Tell who is signed in"),
		func(ctx context.Context, _ *struct{}) (*sessionOutput, error) {
			return &sessionOutput{Body: sessionOf(who(ctx))}, nil
		})
	op = operation(identity.Read, http.MethodDelete, "/session", "sign-out", tag, "Sign out")
	op.DefaultStatus = http.StatusNoContent
	huma.Register(s.api, op, s.signOut)
}

func sessionOf(p *identity.Principal) sessionBody {
	return sessionBody{User: p.Name, Role: p.Role, Scopes: p.Scopes, CSRF: p.CSRF}
}

type setUpInput struct {
	Body struct {
		Token    string `json:"token" maxLength:"100" doc:"Of the link in the log of the gateway."`
		User     string `json:"user" minLength:"1" maxLength:"64"`
		Password string `json:"password" maxLength:"800" doc:"10 to 200 characters."`
	}
}

func (s *Server) setUp(ctx context.Context, in *setUpInput) (*sessionOutput, error) {
	session, err := s.Identity.SetUp(ctx, in.Body.Token, in.Body.User, in.Body.Password, address(ctx))
	s.signedIn(ctx, "Make the first user", in.Body.User, err)
	if err != nil {
		return nil, problem(err)
	}
	return &sessionOutput{SetCookie: sessionCookie(ctx, session.Cookie, session.Until), Body: sessionOf(&session.Principal)}, nil
}

type signInInput struct {
	Body struct {
		User     string `json:"user" maxLength:"64"`
		Password string `json:"password" maxLength:"800"`
	}
}

func (s *Server) signIn(ctx context.Context, in *signInInput) (*sessionOutput, error) {
	session, err := s.Identity.SignIn(ctx, in.Body.User, in.Body.Password, address(ctx))
	s.signedIn(ctx, "Sign in", in.Body.User, err)
	if err != nil {
		return nil, problem(err)
	}
	return &sessionOutput{SetCookie: sessionCookie(ctx, session.Cookie, session.Until), Body: sessionOf(&session.Principal)}, nil
}

// signedIn writes an attempt into the audit log.
func (s *Server) signedIn(ctx context.Context, action, user string, err error) {
	e := identity.Entry{Who: clip(user, 64), From: address(ctx), Kind: "session", Action: action, Result: "done"}
	if err != nil {
		e.Result, e.Detail = "refused", err.Error()
	}
	s.Identity.Note(ctx, e)
}

type signOutInput struct {
	Cookie string `cookie:"tandem_session" hidden:"true"`
}

type emptyOutput struct {
	SetCookie []http.Cookie `header:"Set-Cookie"`
}

func (s *Server) signOut(ctx context.Context, in *signOutInput) (*emptyOutput, error) {
	if in.Cookie != "" {
		if err := s.Identity.SignOut(ctx, in.Cookie); err != nil {
			return nil, problem(err)
		}
	}
	return &emptyOutput{SetCookie: sessionCookie(ctx, "", time.Unix(1, 0))}, nil
}

// sessionCookie is kept to TLS when the browser came by it.
func sessionCookie(ctx context.Context, value string, until time.Time) []http.Cookie {
	return []http.Cookie{{
		Name: cookieName, Value: value, Path: "/", Expires: until, HttpOnly: true, Secure: encrypted(ctx), SameSite: http.SameSiteStrictMode,
	}}
}
