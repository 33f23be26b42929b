package meet_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"tandem/alarm"
	"tandem/call"
	"tandem/leg/meet"
	"tandem/media"
	"tandem/media/transport"
	sim "tandem/sim/meet"
	"tandem/token"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	pin       = "1234567890123"
	trusted   = "trusted-token-0123456789"
	untrusted = "untrusted-token-0123456789"
)

// patience is for what takes a moment, and more on a busy machine.
const patience = 2 * time.Minute

// rig is a connector and the simulated meeting service.
type rig struct {
	t      *testing.T
	edge   *sim.Server
	engine *transport.Engine
	conn   *meet.Connector
	conf   meet.Config
	alarms *alarm.Board
	faulty []string // rules that a fault of the test makes us break
	ctx    context.Context
}

type conf = meet.Config

type changes struct {
	edge func(*sim.Config)
	conf func(*meet.Config)
	cert sim.GatewayCert
}

func newRig(t *testing.T, ch changes) *rig {
	t.Helper()
	r := &rig{t: t, edge: &sim.Server{Config: sim.Config{
		Tokens: []sim.AccessToken{
			{Value: trusted, Tenant: "example", Trusted: true},
			{Value: untrusted, Tenant: "example"},
			{Value: "revoked-token-0123456789", Tenant: "example", Trusted: true, Revoked: true},
		},
		Meetings: []sim.Meeting{{PIN: pin, ID: "jQCFfuBOdN5z", Code: "abc-mnop-xyz", Title: "Weekly planning", Tenant: "example", People: []sim.Person{
			{Name: "Ada", Colour: "#c03020", Tone: 400, Talking: true},
			{Name: "Bob", Colour: "#2060c0", Tone: 600},
		}}},
		Options: sim.Options{FPS: 10},
		// A busy machine is no reason for the service to give a device up.
		Timing: sim.Timing{FirstCheck: patience, Handshake: patience, Channels: patience, Consent: patience},
	}}}
	if ch.edge != nil {
		ch.edge(&r.edge.Config)
	}
	ctx, cancel := context.WithCancel(context.Background())
	r.ctx = ctx
	must(t, r.edge.Start(ctx))
	log := slog.New(slog.DiscardHandler)
	if os.Getenv("MEET_LOG") != "" {
		log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	r.engine = &transport.Engine{Log: log}
	must(t, r.engine.Start())
	r.alarms = &alarm.Board{Log: log}
	r.conn = &meet.Connector{Engine: r.engine, Alarms: r.alarms, Log: log}
	r.conn.ConnectWithin(patience)
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "ca.pem"), r.edge.CAPEM(), 0o600))
	gateway := &token.Gateway{Dir: filepath.Join(dir, "gateway")}
	csr, err := gateway.Request("gw.example.com", false)
	must(t, err)
	chain, err := r.edge.SignGateway(csr, ch.cert)
	must(t, err)
	_, err = gateway.Install(chain, true)
	must(t, err)
	r.conf = meet.Config{
		Edge: r.edge.EdgeURL(), Roots: filepath.Join(dir, "ca.pem"), Gateway: gateway.Dir, Join: patience, Notice: 200 * time.Millisecond,
		Tokens: []token.Access{{Name: "acme", Secret: trusted, Trusted: true}, {Name: "guest", Secret: untrusted}, {Name: "old", Secret: "revoked-token-0123456789"}},
	}
	if ch.conf != nil {
		ch.conf(&r.conf)
	}
	must(t, r.conf.Validate())
	must(t, r.conn.Apply(r.conf))
	ran := make(chan error, 1)
	go func() { ran <- r.conn.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ran; err != nil {
			t.Error(err)
		}
		r.strict()
		_ = r.engine.Close()
		_ = r.edge.Close()
	})
	return r
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// caller is one leg, and what it reports.
type caller struct {
	r    *rig
	leg  call.Leg
	meet media.Meeting

	mu     sync.Mutex
	events []call.Event
	gone   chan struct{}
}

