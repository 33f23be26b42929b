package api

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"tandem/config"
	"tandem/control"
	"tandem/identity"
	"tandem/store"
)

func TestSettingsKeepWhatIsAResource(t *testing.T) {
	r := newRig(t)
	c := r.as(identity.Administrator)
	c.do("POST", "/devices", map[string]any{"name": "kitchen", "password": "x"}).want(t, 201)
	a := c.do("GET", "/settings/sip", nil).want(t, 200)
	if strings.Contains(string(a.raw), "kitchen") {
		t.Errorf("%s", a.raw)
	}
	etag := a.header.Get("ETag")
	c.do("PUT", "/settings/sip", map[string]any{"guests": true}, "If-Match", etag).want(t, 200)
	c.do("PUT", "/settings/sip", map[string]any{}, "If-Match", etag).want(t, 412)
	if conf, _ := r.manager.Current(); !conf.SIP.Guests || len(conf.SIP.Devices) != 1 || conf.SIP.Devices[0].Password.Reveal() != "x" {
		t.Errorf("%+v", conf.SIP)
	}
	if a := c.do("PUT", "/settings/sip", map[string]any{"devices": []any{}}).want(t, 422); a.errorAt("body.devices") == "" {
		t.Errorf("%s", a.raw)
	}
	if a := c.do("PUT", "/settings/outbound", []any{map[string]string{"device": "nobody"}}).want(t, 422); a.errorAt("body[0].device") == "" {
		t.Errorf("%s", a.raw)
	}
	c.do("PUT", "/settings/outbound", []any{map[string]string{"device": "kitchen"}}).want(t, 200)
	if a := c.do("PUT", "/settings/limits", map[string]any{"calls": 5}).want(t, 422); a.errorAt("body") == "" && a.errorAt("config.limits") == "" {
		t.Errorf("%s", a.raw)
	}
}

func TestVersionsAreComparedAndPutBack(t *testing.T) {
	r := newRig(t)
	c := r.as(identity.Administrator)
	c.do("POST", "/trunks", map[string]any{"name": "pbx", "server": "192.0.2.1", "user": "u", "password": "s3cret"}, "X-Change-Comment", "für das Büro").want(t, 201)
	c.do("DELETE", "/trunks/pbx", nil).want(t, 204)
	a := c.do("GET", "/versions?limit=2", nil).want(t, 200)
	if v := a.items()[1].(map[string]any); v["number"] != 2.0 || v["comment"] != "für das Büro" || v["author"] != "the admin" || a.text("next") != "2" {
		t.Errorf("%s", a.raw)
	}
	a = c.do("GET", "/versions/2/diff", nil).want(t, 200)
	if d := a.items()[0].(map[string]any); d["field"] != "sip.trunks[pbx]" || strings.Contains(string(a.raw), "s3cret") {
		t.Errorf("%s", a.raw)
	}
	if a := c.do("GET", "/versions/2", nil).want(t, 200); strings.Contains(string(a.raw), "s3cret") || a.body["config"] == nil {
		t.Errorf("%s", a.raw)
	}
	c.do("POST", "/versions/2/rollback", map[string]any{}).want(t, 200)
	if conf, v := r.manager.Current(); v.Number != 4 || v.Undo != 2 || conf.SIP.Trunks[0].Password.Reveal() != "s3cret" {
		t.Errorf("%+v %+v", v, conf.SIP.Trunks)
	}
	c.do("GET", "/versions/99", nil).want(t, 404)
	c.do("POST", "/versions/99/rollback", nil).want(t, 404)
	a = c.do("GET", "/config", nil).want(t, 200)
	document := map[string]any{"managed": true, "dial_plan": map[string]any{"numbers": map[string]any{"area": "202"}}}
	if try := c.do("POST", "/config/try", document).want(t, 200); len(try.body["diff"].([]any)) != 2 {
		t.Errorf("%s", try.raw)
	}
	c.do("PUT", "/config", document, "If-Match", a.header.Get("ETag")).want(t, 200)
	c.do("PUT", "/config", document, "If-Match", a.header.Get("ETag")).want(t, 412)
}

