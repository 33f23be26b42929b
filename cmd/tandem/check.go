package main

import (
	"fmt"
	"slices"

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
	To     string `arg:"" help:"What is dialled, as the caller dials it."`
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
	r, err := conf.Request(e.Via, e.From, e.To)
	if err != nil {
		return fmt.Errorf("--via: %w", err)
	}
	x := table.Explain(r)
	fmt.Print(x)
	printFindings(conf, func(f route.Finding) bool {
		return f.Severity != route.Hint && slices.ContainsFunc(x.Steps, func(s route.Step) bool { return s.Rule == f.Rule })
	})
	return nil
}
