package main

import (
	"fmt"

	"tandem/call"
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
	return nil
}

type routeCmd struct {
	Explain explainCmd `cmd:"" help:"Tell where a call would go, and why."`
}

type explainCmd struct {
	Config string `short:"c" default:"tandem.yaml" help:"Configuration file." type:"path"`
	Via    string `help:"Device, trunk or account the call comes in by; none is a stranger."`
	From   string `help:"Caller; default the device."`
	To     string `arg:"" help:"What is dialled, as the caller dials it."`
}

func (e *explainCmd) Run() error {
	conf, err := config.Load(e.Config)
	if err != nil {
		return err
	}
	table, err := route.New(conf.Routes())
	if err != nil {
		return err
	}
	r := call.Request{Connector: route.SIP, Via: e.Via, From: e.From, To: e.To}
	if r.From == "" {
		r.From = e.Via
	}
	for _, a := range conf.Voice {
		if a.Name == e.Via {
			r.Connector = route.GoogleVoice
		}
	}
	for _, d := range conf.SIP.Devices {
		r.Registered = r.Registered || d.Name == e.Via
	}
	fmt.Print(table.Explain(r))
	return nil
}
