package control

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"tandem/config"
)

// Change makes a new version: edit gets a copy of the newest one and changes it.
// A secret that edit leaves empty or masked keeps its value. expect is the
// version the author has seen; when it is not the newest any more the error is
// [ErrConflict]. With 0 the change is made on top of whatever there is; edit may then
// be called more than once. A change that changes nothing returns the version
// there is.
//
// When Change returns nil the version is stored and in force. Otherwise nothing
// has changed: the error is a [config.Errors] that names the fields, ErrConflict,
// ErrReadOnly, or the store's.
func (m *Manager) Change(ctx context.Context, by Author, expect int64, edit func(*config.Config) error) (Version, error) {
	return m.changeTo(ctx, by, expect, 0, edit)
}

// Rollback makes a new version with the document of an old one, its secrets
// included.
func (m *Manager) Rollback(ctx context.Context, by Author, to int64) (Version, error) {
	if err := m.readOnly(); err != nil {
		return Version{}, err
	}
	old, _, err := m.At(ctx, to)
	if err != nil {
		return Version{}, err
	}
	return m.changeTo(ctx, by, 0, to, func(c *config.Config) error {
		*c = *old.Clone()
		return nil
	})
}

func (m *Manager) changeTo(ctx context.Context, by Author, expect, undo int64, edit func(*config.Config) error) (Version, error) {
	if err := m.readOnly(); err != nil {
		return Version{}, err
	}
	if len(by.Name) > maxAuthor || len(by.Comment) > maxComment {
		return Version{}, config.FieldError("comment", "is longer than %d bytes, or the author's name than %d", maxComment, maxAuthor)
	}
	m.change.Lock()
	defer m.change.Unlock()
	for race := 0; ; race++ {
		v, err := m.changeOnce(ctx, by, expect, undo, edit)
		if !errors.Is(err, ErrConflict) || expect != 0 || race == maxRaces {
			return v, err
		}
	}
}

// changeOnce is one attempt, which another node's change can spoil. The caller
// holds change.
func (m *Manager) changeOnce(ctx context.Context, by Author, expect, undo int64, edit func(*config.Config) error) (Version, error) {
	newest, err := m.newest(ctx, undo)
	if err != nil {
		return Version{}, err
	}
	old := m.record()
	if expect != 0 && expect != old.version.Number {
		return old.version, ErrConflict
	}
	next, err := m.edited(old.conf, edit, undo != 0)
	if err != nil {
		return old.version, err
	}
	mends := newest.Number != old.version.Number
	if same, err := equal(old.conf, next); same && !mends || err != nil {
		return old.version, err
	}
	if err := ctx.Err(); err != nil {
		return old.version, err
	}
	// From here on it is done whole, even if nobody waits for the answer any more.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), changeTime)
	defer cancel()
	return m.commit(ctx, old, next, Version{
		Number: newest.Number + 1, At: after(newest.At), Author: by.Name, Comment: by.Comment, Undo: undo,
	})
}

// newest makes the newest version the one of record and returns it. One that cannot be
// read stays behind when a rollback is made: that is how it is mended.
func (m *Manager) newest(ctx context.Context, undo int64) (Version, error) {
	err := m.follow(ctx)
	if err == nil {
		return m.record().version, nil
	}
	if undo == 0 || !errors.Is(err, ErrUnreadable) || m.record().version.Number == 0 {
		return Version{}, err
	}
	item, err := m.heads().Get(ctx, headKey)
	if err != nil {
		return Version{}, err
	}
	v := Version{Number: item.Value.Number, At: m.record().version.At}
	all, err := m.Versions(ctx, 0, 1)
	if err != nil {
		return Version{}, err
	}
	if len(all) > 0 && all[0].At.After(v.At) {
		v.At = all[0].At
	}
	return v, nil
}

func equal(a, b *config.Config) (bool, error) {
	was, err := config.RevealJSON(a)
	if err != nil {
		return false, err
	}
	is, err := config.RevealJSON(b)
	return bytes.Equal(was, is), err
}

// commit applies and stores the next version. What was applied and cannot be
// stored is taken back.
func (m *Manager) commit(ctx context.Context, old record, next *config.Config, v Version) (Version, error) {
	if m.Apply != nil {
		if err := m.Apply(next); err != nil {
			return old.version, refused(err)
		}
	}
	r, err := m.write(ctx, old, next, v)
	if err != nil {
		return old.version, errors.Join(err, m.takeBack())
	}
	m.applied(r)
	m.set(r)
	m.log("configuration changed", "version", v.Number, "author", v.Author, "comment", v.Comment)
	return r.version, nil
}

func (m *Manager) takeBack() error {
	m.mu.Lock()
	conf := m.force.conf
	m.mu.Unlock()
	if m.Apply == nil || conf == nil {
		return nil
	}
	return m.Apply(conf)
}

// after is now, but later than the version before: versions are in the order of
// their times, whatever clocks say.
func after(last time.Time) time.Time {
	now := time.Now().UTC()
	if !now.After(last) {
		return last.Add(time.Nanosecond)
	}
	return now
}

// refused is how the gateway's own refusal reaches who made the change.
func refused(err error) error {
	var known config.Errors
	if errors.As(err, &known) {
		return err
	}
	return config.FieldError("", "the gateway cannot use this: %v", err)
}

// Try makes a change without storing or applying it: what is wrong with it, or
// what would differ.
func (m *Manager) Try(_ context.Context, edit func(*config.Config) error) (Diff, error) {
	old, _ := m.Current()
	next, err := m.edited(old, edit, false)
	if err != nil {
		return nil, err
	}
	return config.Compare(old, next), nil
}

// edited returns the changed copy of old, checked. whole says that the edit
// brings every secret with it.
func (m *Manager) edited(old *config.Config, edit func(*config.Config) error, whole bool) (*config.Config, error) {
	next := old.Clone()
	if err := edit(next); err != nil {
		return nil, err
	}
	if !whole {
		if err := config.KeepSecrets(next, old); err != nil {
			return nil, err
		}
	}
	if m.Managed() {
		if err := next.CheckMachine(m.Base); err != nil {
			return nil, err
		}
	}
	if m.Managed() && !whole {
		if err := next.CheckPaths(old); err != nil {
			return nil, err
		}
	}
	if err := next.Check(); err != nil {
		return nil, err
	}
	if m.Check != nil {
		if err := m.Check(next); err != nil {
			return nil, err
		}
	}
	return next, nil
}

// Diff returns what differs from one version to another.
func (m *Manager) Diff(ctx context.Context, from, to int64) (Diff, error) {
	a, _, err := m.At(ctx, from)
	if err != nil {
		return nil, fmt.Errorf("version %d: %w", from, err)
	}
	b, _, err := m.At(ctx, to)
	if err != nil {
		return nil, fmt.Errorf("version %d: %w", to, err)
	}
	return config.Compare(a, b), nil
}
