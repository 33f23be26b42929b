package control

import (
	"context"
	"errors"
	"fmt"
	"time"

	"tandem/alarm"
	"tandem/config"
	"tandem/store"
)

// Open loads the newest version and applies it. When there is none the Base,
// the file the gateway was started with, becomes the first.
func (m *Manager) Open(ctx context.Context) error {
	if !m.Managed() {
		r := record{conf: m.Base}
		m.mu.Lock()
		m.current, m.force = r, r
		m.mu.Unlock()
		if m.Apply == nil {
			return nil
		}
		return m.Apply(m.Base)
	}
	m.change.Lock()
	defer m.change.Unlock()
	err := m.follow(ctx)
	if err == nil && m.record().version.Number == 0 {
		err = m.first(ctx)
	}
	if err != nil {
		return err
	}
	if now := m.record(); m.Apply != nil {
		if err := m.Apply(now.conf); err != nil {
			return err
		}
	}
	m.applied(m.record())
	return nil
}

// Fallback returns the version that is skip versions older than the newest one, for a
// gateway that cannot start with those in between; why says what was wrong. The newest
// stays the one of record: an alarm tells that it is not in force, and it is tried
// again. The error is [ErrNoVersion] when there is none so old.
func (m *Manager) Fallback(ctx context.Context, skip int, why error) (*config.Config, Version, error) {
	all, err := m.Versions(ctx, 0, skip+1)
	if err != nil {
		return nil, Version{}, err
	}
	if len(all) <= skip {
		return nil, Version{}, ErrNoVersion
	}
	r, err := m.read(ctx, all[skip].Number, nil)
	if errors.Is(err, ErrNoVersion) { // its document is missing; there may be older ones
		err = unreadable(errors.New("there is no document of " + all[skip].String()))
	}
	if err != nil {
		return nil, Version{}, err
	}
	m.mu.Lock()
	m.force = r
	if m.current.version.Number == 0 { // the newest cannot even be read
		m.current = r
	}
	m.mu.Unlock()
	m.behind(all[0], why)
	return r.conf, r.version, nil
}

// first stores the first version, unless another node does so meanwhile.
func (m *Manager) first(ctx context.Context) error {
	if err := m.Base.Check(); err != nil {
		return err
	}
	r, err := m.write(ctx, record{}, m.Base.Clone(), Version{Number: 1, At: after(time.Time{}), Author: "file"})
	if errors.Is(err, ErrConflict) {
		return m.follow(ctx)
	}
	if err == nil {
		m.set(r)
		m.log("the configuration has its first version in the store", "store", m.DB.String())
	}
	return err
}

// Run follows what other nodes and the command line change, until ctx is done.
func (m *Manager) Run(ctx context.Context) error {
	if !m.Managed() {
		<-ctx.Done()
		return nil
	}
	every := m.Poll
	if every <= 0 {
		every = defaultPoll
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			m.look(ctx)
		}
	}
}

// look brings the newest version into force.
func (m *Manager) look(ctx context.Context) {
	m.change.Lock()
	defer m.change.Unlock()
	err := m.follow(ctx)
	if ctx.Err() != nil {
		return
	}
	m.unread(err)
	m.mu.Lock()
	now, behind := m.current, m.current.version.Number != m.force.version.Number && time.Since(m.failed) > applyAgain
	m.mu.Unlock()
	if !behind || m.Apply == nil {
		return
	}
	if err := m.Apply(now.conf); err != nil {
		m.behind(now.version, err)
		return
	}
	m.applied(now)
	m.log("configuration of another node or of the command line applied", "version", now.version.Number, "author", now.version.Author)
}

// follow makes the newest stored version the one of record. The caller holds
// change.
func (m *Manager) follow(ctx context.Context) error {
	item, err := m.heads().Get(ctx, headKey)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	now := m.record()
	if err != nil || item.Value.Number == now.version.Number {
		return err
	}
	r, err := m.read(ctx, item.Value.Number, now.refs)
	if err != nil {
		return unreadable(err)
	}
	m.mu.Lock()
	m.failed = time.Time{}
	m.mu.Unlock()
	m.set(r)
	return nil
}

// unreadable tells a version that is damaged from a store that does not answer.
func unreadable(err error) error {
	for _, other := range []error{store.ErrUnavailable, store.ErrFull, store.ErrReadOnly, context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, other) {
			return err
		}
	}
	return fmt.Errorf("%w (%v)", ErrUnreadable, err) // not what was asked for is wrong: its fields are nobody's
}

// applied notes what is in force.
func (m *Manager) applied(r record) {
	m.mu.Lock()
	m.force = r
	m.mu.Unlock()
	if m.Alarms != nil {
		m.Alarms.Clear(alarmBehind)
	}
}

const (
	alarmBehind = "config/apply"
	alarmStore  = "config/store"
)

// behind tells that this node cannot use the version the others use.
func (m *Manager) behind(v Version, err error) {
	m.mu.Lock()
	m.failed = time.Now()
	m.mu.Unlock()
	if m.Log != nil {
		m.Log.Error("configuration not applied, the old one stays in force", "version", v.Number, "err", err)
	}
	if m.Alarms == nil {
		return
	}
	m.Alarms.Raise(alarm.Alarm{
		Key: alarmBehind, Severity: alarm.Warning, Title: "The newest configuration cannot be used on this machine, the old one stays in force",
		Subject: v.String(), Detail: err.Error(),
		Do: "Put what is missing on this machine (a file that the configuration names?), or roll the configuration back. It is tried again every 30 seconds.",
	})
}

// unread tells that the store does not give the newest version; nil is that it does.
func (m *Manager) unread(err error) {
	do := "Bring the database back. Calls go on with the configuration in force; changes made elsewhere do not arrive meanwhile."
	if errors.Is(err, ErrUnreadable) {
		do = "Roll the configuration back to the last version that is whole, on the page or by the API. Calls go on with the one in force."
	}
	switch {
	case m.Alarms == nil:
	case err == nil:
		m.Alarms.Clear(alarmStore)
	default:
		m.Alarms.Raise(alarm.Alarm{
			Key: alarmStore, Severity: alarm.Warning, Title: "The configuration cannot be read from the store",
			Subject: m.DB.String(), Detail: err.Error(),
			Do: do,
		})
	}
}

func (m *Manager) log(msg string, args ...any) {
	if m.Log != nil {
		m.Log.Info(msg, args...)
	}
}

// Load makes the newest stored version the one of record, without applying it or making a first one.
// The error is [ErrNoVersion] when there is none.
func (m *Manager) Load(ctx context.Context) error {
	m.change.Lock()
	defer m.change.Unlock()
	if err := m.follow(ctx); err != nil {
		return err
	}
	if m.record().version.Number == 0 {
		return ErrNoVersion
	}
	return nil
}
