package config

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"tandem/call"
	"tandem/leg/sipua"
	"tandem/route"
)

// A Question is about a call that could come in, as a person asks it.
type Question struct {
	Via      string            // device, trunk or account it comes in by; "" is a stranger
	Caller   string            // who calls; default the device's caller ID, or its name
	To       string            // what is dialled: an alias, or a whole URI
	Protocol string            // what it comes by; default what via has
	Source   string            // address of the caller
	Location string            // where the caller is; default what follows from source
	Headers  map[string]string // the call is sent with
	Codecs   []string          // the caller offers
	At       string            // "2026-12-24 10:00" in dial_plan.zone, or RFC 3339; "" is no time
}

// Request is the call of a question as the connectors would report it. It is an
// error when nothing has the name via; errors name the field of the question.
func (c *Config) Request(q Question) (call.Request, error) {
	r := call.Request{Connector: route.SIP, Protocol: call.ProtocolSIP, Via: q.Via, From: q.Caller, Location: q.Location}
	r.To, r.URI = c.SIP.Dialled(q.To)
	if r.From == "" {
		r.From = q.Via
	}
	if err := c.comesBy(&r, q); err != nil {
		return r, err
	}
	if q.Protocol != "" {
		r.Protocol = q.Protocol
	}
	r.Codecs = q.Codecs
	if len(q.Headers) > 0 {
		r.Header = func(name string) (values []string) {
			for n, v := range q.Headers {
				if strings.EqualFold(n, name) {
					values = append(values, v)
				}
			}
			return values
		}
	}
	var err error
	if r.At, err = c.DialPlan.Time(q.At); err != nil {
		return r, fmt.Errorf("at: %w", err)
	}
	if q.Source != "" {
		if r.Source, err = netip.ParseAddr(q.Source); err != nil {
			return r, fmt.Errorf("source: %q is no address", q.Source)
		}
	}
	if places, err := route.NewPlaces(c.Locations); err == nil {
		if r.Location == "" {
			r.Location = places.Of(r.Source, c.Node)
		}
		r.Proxy = places.Proxy(r.Location)
	}
	return r, nil
}

// comesBy fills in what is known of the device, trunk or account.
func (c *Config) comesBy(r *call.Request, q Question) error {
	for _, a := range c.Voice {
		if a.Name == q.Via {
			r.Connector, r.Protocol = route.GoogleVoice, call.ProtocolVoice
			return nil
		}
	}
	for _, d := range c.SIP.Devices {
		if d.Name != q.Via {
			continue
		}
		r.Registered, r.Tag = true, d.Tag
		if q.Caller == "" && d.CallerID != "" {
			r.From = d.CallerID
		}
		return nil
	}
	isTrunk := func(t sipua.Trunk) bool { return t.Name == q.Via }
	if q.Via != "" && !slices.ContainsFunc(c.SIP.Trunks, isTrunk) {
		return fmt.Errorf("via: there is no device, trunk or account %q", q.Via)
	}
	return nil
}

// checkTests runs the tests of the dial plan.
func (c *Config) checkTests(table *route.Table) (errs []error) {
	for i, t := range c.DialPlan.Tests {
		at := fmt.Sprintf("dial_plan.tests[%d]", i)
		r, err := c.Request(Question{Via: t.From, Caller: t.Caller, To: t.To, Protocol: t.Protocol, Source: t.Source, Location: t.Location, Headers: t.Headers, Codecs: t.Codecs, At: t.At})
		if err != nil {
			errs = append(errs, fmt.Errorf("%s.%s", at, strings.Replace(err.Error(), "via: ", "from: ", 1)))
			continue
		}
		if err := table.Run(t, r); err != nil {
			errs = append(errs, fmt.Errorf("%s.expect: %w", at, err))
		}
	}
	return errs
}

// protocols are those that calls can come by.
func (c *Config) protocols() (all []string) {
	all = append(all, call.ProtocolSIP)
	if slices.ContainsFunc(c.SIP.Listen, func(l sipua.Listen) bool { return l.Network == "ws" || l.Network == "wss" }) {
		all = append(all, call.ProtocolWebRTC)
	}
	if len(c.Voice) > 0 {
		all = append(all, call.ProtocolVoice)
	}
	return all
}

// Lint finds what is allowed where calls are routed and most likely not meant.
func (c *Config) Lint() []route.Finding {
	plan := c.Routes()
	around := route.Surroundings{
		Guests: c.SIP.Guests, Implied: len(plan.Rules) - len(c.DialPlan.Rules), Now: time.Now(),
		Devices: make(map[string]string), Locations: c.Locations, Protocols: c.protocols(),
	}
	for _, d := range c.SIP.Devices {
		around.Devices[d.Name] = d.Tag
	}
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
