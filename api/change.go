package api

import (
	"context"
	"fmt"
	"slices"

	"tandem/config"
	"tandem/control"
)

// change changes the configuration for somebody who uses the API. A program for the
// gateway to run is not theirs to name: that would make an account of the page one of
// the machine.
func (s *Server) change(ctx context.Context, by control.Author, expect int64, edit func(*config.Config) error) (control.Version, error) {
	return s.Config.Change(ctx, by, expect, harmlessly(edit))
}

// harmlessly refuses edits that only somebody on the machine may make.
func harmlessly(edit func(*config.Config) error) func(*config.Config) error {
	return func(c *config.Config) error {
		before := make(map[string][]string)
		for _, a := range c.Voice {
			before[a.Name] = a.TokenCommand
		}
		if err := edit(c); err != nil {
			return err
		}
		for i, a := range c.Voice {
			if len(a.TokenCommand) > 0 && !slices.Equal(a.TokenCommand, before[a.Name]) {
				return config.FieldError(fmt.Sprintf("google_voice[%d].token_command", i), "a program to run can be named on the machine only: with tandem apply, or in the file")
			}
		}
		return nil
	}
}
