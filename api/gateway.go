package api

import (
	"context"
	"time"

	"tandem/alarm"
	"tandem/call"
	"tandem/leg/gvoice"
	"tandem/leg/meet"
	"tandem/leg/sipua"
	"tandem/route"
	"tandem/store"
)

// A Gateway is what runs: its state, and what can be asked of its calls.
type Gateway interface {
	Explain(call.Request) route.Trace
	Overview() Overview
	Running() []call.Running
	Look(ctx context.Context, id string) (call.View, error)
	Evidence(ctx context.Context, id string) (Evidence, error)
	Accounts() []gvoice.Status
	Devices() []sipua.DeviceStatus
	Trunks() []sipua.TrunkStatus
	Meetings() []meet.Status

	// Call has the device ring, and when it answers calls to on its behalf.
	Call(ctx context.Context, device, to string) (id string, err error)
	Hangup(id string) bool
	Transfer(ctx context.Context, id, to string) error
	Keys(ctx context.Context, id string, side call.Side, keys string) error
	Mute(ctx context.Context, id string, on bool) error
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
	Counts   Counts    `json:"counts"`
	Capacity Capacity  `json:"capacity"`
	Series   Series    `json:"series"`
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

// Evidence is what a call leaves to look at.
type Evidence struct {
	Ladder   []Message `json:"ladder"`
	Timeline []Sample  `json:"timeline"`
	Dropped  int       `json:"dropped,omitempty" doc:"Messages that were too many to be kept."`
}

// A Message is one SIP message of a call, its secrets removed.
type Message struct {
	At        time.Time `json:"at"`
	Leg       string    `json:"leg" enum:"a,b"`
	Direction string    `json:"direction" enum:"in,out"`
	Peer      string    `json:"peer,omitempty" doc:"Who is at the other end."`
	Network   string    `json:"network,omitempty"`
	Summary   string    `json:"summary"`
	Text      string    `json:"text,omitempty"`
}

// A Sample is how good a leg sounded in a stretch of time.
type Sample struct {
	At        time.Time `json:"at"`
	Leg       string    `json:"leg" enum:"a,b"`
	MOS       float64   `json:"mos,omitempty" doc:"1 to 4.5."`
	Loss      float64   `json:"loss" doc:"Share of the packets, 0 to 1."`
	Jitter    float64   `json:"jitter_ms"`
	RoundTrip float64   `json:"round_trip_ms,omitempty"`
	Bitrate   float64   `json:"bit_rate,omitempty" doc:"Of what came, in bit/s."`
}
