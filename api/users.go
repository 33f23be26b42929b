package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"tandem/identity"
)

// userBody is a user as the API shows it: without the hash of the password.
type userBody struct {
	Name     string        `json:"name"`
	Role     identity.Role `json:"role" enum:"viewer,operator,admin"`
	Disabled bool          `json:"disabled,omitempty"`
	OIDC     bool          `json:"oidc,omitempty" doc:"Signs in by OpenID Connect."`
	Created  time.Time     `json:"created"`
	Changed  time.Time     `json:"changed"`
	SignedIn time.Time     `json:"signed_in,omitzero"`
}

func userOf(u identity.User) userBody {
	return userBody{Name: u.Name, Role: u.Role, Disabled: u.Disabled, OIDC: u.Subject != "", Created: u.Created, Changed: u.Changed, SignedIn: u.SignedIn}
}

type (
	usersOutput struct {
		Body struct {
			Items []userBody `json:"items"`
		}
	}
	userOutput struct{ Body userBody }
	userInput  struct {
		Name string `path:"name" maxLength:"64"`
	}
	newUserInput struct {
		Body struct {
			Name     string        `json:"name" maxLength:"64"`
			Password string        `json:"password" maxLength:"800" doc:"10 to 200 characters."`
			Role     identity.Role `json:"role" enum:"viewer,operator,admin"`
		}
	}
	changeUserInput struct {
		Name string `path:"name" maxLength:"64"`
		Body struct {
			Name     string         `json:"name,omitempty" maxLength:"64" doc:"As in the path; a user is not renamed."`
			Password *string        `json:"password,omitempty" maxLength:"800"`
			Role     *identity.Role `json:"role,omitempty" enum:"viewer,operator,admin"`
			Disabled *bool          `json:"disabled,omitempty"`
		}
	}
)

func (s *Server) registerUsers() {
	const tag = "user"
	huma.Register(s.api, operation(identity.Admin, http.MethodGet, "/users", "list-users", tag, "List the users"),
		func(ctx context.Context, _ *struct{}) (*usersOutput, error) {
			all, err := s.Identity.Users(ctx)
			out := new(usersOutput)
			out.Body.Items = []userBody{}
			for _, u := range all {
				out.Body.Items = append(out.Body.Items, userOf(u))
			}
			return out, problem(err)
		})
	op := operation(identity.Admin, http.MethodPost, "/users", "add-user", tag, "Add a user")
	op.DefaultStatus = http.StatusCreated
	op.Errors = append(op.Errors, http.StatusConflict)
	huma.Register(s.api, op, func(ctx context.Context, in *newUserInput) (*userOutput, error) {
		u, err := s.Identity.AddUser(ctx, in.Body.Name, in.Body.Password, in.Body.Role)
		return &userOutput{userOf(u)}, problem(err)
	})
	huma.Register(s.api, operation(identity.Admin, http.MethodGet, "/users/{name}", "get-user", tag, "Show a user"),
		func(ctx context.Context, in *userInput) (*userOutput, error) {
			u, err := s.Identity.User(ctx, in.Name)
			return &userOutput{userOf(u)}, problem(err)
		})
	op = operation(identity.Admin, http.MethodPut, "/users/{name}", "change-user", tag, "Change a user, which ends their sessions")
	op.Errors = append(op.Errors, http.StatusConflict)
	huma.Register(s.api, op, func(ctx context.Context, in *changeUserInput) (*userOutput, error) {
		u, err := s.Identity.ChangeUser(ctx, in.Name, identity.UserChange{Password: in.Body.Password, Role: in.Body.Role, Disabled: in.Body.Disabled})
		return &userOutput{userOf(u)}, problem(err)
	})
	op = operation(identity.Admin, http.MethodDelete, "/users/{name}", "remove-user", tag, "Remove a user, which ends their sessions")
	op.Errors = append(op.Errors, http.StatusConflict)
	huma.Register(s.api, op, func(ctx context.Context, in *userInput) (*struct{}, error) {
		return nil, problem(s.Identity.RemoveUser(ctx, in.Name))
	})
}

type (
	keysOutput struct {
		Body struct {
			Items []identity.Key `json:"items"`
		}
	}
	newKeyInput struct {
		Body struct {
			Name    string           `json:"name" maxLength:"64" doc:"What it is for."`
			Scopes  []identity.Scope `json:"scopes" maxItems:"10"`
			Expires time.Time        `json:"expires,omitzero" doc:"Never, when it is left out."`
		}
	}
	newKeyOutput struct {
		Body struct {
			identity.Key
			Secret string `json:"secret" doc:"Shown this once."`
		}
	}
	keyInput struct {
		ID string `path:"id" maxLength:"32"`
	}
	keyOutput struct{ Body identity.Key }
)

func (s *Server) registerKeys() {
	const tag = "key"
	huma.Register(s.api, operation(identity.Admin, http.MethodGet, "/keys", "list-keys", tag, "List the API keys"),
		func(ctx context.Context, _ *struct{}) (*keysOutput, error) {
			all, err := s.Identity.Keys(ctx)
			out := new(keysOutput)
			out.Body.Items = all
			return out, problem(err)
		})
	op := operation(identity.Admin, http.MethodPost, "/keys", "add-key", tag, "Make an API key, whose secret is shown once")
	op.DefaultStatus = http.StatusCreated
	huma.Register(s.api, op, func(ctx context.Context, in *newKeyInput) (*newKeyOutput, error) {
		key, secret, err := s.Identity.AddKey(ctx, who(ctx), in.Body.Name, in.Body.Scopes, in.Body.Expires)
		if err != nil {
			return nil, problem(err)
		}
		out := new(newKeyOutput)
		out.Body.Key, out.Body.Secret = key, secret
		out.Body.Hash = ""
		return out, nil
	})
	huma.Register(s.api, operation(identity.Admin, http.MethodGet, "/keys/{id}", "get-key", tag, "Show an API key, without its secret"),
		func(ctx context.Context, in *keyInput) (*keyOutput, error) {
			key, err := s.Identity.Key(ctx, in.ID)
			return &keyOutput{key}, problem(err)
		})
	huma.Register(s.api, operation(identity.Admin, http.MethodDelete, "/keys/{id}", "remove-key", tag, "Remove an API key, which is worthless at once"),
		func(ctx context.Context, in *keyInput) (*struct{}, error) {
			return nil, problem(s.Identity.RemoveKey(ctx, in.ID))
		})
}

type (
	auditInput struct {
		Kind  string `query:"kind" maxLength:"40" doc:"Only entries of this kind: session, user, key, config, call, …"`
		After string `query:"after" maxLength:"250" doc:"The next of the page before."`
		Limit int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
	}
	auditOutput struct {
		Body struct {
			Items []identity.Entry `json:"items"`
			Next  string           `json:"next,omitempty"`
		}
	}
)

func (s *Server) registerAudit() {
	huma.Register(s.api, operation(identity.Admin, http.MethodGet, "/audit", "list-audit", "audit", "Show who did what, the newest first"),
		func(ctx context.Context, in *auditInput) (*auditOutput, error) {
			at, id, err := parseCursor(in.After)
			if err != nil {
				return nil, err
			}
			page, err := s.Identity.Audit(ctx, identity.AuditPage{Kind: in.Kind, Before: at, BeforeID: id, Limit: in.Limit})
			if err != nil {
				return nil, problem(err)
			}
			out := new(auditOutput)
			out.Body.Items = page
			if n := len(page); n == in.Limit {
				out.Body.Next = cursor(page[n-1].At, page[n-1].ID)
			}
			return out, nil
		})
}
