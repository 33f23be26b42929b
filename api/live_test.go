package api

import (
	"bufio"
	"context"
	"encoding/csv"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"tandem/alarm"
	"tandem/call"
	"tandem/identity"
	"tandem/store"
)

func running(id string, p call.Phase) call.Running {
	return call.Running{Record: call.Record{ID: id, Began: time.Unix(1e9, 0).UTC(), From: "+1202555" + id, To: "kitchen", A: call.LegRecord{ID: "a" + id, Connector: "gvoice"}, Cause: call.Lost}, Phase: p}
}

func TestCallsAreShownInPages(t *testing.T) {
	r := newRig(t)
	c := r.as(identity.Viewer)
	for i := range 25 {
		r.gateway.calls = append(r.gateway.calls, running(fmt.Sprintf("%04d", i), call.Active))
	}
	var got []string
	for after := ""; ; {
		a := c.do("GET", "/calls?limit=10&after="+after, nil).want(t, 200)
		for _, one := range a.items() {
			m := one.(map[string]any)
			got = append(got, m["id"].(string))
			if _, has := m["cause"]; has || m["phase"] != "active" {
				t.Errorf("a running call: %v", m)
			}
		}
		if after = a.text("next"); after == "" {
			break
		}
	}
	if len(got) != 25 || !slices.IsSorted(got) {
		t.Errorf("got %v", got)
	}
	if a := c.do("GET", "/calls?q=0007", nil).want(t, 200); len(a.items()) != 1 {
		t.Errorf("search: %s", a.raw)
	}
	if a := c.do("GET", "/calls/0007", nil).want(t, 200); a.text("id") != "0007" || a.body["pipeline"] == nil {
		t.Errorf("%s", a.raw)
	}
	c.do("GET", "/calls/9999", nil).want(t, 404)
}

func TestCommandsAreCarriedOutOnce(t *testing.T) {
	r := newRig(t)
	c := r.as(identity.Operator)
	r.gateway.calls = []call.Running{running("1", call.Active)}
	for range 3 {
		a := c.do("POST", "/calls", map[string]string{"from": "kitchen", "to": "911"}, "Idempotency-Key", "k1").want(t, 202)
		if a.text("id") != "new" || a.header.Get("Location") != "/api/v1/calls/new" {
			t.Errorf("%s", a.raw)
		}
		c.do("POST", "/calls/1/dtmf", map[string]string{"digits": "1#"}, "Idempotency-Key", "k2").want(t, 204)
	}
	c.do("POST", "/calls", map[string]string{"from": "study", "to": "1"}, "Idempotency-Key", "k1").want(t, 422)
	c.do("POST", "/calls/1/dtmf", map[string]string{"digits": "x"}).want(t, 422)
	c.do("POST", "/calls/1/transfer", map[string]string{"to": "study"}).want(t, 204)
	c.do("POST", "/calls/1/layout", map[string]string{"layout": "1:7"}).want(t, 204)
	c.do("POST", "/calls/1/mute", map[string]bool{"muted": true}).want(t, 204)
	c.do("POST", "/calls/1/mute", map[string]any{"muted": true, "leg": "b"}).want(t, 204)
	c.do("POST", "/calls/1/chat", map[string]string{"text": "hello"}).want(t, 204)
	c.do("DELETE", "/calls/1", nil).want(t, 204)
	c.do("DELETE", "/calls/2", nil).want(t, 404)
	c.do("POST", "/calls/2/chat", map[string]string{"text": "hello"}).want(t, 404)
	want := []string{"call kitchen 911", "keys B 1# 1", "transfer study 1", "layout 1:7 1", "mute A 1", "mute B 1", "say hello 1", "hangup 1", "hangup 2"}
	if !slices.Equal(r.gateway.orders, want) {
		t.Errorf("got %q, want %q", r.gateway.orders, want)
	}
}

func record(i int) call.Record {
	at := time.Date(2026, 1, 1, 0, 0, i, 0, time.UTC)
	r := call.Record{
		ID: fmt.Sprintf("%05d", i), Began: at, Answered: at.Add(time.Second), Ended: at.Add(time.Minute), From: fmt.Sprintf("+120255%05d", i), To: "kitchen",
		A: call.LegRecord{ID: fmt.Sprintf("a%d", i), Connector: "gvoice", Via: "home"}, B: call.LegRecord{ID: fmt.Sprintf("b%d", i), Connector: "sipua", Via: "kitchen"},
		Talked: 59 * time.Second,
	}
	if i%10 == 0 {
		r.Cause, r.Answered = call.Busy, time.Time{}
	}
	if i == 42 {
		r.FromName, r.A.Connector, r.B.Connector = `=HYPERLINK("x")`, "sipua", "meet"
	}
	return r
}

