package support

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"tandem/config"
	"tandem/store"
)

// files are what a zip holds.
func files(t *testing.T, b []byte) map[string]string {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string]string)
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		all[f.Name] = string(text)
	}
	return all
}

// A canary is in every place a secret could come from. None may be in the bundle.
func TestNoSecretIsInTheBundle(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "tandem.yaml")
	write(t, file, `
store: sqlite:`+filepath.Join(dir, "tandem.db")+`
sip:
  devices:
    - {name: kitchen, password: canary-device}
  trunks:
    - {name: pbx, server: "pbx.example.com", user: u, password: canary-trunk, register: true}
google_voice:
  - {name: home, number: "+12025550123", client_id: id, client_secret: canary-client, refresh_token: canary-refresh}
meet:
  edge: https://meet.example.com
  gateway_token: token
  access_tokens:
    - {name: acme, secret: canary-meet-0123456789, trusted: true}
`)
	conf, err := config.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	key := fill(t, conf)
	write(t, filepath.Join(dir, "log"), `level=WARN msg=x password=canary-log "client_secret":"canary-json" user=canary-device
Authorization: Digest username="kitchen", response="canary-digest", nonce="x"
a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:canary+srtp/key=
a=ice-pwd:canary-ice
url=http://127.0.0.1:8080/#/setup?token=canary-invite
Bearer canary-bearer
store=postgres://tandem:canary-db@host/db
ya29.canary-access 1//canary-refresh2 eyJcanary.canary.canary tdm_canary
the sealed one: canary-stored
-----BEGIN EC PRIVATE KEY-----
canarykey
-----END EC PRIVATE KEY-----
level=INFO msg="call phase" now=talking
`)
	running := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"path":%q,"detail":"the far end said canary-device canary-stored"}`, r.URL.Path)
	}))
	defer running.Close()

	var out bytes.Buffer
	b := &Bundle{Version: "test", Config: conf, File: file, URL: running.URL, LogFile: filepath.Join(dir, "log"), Now: time.Now()}
	if err := b.Write(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	got := files(t, out.Bytes())
	for name, text := range got {
		for line := range strings.Lines(text) {
			if strings.Contains(line, "canary") || strings.Contains(line, key) {
				t.Errorf("%s shows a secret: %s", name, line)
			}
		}
	}
	for name, want := range map[string]string{
		"README.txt": "Tandem test", "machine.json": `"processors"`, "config.json": `"name": "kitchen"`,
		"status.json": `"path":"/status"`, "metrics.txt": "/metrics", "ready.json": "/readyz",
		"calls.jsonl": `"cause":"busy"`, "store.json": `"calls"`, "log.txt": "now=talking", "stored-config.json": `"config"`, "versions.jsonl": `"author":"anna"`,
	} {
		if !strings.Contains(got[name], want) {
			t.Errorf("%s has no %q:\n%s", name, want, got[name])
		}
	}
	if strings.Contains(got["README.txt"], "Could not be had") {
		t.Errorf("something is missing:\n%s", got["README.txt"])
	}
}

// fill makes the store, and returns the key that seals its secret.
func fill(t *testing.T, conf *config.Config) string {
	t.Helper()
	db, err := store.Open(t.Context(), conf.StoreURL())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	key, err := store.OpenKey(conf.KeyFile())
	if err != nil {
		t.Fatal(err)
	}
	type object = map[string]any
	put := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	put((&store.Secrets{DB: db, Key: key}).Set(t.Context(), "config/a", "canary-stored"))
	put((&store.Log[object]{DB: db, Name: "calls"}).Append(t.Context(), store.Entry[object]{ID: "1", At: time.Now(), Value: object{"cause": "busy", "text": "canary-device"}}))
	put((&store.Log[object]{DB: db, Name: "config_versions"}).Append(t.Context(), store.Entry[object]{ID: "1", At: time.Now(), Value: object{"author": "anna"}}))
	put((&store.Log[object]{DB: db, Name: "alarms"}).Append(t.Context(), store.Entry[object]{ID: "1", At: time.Now(), Value: object{"title": "x", "detail": "canary-trunk"}}))
	put((&store.Collection[object]{DB: db, Name: "config_head"}).Set(t.Context(), "head", object{"number": 1}, time.Time{}))
	put((&store.Collection[object]{DB: db, Name: "config_documents"}).Set(t.Context(), fmt.Sprintf("%019d", 1), object{"config": object{"password": "config/a"}}, time.Time{}))
	text, err := os.ReadFile(conf.KeyFile())
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return lines[len(lines)-1]
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestABundleTellsWhatItCouldNotGet(t *testing.T) {
	dir := t.TempDir()
	var out bytes.Buffer
	b := &Bundle{Config: &config.Config{Store: filepath.Join(dir, "none.db")}, URL: "http://127.0.0.1:1", LogFile: filepath.Join(dir, "none.log")}
	if err := b.Write(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	got := files(t, out.Bytes())
	for _, want := range []string{"status.json: the gateway does not answer", "calls.jsonl: open database", "log.txt: open"} {
		if !strings.Contains(got["README.txt"], want) {
			t.Errorf("README.txt has no %q:\n%s", want, got["README.txt"])
		}
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestEverySecretOfAConfigurationIsFound(t *testing.T) {
	conf := new(config.Config)
	text := `{"google_voice":[{"name":"a","client_secret":"one","refresh_token":"two"}],"sip":{"devices":[{"name":"b","password":"three"}]}}`
	if err := config.FromJSON([]byte(text), conf); err != nil {
		t.Fatal(err)
	}
	got := secretsIn(conf)
	slices.Sort(got)
	if want := []string{"one", "three", "two"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func FuzzClean(f *testing.F) {
	f.Add("password=hunter2 Bearer x", "hunter2")
	f.Fuzz(func(t *testing.T, text, secret string) {
		got := newScrubber([]string{secret}).clean([]byte(text), true)
		if len(secret) >= shortest && !strings.Contains(removed, secret) && !json.Valid([]byte(secret)) && strings.Count(string(got), secret) > strings.Count(string(got), removed) {
			t.Errorf("%q still holds %q", got, secret)
		}
	})
}
