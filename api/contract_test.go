package api

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"tandem/call"
	"tandem/identity"
)

// described is the part of the OpenAPI document the tests walk.
type described struct {
	Paths map[string]map[string]struct {
		OperationID string                      `json:"operationId"`
		Security    []map[string][]string       `json:"security"`
		RequestBody *json.RawMessage            `json:"requestBody"`
		Responses   map[string]map[string]any   `json:"responses"`
		Parameters  []struct{ Name, In string } `json:"parameters"`
	}
	Components struct {
		Schemas map[string]any
	}
}

func describe2(t *testing.T, s *Server) (d described) {
	t.Helper()
	text, err := s.OpenAPI()
	must(t, err)
	must(t, json.Unmarshal(text, &d))
	if len(d.Paths) < 40 {
		t.Fatalf("the document has %d paths only", len(d.Paths))
	}
	return d
}

// each calls f for every operation; ones that end the stream or the session come as any
// other.
func (d described) each(f func(method, path, id string, open, body bool, responses []string)) {
	for _, path := range slices.Sorted(maps.Keys(d.Paths)) {
		for _, method := range slices.Sorted(maps.Keys(d.Paths[path])) {
			o := d.Paths[path][method]
			f(strings.ToUpper(method), strings.TrimPrefix(path, prefix), o.OperationID, len(o.Security) == 0, o.RequestBody != nil, slices.Collect(maps.Keys(o.Responses)))
		}
	}
}

// filled replaces the parameters of a path.
func filled(path string) string {
	return strings.NewReplacer("{name}", "nobody", "{id}", "nothing", "{key}", "nothing", "{n}", "1").Replace(path)
}

// isProblem wants RFC 9457.
func isProblem(t *testing.T, what string, a answer) {
	t.Helper()
	if !strings.HasPrefix(a.header.Get("Content-Type"), "application/problem+json") || a.body["status"] != float64(a.status) || a.text("title") == "" {
		t.Errorf("%s: %d is not a problem: %s %s", what, a.status, a.header.Get("Content-Type"), a.raw)
	}
}

func TestNobodyGetsInWithoutASession(t *testing.T) {
	r := newRig(t)
	stranger, guesser := &client{rig: r}, &client{rig: r, key: "tdm_0123456789abcdef_guess"}
	describe2(t, r.server).each(func(method, path, id string, open, body bool, _ []string) {
		if open {
			return
		}
		r.server.limits.sweep(time.Now().Add(time.Hour)) // there are more operations than one address may ask at once
		for _, c := range []*client{stranger, guesser, {rig: r, cookie: strings.Repeat("x", 43)}} {
			a := c.do(method, filled(path), map[string]any{})
			if a.status != http.StatusUnauthorized {
				t.Errorf("%s: got %d, want 401", id, a.status)
			}
			isProblem(t, id, a)
		}
	})
}

func TestAViewerOnlyLooks(t *testing.T) {
	r := newRig(t)
	c := r.as(identity.Viewer)
	_, before := r.manager.Current()
	describe2(t, r.server).each(func(method, path, id string, open, body bool, _ []string) {
		if method == "GET" || open || id == "sign-out" || id == "explain-route" {
			return
		}
		a := c.do(method, filled(path), map[string]any{})
		if a.status != http.StatusForbidden {
			t.Errorf("%s: got %d %s, want 403", id, a.status, a.raw)
		}
		isProblem(t, id, a)
	})
	if _, after := r.manager.Current(); after != before || len(r.gateway.orders) > 0 {
		t.Errorf("something changed: %+v, %v", after, r.gateway.orders)
	}
	for _, path := range []string{"/users", "/keys", "/audit"} {
		c.do("GET", path, nil).want(t, 403)
	}
	c.do("GET", "/devices", nil).want(t, 200)
}

func TestChangesNeedTheCSRFToken(t *testing.T) {
	r := newRig(t)
	c := r.as(identity.Administrator)
	c.csrf = "x"
	describe2(t, r.server).each(func(method, path, id string, open, _ bool, _ []string) {
		if method == "GET" || open {
			return
		}
		if a := c.do(method, filled(path), map[string]any{}); a.status != http.StatusForbidden || !strings.Contains(a.text("detail"), csrfHeader) {
			t.Errorf("%s: got %d %s", id, a.status, a.raw)
		}
	})
}

// Every operation answers what it declares, whatever it is sent, and never 500.
func TestEveryOperationAnswersWhatItDeclares(t *testing.T) {
	r := newRig(t)
	c := r.as(identity.Administrator)
	bodies := []string{`{}`, `{"name":"x","to":"y","from":"z","digits":"1","text":"t","layout":"1:7","user":"u","password":"p","names":[]}`, `[]`, `"text"`, `null`, `{"name":{"a":[1,2]}}`, `{`, ``}
	describe2(t, r.server).each(func(method, path, id string, open, body bool, responses []string) {
		if id == "listen" || id == "sign-out" {
			return
		}
		send := bodies
		if !body {
			send = []string{""}
		}
		for _, text := range send {
			var b any
			if body {
				b = text
			}
			a := c.do(method, filled(path), b)
			if !slices.Contains(responses, fmt.Sprint(a.status)) && !slices.Contains(responses, "default") {
				t.Errorf("%s with %q: %d is not among %v: %s", id, text, a.status, responses, a.raw)
			}
			switch {
			case a.status == 500:
				t.Errorf("%s with %q: %s", id, text, a.raw)
			case a.status >= 400:
				isProblem(t, id, a)
			case a.status == 204:
				if len(a.raw) > 0 {
					t.Errorf("%s: 204 with a body", id)
				}
			case !strings.HasPrefix(a.header.Get("Content-Type"), "application/json") && id != "export-history":
				t.Errorf("%s: Content-Type %q", id, a.header.Get("Content-Type"))
			}
			if a.header.Get("Cache-Control") != "no-store" || a.header.Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("%s: headers %v", id, a.header)
			}
		}
	})
}