func (r *rig) fill(n int) {
	r.Helper()
	for first := 0; first < n; first += 1000 {
		must(r.T, r.history.DB.Atomically(r.Context(), func(ctx context.Context) error {
			for i := first; i < min(first+1000, n); i++ {
				rec := record(i)
				if err := r.history.Append(ctx, store.Entry[call.Record]{ID: rec.ID, At: rec.Began, Value: rec}); err != nil {
					return err
				}
			}
			return nil
		}))
	}
}

func TestHistoryIsSearched(t *testing.T) {
	r := newRig(t)
	c := r.as(identity.Viewer)
	r.fill(130)
	for _, test := range []struct {
		query string
		n     int
	}{
		{"", 130},
		{"?cause=busy", 13},
		{"?connector=meet", 1},
		{"?connector=gvoice&cause=busy", 13},
		{"?q=%2B12025500077", 1},
		{"?q=hyperlink", 1},
		{"?q=nobody", 0},
		{"?from=2026-01-01T00:01:00Z&to=2026-01-01T00:01:10Z", 10},
	} {
		n, after := 0, ""
		for pages := 0; pages < 20; pages++ {
			glue := "?"
			if test.query != "" {
				glue = "&"
			}
			a := c.do("GET", "/history"+test.query+glue+"limit=50&after="+after, nil).want(t, 200)
			n += len(a.items())
			if after = a.text("next"); after == "" {
				break
			}
		}
		if n != test.n {
			t.Errorf("%q: got %d, want %d", test.query, n, test.n)
		}
	}
	if a := c.do("GET", "/history?cause=strange", nil).want(t, 422); a.errorAt("query.cause") == "" {
		t.Errorf("%s", a.raw)
	}
	if a := c.do("GET", "/history/00010", nil).want(t, 200); a.text("cause") != "busy" || a.text("sentence") != "The line is busy." || a.body["ladder"] == nil {
		t.Errorf("%s", a.raw)
	}
	c.do("GET", "/history/99999", nil).want(t, 404)
	a := c.do("GET", "/history.csv?from=2026-01-01T00:00:40Z&to=2026-01-01T00:00:44Z", nil).want(t, 200)
	rows, err := csv.NewReader(strings.NewReader(string(a.raw))).ReadAll()
	if err != nil || len(rows) != 5 || rows[2][0] != "00042" || rows[2][7] != `'=HYPERLINK("x")` || rows[2][6] != "+12025500042" {
		t.Errorf("%v %v", rows, err)
	}
}

func TestAlarmsAreAcknowledged(t *testing.T) {
	r := newRig(t)
	c := r.as(identity.Operator)
	r.gateway.board.Raise(alarm.Alarm{Key: "gvoice/home/registration", Title: "x", Severity: alarm.Critical})
	c.do("POST", "/alarms/gvoice%2Fhome%2Fregistration/acknowledge", map[string]string{}).want(t, 204)
	c.do("POST", "/alarms/other/acknowledge", nil).want(t, 404)
	a := c.do("GET", "/alarms", nil).want(t, 200)
	if by := a.items()[0].(map[string]any)["acknowledged"].(map[string]any)["by"]; by != "the operator" {
		t.Errorf("%s", a.raw)
	}
	if a := c.do("GET", "/status", nil).want(t, 200); a.body["counts"].(map[string]any)["alarms"].(map[string]any)["critical"] != 1.0 {
		t.Errorf("%s", a.raw)
	}
}

