package api

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"tandem/call"
	"tandem/config"
	"tandem/identity"
	"tandem/route"
)

// A Finding is something in the dial plan that is allowed and probably not meant.
type Finding struct {
	Rule     string `json:"rule" doc:"Empty: about the whole plan."`
	Field    string `json:"field,omitempty"`
	Severity string `json:"severity" enum:"info,warning,critical"`
	Text     string `json:"text"`
}

type (
	explainInput struct {
		Body struct {
			Via       string            `json:"via,omitempty" maxLength:"200" doc:"Device, trunk or account the call comes in by; none is a stranger."`
			From      string            `json:"from,omitempty" maxLength:"200" doc:"Who calls: a number; default that of the device. The name of a device, trunk or account is taken as via."`
			To        string            `json:"to" minLength:"1" maxLength:"200" doc:"What is dialled: an alias, or a whole URI."`
			Protocol  string            `json:"protocol,omitempty" enum:",sip,webrtc,gvoice,h323,meet" doc:"What the call comes by; default what via has."`
			Source    string            `json:"source,omitempty" maxLength:"45" doc:"Address of the caller."`
			Location  string            `json:"location,omitempty" maxLength:"250" doc:"Where the caller is; default what follows from source."`
			Headers   map[string]string `json:"headers,omitempty" maxProperties:"16" doc:"That the call is sent with."`
			Codecs    []string          `json:"codecs,omitempty" maxItems:"16" enum:"opus,g722,pcmu,pcma,h264,vp8" doc:"That the caller offers."`
			At        string            `json:"at,omitempty" maxLength:"40" doc:"When: 2026-12-24 10:00 in dial_plan.zone, or RFC 3339; default now."`
			Connector string            `json:"connector,omitempty" enum:",sipua,gvoice" doc:"Where the call comes in; default what via belongs to."`
		}
	}
	traceStep struct {
		Rule    string `json:"rule"`
		Matched bool   `json:"matched"`
		Why     string `json:"why"`
	}
	traceDestination struct {
		Connector string `json:"connector"`
		Target    string `json:"target,omitempty"`
		To        string `json:"to"`
		Token     string `json:"token,omitempty"`
		Text      string `json:"text" doc:"In a sentence."`
	}
	explainOutput struct {
		Body struct {
			From         string             `json:"from"`
			URI          string             `json:"uri" doc:"What rules with full_uri see."`
			Protocol     string             `json:"protocol"`
			Location     string             `json:"location" doc:"Where the caller is, as rules see it; empty is nowhere."`
			At           time.Time          `json:"at"`
			Alias        string             `json:"alias" doc:"What the rules saw, after the number plan."`
			Steps        []traceStep        `json:"steps"`
			Destinations []traceDestination `json:"destinations"`
			Error        string             `json:"error,omitempty" doc:"Why there are none."`
			Cause        string             `json:"cause,omitempty"`
			SIP          int                `json:"sip,omitempty" doc:"What the caller gets."`
			Sentence     string             `json:"sentence,omitempty" doc:"What the caller reads."`
			Text         string             `json:"text" doc:"All of it as text."`
		}
	}
	lintOutput struct {
		Body struct {
			Items []Finding `json:"items"`
		}
	}
)

func (s *Server) registerRouting() {
	op := operation(identity.Read, http.MethodPost, "/route/explain", "explain-route", "route", "Tell where a call would go, and why")
	op.Metadata[asksKey] = true
	huma.Register(s.api, op, s.explainRoute)
	huma.Register(s.api, operation(identity.Read, http.MethodGet, "/lint", "lint", "route", "Tell what in the dial plan is probably not meant"),
		func(context.Context, *struct{}) (*lintOutput, error) {
			c, _ := s.Config.Current()
			out := new(lintOutput)
			out.Body.Items = lint(c)
			return out, nil
		})
}

// lint has severities as alarms have them.
func lint(c *config.Config) []Finding {
	all := []Finding{}
	for _, f := range c.Lint() {
		severity := "info"
		switch f.Severity {
		case route.Danger:
			severity = "critical"
		case route.Warning:
			severity = "warning"
		}
		all = append(all, Finding{Rule: f.Rule, Field: f.Field, Severity: severity, Text: f.Text})
	}
	return all
}

// splitField takes the field off the front of an error.
func splitField(err error) (field, text string) {
	field, text, _ = strings.Cut(err.Error(), ": ")
	return field, text
}

func (s *Server) explainRoute(_ context.Context, in *explainInput) (*explainOutput, error) {
	c, _ := s.Config.Current()
	b := in.Body
	r, err := RequestOf(c, config.Question{Via: b.Via, Caller: b.From, To: b.To, Protocol: b.Protocol, Source: b.Source, Location: b.Location, Headers: b.Headers, Codecs: b.Codecs, At: b.At})
	if err != nil {
		field, text := splitField(err)
		return nil, wrongField("body."+field, text)
	}
	if b.Connector != "" {
		r.Connector = b.Connector
	}
	x := s.Gateway.Explain(r)
	out := new(explainOutput)
	o := &out.Body
	o.From, o.Alias, o.Text, o.Steps, o.Destinations = x.Request.From, x.Alias, x.String(), []traceStep{}, []traceDestination{}
	o.URI, o.Protocol, o.Location, o.At = x.Request.URI, x.Request.Protocol, x.Request.Location, x.Request.At
	for _, step := range x.Steps {
		o.Steps = append(o.Steps, traceStep{step.Rule, step.Matched, step.Why})
	}
	for _, d := range x.Destinations {
		o.Destinations = append(o.Destinations, traceDestination{d.Connector, d.Target, d.To, d.Token, describe(d)})
	}
	if x.Err != nil {
		cause := call.NoRoute
		var refused *call.RefusalError
		if errors.As(x.Err, &refused) {
			cause = refused.Cause
		}
		o.Error, o.Cause, o.SIP, o.Sentence = x.Err.Error(), cause.String(), cause.SIP(), cause.Sentence()
	}
	return out, nil
}

// describe is a destination in a sentence, as the trace has it.
func describe(d call.Destination) string {
	x := route.Trace{Destinations: []call.Destination{d}}
	for line := range strings.Lines(x.String()) {
		if rest, ok := strings.CutPrefix(line, "1. "); ok {
			return strings.TrimSpace(rest)
		}
	}
	return d.To
}

// RequestOf is a call as the connectors would report it; a name of a device, trunk or
// account may stand where the caller's number is asked for.
func RequestOf(c *config.Config, q config.Question) (call.Request, error) {
	if q.Via == "" && q.Caller != "" {
		named := q
		named.Via, named.Caller = q.Caller, ""
		if r, err := c.Request(named); err == nil {
			return r, nil
		}
	}
	return c.Request(q)
}
