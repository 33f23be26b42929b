package api

import (
	"testing"

	"tandem/identity"
)

func TestADeviceIsAddedChangedAndRemoved(t *testing.T) {
	r := newRig(t)
	c := r.as(identity.Administrator)
	a := c.do("POST", "/devices", map[string]any{"name": "kitchen", "password": "secret"}, "X-Change-Comment", "a phone").want(t, 201)
	if a.text("password") != "********" || a.header.Get("ETag") == "" {
		t.Errorf("%s", a.raw)
	}
	c.do("POST", "/devices", map[string]any{"name": "kitchen", "password": "x"}).want(t, 409)
	etag := a.header.Get("ETag")
	a = c.do("PUT", "/devices/kitchen", map[string]any{"name": "study", "password": "********", "codecs": []string{"opus"}}, "If-Match", etag).want(t, 200)
	conf, v := r.manager.Current()
	if len(conf.SIP.Devices) != 1 || conf.SIP.Devices[0].Name != "study" || conf.SIP.Devices[0].Password.Reveal() != "secret" || v.Author != "the admin" {
		t.Errorf("%+v, %+v", conf.SIP.Devices, v)
	}
	c.do("PUT", "/devices/study", map[string]any{"name": "study"}, "If-Match", etag).want(t, 412)
	c.do("GET", "/devices/kitchen", nil).want(t, 404)
	a = c.do("PUT", "/devices/study", map[string]any{"name": "study", "codecs": []string{"mp3"}}).want(t, 422)
	if a.errorAt("body.codecs[0]") == "" {
		t.Errorf("%s", a.raw)
	}
	a = c.do("PUT", "/devices/study", map[string]any{"colour": 1}).want(t, 422)
	if a.errorAt("body.colour") == "" {
		t.Errorf("%s", a.raw)
	}
	c.do("POST", "/rules", map[string]any{"name": "r", "match": "1", "to": []any{map[string]any{"device": "study"}}}).want(t, 201)
	a = c.do("DELETE", "/devices/study", nil).want(t, 422)
	if a.errorAt("config.dial_plan.rules[0].to[0].device") == "" {
		t.Errorf("%s", a.raw)
	}
	c.do("DELETE", "/rules/r", nil).want(t, 204)
	c.do("DELETE", "/devices/study", nil).want(t, 204)
	if a := c.do("GET", "/devices", nil).want(t, 200); len(a.items()) != 0 {
		t.Errorf("%s", a.raw)
	}
}
