//go:build linux

package main

import (
	"context"
	"embed"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

//go:embed sip
var files embed.FS

// answering is a SIP server under load.
type answering struct {
	name    string
	process *process
	args    []string // of SIPp
	costs   []float64
	sum     counted
}

// signallingRate is calls, and registrations, a second.
const signallingRate = 1000

// signallingCost is P-5: the whole gateway against Kamailio.
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
	toCalled := fmt.Sprintf("%s:%d", calledHost, calledPort)
	call, err := against(ctx, s, line{what: "call through the B2BUA, 1,000/s, CPU", name: "Kamailio proxy", goal: 1}, "stateful.cfg",
		&answering{name: "tandem", process: g, args: []string{"-sn", "uac", "-d", "0", "-s", "2025550100", oursAt}},
		&answering{name: "Kamailio", args: []string{"-sn", "uac", "-d", "0", "-s", "2025550100", "-rsa", peerAt, toCalled}})
	if err != nil {
		return nil, err
	}
	list, err := writePhones(s)
	if err != nil {
		return call, err
	}
	register := []string{"-sf", filepath.Join(s.build, "register.xml"), "-inf", list}
	reg, err := against(ctx, s, line{what: "REGISTER, 401, REGISTER, 200, 1,000/s, CPU", name: "Kamailio", goal: 1.2}, "registrar.cfg",
		&answering{name: "tandem", process: g, args: append(register, oursAt)},
		&answering{name: "Kamailio", args: append(register[:len(register):len(register)], peerAt)})
	return append(call, reg...), err
}

// against loads the gateway and a Kamailio with a configuration in turn.
func against(ctx context.Context, s *settings, l line, conf string, ours, peer *answering) ([]line, error) {
	k, err := startKamailio(ctx, s, conf)
	if err != nil {
		return nil, err
	}
	defer k.stop()
	peer.process = k
	if err := settle(ctx, 1500*time.Millisecond); err != nil {
		return nil, err
	}
	for round := range s.rounds + 1 {
		for _, p := range [...]*answering{ours, peer} {
			if err := p.load(ctx, s, round > 0); err != nil { // the first one warms up
				return nil, fmt.Errorf("%s: %w", p.name, err)
			}
		}
	}
	cost := func(v float64) float64 { return v }
	l.ours, l.peer, l.unit = median(ours.costs, cost), median(peer.costs, cost), "µs"
	l.note = strings.Trim(ours.troubles()+", "+peer.troubles(), ", ")
	return []line{l}, nil
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

// load sends one round to the server.
func (a *answering) load(ctx context.Context, s *settings, counts bool) error {
	before, err := a.process.cpu()
	if err != nil {
		return err
	}
	v, err := sipp(ctx, s, signallingRate, a.args...)
	if err != nil {
		return err
	}
	after, err := a.process.cpu()
	if err != nil || !counts {
		return err
	}
	a.costs = append(a.costs, float64(after-before)/float64(time.Microsecond)/float64(v.good))
	a.sum.failed += v.failed
	a.sum.repeated += v.repeated
	return nil
}

// troubles tells what makes a figure worth less.
func (a *answering) troubles() string {
	if a.sum.failed+a.sum.repeated == 0 {
		return ""
	}
	return fmt.Sprintf("%s: %d failed, %d retransmissions", a.name, a.sum.failed, a.sum.repeated)
}

// writePhones writes the scenario and who registers, in SIPp's form.
func writePhones(s *settings) (list string, err error) {
	b, err := files.ReadFile("sip/register.xml")
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(filepath.Join(s.build, "register.xml"), b, 0o600); err != nil {
		return "", err
	}
	var text strings.Builder
	text.WriteString("SEQUENTIAL\n")
	for i := range phones {
		fmt.Fprintf(&text, "%s;[authentication username=%s password=secret]\n", phoneName(i), phoneName(i))
	}
	list = filepath.Join(s.build, "phones.csv")
	return list, os.WriteFile(list, []byte(text.String()), 0o600)
}
