// Package evidence keeps what a call leaves to look at: its SIP messages, without
// their secrets, and how good each leg sounded from one moment to the next. Start
// reading at [Recorder.Message], [Recorder.Leg] and [Recorder.Call]: together they
// find out which message belongs to which call.
package evidence

import (
	"errors"
	"fmt"
	"net/netip"
	"time"
)

// Config says what is kept. The zero value keeps calls that did not go well.
type Config struct {
	Store string        `yaml:"store,omitempty"` // which calls' evidence goes into the store: failed (default: nobody talked, or it sounded bad), all, none
	Keep  time.Duration `yaml:"keep,omitempty"`  // how long; default 30d
}

// What Config.Store can be.
const (
	StoreFailed = "failed"
	StoreAll    = "all"
	StoreNone   = "none"
)

// Validate names the fields that are wrong.
func (c *Config) Validate() error {
	var errs []error
	switch c.Store {
	case "", StoreFailed, StoreAll, StoreNone:
	default:
		errs = append(errs, fmt.Errorf("store: %q is none of failed, all, none", c.Store))
	}
	if c.Keep < 0 {
		errs = append(errs, errors.New("keep: must not be negative"))
	}
	return errors.Join(errs...)
}

// Evidence is what a call leaves to look at.
type Evidence struct {
	Ladder   []Message `json:"ladder"`
	Timeline []Sample  `json:"timeline"`
	Dropped  int       `json:"dropped,omitempty" doc:"Messages that were too many to be kept."`
}

// A Message is one message of a call, SIP or what a meeting service speaks, its secrets
// removed.
type Message struct {
	At        time.Time      `json:"at"`
	Leg       string         `json:"leg" enum:"a,b"`
	Direction string         `json:"direction" enum:"in,out" doc:"Seen from the gateway."`
	Peer      string         `json:"peer,omitempty" doc:"Address of the other end."`
	Network   string         `json:"network,omitempty"`
	Local     netip.AddrPort `json:"-"` // ours; not kept with the call
	Other     bool           `json:"-"` // it is not SIP
	Summary   string         `json:"summary"`
	Text      string         `json:"text,omitempty"`
}

// A Sample is how good what came from a leg sounded in a stretch of time.
type Sample struct {
	At        time.Time `json:"at"`
	Leg       string    `json:"leg" enum:"a,b"`
	MOS       float64   `json:"mos,omitempty" doc:"1 to 4.5."`
	Loss      float64   `json:"loss" doc:"Share of the packets, 0 to 1."`
	Jitter    float64   `json:"jitter_ms"`
	RoundTrip float64   `json:"round_trip_ms,omitempty"`
	Bitrate   float64   `json:"bit_rate,omitempty" doc:"Of what came, in bit/s."`
}