// lines reads a stream of events until f has seen enough.
func (c *client) lines(path string, headers map[string]string, f func(line string) bool) {
	c.Helper()
	ctx, cancel := context.WithTimeout(c.Context(), time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "GET", c.http.URL+prefix+path, nil)
	must(c.T, err)
	req.AddCookie(&http.Cookie{Name: cookieName, Value: c.cookie})
	for name, value := range headers {
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(req)
	must(c.T, err)
	defer resp.Body.Close()
	if ct := resp.Header.Get("Content-Type"); ct != "text/event-stream" {
		c.Errorf("Content-Type %q", ct)
	}
	for s := bufio.NewScanner(resp.Body); s.Scan(); {
		if f(s.Text()) {
			return
		}
	}
	c.Error("the stream ended")
}

func TestListenersHearWhatHappens(t *testing.T) {
	r := newRig(t)
	c := r.as(identity.Viewer)
	var got []string
	c.lines("/events", nil, func(line string) bool {
		switch {
		case strings.HasPrefix(line, "retry"):
			r.server.Changed(running("1", call.Active))
			r.server.Changed(call.Running{Record: record(3), Phase: call.Ending})
			r.server.Publish(EventAlarm, alarm.Alarm{Key: "new\nline"})
		case line != "":
			got = append(got, line)
		}
		return len(got) == 9
	})
	if len(got) != 9 || got[0] != "id: 2" || got[1] != "event: call" || !strings.HasPrefix(got[2], `data: {"type":"changed","call":{`) ||
		!strings.Contains(got[5], `"type":"ended"`) || !strings.Contains(got[5], `"cause":"normal"`) || got[7] != "event: alarm" {
		t.Errorf("got %q", got)
	}
	// Whoever comes back hears what it missed, or that it missed too much.
	for _, test := range []struct{ last, want string }{{"3", "id: 4"}, {"999", "event: reset"}, {"x", ""}} {
		first := ""
		c.lines("/events", map[string]string{"Last-Event-ID": test.last}, func(line string) bool {
			if line != "" && !strings.HasPrefix(line, "retry") {
				first = line
			}
			return first != "" || test.want == ""
		})
		if first != test.want {
			t.Errorf("after %s: got %q, want %q", test.last, first, test.want)
		}
	}
}

// A listener that takes nothing holds nobody up, and is cut off.
func TestASlowListenerIsCutOff(t *testing.T) {
	var h hub
	slow, _, _ := h.listen(0)
	good, _, _ := h.listen(0)
	for i := range queueEvents + 10 {
		h.publish("call", []byte("{}"))
		if e := <-good.queue; e.id != uint64(i+2) {
			t.Fatalf("got event %d, want %d", e.id, i+2)
		}
	}
	n := 0
	for range slow.queue {
		n++
	}
	if n != queueEvents || h.dropped != 1 || len(h.past) > keepEvents {
		t.Errorf("the slow one got %d, %d were cut off, %d are kept", n, h.dropped, len(h.past))
	}
	for range 3 * keepEvents {
		h.publish("call", nil)
		<-good.queue
	}
	if len(h.past) > keepEvents {
		t.Errorf("%d events are kept", len(h.past))
	}
	h.close()
	if l, _, _ := h.listen(0); l != nil {
		t.Error("a hub that is closed takes a listener")
	}
}

// A client that sends its body slowly, or not at all, is given up.
func TestASlowClientIsGivenUp(t *testing.T) {
	if testing.Short() {
		t.Skip("takes as long as a client is waited for")
	}
	t.Parallel()
	r := newRig(t)
	conn, err := net.Dial("tcp", strings.TrimPrefix(r.http.URL, "http://"))
	must(t, err)
	defer conn.Close()
	_, err = fmt.Fprintf(conn, "POST /api/v1/session HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{")
	must(t, err)
	began := time.Now()
	must(t, conn.SetReadDeadline(began.Add(2*time.Minute)))
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil || !strings.Contains(line, "408") {
		t.Errorf("after %v: %q, %v", time.Since(began), line, err)
	}
}

func TestThePulseCountsByTheMinute(t *testing.T) {
	var p Pulse
	at := time.Unix(6_000_000, 0)
	p.Began(at)
	p.Began(at.Add(time.Second))
	p.Ended(at.Add(61*time.Second), true)
	s := p.Series(at.Add(2 * time.Minute))
	last := len(s.Begun) - 1
	if len(s.Begun) != seriesLength || s.Begun[last-2] != 2 || s.Failed[last-1] != 1 || s.Active[last-2] != 2 || s.Active[last-1] != 2 || s.Active[last] != 1 {
		t.Errorf("%+v", s)
	}
	if s := p.Series(at.Add(48 * time.Hour)); slices.Max(s.Begun) != 0 || s.Active[0] != 1 {
		t.Errorf("days later: %+v", s)
	}
}

func TestTooManyRequestsWait(t *testing.T) {
	var l limiter
	now := time.Unix(1e9, 0)
	for range burst {
		if l.take(now, "a") != 0 {
			t.Fatal("refused too soon")
		}
	}
	if l.take(now, "a") <= 0 || l.take(now, "b") != 0 {
		t.Error("not refused, or the wrong one")
	}
	if l.take(now.Add(time.Second), "a") != 0 {
		t.Error("still refused after a second")
	}
	if l.sweep(now.Add(time.Hour)); len(l.buckets) != 0 {
		t.Error("not forgotten")
	}
}
