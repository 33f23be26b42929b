package tandem

import (
	"log/slog"
	"net/netip"
	"path/filepath"
	"testing"

	"tandem/config"
	"tandem/control"
	"tandem/leg/sipua"
	"tandem/store"
)

func TestAStartGoesBackToTheLastVersionThatCanBeUsed(t *testing.T) {
	dir := t.TempDir()
	base := &config.Config{Managed: true, Store: "sqlite:" + filepath.Join(dir, "tandem.db"), HTTP: "off"}
	base.Media.Bind = netip.MustParseAddr("127.0.0.1")
	base.SIP.Listen = []sipua.Listen{{Network: "udp", Addr: "127.0.0.1:0"}}
	log := slog.New(slog.DiscardHandler)
	g, err := New(t.Context(), base, Options{Log: log})
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	// Somebody changes it by the command line, where nothing is put in force.
	db, err := store.Open(t.Context(), base.StoreURL())
	if err != nil {
		t.Fatal(err)
	}
	key, err := store.OpenKey(base.KeyFile())
	if err != nil {
		t.Fatal(err)
	}
	m := &control.Manager{DB: db, Secrets: &store.Secrets{DB: db, Key: key}, Base: base, Log: log}
	if err := m.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, roots := range []string{"", filepath.Join(dir, "nowhere.pem")} {
		_, err := m.Change(t.Context(), control.Author{Name: "test"}, 0, func(c *config.Config) error {
			c.SIP.Trunks = append(c.SIP.Trunks, sipua.Trunk{Name: "pbx" + filepath.Base(roots), Server: "192.0.2.1", Roots: roots})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	g, err = New(t.Context(), base, Options{Log: log})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := g.Close(); err != nil {
			t.Error(err)
		}
	}()
	if n := len(g.conf.Load().SIP.Trunks); n != 1 {
		t.Errorf("%d trunks are in force, want that of the version before", n)
	}
	if _, v := g.Control.Current(); v.Number != 3 {
		t.Errorf("version %d is of record, want the newest", v.Number)
	}
	found := false
	for _, a := range g.Alarms.Active() {
		found = found || a.Key == "config/apply"
	}
	if !found {
		t.Errorf("no alarm tells: %+v", g.Alarms.Active())
	}
}
