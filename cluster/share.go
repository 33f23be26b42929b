package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"tandem/store"
)

// share takes leases and gives them back.
func (m *Member) share(ctx context.Context) {
	v := m.View()
	m.mine(v)
	m.releases(ctx)
	s := plan(m.Name, v, m.Work.Wanted(), m.Work.Busy)
	for _, name := range s.give {
		m.give(name)
	}
	for _, l := range s.take {
		m.take(ctx, l)
	}
	m.hold()
}

// mine follows what the store says of our leases; it has the last word.
func (m *Member) mine(v *View) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for name, had := range m.held {
		l := leaseOf(v, name)
		if l.Node != m.Name || l.Session != m.self.Session {
			m.Log.Warn("a lease was lost", "resource", name, "fence", had.Fence, "to", l.Node)
			delete(m.held, name)
			delete(m.giving, name)
		}
	}
	for _, l := range v.Leases { // taken, although the answer was lost
		if l.Node == m.Name && l.Session == m.self.Session {
			m.held[l.Resource] = l
		}
	}
}

func (m *Member) take(ctx context.Context, was Lease) {
	ctx, cancel := visit(ctx)
	defer cancel()
	m.mu.Lock()
	self := m.self
	leaving := m.giving[was.Resource] != nil
	m.mu.Unlock()
	if leaving {
		return
	}
	l, err := m.led.take(ctx, was, self)
	switch {
	case errors.Is(err, store.ErrConflict):
		return // another one was faster
	case err != nil:
		m.Log.Warn("lease not taken", "resource", was.Resource, "err", err)
		return
	}
	m.Log.Info("lease taken", "resource", l.Resource, "fence", l.Fence, "from", was.Node)
	m.mu.Lock()
	m.held[l.Resource] = l
	m.mu.Unlock()
	m.Wake() // the next look shows it to everybody here
}

// give lets go of a resource; releases gives the lease back when that is done.
func (m *Member) give(name string) {
	m.mu.Lock()
	if _, ok := m.held[name]; !ok || m.giving[name] != nil {
		m.mu.Unlock()
		return
	}
	never := make(chan struct{}) // until Work has been told
	m.giving[name] = never
	m.mu.Unlock()
	m.hold()
	gone := m.Work.Gone(name)
	m.mu.Lock()
	if m.giving[name] != nil {
		m.giving[name] = gone
	}
	m.mu.Unlock()
	m.waiting.Go(func() {
		<-gone
		m.Wake()
	})
}

// releases gives back the leases of what has been let go of.
func (m *Member) releases(ctx context.Context) {
	m.mu.Lock()
	self := m.self
	var done []string
	for name, gone := range m.giving {
		select {
		case <-gone:
			done = append(done, name)
		default:
		}
	}
	m.mu.Unlock()
	for _, name := range done {
		m.release(ctx, name, self)
	}
}

func (m *Member) release(ctx context.Context, name string, self Node) {
	ctx, cancel := visit(ctx)
	defer cancel()
	if err := m.led.release(ctx, name, self); err != nil {
		m.Log.Warn("lease not given back", "resource", name, "err", err)
		return
	}
	m.Log.Info("lease given back", "resource", name)
	m.mu.Lock()
	delete(m.held, name)
	delete(m.giving, name)
	m.mu.Unlock()
}

// leave gives everything back and says goodbye, so that the others need not wait.
func (m *Member) leave() {
	ctx, cancel := context.WithTimeout(context.Background(), leaveTime)
	defer cancel()
	m.mu.Lock()
	names := make([]string, 0, len(m.held))
	for name := range m.held {
		names = append(names, name)
	}
	m.mu.Unlock()
	for _, name := range names {
		m.give(name)
	}
	m.mu.Lock()
	self := m.self
	giving := make(map[string]<-chan struct{}, len(m.giving))
	for name, gone := range m.giving {
		giving[name] = gone
	}
	m.mu.Unlock()
	for name, gone := range giving {
		select {
		case <-gone:
			m.release(ctx, name, self)
		case <-ctx.Done():
		}
	}
	m.mu.Lock()
	m.deadline = time.Time{}
	if m.fence != nil {
		m.fence.Stop()
	}
	m.mu.Unlock()
	m.hold()
	if self.Session == 0 {
		return
	}
	self.State, self.Calls, self.Working = Stopped, 0, nil
	if _, err := m.led.beat(ctx, self, sessionTime); err != nil {
		m.Log.Warn("the other machines do not know that this one has left", "err", err)
	}
}

const (
	maxShown  = 500 // calls of one machine that the others are shown
	showEvery = 2   // steps
)

// liveCalls are the calls of one machine.
type liveCalls struct {
	Total int    `json:"total"`
	Calls []Call `json:"calls"` // the oldest, if there are too many
}

// publish shows the others the calls that run here, when they have changed.
func (m *Member) publish(ctx context.Context) {
	if m.Calls == nil || m.steps%showEvery != 0 {
		return
	}
	all := m.Calls()
	now := liveCalls{len(all), all[:min(len(all), maxShown)]}
	text, err := json.Marshal(now)
	if err != nil || string(text) == m.shown || len(all) == 0 && m.shown == "" {
		return
	}
	ctx, cancel := visit(ctx)
	defer cancel()
	if err := m.led.show(ctx, m.Name, now); err != nil {
		m.Log.Debug("calls not shown to the others", "err", err)
		return
	}
	m.shown = string(text)
}
