package api

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"tandem/config"
	"tandem/identity"
	"tandem/token"
	"tandem/webhook"
)

type (
	hookBody struct {
		Name    string    `json:"name,omitempty" maxLength:"64" doc:"It stays as it was made."`
		URL     string    `json:"url" maxLength:"1000"`
		Events  []string  `json:"events,omitempty" maxItems:"20" doc:"None: all. call.began, call.answered, call.ended, alarm.raised, alarm.cleared, registration.changed, config.changed."`
		Secret  string    `json:"secret,omitempty" maxLength:"200" doc:"Signs every delivery: HMAC-SHA256 over Tandem-Timestamp, a dot and the body, in Tandem-Signature. 16 characters or more; ******** or nothing keeps it."`
		Enabled bool      `json:"enabled,omitempty"`
		Private bool      `json:"allow_private,omitempty" doc:"It may go to addresses of the own network, and by http."`
		Changed time.Time `json:"changed,omitzero" doc:"Not to be sent."`
	}
	hooksOutput struct {
		Body struct {
			Items []hookBody `json:"items"`
		}
	}
	hookOutput struct {
		ETag string `header:"ETag"`
		Body hookBody
	}
	newHookInput struct{ Body hookBody }
	hookInput    struct {
		Name    string `path:"name" maxLength:"64"`
		IfMatch string `header:"If-Match"`
		Body    hookBody
	}
	hookNameInput struct {
		Name string `path:"name" maxLength:"64"`
	}
	lettersOutput struct {
		Body struct {
			Items []webhook.Letter `json:"items"`
		}
	}
	hookTestOutput struct {
		Body struct {
			Status int    `json:"status,omitempty"`
			Took   int64  `json:"took_ms"`
			Error  string `json:"error,omitempty"`
		}
	}
)

func hookOf(h webhook.Hook) hookBody {
	events := h.Events
	if events == nil {
		events = []string{}
	}
	return hookBody{Name: h.Name, URL: h.URL, Events: events, Secret: config.Mask, Enabled: h.Enabled, Private: h.Private, Changed: h.Changed}
}

// hook is what was sent as the book has it.
func (b hookBody) hook(name string) webhook.Hook {
	if b.Secret == config.Mask {
		b.Secret = ""
	}
	return webhook.Hook{Name: name, URL: b.URL, Events: b.Events, Secret: token.Secret(b.Secret), Enabled: b.Enabled, Private: b.Private}
}

func (s *Server) registerHooks() {
	const tag = "webhook"
	huma.Register(s.api, operation(identity.Admin, http.MethodGet, "/webhooks", "list-webhooks", tag, "List the webhooks"),
		func(ctx context.Context, _ *struct{}) (*hooksOutput, error) {
			all, err := s.Hooks.All(ctx)
			out := new(hooksOutput)
			out.Body.Items = []hookBody{}
			for _, item := range all {
				out.Body.Items = append(out.Body.Items, hookOf(item.Value))
			}
			return out, problem(err)
		})
	op := operation(identity.Admin, http.MethodPost, "/webhooks", "add-webhook", tag, "Add a webhook")
	op.DefaultStatus = http.StatusCreated
	op.Errors = append(op.Errors, http.StatusConflict)
	huma.Register(s.api, op, func(ctx context.Context, in *newHookInput) (*hookOutput, error) {
		return s.putHook(ctx, in.Body.hook(in.Body.Name), 0)
	})
	huma.Register(s.api, operation(identity.Admin, http.MethodGet, "/webhooks/{name}", "get-webhook", tag, "Show a webhook"),
		func(ctx context.Context, in *hookNameInput) (*hookOutput, error) {
			h, v, err := s.Hooks.Get(ctx, in.Name)
			return &hookOutput{versionTag(v), hookOf(h)}, problem(err)
		})
	op = operation(identity.Admin, http.MethodPut, "/webhooks/{name}", "change-webhook", tag, "Change a webhook")
	op.Errors = append(op.Errors, http.StatusPreconditionFailed)
	huma.Register(s.api, op, func(ctx context.Context, in *hookInput) (*hookOutput, error) {
		_, v, err := s.Hooks.Get(ctx, in.Name)
		if err != nil {
			return nil, problem(err)
		}
		if !tagMatches(in.IfMatch, versionTag(v)) {
			return nil, errChanged
		}
		return s.putHook(ctx, in.Body.hook(in.Name), v)
	})
	huma.Register(s.api, operation(identity.Admin, http.MethodDelete, "/webhooks/{name}", "remove-webhook", tag, "Remove a webhook"),
		func(ctx context.Context, in *hookNameInput) (*struct{}, error) {
			err := s.Hooks.Remove(ctx, in.Name)
			s.Sender.Reload()
			return nil, problem(err)
		})
	huma.Register(s.api, operation(identity.Admin, http.MethodPost, "/webhooks/{name}/test", "test-webhook", tag, "Send a webhook a test, once"), s.testHook)
	huma.Register(s.api, operation(identity.Admin, http.MethodGet, "/webhooks/{name}/dead-letters", "list-dead-letters", tag, "List what a webhook never took, the newest first"),
		func(ctx context.Context, in *hookNameInput) (*lettersOutput, error) {
			if _, _, err := s.Hooks.Get(ctx, in.Name); err != nil {
				return nil, problem(err)
			}
			all, err := s.Hooks.Dead(ctx, in.Name, 100)
			out := new(lettersOutput)
			out.Body.Items = all
			return out, problem(err)
		})
	s.registerLetters()
}

