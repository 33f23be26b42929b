package main

import (
	"fmt"
	"slices"

	"tandem/call"
	"tandem/config"
	"tandem/leg/sipua"
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
	From   string `help:"Who calls; default the device's caller ID, or its name."`
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
	r, err := e.request(conf)
	if err != nil {
		return err
	}
	fmt.Print(table.Explain(r))
	return nil
}

// request is the call as the connectors would report it.
func (e *explainCmd) request(conf *config.Config) (call.Request, error) {
	r := call.Request{Connector: route.SIP, Via: e.Via, From: e.From, To: e.To}
	if r.From == "" {
		r.From = e.Via
	}
	for _, a := range conf.Voice {
		if a.Name == e.Via {
			r.Connector = route.GoogleVoice
			return r, nil
		}
	}
	for _, d := range conf.SIP.Devices {
		if d.Name != e.Via {
			continue
		}
		r.Registered = true
		if e.From == "" && d.CallerID != "" {
			r.From = d.CallerID
		}
		return r, nil
	}
	isTrunk := func(t sipua.Trunk) bool { return t.Name == e.Via }
	if e.Via != "" && !slices.ContainsFunc(conf.SIP.Trunks, isTrunk) {
		return r, fmt.Errorf("--via: there is no device, trunk or account %q", e.Via)
	}
	return r, nil
}
