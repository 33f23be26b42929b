//go:build unix

package control

import (
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"tandem/config"
	"tandem/internal/postgres"
	"tandem/store"
)

// acknowledged wants a fresh look at the store to show these versions of the phone's name.
func acknowledged(t *testing.T, r *rig, want Version, display string) {
	t.Helper()
	c, v := r.node().Current()
	if v.Number != want.Number || v.Digest != want.Digest || c.SIP.Devices[0].Display != display {
		t.Errorf("the store has %+v with %q, acknowledged was %+v with %q", v, c.SIP.Devices[0].Display, want, display)
	}
}

func rename(n int) func(*config.Config) {
	return func(c *config.Config) { c.SIP.Devices[0].Display = fmt.Sprint(n) }
}

// While the database is gone a change is refused and nothing of it stays; when it is back
// all is there that was acknowledged, and changes are taken again.
func TestADatabaseThatIsGoneAndBack(t *testing.T) {
	t.Parallel()
	pg := postgres.Start(t)
	r := newRig(t, pg.URL)
	var inForce string
	m := r.node(func(m *Manager) {
		m.Apply = func(c *config.Config) error { inForce = c.SIP.Devices[0].Display; return nil }
	})
	v := r.change(m, rename(1))
	pg.Stop()
	for range 2 {
		_, err := m.Change(t.Context(), Author{Name: "anna"}, 0, func(c *config.Config) error { rename(2)(c); return nil })
		if !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("while it is gone: %v", err)
		}
		if _, now := m.Current(); now != v || inForce != "1" {
			t.Errorf("while it is gone: %+v, %q is in force", now, inForce)
		}
	}
	if err := pg.Restart(); err != nil {
		t.Fatal(err)
	}
	tick := time.NewTicker(10 * time.Millisecond) // until it answers
	defer tick.Stop()
	for end := time.Now().Add(90 * time.Second); m.DB.Ping(t.Context()) != nil; <-tick.C {
		if time.Now().After(end) {
			t.Fatal("the database is not back")
		}
	}
	acknowledged(t, r, v, "1")
	v = r.change(m, rename(3))
	acknowledged(t, r, v, "3")
	if inForce != "3" {
		t.Errorf("%q is in force", inForce)
	}
}

// The same for a SQLite file that somebody else holds, as a stuck backup does.
func TestADatabaseThatIsLockedAndFree(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "test.db")
	r := newRig(t, path)
	m := r.node()
	v := r.change(m, rename(1))
	raw, err := sql.Open("sqlite", "file:"+path+"?_txlock=exclusive")
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	lock, err := raw.Begin()
	if err != nil {
		t.Fatal(err)
	}
	_, err = m.Change(t.Context(), Author{Name: "anna"}, 0, func(c *config.Config) error { rename(2)(c); return nil })
	if !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("while it is locked: %v", err)
	}
	if _, now := m.Current(); now != v {
		t.Errorf("while it is locked: %+v", now)
	}
	if err := lock.Rollback(); err != nil {
		t.Fatal(err)
	}
	acknowledged(t, r, v, "1")
	acknowledged(t, r, r.change(m, rename(3)), "3")
}
