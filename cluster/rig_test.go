package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"tandem/store"
)

// A rig is a cluster in virtual time: members that share a SQLite file, whose
// clock is the bubble's.
type rig struct {
	t     *testing.T
	db    *store.DB
	names []string // of resources
	turn  chan struct{}

	mu     sync.Mutex
	acting map[string][]string // resource -> who acts on it
	twice  []string
	buried []string
}

func newRig(t *testing.T, resources ...string) *rig {
	t.Helper()
	db, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "cluster.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return &rig{t: t, db: db, names: resources, turn: make(chan struct{}, 1), acting: make(map[string][]string)}
}

// machine is a member with its work; acting on a resource is told to the rig.
type machine struct {
	*Member
	rig    *rig
	stop   context.CancelFunc
	done   chan struct{}
	killed bool

	mu      sync.Mutex
	cut     bool // the store cannot be reached
	letting time.Duration
	held    []string
	gone    map[string]chan struct{}
	busy    []string
	calls   []Call
}

func (r *rig) start(name string) *machine {
	r.t.Helper()
	m := &machine{rig: r, done: make(chan struct{}), letting: 3 * time.Second, gone: make(map[string]chan struct{})}
	m.Member = &Member{
		DB: r.db, Name: name, Version: "test", Work: m, Log: slog.New(slog.DiscardHandler), Calls: m.list,
		Bury: func(_ context.Context, n Node, before time.Time) error {
			r.mu.Lock()
			defer r.mu.Unlock()
			if before.IsZero() {
				r.buried = append(r.buried, n.Name+" by "+name)
			}
			return nil
		},
		around: m.visit,
	}
	ctx, stop := context.WithCancel(context.Background())
	m.stop = stop
	go func() {
		defer close(m.done)
		if err := m.Run(ctx); err != nil {
			r.t.Error(err)
		}
	}()
	return m
}

var errCut = errors.New("the network is cut")

func (m *machine) visit(visit func() error) error {
	m.mu.Lock()
	cut := m.cut || m.killed
	m.mu.Unlock()
	if cut {
		return errCut
	}
	return m.rig.alone(visit)
}

// alone lets one visit to the SQLite file follow the other. Two at once would wait for
// each other in virtual time with a mutex held, for ever.
func (r *rig) alone(visit func() error) error {
	r.turn <- struct{}{}
	defer func() { <-r.turn }()
	return visit()
}

// read is Read between the machines' visits.
func (r *rig) read() *View {
	r.t.Helper()
	var v *View
	if err := r.alone(func() (err error) {
		v, err = Read(r.t.Context(), r.db)
		return err
	}); err != nil {
		r.t.Fatal(err)
	}
	return v
}

func (r *rig) drain(node string, drain bool) error {
	return r.alone(func() error { return Drain(r.t.Context(), r.db, node, drain, "test") })
}

func (m *machine) list() []Call {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.calls
}

func (m *machine) set(f func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f()
}

// end leaves in good order.
func (m *machine) end() {
	m.stop()
	<-m.done
}

// kill is kill -9: nothing is said any more, and nothing is done.
func (m *machine) kill() {
	m.set(func() { m.killed = true })
	m.rig.mu.Lock()
	for name, who := range m.rig.acting {
		m.rig.acting[name] = slices.DeleteFunc(who, func(s string) bool { return s == m.Name })
	}
	m.rig.mu.Unlock()
	m.stop()
}

func (m *machine) Wanted() []string { return m.rig.names }

func (m *machine) Busy(name string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Contains(m.busy, name)
}

func (m *machine) Hold(names []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.killed {
		for _, name := range m.held {
			m.gone[name] = make(chan struct{})
			close(m.gone[name])
		}
		m.held = nil
		return
	}
	for _, name := range names {
		if !slices.Contains(m.held, name) && !m.lettingGo(name) {
			m.rig.act(name, m.Name, true)
		}
	}
	for _, name := range m.held {
		if !slices.Contains(names, name) {
			m.letGo(name)
		}
	}
	m.held = names
}

// letGo takes as long as an un-REGISTER that is never answered.
func (m *machine) letGo(name string) {
	gone := make(chan struct{})
	m.gone[name] = gone
	time.AfterFunc(m.letting, func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.rig.act(name, m.Name, false)
		close(gone)
		if slices.Contains(m.held, name) { // it is ours again meanwhile
			m.rig.act(name, m.Name, true)
		}
	})
}

func (m *machine) lettingGo(name string) bool {
	if m.gone[name] == nil {
		return false
	}
	select {
	case <-m.gone[name]:
		return false
	default:
		return true
	}
}

func (m *machine) Gone(name string) <-chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	if gone := m.gone[name]; gone != nil {
		return gone
	}
	closed := make(chan struct{})
	close(closed)
	return closed
}

// act notes who acts on what; two at once is what must never be.
func (r *rig) act(name, who string, begin bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.acting[name] = slices.DeleteFunc(r.acting[name], func(s string) bool { return s == who })
	if begin {
		r.acting[name] = append(r.acting[name], who)
	}
	if len(r.acting[name]) > 1 {
		r.twice = append(r.twice, fmt.Sprint(name, r.acting[name]))
	}
}

// holders is who acts on what, and checks that nothing was ever done twice.
func (r *rig) holders() map[string]string {
	r.t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.twice) > 0 {
		r.t.Errorf("two acted at once: %v", r.twice)
	}
	out := make(map[string]string)
	for name, who := range r.acting {
		for _, w := range who {
			out[name] += w
		}
	}
	return out
}

// share counts what each machine acts on.
func (r *rig) share() map[string]int {
	r.t.Helper()
	out := make(map[string]int)
	for _, who := range r.holders() {
		if who != "" {
			out[who]++
		}
	}
	return out
}
