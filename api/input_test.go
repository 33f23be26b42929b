package api

import (
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tandem/call"
	"tandem/identity"
	"tandem/store"
)

// What is packed may be a bomb: nothing unpacks what was sent.
func TestPackedBodiesAreNotTaken(t *testing.T) {
	r := newRig(t)
	c := r.as(identity.Administrator)
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, err := z.Write(bytes.Repeat([]byte(" "), 10<<20))
	must(t, err)
	must(t, z.Close())
	a := c.do("POST", "/devices", packed.String(), "Content-Encoding", "gzip").want(t, 415)
	isProblem(t, "gzip", a)
	if a.header.Get("Accept-Encoding") != "identity" {
		t.Errorf("Accept-Encoding: %q", a.header.Get("Accept-Encoding"))
	}
	c.do("POST", "/devices", map[string]any{"name": "a", "password": "secret-of-a"}, "Content-Encoding", "identity").want(t, 201)
}

// What callers call themselves is data in every form it is shown in: no cell of a
// spreadsheet is a formula, no event has a line of its own, no header is another one.
func TestNamesFromTheWireAreOnlyData(t *testing.T) {
	r := newRig(t)
	c := r.as(identity.Administrator)
	at := time.Unix(1e9, 0)
	names := []string{
		`=HYPERLINK("http://x","y")`, "+1+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1+1", "\r=1+1", "\n=1+1", " =1+1", "\u00a0=1+1", "a\r\nb,\"c\"", "\x1b[31mred", `<img src=x onerror=alert(1)>`, "x\u202ey",
	}
	for i, name := range names {
		rec := call.Record{ID: string(rune('a' + i)), Began: at.Add(time.Duration(i) * time.Second), Ended: at.Add(time.Hour), From: name, FromName: name, To: name, Text: name}
		must(t, r.history.Append(t.Context(), store.Entry[call.Record]{ID: rec.ID, At: rec.Began, Value: rec}))
	}
	a := c.do("GET", "/history.csv", nil).want(t, 200)
	rows, err := csv.NewReader(bytes.NewReader(a.raw)).ReadAll()
	must(t, err)
	if len(rows) != len(names)+1 {
		t.Fatalf("%d rows, want %d", len(rows), len(names)+1)
	}
	for _, row := range rows[1:] {
		for _, cell := range row {
			if trimmed := strings.TrimLeft(cell, " \u00a0\t\r\n\ufeff"); trimmed != "" && strings.ContainsRune("=+-@", rune(trimmed[0])) {
				t.Errorf("a spreadsheet takes %q for a formula", cell)
			}
		}
	}
	if disposition := a.header.Get("Content-Disposition"); strings.ContainsAny(disposition, "\r\n") || !strings.HasPrefix(disposition, "attachment") {
		t.Errorf("Content-Disposition: %q", disposition)
	}
	for _, path := range []string{"/history", "/history?q=%3Cimg"} {
		a := c.do("GET", path, nil).want(t, 200)
		if !strings.HasPrefix(a.header.Get("Content-Type"), "application/json") || bytes.ContainsAny(a.raw, "\r\x1b") || a.header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %s %.300s", path, a.header.Get("Content-Type"), a.raw)
		}
	}
	// An event is one line of JSON, whatever is in it.
	l, _, _ := r.server.events.listen(0)
	r.server.Publish(EventCall, callEvent{"changed", shown(call.Running{Record: call.Record{FromName: "a\r\n\r\nevent: config\ndata: {}"}})})
	if e := <-l.queue; bytes.ContainsAny(e.data, "\r\n") {
		t.Errorf("an event has several lines: %s", e.data)
	}
	r.server.events.leave(l)
}

// Whoever reads nothing of a stream is cut off, and counted.
func TestASlowReaderIsCounted(t *testing.T) {
	r := newRig(t)
	l, _, _ := r.server.events.listen(0)
	before := r.server.Dropped()
	for range queueEvents + 2 {
		r.server.Publish(EventAlarm, struct{}{})
	}
	for range l.queue {
	}
	if n := r.server.Dropped() - before; n != 1 {
		t.Errorf("%d were counted", n)
	}
	r.server.events.slow(http.ErrAbortHandler) // went by itself
	r.server.events.slow(fmt.Errorf("write: %w", os.ErrDeadlineExceeded))
	if n := r.server.Dropped() - before; n != 2 {
		t.Errorf("%d were counted", n)
	}
}

// Nothing that is sent names a file to read: not by a way out of a folder, and not as the
// references that a configuration file may have.
func TestWhatIsSentReadsNoFile(t *testing.T) {
	r := newRig(t)
	c := r.as(identity.Administrator)
	for _, path := range []string{"../../etc/passwd", "roots.pem", `..\..\x`, "./../x"} {
		if a := c.do("POST", "/trunks", map[string]any{"name": "t", "server": "192.0.2.1", "roots": path}).want(t, 422); a.errorAt("body.roots") == "" {
			t.Errorf("%s: %s", path, a.raw)
		}
		if a := c.do("POST", "/receptions", map[string]any{"name": "r", "sounds": map[string]any{"enter": path}}).want(t, 422); a.errorAt("body.sounds.enter") == "" {
			t.Errorf("%s: %s", path, a.raw)
		}
	}
	file := filepath.Join(t.TempDir(), "secret")
	must(t, os.WriteFile(file, []byte("canary-of-the-file"), 0o600))
	t.Setenv("TANDEM_CANARY", "canary-of-the-environment")
	for i, text := range []string{"file:" + file, "${TANDEM_CANARY}"} {
		name := fmt.Sprintf("d%d", i)
		c.do("POST", "/devices", map[string]any{"name": name, "password": text}).want(t, 201)
		conf, _ := r.manager.Current()
		if got := conf.SIP.Devices[i].Password.Reveal(); got != text {
			t.Errorf("%q became %q", text, got)
		}
	}
	for _, id := range []string{"..", "../../etc/passwd", "%2e%2e%2f%2e%2e%2fetc%2fpasswd", "a\x00b"} {
		for _, path := range []string{"/captures/%s/file", "/history/%s", "/devices/%s", "/webhooks/%s"} {
			if a := c.do("GET", fmt.Sprintf(path, escape(id)), nil); a.status != 404 && a.status != 422 && a.status != 409 {
				t.Errorf("%s of %q: %d %.200s", path, id, a.status, a.raw)
			}
		}
	}
	if a := c.do("PUT", "/gateway-token/certificate", map[string]any{"pem": "file:" + file}); a.status < 400 || bytes.Contains(a.raw, []byte("canary")) {
		t.Errorf("%d %s", a.status, a.raw)
	}
}
