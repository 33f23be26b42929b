package config

import (
	"errors"
	"fmt"
	"time"
)

// Retention says how long the past can be looked up. Zero is the default.
type Retention struct {
	Calls         time.Duration `yaml:"calls,omitempty"`         // records of calls; default for ever
	Alarms        time.Duration `yaml:"alarms,omitempty"`        // alarms that are over; default 90d
	Audit         time.Duration `yaml:"audit,omitempty"`         // who did what; default 400d
	Registrations time.Duration `yaml:"registrations,omitempty"` // of phones; default 90d
	DeadLetters   time.Duration `yaml:"dead_letters,omitempty"`  // what webhooks never took; default 30d
}

const (
	aDay         = 24 * time.Hour
	leastKept    = aDay
	defAlarms    = 90 * aDay
	defAudit     = 400 * aDay
	defRegistras = 90 * aDay
	defLetters   = 30 * aDay
)

// WithDefaults is the retention as it is in force; Calls zero is for ever.
func (r Retention) WithDefaults() Retention {
	for _, f := range []struct {
		at  *time.Duration
		def time.Duration
	}{{&r.Alarms, defAlarms}, {&r.Audit, defAudit}, {&r.Registrations, defRegistras}, {&r.DeadLetters, defLetters}} {
		if *f.at == 0 {
			*f.at = f.def
		}
	}
	return r
}

// Validate names the fields that are wrong.
func (r Retention) Validate() error {
	var errs []error
	for _, f := range []struct {
		name string
		v    time.Duration
	}{{"calls", r.Calls}, {"alarms", r.Alarms}, {"audit", r.Audit}, {"registrations", r.Registrations}, {"dead_letters", r.DeadLetters}} {
		if f.v != 0 && f.v < leastKept {
			errs = append(errs, fmt.Errorf("%s: at least a day (24h) is kept", f.name))
		}
	}
	return errors.Join(errs...)
}
