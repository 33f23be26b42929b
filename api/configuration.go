package api

import (
	"context"
	"errors"
	"time"

	"tandem/config"
)

// A Version is one state of the configuration.
type Version struct {
	Number  int64     `json:"number"`
	At      time.Time `json:"at"`
	Author  string    `json:"author"`
	Comment string    `json:"comment,omitempty"`
	Undo    int64     `json:"undo,omitempty" doc:"The version that was rolled back to."`
	Digest  string    `json:"digest,omitempty"`
}

// An Author is who changes the configuration, and why.
type Author struct{ Name, Comment string }

// A Difference is one field that two versions of the configuration have not in
// common. Before and After are JSON texts with secrets masked; empty is not set.
type Difference struct {
	Field  string `json:"field"`
	Before string `json:"before,omitempty"`
	After  string `json:"after,omitempty"`
}

// A Configuration keeps the configuration of record. Errors of Change and Try that
// are about fields are [config.Errors], or joined errors that begin with the path of a
// field.
type Configuration interface {
	// Current is what is in force; nobody changes what it returns.
	Current() (*config.Config, Version)
	// Change edits a copy of what is in force and applies it as a whole. expect is
	// the version the caller has seen, 0 for any.
	Change(ctx context.Context, by Author, expect int64, edit func(*config.Config) error) (Version, error)
	// Try tells what Change would change.
	Try(ctx context.Context, edit func(*config.Config) error) ([]Difference, error)
	Versions(ctx context.Context, before int64, limit int) ([]Version, error)
	At(ctx context.Context, number int64) (*config.Config, Version, error)
	Diff(ctx context.Context, from, to int64) ([]Difference, error)
	Rollback(ctx context.Context, by Author, to int64) (Version, error)
	// Lint finds what in the dial plan is allowed and probably not meant.
	Lint(c *config.Config) []Finding
	// Schema is the JSON Schema of the configuration.
	Schema() any
	// Watch tells every new version until the function is called.
	Watch() (<-chan Version, func())
}

// What a Configuration and a Gateway refuse.
var (
	ErrConflict = errors.New("the configuration has changed meanwhile")
	ErrReadOnly = errors.New("this gateway takes its configuration from a file; change it there, or start it with managed: true")
	ErrNotFound = errors.New("there is none of this name")
	ErrState    = errors.New("this cannot be done now")
)
