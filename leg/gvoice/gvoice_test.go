package gvoice_test

import (
	"context"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"tandem/alarm"
	"tandem/call"
	"tandem/leg/gvoice"
	"tandem/media"
	"tandem/media/bridge"
	"tandem/media/transport"
	sim "tandem/sim/gvoice"
	"tandem/token"
)

// A rig is a connector with accounts at a simulated edge; a call that comes in
// on one account goes out on another as the test says.
type rig struct {
	*testing.T
	edge  *sim.Server
	voice *gvoice.Connector
	sw    *call.Switch
	board *alarm.Board
	roots string
	to    func(call.Request) ([]call.Destination, error)

	mu      sync.Mutex
	records []call.Record
}

func (r *rig) Route(q call.Request) ([]call.Destination, error) { return r.to(q) }
func (r *rig) Began(call.Record)                                {}
func (r *rig) Ended(rec call.Record) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.records = append(r.records, rec)
}

const (
	homeNumber = "+12025550123"
	workNumber = "+12025550124"
)

func newEdge(t *testing.T, o sim.Options, people ...sim.Person) *sim.Server {
	t.Helper()
	edge := &sim.Server{Config: sim.Config{Options: o, People: people}, Log: testLog(t)}
	for _, n := range []string{homeNumber, workNumber} {
		edge.Config.Accounts = append(edge.Config.Accounts, sim.Account{Number: n, ClientID: "client", ClientSecret: "secret", RefreshToken: "refresh" + n})
	}
	if err := edge.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = edge.Close() })
	return edge
}

func testLog(t *testing.T) *slog.Logger {
	if !testing.Verbose() {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))
}

func (r *rig) account(name, number string) gvoice.Account {
	return gvoice.Account{
		Name: name, Number: number, User: name, ClientID: "client", ClientSecret: "secret",
		RefreshToken: token.Secret("refresh" + number), TokenURL: r.edge.TokenURL(), Private: true, Connect: r.edge.Addr(), Roots: r.roots, IPv4Only: true,
		Timing: gvoice.Timing{Backoff: 50 * time.Millisecond, MaxWait: 200 * time.Millisecond, Spacing: 50 * time.Millisecond},
	}
}

func newRig(t *testing.T, edge *sim.Server, change ...func(*gvoice.Account)) *rig {
	t.Helper()
	return newRigLogging(t, edge, testLog(t), change...)
}

func newRigLogging(t *testing.T, edge *sim.Server, log *slog.Logger, change ...func(*gvoice.Account)) *rig {
	t.Helper()
	r := &rig{T: t, edge: edge, board: &alarm.Board{Log: log}, roots: filepath.Join(t.TempDir(), "ca.pem")}
	if err := os.WriteFile(r.roots, edge.CAPEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	engine := &transport.Engine{BindIPv4: netip.MustParseAddr("127.0.0.1"), Log: log}
	if err := engine.Start(); err != nil {
		t.Fatal(err)
	}
	r.voice = &gvoice.Connector{Engine: engine, Alarms: r.board, Log: log, UserAgent: "Tandem/test"}
	r.sw = &call.Switch{
		Router: r, Dialers: map[string]call.Dialer{gvoice.Name: r.voice}, Log: log, Recorder: r,
		Join: func(a, b media.Session, early bool, log *slog.Logger) call.Bridge {
			return bridge.Join(a, b, bridge.Options{Log: log, Early: early})
		},
	}
	accounts := []gvoice.Account{r.account("home", homeNumber), r.account("work", workNumber)}
	for _, f := range change {
		for i := range accounts {
			f(&accounts[i])
		}
	}
	if err := r.voice.Apply(accounts); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- r.voice.Listen(ctx, func(q call.Request, l call.Leg) { r.sw.Incoming(ctx, q, l) })
	}()
	t.Cleanup(func() {
		cancel()
		r.sw.Wait()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if err := engine.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// patience is for what takes a moment, and more on a busy machine.
const patience = 2 * time.Minute

func (r *rig) ctx() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	r.Cleanup(cancel)
	return ctx
}

func (r *rig) registered(users ...string) {
	r.Helper()
	for _, u := range users {
		if err := r.edge.WaitRegistered(r.ctx(), u); err != nil {
			r.Fatalf("%s is not registered: %v\n%+v\n%+v", u, err, r.voice.Status(), r.edge.Refusals())
		}
		r.eventually(u+"'s registration", func() bool {
			return slices.ContainsFunc(r.voice.Status(), func(s gvoice.Status) bool { return s.Account == u && s.State == gvoice.Registered })
		})
	}
}

// dial places a call over the account home and returns the leg.
func (r *rig) dial(number string, codecs ...string) call.Leg {
	r.Helper()
	l, err := r.voice.Dial(r.ctx(), call.Destination{Connector: gvoice.Name, Target: "home", To: number}, call.Request{Codecs: codecs})
	if err != nil {
		r.Fatal(err)
	}
	return l
}

// until reads l's events to the first one of the wanted type.
func until[E call.Event](r *rig, l call.Leg) E {
	r.Helper()
	var seen []call.Event
	timeout := time.After(patience)
	for {
		select {
		case ev, ok := <-l.Events():
			if e, is := ev.(E); is {
				return e
			}
			if seen = append(seen, ev); !ok {
				var e E
				r.Fatalf("the leg ended without %T: %+v", e, seen)
			}
		case <-timeout:
			var e E
			r.Fatalf("no %T within %v; %+v", e, patience, seen)
		}
	}
}

// report waits for the end of the edge's n-th call.
func (r *rig) report(n int) sim.Report {
	r.Helper()
	c, err := r.edge.WaitCall(r.ctx(), n)
	if err != nil {
		r.Fatal(err)
	}
	rep, err := c.Wait(r.ctx())
	if err != nil {
		r.Fatal(err)
	}
	rep.Ladder = nil
	return rep
}

// strict fails the test when the edge refused anything but for the rules given.
func (r *rig) strict(but ...string) {
	r.Helper()
	for _, ref := range r.edge.Refusals() {
		if !slices.Contains(but, ref.Rule) {
			r.Errorf("the edge %s %s: %s (%s)", ref.Action, ref.What, ref.Reason, ref.Rule)
		}
	}
}

// eventually waits until ok holds; it polls because what it waits for has no event.
func (r *rig) eventually(what string, ok func() bool) {
	r.Helper()
	deadline := time.Now().Add(patience)
	for !ok() {
		if time.Now().After(deadline) {
			r.Fatalf("%s did not happen within %v: %+v", what, patience, r.voice.Status())
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func (r *rig) state() gvoice.State { return r.voice.Status()[0].State }
