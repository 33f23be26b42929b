package token

import (
	"errors"
	"fmt"
	"strings"
)

// An Access is an interoperability token of one Google Workspace, made by its
// administrator: it lets video rooms into that organisation's meetings.
type Access struct {
	Name   string `yaml:"name"`             // how rules and the log call it
	Secret Secret `yaml:"secret"`           // as the admin console showed it, once
	Tenant string `yaml:"tenant,omitempty"` // whose it is, for people: the organisation's domain
	// Trusted is what the admin console says of the token's devices: they join
	// meetings of their own organisation at once. The meeting service decides; here
	// it only tells what to expect.
	Trusted bool `yaml:"trusted,omitempty"`
}

// Validate names the field that is wrong.
func (a *Access) Validate() error {
	var errs []error
	if a.Name == "" {
		errs = append(errs, errors.New("name: a token needs a name; rules refer to it"))
	}
	s := a.Secret.Reveal()
	switch {
	case s == "":
		errs = append(errs, errors.New("secret: the token itself is missing; the admin console shows it when it is made"))
	case len(s) < 16 || len(s) > 100:
		errs = append(errs, fmt.Errorf("secret: a token has 16 to 100 characters, this has %d", len(s)))
	case strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' }):
		errs = append(errs, errors.New("secret: a token has neither spaces nor characters outside of ASCII"))
	}
	return errors.Join(errs...)
}
