package api

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"tandem/config"
	"tandem/control"
	"tandem/identity"
)

type (
	versionsInput struct {
		Before int64 `query:"before" minimum:"0" doc:"Only versions before this one."`
		Limit  int   `query:"limit" minimum:"1" maximum:"1000" default:"100"`
	}
	versionsOutput struct {
		Body struct {
			Items []control.Version `json:"items"`
			Next  string            `json:"next,omitempty" doc:"Goes into before for the next page."`
		}
	}
	versionInput struct {
		N int64 `path:"n" minimum:"1"`
	}
	versionOutput struct {
		ETag string `header:"ETag"`
		Body struct {
			control.Version
			Config part `json:"config"`
		}
	}
	diffInput struct {
		N    int64 `path:"n" minimum:"1"`
		From int64 `query:"from" minimum:"0" doc:"Compare with this version; default the one before."`
	}
	diffOutput struct {
		Body struct {
			Items []control.Difference `json:"items"`
		}
	}
	rollbackInput struct {
		N       int64  `path:"n" minimum:"1"`
		Comment string `header:"X-Change-Comment" maxLength:"500"`
	}
	changedOutput struct {
		ETag string `header:"ETag"`
		Body control.Version
	}
)

func (s *Server) registerVersions() {
	const tag = "config"
	huma.Register(s.api, operation(identity.Read, http.MethodGet, "/versions", "list-versions", tag, "List the versions of the configuration, the newest first"),
		func(ctx context.Context, in *versionsInput) (*versionsOutput, error) {
			all, err := s.Config.Versions(ctx, in.Before, in.Limit)
			if err != nil {
				return nil, problem(err)
			}
			out := new(versionsOutput)
			out.Body.Items = append([]control.Version{}, all...)
			if n := len(all); n == in.Limit && all[n-1].Number > 1 {
				out.Body.Next = strconv.FormatInt(all[n-1].Number, 10)
			}
			return out, nil
		})
	huma.Register(s.api, operation(identity.Read, http.MethodGet, "/versions/{n}", "get-version", tag, "Show a version of the configuration"), s.version)
	huma.Register(s.api, operation(identity.Read, http.MethodGet, "/versions/{n}/diff", "diff-version", tag, "Tell what a version changed"), s.diff)
	op := operation(identity.Configure, http.MethodPost, "/versions/{n}/rollback", "rollback-version", tag, "Put a version back in force, as a new one")
	op.Errors = append(op.Errors, http.StatusConflict)
	huma.Register(s.api, op, s.rollback)
}

func (s *Server) version(ctx context.Context, in *versionInput) (*versionOutput, error) {
	c, v, err := s.Config.At(ctx, in.N)
	if err != nil {
		return nil, problem(err)
	}
	text, err := config.JSON(c)
	if err != nil {
		return nil, err
	}
	out := &versionOutput{ETag: versionTag(v.Number)}
	out.Body.Version, out.Body.Config = v, text
	return out, nil
}

func (s *Server) diff(ctx context.Context, in *diffInput) (*diffOutput, error) {
	out := new(diffOutput)
	out.Body.Items = []control.Difference{}
	from := in.From
	if from == 0 {
		from = in.N - 1
	}
	if from == 0 { // the first version has nothing before it
		if _, _, err := s.Config.At(ctx, in.N); err != nil {
			return nil, problem(err)
		}
		return out, nil
	}
	all, err := s.Config.Diff(ctx, from, in.N)
	if err != nil {
		return nil, problem(err)
	}
	out.Body.Items = append(out.Body.Items, all...)
	return out, nil
}

func (s *Server) rollback(ctx context.Context, in *rollbackInput) (*changedOutput, error) {
	v, err := s.Config.Rollback(ctx, s.author(ctx, in.Comment, "back to version "+strconv.FormatInt(in.N, 10)), in.N)
	if err != nil {
		return nil, changeProblem(err, nowhere)
	}
	return &changedOutput{ETag: versionTag(v.Number), Body: v}, nil
}

type (
	documentOutput struct {
		ETag string `header:"ETag"`
		Body part
	}
	documentInput struct {
		IfMatch string `header:"If-Match" doc:"The ETag that was seen; 412 when somebody was faster."`
		Comment string `header:"X-Change-Comment" maxLength:"500"`
		Body    part
	}
	tryOutput struct {
		Body struct {
			Diff     []control.Difference `json:"diff"`
			Warnings []Finding            `json:"warnings"`
		}
	}
	schemaOutput struct{ Body part }
)

// registerConfig registers what is about the configuration as a whole.
func (s *Server) registerConfig() {
	const tag = "config"
	huma.Register(s.api, operation(identity.Read, http.MethodGet, "/config", "get-config", tag, "Show the whole configuration, its secrets masked"),
		func(context.Context, *struct{}) (*documentOutput, error) {
			c, v := s.Config.Current()
			text, err := config.JSON(c)
			return &documentOutput{ETag: versionTag(v.Number), Body: text}, err
		})
	op := operation(identity.Configure, http.MethodPut, "/config", "replace-config", tag, "Replace the whole configuration")
	op.MaxBodyBytes = maxDocument
	op.Errors = append(op.Errors, http.StatusConflict, http.StatusPreconditionFailed)
	huma.Register(s.api, op, func(ctx context.Context, in *documentInput) (*changedOutput, error) {
		var expect int64
		if in.IfMatch != "" && in.IfMatch != "*" {
			var err error
			if expect, err = versionOf(in.IfMatch); err != nil {
				return nil, err
			}
		}
		v, err := s.change(ctx, s.author(ctx, in.Comment, "replace the configuration"), expect, replaceBy(in.Body))
		if err != nil {
			return nil, changeProblem(err, "")
		}
		return &changedOutput{ETag: versionTag(v.Number), Body: v}, nil
	})
	op = operation(identity.Configure, http.MethodPost, "/config/try", "try-config", tag, "Tell what replacing the configuration would change, without doing it")
	op.MaxBodyBytes = maxDocument
	huma.Register(s.api, op, s.try)
	huma.Register(s.api, operation(identity.Read, http.MethodGet, "/config/schema", "get-config-schema", tag, "Show the JSON Schema of the configuration"),
		func(context.Context, *struct{}) (*schemaOutput, error) {
			text, err := json.Marshal(config.Schema())
			return &schemaOutput{Body: text}, err
		})
}

// replaceBy edits a configuration into the one that was sent.
func replaceBy(text []byte) func(*config.Config) error {
	return func(c *config.Config) error {
		fresh := new(config.Config)
		if err := config.FromJSON(text, fresh); err != nil {
			return &bodyError{err}
		}
		*c = *fresh
		return nil
	}
}

func (s *Server) try(ctx context.Context, in *documentInput) (*tryOutput, error) {
	var tried *config.Config
	diff, err := s.Config.Try(ctx, harmlessly(func(c *config.Config) error {
		err := replaceBy(in.Body)(c)
		tried = c
		return err
	}))
	if err != nil {
		return nil, changeProblem(err, "")
	}
	out := new(tryOutput)
	out.Body.Diff = append([]control.Difference{}, diff...)
	out.Body.Warnings = lint(tried)
	return out, nil
}