func (r *rig) dial(tokenName, to string, video bool) *caller {
	r.t.Helper()
	from := call.Request{From: "room@example.com", FromName: "Board room", Video: video}
	if video {
		from.Videos = []string{"VP8"}
	}
	return r.dialAs(call.Destination{To: to, Token: tokenName}, from)
}

func (r *rig) dialAs(to call.Destination, from call.Request) *caller {
	r.t.Helper()
	leg, err := r.conn.Dial(r.ctx, to, from)
	must(r.t, err)
	c := &caller{r: r, leg: leg, meet: leg.Media().(media.Meeting), gone: make(chan struct{})}
	go func() {
		for ev := range leg.Events() {
			c.mu.Lock()
			c.events = append(c.events, ev)
			c.mu.Unlock()
		}
		close(c.gone)
	}()
	r.t.Cleanup(func() {
		leg.Do(call.Ended{Cause: call.NormalClearing})
		<-c.gone
	})
	return c
}

func (c *caller) has(want func(call.Event) bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.ContainsFunc(c.events, want)
}

func (c *caller) answered() *caller {
	c.r.t.Helper()
	c.r.wait("answer", func() bool {
		return c.has(func(e call.Event) bool { _, ok := e.(call.Answered); return ok })
	})
	return c
}

// ended waits for the last event.
func (c *caller) ended(want call.Cause) call.Ended {
	c.r.t.Helper()
	select {
	case <-c.gone:
	case <-time.After(patience):
		c.r.t.Fatal("the leg does not end")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	end, ok := c.events[len(c.events)-1].(call.Ended)
	if !ok || end.Cause != want {
		c.r.t.Errorf("the leg ended with %+v, want %v", c.events, want)
	}
	return end
}

func (c *caller) hangup() {
	c.r.t.Helper()
	c.leg.Do(call.Ended{Cause: call.NormalClearing})
	c.ended(call.NormalClearing)
}

func (r *rig) wait(what string, ok func() bool) {
	r.t.Helper()
	limit := time.After(patience)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-limit:
			st, _ := r.edge.Meeting(pin)
			r.t.Fatalf("no %s\nviolations %+v\nmeeting %+v", what, r.edge.Violations(), st.Devices)
		}
	}
}

// device is what the service knows of the only device that is there.
func (r *rig) device() sim.DeviceState {
	r.t.Helper()
	st, err := r.edge.Meeting(pin)
	must(r.t, err)
	if len(st.Devices) == 1 {
		return st.Devices[0]
	}
	return sim.DeviceState{}
}

// strict checks, at the end of every test, that what the service had to complain about
// are requests it refused because the test wants it so, unless faults are to blame.
func (r *rig) strict() {
	r.t.Helper()
	for _, v := range r.edge.Violations() {
		if !strings.HasPrefix(v.Action, "refused ") && !slices.Contains(r.faulty, v.Rule) {
			r.t.Errorf("the service complains: %s %s %s: %s", v.Rule, v.Action, v.What, v.Reason)
		}
	}
}

// clean checks that the service had nothing to complain about, but for rules given.
func (r *rig) clean(rules ...string) {
	r.t.Helper()
	for _, v := range r.edge.Violations() {
		if !slices.Contains(rules, v.Rule) {
			r.t.Errorf("the service complains: %s %s %s: %s", v.Rule, v.Action, v.What, v.Reason)
		}
	}
}

// ear notes the packets of one source.
type ear struct {
	mu      sync.Mutex
	packets int
	csrcs   map[uint32]int
	octets  int
}

func listen(s media.Source) *ear {
	e := &ear{csrcs: map[uint32]int{}}
	s.Attach(e)
	return e
}

func (e *ear) Receive(p *media.Packet) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.packets++
	e.octets += len(p.Payload)
	e.csrcs[p.CSRC]++
}

func (e *ear) from(csrc uint32) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.csrcs[csrc]
}

func source(t *testing.T, s media.Session, id string) media.Source {
	t.Helper()
	for _, src := range s.Sources() {
		if src.Info().ID == id {
			return src
		}
	}
	t.Fatal(fmt.Sprint("there is no source ", id))
	return nil
}
