package config

import (
	"fmt"
	"slices"

	"tandem/call"
	"tandem/leg/sipua"
	"tandem/route"
)

// Request is a call as the connectors would report it: it comes in by a device,
// trunk or account, or is a stranger's when via is empty. caller is who calls;
// default the device's caller ID, or its name. It is an error when nothing has the name via.
func (c *Config) Request(via, caller, to string) (call.Request, error) {
	r := call.Request{Connector: route.SIP, Via: via, From: caller, To: to}
	if r.From == "" {
		r.From = via
	}
	for _, a := range c.Voice {
		if a.Name == via {
			r.Connector = route.GoogleVoice
			return r, nil
		}
	}
	for _, d := range c.SIP.Devices {
		if d.Name != via {
			continue
		}
		r.Registered = true
		if caller == "" && d.CallerID != "" {
			r.From = d.CallerID
		}
		return r, nil
	}
	isTrunk := func(t sipua.Trunk) bool { return t.Name == via }
	if via != "" && !slices.ContainsFunc(c.SIP.Trunks, isTrunk) {
		return r, fmt.Errorf("there is no device, trunk or account %q", via)
	}
	return r, nil
}

// checkTests runs the tests of the dial plan.
func (c *Config) checkTests(table *route.Table) (errs []error) {
	for i, t := range c.DialPlan.Tests {
		at := fmt.Sprintf("dial_plan.tests[%d]", i)
		r, err := c.Request(t.From, t.Caller, t.To)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s.from: %w", at, err))
			continue
		}
		if err := table.Run(t, r); err != nil {
			errs = append(errs, fmt.Errorf("%s.expect: %w", at, err))
		}
	}
	return errs
}

// Lint finds what is allowed where calls are routed and most likely not meant.
func (c *Config) Lint() []route.Finding {
	plan := c.Routes()
	around := route.Surroundings{Guests: c.SIP.Guests, Implied: len(plan.Rules) - len(c.DialPlan.Rules)}
	for _, t := range c.SIP.Trunks {
		around.Trunks = append(around.Trunks, t.Name)
	}
	for _, a := range c.Voice {
		around.Accounts = append(around.Accounts, a.Name)
	}
	found := route.Lint(plan, around)
	for i := range found {
		found[i].Field = join("dial_plan", found[i].Field)
	}
	if c.Toll.Off && len(around.Trunks)+len(around.Accounts) > 0 {
		found = append(found, route.Finding{
			Field: "toll_guard.off", Severity: route.Danger,
			Text: "Nothing bounds what a stolen password costs: the guard against toll fraud is off.",
		})
	}
	return found
}
