package api

import (
	"context"
	"errors"

	"tandem/config"
	"tandem/control"
)

// A Configuration keeps the configuration of record.
type Configuration interface {
	Current() (*config.Config, control.Version)
	Managed() bool
	Change(ctx context.Context, by control.Author, expect int64, edit func(*config.Config) error) (control.Version, error)
	Try(ctx context.Context, edit func(*config.Config) error) (control.Diff, error)
	Versions(ctx context.Context, before int64, limit int) ([]control.Version, error)
	At(ctx context.Context, number int64) (*config.Config, control.Version, error)
	Diff(ctx context.Context, from, to int64) (control.Diff, error)
	Rollback(ctx context.Context, by control.Author, to int64) (control.Version, error)
	Watch() (<-chan control.Version, func())
}

var _ Configuration = (*control.Manager)(nil)

// What a Gateway refuses.
var (
	ErrNotFound = errors.New("there is no such call")
	ErrState    = errors.New("this cannot be done now")
)
