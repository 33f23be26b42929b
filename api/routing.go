package api

import (
	"context"
	"errors"
	"net/http"
	"strings"

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
			Via       string `json:"via,omitempty" maxLength:"200" doc:"Device, trunk or account the call comes in by; none is a stranger."`
			From      string `json:"from,omitempty" maxLength:"200" doc:"Who calls: a number; default that of the device. The name of a device, trunk or account is taken as via."`
			To        string `json:"to" minLength:"1" maxLength:"200" doc:"What is dialled."`
			Connector string `json:"connector,omitempty" enum:",sipua,gvoice" doc:"Where the call comes in; default what via belongs to."`
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

func (s *Server) explainRoute(_ context.Context, in *explainInput) (*explainOutput, error) {
	c, _ := s.Config.Current()
	b := in.Body
	r, ok := RequestOf(c, b.Via, b.From, b.To)
	if !ok {
		return nil, huma.Error422UnprocessableEntity("there is no device, trunk or account of this name",
			&huma.ErrorDetail{Location: "body.via", Message: "there is no device, trunk or account of this name"})
	}
	if b.Connector != "" {
		r.Connector = b.Connector
	}
	x := s.Gateway.Explain(r)
	out := new(explainOutput)
	o := &out.Body
	o.From, o.Alias, o.Text, o.Steps, o.Destinations = x.Request.From, x.Alias, x.String(), []traceStep{}, []traceDestination{}
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

// RequestOf is a call as the connectors would report it; false when there is no
// such device, trunk or account.
func RequestOf(c *config.Config, via, from, to string) (call.Request, bool) {
	r := call.Request{Connector: route.SIP, Via: via, From: from, To: to}
	if via == "" { // a name may stand where the number is asked for
		if from == "" {
			return r, true
		}
		if named, ok := RequestOf(c, from, "", to); ok {
			return named, true
		}
		return r, true
	}
	if from == "" {
		r.From = via
	}
	for _, a := range c.Voice {
		if a.Name == via {
			r.Connector = route.GoogleVoice
			return r, true
		}
	}
	for _, d := range c.SIP.Devices {
		if d.Name != via {
			continue
		}
		r.Registered = true
		if from == "" && d.CallerID != "" {
			r.From = d.CallerID
		}
		return r, true
	}
	for _, t := range c.SIP.Trunks {
		if t.Name == via {
			return r, true
		}
	}
	return r, false
}
