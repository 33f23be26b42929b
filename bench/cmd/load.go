//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"time"
)

// relayed is a program under load: its process and the flows that pass through it.
type relayed struct {
	name    string
	process *process // nil: the flows go from phone to phone
	flows   []flow
	samples []sample
}

// sample is one round of one program.
type sample struct {
	Sent, Received, Silent int
	P50, P95, P99, Max     float64 // latency, microseconds

	cost     float64 // CPU microseconds for a packet
	resident float64 // MB
}

// interleave loads the programs in turn, A B A B, so that what the machine does
// besides hits all of them.
func interleave(ctx context.Context, s *settings, programs ...*relayed) error {
	for range s.rounds {
		for _, p := range programs {
			v, err := p.load(ctx, s)
			if err != nil {
				return fmt.Errorf("%s: %w", p.name, err)
			}
			p.samples = append(p.samples, v)
		}
	}
	return nil
}

// load sends through the program for one round.
func (p *relayed) load(ctx context.Context, s *settings) (sample, error) {
	var v sample
	before, err := p.cpu()
	if err != nil {
		return v, err
	}
	ctx, cancel := context.WithTimeout(ctx, s.length+20*time.Second)
	defer cancel()
	c := command(ctx, filepath.Join(s.build, "rtpload"), s.build, fmt.Sprint(s.length.Seconds()))
	var list strings.Builder
	for _, f := range p.flows {
		fmt.Fprintln(&list, f)
	}
	var errText bytes.Buffer
	c.Stdin, c.Stderr = strings.NewReader(list.String()), &errText
	out, err := c.Output()
	if err != nil {
		return v, fmt.Errorf("rtpload: %w: %s", err, errText.String())
	}
	if err := json.Unmarshal(out, &v); err != nil {
		return v, fmt.Errorf("rtpload: %w", err)
	}
	after, err := p.cpu()
	if err != nil {
		return v, err
	}
	if v.Silent > 0 {
		return v, fmt.Errorf("%d of %d flows came to nothing", v.Silent, len(p.flows))
	}
	v.cost = float64(after-before) / float64(time.Microsecond) / float64(max(v.Sent, 1))
	if p.process != nil {
		v.resident = p.process.resident()
	}
	return v, nil
}

func (p *relayed) cpu() (time.Duration, error) {
	if p.process == nil {
		return 0, nil
	}
	return p.process.cpu()
}

// lost is the part of all packets that did not come, in per cent.
func (p *relayed) lost() float64 {
	sent, received := 0, 0
	for _, v := range p.samples {
		sent += v.Sent
		received += v.Received
	}
	return 100 * float64(sent-received) / float64(max(sent, 1))
}

func (p *relayed) cost() float64 {
	return median(p.samples, func(v sample) float64 { return v.cost })
}

func (p *relayed) resident() float64 {
	return median(p.samples, func(v sample) float64 { return v.resident })
}

func (p *relayed) p99() float64 {
	return median(p.samples, func(v sample) float64 { return v.P99 })
}

func (p *relayed) p50() float64 {
	return median(p.samples, func(v sample) float64 { return v.P50 })
}
