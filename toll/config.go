package toll

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Config is the guard against toll fraud as a person writes it. The zero value is
// a guard with its defaults.
type Config struct {
	Off     bool `yaml:"off,omitempty"`
	Limits  `yaml:",inline"`
	Callers map[string]Limits `yaml:"callers,omitempty"` // by device, trunk or account; what one leaves out is as for all
}

// Limits bound what one caller may spend.
type Limits struct {
	PerMinute int           `yaml:"per_minute,omitempty"` // calls out begun in a minute; default 30 for devices, none for trunks; negative is none
	AtOnce    int           `yaml:"at_once,omitempty"`    // calls out at the same time; default 10 for devices, none for trunks; negative is none
	Burst     int           `yaml:"burst,omitempty"`      // attempts in a minute, refused ones too, after which the caller is stopped; default twice per_minute; negative is none
	Stop      time.Duration `yaml:"stop,omitempty"`       // how long; default 15m
	Barred    []string      `yaml:"barred,omitempty"`     // beginnings of numbers nobody may call; default premium rate: +1900, +1976, +979
	Allowed   []string      `yaml:"allowed,omitempty"`    // exceptions; the longest match of both lists counts
}

// premium are the numbers whose calls pay whoever is called.
var premium = [...]string{"+1900", "+1976", "+979"}

// Validate names the fields that are wrong, all at once.
func (c *Config) Validate() error {
	errs := c.validate("")
	for name, l := range c.Callers {
		errs = append(errs, l.validate("callers."+name+".")...)
	}
	return errors.Join(errs...)
}

func (l *Limits) validate(field string) (errs []error) {
	if l.Stop < 0 {
		errs = append(errs, fmt.Errorf("%sstop: must not be negative", field))
	}
	if l.Burst > 0 && l.PerMinute > l.Burst {
		errs = append(errs, fmt.Errorf("%sburst: %d is less than per_minute %d", field, l.Burst, l.PerMinute))
	}
	for _, list := range []struct {
		name     string
		prefixes []string
	}{{"barred", l.Barred}, {"allowed", l.Allowed}} {
		for i, p := range list.prefixes {
			if p == "" || strings.Trim(strings.TrimPrefix(p, "+"), "0123456789*#") != "" {
				errs = append(errs, fmt.Errorf("%s%s[%d]: %q is not the beginning of a number", field, list.name, i, p))
			}
		}
	}
	return errs
}

// limits are those of one caller, with nothing left out.
func (c *Config) limits(payer string) Limits {
	l := c.Limits
	own := c.Callers[payer]
	l.PerMinute, l.AtOnce, l.Burst = or(own.PerMinute, l.PerMinute), or(own.AtOnce, l.AtOnce), or(own.Burst, l.Burst)
	if own.Stop > 0 {
		l.Stop = own.Stop
	}
	if own.Barred != nil {
		l.Barred = own.Barred
	}
	if own.Allowed != nil {
		l.Allowed = own.Allowed
	}
	l.PerMinute, l.AtOnce = or(l.PerMinute, 30), or(l.AtOnce, 10)
	if l.Burst = or(l.Burst, 2*l.PerMinute); l.Stop == 0 {
		l.Stop = 15 * time.Minute
	}
	if l.Barred == nil {
		l.Barred = premium[:]
	}
	return l
}

func or(n, otherwise int) int {
	if n == 0 {
		return otherwise
	}
	return n
}
