package main

import (
	"fmt"
	"slices"
	"time"

	"tandem/config"
	"tandem/route"
)

type checkCmd struct {
	File string `arg:"" default:"tandem.yaml" help:"Configuration file." type:"path"`
}

func (c *checkCmd) Run() error {
	conf, err := config.Load(c.File)
	if err != nil {
		return err
	}
	fmt.Printf("%s is good: %d devices, %d trunks, %d Google Voice accounts, %d rules\n", c.File,
		len(conf.SIP.Devices), len(conf.SIP.Trunks), len(conf.Voice), len(conf.DialPlan.Rules))
	if n := len(conf.DialPlan.Tests); n > 0 {
		fmt.Printf("%d tests of the dial plan pass\n", n)
	}
	printFindings(conf, all)
	return nil
}

func all(route.Finding) bool { return true }

// printFindings tells what is likely a mistake in the dial plan.
func printFindings(conf *config.Config, wanted func(route.Finding) bool) {
	for _, f := range conf.Lint() {
		switch {
		case !wanted(f):
		case f.Rule == "":
			fmt.Printf("%s: %s: %s\n", f.Severity, f.Field, f.Text)
		default:
			fmt.Printf("%s: %s (rule %q): %s\n", f.Severity, f.Field, f.Rule, f.Text)
		}
	}
}

type routeCmd struct {
	Explain explainCmd `cmd:"" help:"Tell where a call would go, and why."`
}

type explainCmd struct {
	Config string `short:"c" default:"tandem.yaml" help:"Configuration file." type:"path"`
	Via    string `help:"Device, trunk or account the call comes in by; none is a stranger."`
	From   string `help:"Who calls; default the device's caller ID, or its name."`
	To     string `arg:"" help:"What is dialled, as the caller dials it, or a whole URI."`
	// What rules can ask for besides.
	Protocol string `help:"What the call comes by: sip, webrtc, gvoice; default what --via has."`
	Source   string `help:"Address of the caller."`
	Location string `help:"Where the caller is; default what follows from --source."`
	// Header and Codec can be given several times.
	Header map[string]string `help:"A header that the call is sent with, as NAME=VALUE."`
	Codec  []string          `help:"A codec that the caller offers: opus, g722, pcmu, pcma, h264, vp8."`
	At     string            `help:"When: 2026-12-24 10:00 in dial_plan.zone, or RFC 3339; default now."`
}

func (e *explainCmd) question() config.Question {
	return config.Question{Via: e.Via, Caller: e.From, To: e.To, Protocol: e.Protocol, Source: e.Source, Location: e.Location, Headers: e.Header, Codecs: e.Codec, At: e.At}
}

func (e *explainCmd) Run() error {
	conf, err := inForce(e.Config)
	if err != nil {
		return err
	}
	table, err := route.New(conf.Routes())
	if err != nil {
		return err
	}
	r, err := conf.Request(e.question())
	if err != nil {
		return fmt.Errorf("--%w", err)
	}
	if r.At.IsZero() {
		r.At = time.Now()
	}
	x := table.Explain(r)
	fmt.Print(x)
	printFindings(conf, func(f route.Finding) bool {
		return f.Severity != route.Hint && slices.ContainsFunc(x.Steps, func(s route.Step) bool { return s.Rule == f.Rule })
	})
	return nil
}
