//go:build linux

package main

import (
	"context"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
)

// Every program has ports of its own, below the kernel's ephemeral ones (32768).
const (
	phonesOfTandem, phonesOfPeer, phonesOfFloor = 10000, 12000, 14000
	portsOfTandem, portsOfPeer, portsOfAnchor   = 16000, 20000, 34000
	portsEach                                   = 4000
	controlPort, kamailioControl                = 9901, 9902
)

// bench are the programs of one kind of call, ready for load.
type bench struct {
	ours, peer *relayed
	relay      *tandemRelay
	stops      []func()
}

func (b *bench) stop() {
	for _, f := range b.stops {
		f()
	}
}

// newBench starts our relay and rtpengine and sets up the calls through both.
func newBench(ctx context.Context, s *settings, k kind, calls int) (*bench, error) {
	b := new(bench)
	r, err := startTandem(ctx, s, k, portsOfTandem, portsOfTandem+portsEach-1)
	if err != nil {
		return nil, err
	}
	b.relay, b.stops = r, append(b.stops, r.stop)
	b.ours = &relayed{name: "tandem", process: r.process}
	if b.ours.flows, err = connect(r, k, calls, phonesOfTandem); err != nil {
		b.stop()
		return nil, fmt.Errorf("tandem: %w", err)
	}
	peer, err := startRTPEngine(ctx, s, k, runtime.NumCPU(), portsOfPeer, portsOfPeer+portsEach-1, controlPort)
	if err != nil {
		b.stop()
		return nil, err
	}
	b.stops = append(b.stops, peer.stop)
	b.peer = &relayed{name: "rtpengine", process: peer.process}
	if b.peer.flows, err = connect(peer, k, calls, phonesOfPeer); err != nil {
		b.stop()
		return nil, fmt.Errorf("rtpengine: %w", err)
	}
	return b, nil
}

// startFloor starts the smallest relay there can be.
func startFloor(ctx context.Context, s *settings, calls int) (*relayed, func(), error) {
	var pairs strings.Builder
	for i := range calls {
		fmt.Fprintln(&pairs, phonesOfFloor+4*i, phonesOfFloor+4*i+2)
	}
	p := &relayed{name: "plain C loop"}
	var out io.Reader
	var err error
	p.process, err = start(ctx, s.logs, filepath.Join(s.build, "floor"), func(c *exec.Cmd) {
		c.Stdout = nil
		c.Stdin = strings.NewReader(pairs.String())
		out, _ = c.StdoutPipe()
	})
	if err != nil {
		return nil, nil, err
	}
	for i := range calls {
		var in, other int
		if _, err := fmt.Fscan(out, &in, &other); err != nil {
			p.process.stop()
			return nil, nil, fmt.Errorf("the plain C loop ended, see its log: %w", err)
		}
		a := phonesOfFloor + 4*i
		p.flows = append(p.flows, flow{a, in, 0, "plain", "pcmu", nil}, flow{a + 2, other, 0, "plain", "pcmu", nil})
	}
	return p, p.process.stop, nil
}

// relayCost is P-1, and for the same calls P-12 and P-14.
func relayCost(ctx context.Context, s *settings) ([]line, error) {
	const calls = 400
	b, err := newBench(ctx, s, plainCall, calls)
	if err != nil {
		return nil, err
	}
	defer b.stop()
	floor, stop, err := startFloor(ctx, s, calls)
	if err != nil {
		return nil, err
	}
	defer stop()
	before, err := b.relay.mallocs()
	if err != nil {
		return nil, err
	}
	if err := interleave(ctx, s, b.ours, b.peer, floor); err != nil {
		return nil, err
	}
	after, err := b.relay.mallocs()
	if err != nil {
		return nil, err
	}
	what := fmt.Sprintf("PCMU relay, %d calls, CPU per packet", calls)
	sent := 0
	for _, v := range b.ours.samples {
		sent += v.Sent
	}
	return []line{
		costLine(what, b, 0.70),
		{what: "the same, plain C loop", ours: b.ours.cost(), peer: floor.cost(), unit: "µs", name: floor.name, note: loss(floor)},
		memoryLine(fmt.Sprintf("P-12: memory, %d relayed calls", calls), b, 0.5),
		{what: "P-14: allocations per packet", ours: float64(after-before) / float64(sent), note: "goal 0; RTCP reports are in it"},
	}, err
}

