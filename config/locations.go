package config

import (
	"errors"
	"fmt"
	"slices"

	"tandem/leg/sipua"
	"tandem/route"
)

// checkLocations finds locations that cannot be, and names of locations and tags
// that nothing has.
func (c *Config) checkLocations() (errs []error) {
	if _, err := route.NewPlaces(c.Locations); err != nil {
		errs = append(errs, prefixedList("locations", err))
	}
	known := func(name string) bool {
		return slices.ContainsFunc(c.Locations, func(l route.Location) bool { return l.Name == name })
	}
	for i, l := range c.Locations {
		if l.Proxy != "" && !slices.ContainsFunc(c.SIP.Proxies, func(p sipua.Proxy) bool { return p.Name == l.Proxy }) {
			errs = append(errs, fmt.Errorf("locations[%d].proxy: there is no SIP proxy %q", i, l.Proxy))
		}
	}
	for i, r := range c.DialPlan.Rules {
		for n, name := range r.Locations {
			if !known(name) {
				errs = append(errs, fmt.Errorf("dial_plan.rules[%d].locations[%d]: there is no location %q", i, n, name))
			}
		}
	}
	for i, t := range c.DialPlan.Tests {
		if t.Location != "" && !known(t.Location) {
			errs = append(errs, fmt.Errorf("dial_plan.tests[%d].location: there is no location %q", i, t.Location))
		}
	}
	return errs
}

// prefixedList puts the name of a list before errors that begin with "[2].".
func prefixedList(name string, err error) error {
	var all interface{ Unwrap() []error }
	if !errors.As(err, &all) {
		return fmt.Errorf("%s%w", name, err)
	}
	var errs []error
	for _, e := range all.Unwrap() {
		errs = append(errs, fmt.Errorf("%s%w", name, e))
	}
	return errors.Join(errs...)
}