func (s *Server) putHook(ctx context.Context, h webhook.Hook, version int64) (*hookOutput, error) {
	h, v, err := s.Hooks.Put(ctx, h, version)
	if err != nil {
		return nil, problem(err)
	}
	s.Sender.Reload()
	return &hookOutput{versionTag(v), hookOf(h)}, nil
}

func (s *Server) testHook(ctx context.Context, in *hookNameInput) (*hookTestOutput, error) {
	if _, _, err := s.Hooks.Get(ctx, in.Name); err != nil {
		return nil, problem(err)
	}
	out := new(hookTestOutput)
	began := time.Now()
	status, err := s.Sender.Test(ctx, in.Name)
	out.Body.Status, out.Body.Took = status, time.Since(began).Milliseconds()
	if err != nil {
		out.Body.Error = clip(err.Error(), 500)
	}
	return out, nil
}

type letterInput struct {
	Name string `path:"name" maxLength:"64"`
	ID   string `path:"id" maxLength:"100"`
}

type replayOutput struct {
	Body struct {
		Sent int    `json:"sent" doc:"Letters that are on their way again."`
		Left int    `json:"left" doc:"Letters that stay: the queue of the webhook is full."`
		Text string `json:"text,omitempty"`
	}
}

func (s *Server) registerLetters() {
	const tag = "webhook"
	const letters = "/webhooks/{name}/dead-letters"
	op := operation(identity.Admin, http.MethodPost, letters+"/replay", "replay-dead-letters", tag, "Send a webhook again what it never took, the oldest first")
	op.Errors = append(op.Errors, http.StatusConflict)
	huma.Register(s.api, op, s.replayAll)
	op = operation(identity.Admin, http.MethodPost, letters+"/{id}/replay", "replay-dead-letter", tag, "Send a webhook again one thing it never took")
	op.DefaultStatus = http.StatusAccepted
	op.Errors = append(op.Errors, http.StatusConflict)
	huma.Register(s.api, op, func(ctx context.Context, in *letterInput) (*struct{}, error) {
		return nil, letterProblem(s.Sender.Again(ctx, in.Name, in.ID))
	})
	huma.Register(s.api, operation(identity.Admin, http.MethodDelete, letters+"/{id}", "drop-dead-letter", tag, "Forget one thing that a webhook never took"),
		func(ctx context.Context, in *letterInput) (*struct{}, error) {
			return nil, letterProblem(s.Hooks.Drop(ctx, in.Name, in.ID))
		})
}

func letterProblem(err error) error {
	if errors.Is(err, webhook.ErrOff) || errors.Is(err, webhook.ErrFull) {
		return huma.Error409Conflict(err.Error())
	}
	return problem(err)
}

// replayAll puts up to 1000 letters back on their way.
func (s *Server) replayAll(ctx context.Context, in *hookNameInput) (*replayOutput, error) {
	if _, _, err := s.Hooks.Get(ctx, in.Name); err != nil {
		return nil, problem(err)
	}
	all, err := s.Hooks.Dead(ctx, in.Name, 1000)
	if err != nil {
		return nil, problem(err)
	}
	out := new(replayOutput)
	for i, l := range slices.Backward(all) {
		err := s.Sender.Again(ctx, in.Name, l.ID)
		switch {
		case errors.Is(err, webhook.ErrFull):
			out.Body.Left, out.Body.Text = i+1, err.Error()
			return out, nil
		case err != nil && !errors.Is(err, webhook.ErrNotFound): // somebody else has sent or dropped it
			return nil, letterProblem(err)
		case err == nil:
			out.Body.Sent++
		}
	}
	return out, nil
}
