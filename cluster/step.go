package cluster

import (
	"context"
	"errors"
	"time"

	"tandem/alarm"
	"tandem/store"
)

const (
	storeAlarm = "cluster/store"
	deadAlarm  = "cluster/node/"
)

// step is one heartbeat, a look at the others, and what follows from it.
func (m *Member) step(ctx context.Context) {
	m.steps++
	err := m.beat(ctx)
	if err == nil {
		err = m.look(ctx)
	}
	if ctx.Err() != nil {
		return
	}
	m.well(err)
	if err != nil {
		return
	}
	m.tidy(ctx)
	m.share(ctx)
	m.publish(ctx)
}

// visit bounds a visit to the store.
func visit(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, patience)
}

// beat renews this machine's session, or begins one.
func (m *Member) beat(ctx context.Context) error {
	ctx, cancel := visit(ctx)
	defer cancel()
	m.mu.Lock()
	self := m.self
	m.mu.Unlock()
	joining := self.Session == 0
	self.Name, self.Address, self.Version, self.State, self.Calls = m.Name, m.Address, m.Version, Active, 0
	if m.Calls != nil {
		self.Calls = len(m.Calls())
	}
	if self.Working = nil; m.Working != nil {
		self.Working = m.Working()
	}
	if m.Draining() {
		self.State = Draining
		if self.Calls == 0 {
			self.State = Maintenance
		}
	}
	began := time.Now()
	var err error
	if joining {
		self, err = m.led.join(ctx, self, sessionTime)
	} else {
		self, err = m.led.beat(ctx, self, sessionTime)
	}
	switch {
	case errors.Is(err, errLost):
		m.lost()
		return err
	case err != nil:
		return err
	}
	m.renewed(self, began)
	if joining {
		m.Log.Info("joined the cluster", "session", self.Session)
	}
	return nil
}

// lost ends the session: all that was held is somebody else's now, or nobody's.
func (m *Member) lost() {
	m.Log.Error("the other machines have given this one up for dead; it begins anew")
	m.mu.Lock()
	m.self, m.deadline = Node{}, time.Time{}
	clear(m.held)
	clear(m.giving)
	m.mu.Unlock()
	m.hold()
}

// look reads the cluster. After an outage of the store what was held may hold again.
func (m *Member) look(ctx context.Context) error {
	ctx, cancel := visit(ctx)
	defer cancel()
	v, err := m.led.view(ctx)
	if err != nil {
		return err
	}
	m.mu.Lock()
	was := m.view
	m.view = v
	m.mu.Unlock()
	if was != nil && was.Wishes[m.Name].Drain != v.Wishes[m.Name].Drain {
		m.Log.Info("this machine", "drains", v.Wishes[m.Name].Drain, "by", v.Wishes[m.Name].By)
		m.Wake() // the others are to know at once
	}
	return nil
}

// tidy declares machines dead whose sessions are over, and puts in order what they left.
func (m *Member) tidy(ctx context.Context) {
	v := m.View()
	if !m.tidied {
		if err := m.bury(ctx, Node{Name: m.Name}, m.born); err != nil {
			return
		}
		m.tidied = true
	}
	for _, n := range v.Nodes {
		switch {
		case n.Name == m.Name:
		case n.State.here() && !n.alive(v.Now):
			m.declare(ctx, n)
		case n.State == Dead && !n.Tidied:
			if m.bury(ctx, n, time.Time{}) == nil {
				m.mark(ctx, n, func(n *Node) { n.Tidied = true })
			}
		case !n.State.here() && v.Now.Sub(n.Until) > forgetAfter:
			m.forget(ctx, n)
		}
		m.tell(n)
	}
}

// declare says that n is dead, which ends its leases.
func (m *Member) declare(ctx context.Context, n Node) {
	if m.mark(ctx, n, func(n *Node) { n.State = Dead }) {
		m.Log.Warn("a machine of the cluster is dead", "node", n.Name, "last", n.Beat)
		m.Wake() // to take what it held
	}
}

func (m *Member) mark(ctx context.Context, n Node, change func(*Node)) bool {
	ctx, cancel := visit(ctx)
	defer cancel()
	err := m.led.mark(ctx, n, change)
	if err != nil && !errors.Is(err, store.ErrConflict) && !errors.Is(err, store.ErrNotFound) {
		m.Log.Warn("the state of a machine could not be written", "node", n.Name, "err", err)
	}
	return err == nil
}

func (m *Member) forget(ctx context.Context, n Node) {
	ctx, cancel := visit(ctx)
	defer cancel()
	if err := m.led.forget(ctx, n); err == nil {
		m.Log.Info("a machine that is gone is forgotten", "node", n.Name)
	}
}

func (m *Member) bury(ctx context.Context, n Node, before time.Time) error {
	if m.Bury == nil {
		return nil
	}
	ctx, cancel := visit(ctx)
	defer cancel()
	err := m.Bury(ctx, n, before)
	if err != nil && ctx.Err() == nil {
		m.Log.Warn("what a machine left is not in order yet", "node", n.Name, "err", err)
	}
	return err
}

// tell raises the alarm of a dead machine, and clears it.
func (m *Member) tell(n Node) {
	switch {
	case m.Alarms == nil:
	case n.State == Dead:
		m.Alarms.Raise(alarm.Alarm{
			Key: deadAlarm + n.Name, Severity: alarm.Critical, Title: "A machine of the cluster is gone", Subject: n.Name,
			Detail: "its last sign of life was at " + n.Beat.Format(time.RFC3339),
			Do:     "See why it stopped and start it again. The others have taken over its Google Voice accounts; phones that were connected to it have to register again.",
		})
	default:
		m.Alarms.Clear(deadAlarm + n.Name)
	}
}

// well tells a person whether this machine is a part of the cluster.
func (m *Member) well(err error) {
	m.mu.Lock()
	first := m.problem == nil
	m.problem = err
	m.mu.Unlock()
	switch {
	case err == nil:
		if !first && m.Alarms != nil {
			m.Alarms.Clear(storeAlarm)
		}
		return
	case first:
		m.Log.Warn("no heartbeat", "err", err)
	}
	if m.Alarms == nil || errors.Is(err, errTaken) && time.Since(m.born) < nameTime {
		return // the name of a process that was killed is free soon
	}
	m.Alarms.Raise(alarm.Alarm{
		Key: storeAlarm, Severity: alarm.Critical, Title: "This machine is not a part of the cluster", Subject: m.Name, Detail: err.Error(),
		Do: "Bring the database back, or give the machine a name of its own. Calls go on and phones are served; Google Voice accounts are left to other machines meanwhile.",
	})
}
