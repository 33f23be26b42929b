package cluster

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"tandem/alarm"
	"tandem/store"
)

const (
	every = time.Second // between heartbeats
	// A session is good for this long after a heartbeat. Others take over later.
	sessionTime = 9 * time.Second
	// actTime is how long after the beginning of its last good heartbeat a machine
	// acts. The rest of the session is for taking back what it did: an un-REGISTER
	// may take three seconds.
	actTime = 5 * time.Second
	// patience bounds a visit to the store: none may eat up actTime.
	patience = 2 * time.Second
	// leaveTime bounds what a shutdown waits for the leases to be given back.
	leaveTime = 6 * time.Second
	// nameTime is how long the name of a machine that was killed stays taken, and some.
	nameTime = sessionTime + 6*time.Second
	// forgetAfter is how long machines that are gone are shown.
	forgetAfter = 24 * time.Hour
)

// Work is what the members share among them. Its methods do not block.
type Work interface {
	// Wanted are all resources there are to hold.
	Wanted() []string
	// Hold says which ones are this member's from now on; what is left out is to
	// be let go of at once.
	Hold(resources []string)
	// Gone is closed when nothing is done any more with a resource that Hold left out.
	Gone(resource string) <-chan struct{}
	// Busy reports whether moving the resource elsewhere would disturb somebody now.
	Busy(resource string) bool
}

// Member is this machine's part in the cluster. Fill in the fields, then call
// Run. The other methods are safe for concurrent use at any time.
type Member struct {
	DB      *store.DB
	Name    string // of this machine, unlike all others
	Address string // where others reach it for SIP between machines; "" has none
	Version string // of the program
	Work    Work
	Calls   func() []Call   // those that run here; may be nil
	Working func() []string // of what is held, that which works; may be nil
	// Bury puts in order what a machine left that has died: what it left before a
	// time, or all of it when that is zero. It may be called again, on any machine.
	Bury   func(ctx context.Context, node Node, before time.Time) error
	Log    *slog.Logger
	Alarms *alarm.Board // may be nil

	around func(visit func() error) error // for tests
	wake   chan struct{}
	once   sync.Once

	acting sync.Mutex // held while Work.Hold is called, so that the last call tells the truth

	mu       sync.Mutex // guards what follows
	self     Node       // Session 0: there is none
	deadline time.Time  // local: no acting after it
	fence    *time.Timer
	held     map[string]Lease
	giving   map[string]<-chan struct{} // let go of, and closed when that is done
	view     *View                      // nil before the first
	problem  error                      // of the last visit to the store

	// Owned by Run.
	led     ledger
	born    time.Time
	tidied  bool // what an earlier process of this name left is in order
	steps   int
	shown   string // the calls that were published last
	waiting sync.WaitGroup
}

func (m *Member) init() {
	m.once.Do(func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.wake = make(chan struct{}, 1)
		m.held, m.giving = make(map[string]Lease), make(map[string]<-chan struct{})
		m.led = ledger{m.DB, m.around}
		m.born = time.Now()
		if m.Log == nil {
			m.Log = slog.New(slog.DiscardHandler)
		}
	})
}

// Wake has the member look at once, such as after what is wanted has changed.
func (m *Member) Wake() {
	m.init()
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// Holds reports whether this machine may act on the resource now. It turns false
// by itself when the store cannot be reached for too long.
func (m *Member) Holds(resource string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.holdsLocked(resource)
}

func (m *Member) holdsLocked(resource string) bool {
	_, ok := m.held[resource]
	return ok && m.giving[resource] == nil && time.Now().Before(m.deadline)
}

// Holder returns the machine that holds the resource.
func (m *Member) Holder(resource string) (Node, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.view == nil {
		return Node{}, false
	}
	return m.view.Holder(resource)
}

// FindHolder is Holder for who needs it now: when nobody is known to hold the resource,
// or only the machine named but, the store is asked.
func (m *Member) FindHolder(ctx context.Context, resource, but string) (Node, bool) {
	m.init()
	if n, ok := m.Holder(resource); ok && n.Name != but || m.Err() != nil {
		return n, ok
	}
	ctx, cancel := visit(ctx)
	defer cancel()
	v, err := (&ledger{m.DB, m.around}).view(ctx)
	if err != nil {
		return Node{}, false
	}
	return v.Holder(resource)
}

// Node returns what is known of the machine called name, and whether it lives.
func (m *Member) Node(name string) (n Node, alive bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.view == nil {
		return Node{}, false
	}
	n, _ = m.view.Node(name)
	return n, n.State.here()
}

// View returns the cluster as it was seen last; it must not be changed. It is
// nil before the store was reached.
func (m *Member) View() *View {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.view
}

// Draining reports whether this machine is to take no new calls.
func (m *Member) Draining() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.view != nil && m.view.Wishes[m.Name].Drain
}

// Err is what keeps this machine from being a part of the cluster; nil is nothing.
func (m *Member) Err() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.problem
}

// Run takes part in the cluster until ctx is done, and leaves in good order.
func (m *Member) Run(ctx context.Context) error {
	m.init()
	tick := time.NewTicker(every)
	defer tick.Stop()
	defer m.waiting.Wait()
	for {
		m.step(ctx)
		select {
		case <-ctx.Done():
			m.leave()
			return nil
		case <-tick.C:
		case <-m.wake:
		}
	}
}

// hold tells Work what is this machine's now.
func (m *Member) hold() {
	m.acting.Lock()
	defer m.acting.Unlock()
	m.mu.Lock()
	var mine []string
	for name := range m.held {
		if m.holdsLocked(name) {
			mine = append(mine, name)
		}
	}
	m.mu.Unlock()
	slices.Sort(mine)
	m.Work.Hold(mine)
}

// renewed moves the time until which this machine acts.
func (m *Member) renewed(n Node, began time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.self, m.deadline = n, began.Add(actTime)
	if m.fence == nil {
		m.fence = time.AfterFunc(time.Until(m.deadline), m.fenced)
		return
	}
	m.fence.Reset(time.Until(m.deadline))
}

// fenced stops acting: the session was not renewed in time, and others may soon
// take this machine for dead.
func (m *Member) fenced() {
	m.mu.Lock()
	late := !time.Now().Before(m.deadline)
	err, many := m.problem, len(m.held)
	m.mu.Unlock()
	if !late {
		return
	}
	m.Log.Error("this machine could not tell the others that it lives, and lets go of what only one may do", "leases", many, "err", err)
	m.hold()
}