// relayLatency is P-2: what a relay adds to the way from phone to phone.
func relayLatency(ctx context.Context, s *settings) ([]line, error) {
	const calls = 100
	b, err := newBench(ctx, s, plainCall, calls)
	if err != nil {
		return nil, err
	}
	defer b.stop()
	direct := &relayed{name: "direct"}
	for i := range calls {
		x, y := phonesOfFloor+4*i, phonesOfFloor+4*i+2
		direct.flows = append(direct.flows, flow{x, y, 0, "plain", "pcmu", nil}, flow{y, x, 0, "plain", "pcmu", nil})
	}
	if err := interleave(ctx, s, b.ours, b.peer, direct); err != nil {
		return nil, err
	}
	return []line{{
		what: "relay, added latency p99, 10,000 packets/s", unit: "µs", name: "rtpengine", goal: 0.7,
		ours: b.ours.p99() - direct.p99(), peer: b.peer.p99() - direct.p99(),
		note: fmt.Sprintf("direct %.0f µs; p50 %.0f, %.0f and %.0f µs", direct.p99(), b.ours.p50(), b.peer.p50(), direct.p50()),
	}}, nil
}

// secureCost is P-3.
func secureCost(ctx context.Context, s *settings) ([]line, error) {
	const calls = 200
	var lines []line
	for _, k := range []kind{srtpCall, gcmCall} {
		name, _ := k.suite()
		l, err := comparison(ctx, s, k, calls, "RTP to SRTP "+name[:10]+", CPU per packet", 0.8)
		if err != nil {
			return lines, fmt.Errorf("%s: %w", name, err)
		}
		lines = append(lines, l)
	}
	return lines, nil
}

func comparison(ctx context.Context, s *settings, k kind, calls int, what string, goal float64) (line, error) {
	b, err := newBench(ctx, s, k, calls)
	if err != nil {
		return line{}, err
	}
	defer b.stop()
	if err := interleave(ctx, s, b.ours, b.peer); err != nil {
		return line{}, err
	}
	return costLine(what, b, goal), nil
}

// transcodeCost is P-4, and for the same calls P-12.
func transcodeCost(ctx context.Context, s *settings) ([]line, error) {
	const calls = 30
	b, err := newBench(ctx, s, opusCall, calls)
	if err != nil {
		return nil, err
	}
	defer b.stop()
	if err := interleave(ctx, s, b.ours, b.peer); err != nil {
		return nil, err
	}
	floor, err := opusFloor(ctx, s, calls)
	if err != nil {
		return nil, err
	}
	return []line{
		costLine(fmt.Sprintf("Opus to PCMU, %d calls, CPU per packet", calls), b, 0.33),
		{what: "the same, libopus alone", ours: b.ours.cost(), peer: floor, unit: "µs", name: "encode+decode"},
		memoryLine(fmt.Sprintf("P-12: memory, %d transcoded calls", calls), b, 0.3),
	}, nil
}

// opusFloor is what encoding and decoding cost for each packet that is forwarded.
func opusFloor(ctx context.Context, s *settings, calls int) (float64, error) {
	var times []float64
	for range s.rounds {
		out, err := exec.CommandContext(ctx, filepath.Join(s.build, "opus"), filepath.Join(s.build, "speech.pcm"), strconv.Itoa(calls)).Output()
		if err != nil {
			return 0, fmt.Errorf("opus: %w", err)
		}
		v, err := strconv.ParseFloat(strings.TrimSpace(string(out)), 64)
		if err != nil {
			return 0, fmt.Errorf("opus: %w", err)
		}
		times = append(times, v/2) // a call's tick forwards two packets
	}
	return median(times, func(v float64) float64 { return v }), nil
}

func costLine(what string, b *bench, goal float64) line {
	return line{what: what, ours: b.ours.cost(), peer: b.peer.cost(), unit: "µs", name: b.peer.name, goal: goal, note: loss(b.ours, b.peer)}
}

func memoryLine(what string, b *bench, goal float64) line {
	return line{what: what, ours: b.ours.resident(), peer: b.peer.resident(), unit: "MB", name: b.peer.name, goal: goal}
}

// loss tells what did not come, because a figure with loss means nothing.
func loss(programs ...*relayed) string {
	var parts []string
	for _, p := range programs {
		if l := p.lost(); l != 0 {
			parts = append(parts, fmt.Sprintf("%s lost %.2f %%", p.name, l))
		}
	}
	return strings.Join(parts, ", ")
}
