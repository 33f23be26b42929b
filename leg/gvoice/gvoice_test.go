package gvoice_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"tandem/alarm"
	"tandem/call"
	"tandem/leg/gvoice"
	"tandem/media"
	"tandem/media/bridge"
	"tandem/media/transport"
	"tandem/token"

	"net/netip"

	sim "tandem/sim/gvoice"
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

func newEdge(t *testing.T, o sim.Options) *sim.Server {
	t.Helper()
	edge := &sim.Server{Config: sim.Config{Options: o}, Log: testLog(t)}
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
	return gvoice.Account{Name: name, Number: number, User: name, ClientID: "client", ClientSecret: "secret",
		RefreshToken: token.Secret("refresh" + number), TokenURL: r.edge.TokenURL(), Connect: r.edge.Addr(), Roots: r.roots, IPv4Only: true,
		Timing: gvoice.Timing{Backoff: 50 * time.Millisecond, MaxWait: 200 * time.Millisecond, Spacing: 50 * time.Millisecond}}
}

func newRig(t *testing.T, edge *sim.Server, change ...func(*gvoice.Account)) *rig {
	t.Helper()
	r := &rig{T: t, edge: edge, board: &alarm.Board{Log: testLog(t)}, roots: filepath.Join(t.TempDir(), "ca.pem")}
	if err := os.WriteFile(r.roots, edge.CAPEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	log := testLog(t)
	engine := &transport.Engine{BindIPv4: netip.MustParseAddr("127.0.0.1"), Log: log}
	if err := engine.Start(); err != nil {
		t.Fatal(err)
	}
	r.voice = &gvoice.Connector{Engine: engine, Alarms: r.board, Log: log, UserAgent: "Tandem/test"}
	r.sw = &call.Switch{Router: r, Dialers: map[string]call.Dialer{gvoice.Name: r.voice}, Log: log, Recorder: r,
		Join: func(a, b media.Session, early bool) call.Bridge {
			return bridge.Join(a, b, bridge.Options{Log: log, Early: early})
		}}
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

func (r *rig) ctx() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	r.Cleanup(cancel)
	return ctx
}

func (r *rig) registered(users ...string) {
	r.Helper()
	for _, u := range users {
		if err := r.edge.WaitRegistered(r.ctx(), u); err != nil {
			r.Fatalf("%s is not registered: %v\n%+v\n%+v", u, err, r.voice.Status(), r.edge.Refusals())
		}
	}
}

func TestACallComesInOnOneAccountAndGoesOutOnAnother(t *testing.T) {
	r := newRig(t, newEdge(t, sim.Options{}))
	r.registered("home", "work")
	r.to = func(q call.Request) ([]call.Destination, error) {
		if q.From != "+12025550147" || q.To != homeNumber || q.Via != "home" {
			t.Errorf("request %+v", q)
		}
		return []call.Destination{{Connector: gvoice.Name, Target: "work", To: "+12025550100"}}, nil
	}
	r.edge.Config.People = nil
	in, err := r.edge.PlaceCall(r.ctx(), sim.Incoming{To: homeNumber, From: "+12025550147", Talk: sim.Person{Tone: 700, TalkFor: 2 * time.Second}})
	if err != nil {
		t.Fatal(err)
	}
	rep, err := in.Wait(r.ctx())
	if err != nil {
		t.Fatalf("%v: %+v", err, r.edge.State().Calls)
	}
	t.Logf("%+v", rep)
	for _, ref := range r.edge.Refusals() {
		t.Errorf("the edge refused: %+v", ref)
	}
	if rep.Outcome != "answered" {
		t.Errorf("outcome %q", rep.Outcome)
	}
	var _ = errors.Is
	var _ = net.IPv4len
}
