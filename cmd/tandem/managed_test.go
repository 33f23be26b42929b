package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tandem/config"
	"tandem/control"
	"tandem/store"
)

// managed makes a store as the first start of a gateway does.
func managed(t *testing.T) inStore {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "tandem.yaml")
	write(t, file, "managed: true\nstore: sqlite:"+filepath.Join(dir, "t.db")+"\nsip:\n  devices: [{name: kitchen, password: canary-1}]\n")
	s := inStore{Config: file}
	base, err := s.machine()
	if err != nil {
		t.Fatal(err)
	}
	db, err := store.Open(t.Context(), base.StoreURL())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	key, err := store.OpenKey(base.KeyFile())
	if err != nil {
		t.Fatal(err)
	}
	if err := (&control.Manager{DB: db, Secrets: &store.Secrets{DB: db, Key: key}, Base: base}).Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// newest is what the store holds.
func (s *inStore) newest(t *testing.T) (c *config.Config, v control.Version) {
	t.Helper()
	if err := s.open(func(_ context.Context, m *control.Manager) error {
		c, v = m.Current()
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return c, v
}

func TestAnExportCanBeEditedAndApplied(t *testing.T) {
	s := managed(t)
	file := filepath.Join(t.TempDir(), "office.yaml")
	if err := (&exportCmd{inStore: s, Out: file}).Run(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil || strings.Contains(string(text), "canary") || strings.Contains(string(text), "store:") {
		t.Fatalf("%s, %v", text, err)
	}
	write(t, file, string(text)+"    - {name: study, password: canary-2}\n")
	if err := (&applyCmd{inStore: s, File: file, DryRun: true}).Run(); err != nil {
		t.Fatal(err)
	}
	if _, v := s.newest(t); v.Number != 1 {
		t.Errorf("a dry run made %v", v)
	}
	if err := (&applyCmd{inStore: s, File: file, Comment: "second phone"}).Run(); err != nil {
		t.Fatal(err)
	}
	c, v := s.newest(t)
	if v.Number != 2 || v.Comment != "second phone" || !strings.HasPrefix(v.Author, "command line") || len(c.SIP.Devices) != 2 || c.SIP.Devices[0].Password != "canary-1" {
		t.Errorf("%+v, %+v", v, c.SIP.Devices)
	}
	if err := (&applyCmd{inStore: s, File: file, Expect: 1}).Run(); err != nil {
		t.Errorf("nothing new: %v", err)
	}
	write(t, file, "sip:\n  devices:\n    - {name: kitchen}\n")
	if err := (&applyCmd{inStore: s, File: file, Expect: 1}).Run(); !errors.Is(err, control.ErrConflict) {
		t.Errorf("version 1 is not the newest: %v", err)
	}
	if err := (&rotateCmd{inStore: s}).Run(); err != nil {
		t.Error(err)
	}
	if err := (&rollbackCmd{inStore: s, Number: 1}).Run(); err != nil {
		t.Error(err)
	}
	if err := (&rotateCmd{inStore: s, Forget: true}).Run(); err != nil {
		t.Error(err)
	}
	if c, v := s.newest(t); v.Number != 3 || v.Undo != 1 || len(c.SIP.Devices) != 1 || c.SIP.Devices[0].Password != "canary-1" {
		t.Errorf("%+v, %+v", v, c.SIP.Devices)
	}
	if c, err := inForce(s.Config); err != nil || len(c.SIP.Devices) != 1 {
		t.Errorf("in force: %+v, %v", c, err)
	}
}

func TestAFileThatIsWrongIsToldWithItsLines(t *testing.T) {
	s := managed(t)
	file := filepath.Join(t.TempDir(), "office.yaml")
	write(t, file, "sip:\n  devices:\n    - name: kitchen\n    - name: study\noutbound:\n  - account: home\n")
	err := (&applyCmd{inStore: s, File: file}).Run()
	if err == nil || !strings.Contains(err.Error(), file+":4:7: sip.devices[1].password: a device without password") ||
		!strings.Contains(err.Error(), file+`:6:14: outbound[0].account: there is no account "home"`) {
		t.Errorf("got %v", err)
	}
	write(t, s.Config, "http: off\n")
	if err := (&versionsCmd{inStore: s}).Run(); err == nil || !strings.Contains(err.Error(), "put managed: true into it") {
		t.Errorf("got %v", err)
	}
}

func TestTheAPIsAnswersAreErrorsAPersonCanActOn(t *testing.T) {
	for _, tt := range []struct {
		status     int
		text, want string
	}{
		{422, `{"title":"Unprocessable Entity","detail":"x","errors":[{"location":"body.sip.devices[0].name","message":"is wrong"}]}`, "sip.devices[0].name: is wrong"},
		{403, `{"detail":"it needs the scope read"}`, "it needs the scope read"},
		{412, `{"detail":"x"}`, "changed by somebody else"},
		{502, `<html>`, "502 Bad Gateway"},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") != "Bearer tdm_x" || r.URL.Path != "/api/v1/versions" {
				t.Errorf("got %s %v", r.URL, r.Header)
			}
			w.WriteHeader(tt.status)
			_, _ = w.Write([]byte(tt.text))
		}))
		r, err := newRemote(server.URL, "tdm_x")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.versions(t.Context(), 5); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%d: got %v, want %q", tt.status, err, tt.want)
		}
		server.Close()
	}
	for _, address := range []string{"http://gw.example.com", "ftp://x", "gw.example.com", "https://"} {
		if _, err := newRemote(address, "tdm_x"); err == nil {
			t.Errorf("%s was taken", address)
		}
	}
	if _, err := newRemote("https://gw.example.com/", ""); err == nil {
		t.Error("no key was taken")
	}
}

func TestWhatIsSentKeepsTheMachinesFields(t *testing.T) {
	file := filepath.Join(t.TempDir(), "office.yaml")
	write(t, file, "sip:\n  devices: [{name: kitchen, password: '********'}, {name: study, password: ''}]\n")
	c, _, err := config.LoadMasked(file)
	if err != nil {
		t.Fatal(err)
	}
	text, err := document(c, &config.Config{Node: "gw1"})
	var got any
	if err != nil || json.Unmarshal(text, &got) != nil || string(text) != `{"node":"gw1","sip":{"devices":[{"name":"kitchen","password":"********"},{"name":"study","password":""}]}}` {
		t.Errorf("got %s, %v", text, err)
	}
}

func TestServeWithoutAFileIsManaged(t *testing.T) {
	t.Chdir(t.TempDir())
	s := serveCmd{Store: "sqlite:other.db", HTTP: "off"}
	c, err := s.load()
	if err != nil || !c.Managed || c.Store != "sqlite:other.db" || c.HTTP != "off" || s.Config != "" {
		t.Errorf("got %+v, %v", c, err)
	}
	write(t, defaultFile, "node: gw1\n")
	if c, err := (&serveCmd{}).load(); err != nil || c.Managed || c.Node != "gw1" {
		t.Errorf("got %+v, %v", c, err)
	}
	if _, err := (&serveCmd{Config: "none.yaml"}).load(); err == nil {
		t.Error("a file that is named and not there was passed over")
	}
}
