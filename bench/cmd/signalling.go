//go:build linux

package main

import (
	"context"
	"embed"
	"fmt"
	"runtime"
	"strings"
	"time"
)

//go:embed sip
var files embed.FS

// answering is a SIP server under load: one process or several.
type answering struct {
	name      string
	processes []*process
	send      func(context.Context) (counted, error)
	costs     []float64
	sum       counted
}

// signallingCost is P-5: the gateway against Kamailio. A proxy carries no audio and
// keeps no record, so beside the comparison that the goal is about, of the whole
// gateway with the proxy, there are two: of the SIP stack alone, which does neither; and
// of the gateway with a Kamailio whose calls pass through rtpengine.
func signallingCost(ctx context.Context, s *settings) ([]line, error) {
	g, err := startGateway(ctx, s)
	if err != nil {
		return nil, err
	}
	defer g.stop()
	called, err := startCalled(ctx, s)
	if err != nil {
		return nil, err
	}
	defer called.stop()
	var lines []line
	for _, c := range [...]comparedSignalling{
		{line: line{what: "call, B2BUA of our SIP stack, 1,000/s, CPU", name: "Kamailio proxy", goal: 1}, conf: "stateful.cfg", bare: true, rate: 1000, load: calls},
		{line: line{what: "call, whole gateway, 1,000/s, CPU", name: "Kamailio proxy", goal: 1}, conf: "stateful.cfg", rate: 1000, load: calls},
		{line: line{what: "the same, audio carried by both, 300/s", name: "Kam.+rtpengine", goal: 1}, conf: "anchored.cfg", anchored: true, rate: 300, load: calls},
		{line: line{what: "REGISTER, 401, REGISTER, 200, 1,000/s, CPU", name: "Kamailio", goal: 1.2}, conf: "registrar.cfg", rate: 1000, load: registrations},
		{line: line{what: "the same at 4,000/s", name: "Kamailio", goal: 1.2}, conf: "registrar.cfg", rate: 4000, load: registrations},
	} {
		l, err := c.measure(ctx, s, g)
		if err != nil {
			return lines, err
		}
		lines = append(lines, l)
	}
	return lines, nil
}

// comparedSignalling is one figure: how the peer is configured and what is sent.
type comparedSignalling struct {
	line     line
	conf     string // of Kamailio
	bare     bool   // ours is the SIP stack without the rest of the gateway (bench/b2bua)
	anchored bool   // rtpengine runs beside Kamailio
	rate     int    // a second
	load     func(s *settings, rate int, to, ourAddr string) (ours, peer func(context.Context) (counted, error))
}

// calls are made with SIPp; Kamailio is told by a Route where they go.
func calls(s *settings, rate int, to, ourAddr string) (ours, peer func(context.Context) (counted, error)) {
	uac := []string{"-sn", "uac", "-d", "0", "-s", "2025550100"}
	ours = func(ctx context.Context) (counted, error) {
		return sipp(ctx, s, rate, append(uac[:len(uac):len(uac)], ourAddr)...)
	}
	peer = func(ctx context.Context) (counted, error) {
		return sipp(ctx, s, rate, append(uac[:len(uac):len(uac)], "-rsa", peerAt, to)...)
	}
	return ours, peer
}

func registrations(s *settings, rate int, _, ourAddr string) (ours, peer func(context.Context) (counted, error)) {
	to := func(addr string) func(context.Context) (counted, error) {
		return func(ctx context.Context) (counted, error) { return register(ctx, s, rate, addr) }
	}
	return to(ourAddr), to(peerAt)
}

// measure loads the gateway and its peer in turn.
func (c *comparedSignalling) measure(ctx context.Context, s *settings, g *process) (line, error) {
	l := c.line
	var rtp *rtpengine
	if c.anchored {
		var err error
		if rtp, err = startRTPEngine(ctx, s, plainCall, runtime.NumCPU(), portsOfAnchor, portsOfAnchor+2*portsEach-1, kamailioControl); err != nil {
			return l, err
		}
		defer rtp.stop()
	}
	at := oursAt
	if c.bare {
		var err error
		if g, err = startBare(ctx, s); err != nil {
			return l, err
		}
		defer g.stop()
		at = bareAt
	}
	k, err := startKamailio(ctx, s, c.conf)
	if err != nil {
		return l, err
	}
	defer k.stop()
	if err := settle(ctx, 1500*time.Millisecond); err != nil {
		return l, err
	}
	toOurs, toPeer := c.load(s, c.rate, fmt.Sprintf("%s:%d", calledHost, calledPort), at)
	ours := &answering{name: "tandem", processes: []*process{g}, send: toOurs}
	peer := &answering{name: "Kamailio", processes: []*process{k}, send: toPeer}
	if rtp != nil {
		peer.processes = append(peer.processes, rtp.process)
	}
	for round := range s.rounds + 1 {
		for _, p := range [...]*answering{ours, peer} {
			if err := p.loadAgain(ctx, round > 0); err != nil { // the first one warms up
				return l, fmt.Errorf("%s: %w", p.name, err)
			}
		}
	}
	cost := func(v float64) float64 { return v }
	l.ours, l.peer, l.unit = median(ours.costs, cost), median(peer.costs, cost), "µs"
	l.note = strings.Trim(ours.troubles()+", "+peer.troubles(), ", ")
	return l, nil
}

func settle(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// loadAgain is load, and once more after a pause if calls failed: what else runs on
// the machine may have held up everybody for longer than SIP waits.
func (a *answering) loadAgain(ctx context.Context, counts bool) error {
	err := a.load(ctx, counts)
	for range 2 {
		if err == nil || ctx.Err() != nil {
			return err
		}
		if pause := settle(ctx, 3*time.Second); pause != nil {
			return pause
		}
		err = a.load(ctx, counts)
	}
	return err
}

// load sends one round to the server.
func (a *answering) load(ctx context.Context, counts bool) error {
	before, err := a.cpu()
	if err != nil {
		return err
	}
	v, err := a.send(ctx)
	if err != nil {
		return err
	}
	after, err := a.cpu()
	if err != nil || !counts {
		return err
	}
	a.costs = append(a.costs, float64(after-before)/float64(time.Microsecond)/float64(v.good))
	a.sum.failed += v.failed
	a.sum.repeated += v.repeated
	return nil
}

func (a *answering) cpu() (sum time.Duration, err error) {
	for _, p := range a.processes {
		d, err := p.cpu()
		if err != nil {
			return 0, err
		}
		sum += d
	}
	return sum, nil
}

// troubles tells what makes a figure worth less.
func (a *answering) troubles() string {
	if a.sum.failed+a.sum.repeated == 0 {
		return ""
	}
	return fmt.Sprintf("%s: %d failed, %d retransmissions", a.name, a.sum.failed, a.sum.repeated)
}
