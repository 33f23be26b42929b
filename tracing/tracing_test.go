package tracing

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tandem/call"
	"tandem/media"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func record(id string) call.Record {
	at := time.Date(2026, 3, 14, 10, 0, 0, 0, time.UTC)
	return call.Record{
		ID: id, Began: at, Rang: at.Add(time.Second), Answered: at.Add(2 * time.Second), Ended: at.Add(32 * time.Second), Talked: 30 * time.Second,
		From: "+12025550123", FromName: "Kitchen", To: "+12025550150",
		A:     call.LegRecord{ID: id + "a", Connector: "sipua", Via: "kitchen", Remote: "sip:kitchen@192.0.2.1", Codec: "PCMU", MOS: 4.3, Media: media.Stats{PacketsIn: 1500, PacketsOut: 1499, Lost: 1, Jitter: 2 * time.Millisecond, RoundTrip: 20 * time.Millisecond}},
		B:     call.LegRecord{ID: id + "b", Connector: "gvoice", Via: "home", Remote: "+12025550150", Codec: "PCMU"},
		Tried: []call.Attempt{{Connector: "gvoice", Target: "shop", To: "+12025550150", Cause: call.Unavailable, Text: "503 for +12025550150"}},
	}
}

func TestACallIsATrace(t *testing.T) {
	x := &Exporter{Node: "gw1", Version: "1.0"}
	failed := record("2")
	failed.Cause, failed.Answered, failed.Talked, failed.B = call.NetworkFailure, time.Time{}, 0, call.LegRecord{}
	got, err := json.MarshalIndent(x.request([]call.Record{record("1"), failed}), "", " ")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("testdata", "calls.json")
	if *update {
		if err := os.WriteFile(path, append(got, '\n'), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(bytes.TrimSpace(want), got) {
		t.Errorf("got %s", got)
	}
	for _, secret := range []string{"2025550", "192.0.2.1", "Kitchen"} {
		if bytes.Contains(got, []byte(secret)) {
			t.Errorf("%s is told without being asked for", secret)
		}
	}
	x.Config.Numbers = true
	if got, _ = json.Marshal(x.request([]call.Record{record("1")})); !bytes.Contains(got, []byte("+12025550150")) {
		t.Error("the number is not told although it was asked for")
	}
}

// A collector that has no time is asked again, and what waits when the gateway stops
// is sent.
func TestTracesReachTheCollector(t *testing.T) {
	type post struct {
		auth, path string
		spans      int
	}
	posts := make(chan post, 10)
	busy := true
	collector := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if busy {
			busy = false
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		var q request
		if err := json.NewDecoder(r.Body).Decode(&q); err != nil {
			t.Error(err)
		}
		posts <- post{r.Header.Get("Authorization"), r.URL.Path, len(q.Resources[0].Scopes[0].Spans)}
	}))
	defer collector.Close()
	x := &Exporter{Config: Config{URL: collector.URL, Authorization: "Bearer x"}, Log: slog.New(slog.DiscardHandler)}
	for i := range batch + 1 {
		x.Ended(record(fmt.Sprint(i)))
	}
	c := client()
	defer c.CloseIdleConnections()
	to, err := x.Config.endpoint()
	if err != nil {
		t.Fatal(err)
	}
	x.flush(t.Context(), c, to)
	for _, want := range []post{{"Bearer x", "/v1/traces", 3 * batch}, {"Bearer x", "/v1/traces", 3}} {
		if got := <-posts; got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
	x.Ended(record("last"))
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if err := x.Run(ctx); err != nil {
		t.Error(err)
	}
	if got := (<-posts).spans; got != 3 || x.Stats() != (Stats{Sent: batch + 2}) {
		t.Errorf("%d spans, %+v", got, x.Stats())
	}
}

func TestARefusedTraceIsLost(t *testing.T) {
	asked := 0
	collector := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked++
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = io.WriteString(w, "who are you")
	}))
	defer collector.Close()
	var log bytes.Buffer
	x := &Exporter{Config: Config{URL: collector.URL + "/mine"}, Log: slog.New(slog.NewTextHandler(&log, nil))}
	c := client()
	defer c.CloseIdleConnections()
	for range 2 {
		x.Ended(record("1"))
		x.flush(t.Context(), c, collector.URL)
	}
	if s := x.Stats(); s != (Stats{Failed: 2}) || asked != 2 || strings.Count(log.String(), "\n") != 1 {
		t.Errorf("%+v, asked %d times, log: %s", s, asked, log.String())
	}
}

func TestTracesAreBounded(t *testing.T) {
	x := &Exporter{Config: Config{URL: "http://127.0.0.1:1"}}
	for range maxWaiting + 5 {
		x.Ended(call.Record{})
	}
	if s := x.Stats(); s.Dropped != 5 || len(x.waiting) != maxWaiting {
		t.Errorf("%+v, %d wait", s, len(x.waiting))
	}
	off := &Exporter{}
	off.Ended(call.Record{})
	if len(off.waiting) != 0 {
		t.Error("kept although it is off")
	}
}

func TestTheCollectorsAddressIsChecked(t *testing.T) {
	for url, good := range map[string]bool{
		"": true, "http://127.0.0.1:4318": true, "https://collector.example.com/otlp/v1/traces": true,
		"127.0.0.1:4318": false, "grpc://x": false, "http://user:secret@x": false, "http://": false, ":": false,
	} {
		if err := (&Config{URL: url}).Validate(); (err == nil) != good {
			t.Errorf("%q: %v", url, err)
		}
	}
	for from, want := range map[string]string{"http://x:4318/": "http://x:4318/v1/traces", "http://x/otlp": "http://x/otlp"} {
		if got, _ := (&Config{URL: from}).endpoint(); got != want {
			t.Errorf("%s: got %s", from, got)
		}
	}
}
