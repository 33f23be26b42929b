package api

import (
	"context"
	"time"

	"tandem/alarm"
	"tandem/call"
	"tandem/evidence"
	"tandem/leg/gvoice"
	"tandem/leg/meet"
	"tandem/leg/sipua"
	"tandem/route"
	"tandem/store"
	"tandem/token"
)

// A Gateway is what runs: its state, and what can be asked of its calls.
type Gateway interface {
	Explain(call.Request) route.Trace
	Overview() Overview
	Running() []call.Running
	Look(ctx context.Context, id string) (call.View, error)
	Evidence(ctx context.Context, id string) (evidence.Evidence, error)
	Accounts() []gvoice.Status
	Devices() []sipua.DeviceStatus
	Trunks() []sipua.TrunkStatus
	Meetings() []meet.Status
	// GatewayToken is nil when no folder is configured for it.
	GatewayToken() *token.Gateway
	// TestAccount tries an account's credentials and its connection.
	TestAccount(ctx context.Context, name string) []gvoice.Check

	// TestMail sends a mail as alarms are sent; the error is a sentence.
	TestMail(ctx context.Context) error

	// Call has the device ring, and when it answers calls to on its behalf.
	Call(ctx context.Context, device, to string) (id string, err error)
	Hangup(id string) bool
	Transfer(ctx context.Context, id, to string) error
	Keys(ctx context.Context, id string, side call.Side, keys string) error
	Mute(ctx context.Context, id string, side call.Side, on bool) error
	Layout(ctx context.Context, id, name string) error
	Say(ctx context.Context, id, text string) error

	Active() []alarm.Alarm
	Ended(ctx context.Context, s store.Span) ([]store.Entry[alarm.Alarm], error)
	Acknowledge(key, who string) bool
}

// History are the calls that were.
type History interface {
	Get(ctx context.Context, id string) (store.Entry[call.Record], error)
	Search(ctx context.Context, s store.Search[call.Record]) (store.Found[call.Record], error)
}

// An Overview is the gateway at a glance. Counts of alarms and the state of the
// configuration are filled in by the API.
type Overview struct {
	Version  string    `json:"version"`
	Node     string    `json:"node,omitempty"`
	Started  time.Time `json:"started"`
	Managed  bool      `json:"managed" doc:"The configuration can be changed here."`
	File     string    `json:"file,omitempty" doc:"The configuration is this file's."`
	Config   int64     `json:"config_version" doc:"Version of the configuration in force; 0 for a file's."`
	SIP      []Listens `json:"sip,omitempty" doc:"Where phones reach it, on this machine."`
	Counts   Counts    `json:"counts"`
	Capacity Capacity  `json:"capacity"`
	Series   Series    `json:"series"`
}

// Listens is one listener for SIP.
type Listens struct {
	Network string `json:"network" enum:"udp,tcp,tls,ws,wss"`
	Addr    string `json:"addr" doc:"Address and port; 0.0.0.0 or :: is every address."`
}

// Counts are how much there is now.
type Counts struct {
	Calls              int            `json:"calls"`
	Legs               int            `json:"legs"`
	Meetings           int            `json:"meetings"`
	Devices            int            `json:"devices"`
	DevicesRegistered  int            `json:"devices_registered"`
	Accounts           int            `json:"accounts"`
	AccountsRegistered int            `json:"accounts_registered"`
	Trunks             int            `json:"trunks"`
	TrunksUp           int            `json:"trunks_up"`
	Alarms             map[string]int `json:"alarms" doc:"By severity."`
}

// Capacity is how much of the gateway is taken.
type Capacity struct {
	Calls Share `json:"calls"`
	Ports Share `json:"ports"`
	CPU   Share `json:"cpu" doc:"Of the processors, 0 to 1."`
}

// A Share is a part of a limit; a limit of 0 is none.
type Share struct {
	Used  float64 `json:"used"`
	Limit float64 `json:"limit"`
}