// What a file says is shown and not changed.
func TestAFileIsNotChanged(t *testing.T) {
	r := newRig(t)
	m := &control.Manager{DB: r.manager.DB, Base: &config.Config{Node: "x"}, File: "/etc/tandem.yaml", Log: r.manager.Log}
	must(t, m.Open(t.Context()))
	r.server.Config = m
	c := r.as(identity.Administrator)
	for _, a := range []answer{
		c.do("POST", "/devices", map[string]any{"name": "a", "password": "b"}), c.do("PUT", "/config", map[string]any{}),
		c.do("PUT", "/settings/numbers", map[string]any{}), c.do("POST", "/rules/order", map[string]any{"names": []string{}}),
	} {
		if a.want(t, 409); !strings.Contains(a.text("detail"), "/etc/tandem.yaml") {
			t.Errorf("%s", a.raw)
		}
	}
	if a := c.do("GET", "/config", nil).want(t, 200); a.text("node") != "x" {
		t.Errorf("%s", a.raw)
	}
}

func TestRulesAreOrdered(t *testing.T) {
	r := newRig(t)
	c := r.as(identity.Administrator)
	c.do("POST", "/devices", map[string]any{"name": "kitchen", "password": "x"}).want(t, 201)
	for i, name := range []string{"a", "b", "c"} {
		c.do("POST", "/rules", map[string]any{"name": name, "priority": 10 * i, "match": "1", "to": []any{map[string]any{"device": "kitchen"}}}).want(t, 201)
	}
	etag := c.do("GET", "/rules", nil).want(t, 200).header.Get("ETag")
	c.do("POST", "/rules/order", map[string]any{"names": []string{"c", "a", "b"}}, "If-Match", etag).want(t, 200)
	c.do("POST", "/rules/order", map[string]any{"names": []string{"c", "a", "b"}}, "If-Match", etag).want(t, 412)
	conf, _ := r.manager.Current()
	if all := conf.DialPlan.Rules; all[0].Name != "c" || all[0].Priority >= all[1].Priority || all[1].Name != "a" || all[2].Priority <= all[1].Priority {
		t.Errorf("%+v", all)
	}
	for _, bad := range [][]string{{"a"}, {"a", "a", "b"}, {"a", "b", "x"}} {
		c.do("POST", "/rules/order", map[string]any{"names": bad}).want(t, 422)
	}
	c.do("POST", "/groups", map[string]any{"name": "g", "members": []any{map[string]any{"device": "kitchen"}}}).want(t, 201)
	if a := c.do("PUT", "/groups/g", map[string]any{"name": "h", "members": []any{}}).want(t, 422); a.errorAt("body") == "" && a.errorAt("body.members") == "" {
		t.Errorf("%s", a.raw)
	}
	if a := c.do("POST", "/route/explain", map[string]any{"from": "kitchen", "to": "1"}).want(t, 200); a.text("alias") != "1" || len(a.body["destinations"].([]any)) != 1 {
		t.Errorf("%s", a.raw)
	}
}

// An administrator mends a newest version that nobody can read: changes are refused with a
// sentence that says how, and the rollback works.
func TestADamagedVersionIsMendedByARollback(t *testing.T) {
	r := newRig(t)
	c := r.as(identity.Administrator)
	for _, name := range []string{"kitchen", "study"} {
		c.do("POST", "/devices", map[string]any{"name": name, "password": "a password of " + name}).want(t, 201)
	}
	documents := &store.Collection[json.RawMessage]{DB: r.manager.DB, Name: "config_documents"}
	if _, err := documents.Put(t.Context(), fmt.Sprintf("%019d", 3), json.RawMessage(`{"config":{"colour":"red"}}`)); err != nil {
		t.Fatal(err)
	}
	fresh := &control.Manager{DB: r.manager.DB, Secrets: r.manager.Secrets, Base: r.manager.Base, Log: r.manager.Log} // a gateway that was started again
	if _, _, err := fresh.Fallback(t.Context(), 1, control.ErrUnreadable); err != nil {
		t.Fatal(err)
	}
	r.server.Config = fresh
	a := c.do("POST", "/devices", map[string]any{"name": "attic", "password": "a password of attic"}).want(t, 409)
	isProblem(t, "a change", a)
	if !strings.Contains(a.text("detail"), "roll back") {
		t.Errorf("%s", a.raw)
	}
	if items := c.do("GET", "/versions", nil).want(t, 200).items(); len(items) != 3 {
		t.Errorf("%d versions are listed", len(items))
	}
	c.do("POST", "/versions/3/rollback", nil).want(t, 409)
	if a := c.do("POST", "/versions/2/rollback", nil).want(t, 200); a.body["number"] != float64(4) {
		t.Errorf("%s", a.raw)
	}
	c.do("POST", "/devices", map[string]any{"name": "attic", "password": "a password of attic"}).want(t, 201)
}