func TestBadBodiesAreProblems(t *testing.T) {
	r := newRig(t)
	c := r.as(identity.Administrator)
	describe2(t, r.server).each(func(method, path, id string, open, body bool, _ []string) {
		if !body {
			return
		}
		if a := c.do(method, filled(path), "a=b", "Content-Type", "application/x-www-form-urlencoded"); a.status != 415 {
			t.Errorf("%s with a form: got %d %s, want 415", id, a.status, a.raw)
		} else {
			isProblem(t, id, a)
		}
		large := `{"x":"` + strings.Repeat("x", maxDocument+1) + `"}`
		if a := c.do(method, filled(path), large); a.status != 413 {
			t.Errorf("%s with %d octets: got %d %.200s, want 413", id, len(large), a.status, a.raw)
		} else {
			isProblem(t, id, a)
		}
		secret := `{"password":"do not repeat this","name":`
		if a := c.do(method, filled(path), secret); a.status < 400 || strings.Contains(string(a.raw), "do not repeat") {
			t.Errorf("%s with half an object: got %d %s", id, a.status, a.raw)
		}
	})
}

func TestTheDocumentIsWhole(t *testing.T) {
	r := newRig(t)
	ids := make(map[string]bool)
	describe2(t, r.server).each(func(method, path, id string, open, _ bool, responses []string) {
		if ids[id] {
			t.Errorf("%s is there twice", id)
		}
		ids[id] = true
		if open != (path == "/setup" || path == "/session" && method == "POST" || strings.HasPrefix(path, "/oidc")) {
			t.Errorf("%s %s: open is %v", method, path, open)
		}
		if !slices.ContainsFunc(responses, func(s string) bool { return s[0] == '2' || s[0] == '3' }) {
			t.Errorf("%s: no success among %v", id, responses)
		}
	})
	resp, err := http.Get(r.http.URL + "/api/openapi.json")
	must(t, err)
	defer resp.Body.Close()
	if resp.StatusCode != 200 {
		t.Errorf("/api/openapi.json: %d", resp.StatusCode)
	}
}

func TestAddressesNobodyServes(t *testing.T) {
	r := newRig(t)
	c := r.as(identity.Administrator)
	isProblem(t, "unknown", c.do("GET", "/nothing", nil).want(t, 404))
	a := c.do("DELETE", "/status", nil).want(t, 405)
	isProblem(t, "method", a)
	if a.header.Get("Allow") != "GET" {
		t.Errorf("Allow: %q", a.header.Get("Allow"))
	}
	isProblem(t, "query", c.do("GET", "/devices?colour=red", nil).want(t, 422))
	isProblem(t, "limit", c.do("GET", "/devices?limit=1001", nil).want(t, 422))
	isProblem(t, "after", c.do("GET", "/history?after=%00", nil).want(t, 422))
}

// What comes from the wire or from a person is shown as data, never as a header or
// another field.
func TestNamesAreOnlyNames(t *testing.T) {
	r := newRig(t)
	c := r.as(identity.Administrator)
	for _, name := range []string{`<script>alert(1)</script>`, `a"b`, "rule/with/slashes", `'; DROP TABLE items; --`, "..", "%2e%2e", "ünïcode ☎", strings.Repeat("x", 200)} {
		a := c.do("POST", "/rules", map[string]any{"name": name, "match": "1", "to": []any{map[string]any{"trunk": "t"}}})
		if a.status != 201 && a.status != 422 {
			t.Errorf("%q: got %d %s", name, a.status, a.raw)
		}
	}
	c.do("POST", "/trunks", map[string]any{"name": "t", "server": "192.0.2.1"}).want(t, 201)
	for _, name := range []string{`<b>`, "rule/with/slashes", "ünï"} {
		c.do("POST", "/rules", map[string]any{"name": name, "match": "1", "to": []any{map[string]any{"trunk": "t"}}}).want(t, 201)
		a := c.do("GET", "/rules/"+escape(name), nil).want(t, 200)
		if a.text("name") != name {
			t.Errorf("%q: %s", name, a.raw)
		}
		c.do("DELETE", "/rules/"+escape(name), nil, "X-Change-Comment", "line\tone").want(t, 204)
	}
	g := r.gateway
	g.calls = []call.Running{{Record: call.Record{ID: "1", FromName: "</script>\r\ndata: x", From: "=cmd()"}}}
	if a := c.do("GET", "/calls", nil).want(t, 200); a.items()[0].(map[string]any)["from_name"] != g.calls[0].FromName || strings.Contains(string(a.raw), "\r") {
		t.Errorf("%s", a.raw)
	}
}

// escape writes a name as one segment of a path.
func escape(name string) string {
	var b strings.Builder
	for _, c := range []byte(name) {
		fmt.Fprintf(&b, "%%%02X", c)
	}
	return b.String()
}
