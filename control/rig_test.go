package control

import (
	"log/slog"
	"path/filepath"
	"testing"

	"tandem/config"
	"tandem/internal/postgres"
	"tandem/leg/sipua"
	"tandem/store"
)

// each runs a test on SQLite and, with -tags peers or when TANDEM_TEST_POSTGRES names a
// database, on PostgreSQL in a schema of its own.
func each(t *testing.T, test func(t *testing.T, r *rig)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(t, newRig(t, filepath.Join(t.TempDir(), "test.db"))) })
	t.Run("postgres", func(t *testing.T) { test(t, newRig(t, postgres.Schema(t))) })
}

// rig is a database, and the managers of the nodes on it.
type rig struct {
	*testing.T
	url  string
	key  *store.Key
	path string // of the key file
}

func newRig(t *testing.T, databaseURL string) *rig {
	t.Helper()
	r := &rig{T: t, url: databaseURL, path: filepath.Join(t.TempDir(), "key")}
	var err error
	if r.key, err = store.OpenKey(r.path); err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *rig) db() *store.DB {
	r.Helper()
	db, err := store.Open(r.Context(), r.url)
	if err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() {
		if err := db.Close(); err != nil {
			r.Error(err)
		}
	})
	return db
}

// node opens a manager, as a start of the gateway does.
func (r *rig) node(set ...func(*Manager)) *Manager {
	r.Helper()
	db := r.db()
	m := &Manager{
		DB: db, Secrets: &store.Secrets{DB: db, Key: r.key}, Base: base(), Log: slog.New(slog.DiscardHandler),
	}
	for _, f := range set {
		f(m)
	}
	if err := m.Open(r.Context()); err != nil {
		r.Fatal(err)
	}
	return m
}

// base is what a file says: one phone, and fields of the machine.
func base() *config.Config {
	return &config.Config{
		Node: "gw1", Managed: true, Limits: config.Limits{Calls: 7},
		SIP: sipua.Config{
			Listen:  []sipua.Listen{{Network: "udp", Addr: "127.0.0.1:0"}},
			Devices: []sipua.Device{{Name: "kitchen", Password: "canary-kitchen"}},
		},
	}
}

// change makes a change that must succeed.
func (r *rig) change(m *Manager, edit func(*config.Config)) Version {
	r.Helper()
	v, err := m.Change(r.Context(), Author{Name: "anna"}, 0, func(c *config.Config) error {
		edit(c)
		return nil
	})
	if err != nil {
		r.Fatal(err)
	}
	return v
}

func addDevice(name string) func(*config.Config) {
	return func(c *config.Config) {
		c.SIP.Devices = append(c.SIP.Devices, sipua.Device{Name: name, Password: "canary-x"})
	}
}
