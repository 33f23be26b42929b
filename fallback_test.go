package tandem

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"path/filepath"
	"testing"

	"tandem/config"
	"tandem/control"
	"tandem/leg/sipua"
	"tandem/store"
)

// A start goes back as far as it has to; what is unreadable is mended by a rollback.
func TestAStartGoesBackFarAndARollbackMends(t *testing.T) {
	dir := t.TempDir()
	base := &config.Config{Managed: true, Store: "sqlite:" + filepath.Join(dir, "tandem.db"), HTTP: "off"}
	base.Media.Bind = netip.MustParseAddr("127.0.0.1")
	base.SIP.Listen = []sipua.Listen{{Network: "udp", Addr: "127.0.0.1:0"}}
	log := slog.New(slog.DiscardHandler)
	db, m := byCommand(t, base, log)
	for i := range 30 { // 29 versions that cannot be used
		_, err := m.Change(t.Context(), control.Author{Name: "test"}, 0, func(c *config.Config) error {
			roots := ""
			if i > 0 {
				roots = filepath.Join(dir, "nowhere.pem")
			}
			c.SIP.Trunks = append(c.SIP.Trunks, sipua.Trunk{Name: fmt.Sprintf("pbx%d", i), Server: "192.0.2.1", Roots: roots})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	documents := &store.Collection[json.RawMessage]{DB: db, Name: "config_documents"}
	if _, err := documents.Put(t.Context(), fmt.Sprintf("%019d", 31), json.RawMessage(`{"config":{"colour":"red"}}`)); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	g, err := New(t.Context(), base, Options{Log: log})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := g.Close(); err != nil {
			t.Error(err)
		}
	}()
	if n := len(g.conf.Load().SIP.Trunks); n > 1 {
		t.Errorf("%d trunks are in force, want those of a version that can be used", n)
	}
	edit := func(c *config.Config) error { c.SIP.Domains = []string{"example.com"}; return nil }
	if _, err := g.Control.Change(t.Context(), control.Author{Name: "test"}, 0, edit); !errors.Is(err, control.ErrUnreadable) {
		t.Errorf("a change on top of what cannot be read: %v", err)
	}
	v, err := g.Control.Rollback(t.Context(), control.Author{Name: "test"}, 2)
	if err != nil || v.Number != 32 || v.Undo != 2 {
		t.Fatalf("%+v, %v", v, err)
	}
	if v, err = g.Control.Change(t.Context(), control.Author{Name: "test"}, 0, edit); err != nil || v.Number != 33 || len(g.conf.Load().SIP.Trunks) != 1 {
		t.Errorf("after the rollback: %+v, %v", v, err)
	}
}

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
	db, m := byCommand(t, base, log)
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

// byCommand opens the configuration as the command line does: nothing is put in force.
func byCommand(t *testing.T, base *config.Config, log *slog.Logger) (*store.DB, *control.Manager) {
	t.Helper()
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
	return db, m
}
