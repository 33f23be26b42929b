package api

import (
	"testing"

	"tandem/identity"
)

func TestLocationsAndProxiesAreResources(t *testing.T) {
	r := newRig(t)
	c := r.as(identity.Administrator)
	proxy := map[string]any{"name": "edge", "address": "10.0.0.7"}
	if a := c.do("POST", "/sip-proxies", proxy).want(t, 422); a.errorAt("body.allow_private") == "" {
		t.Errorf("%s", a.raw)
	}
	proxy["allow_private"], proxy["password"] = true, "s3cret"
	c.do("POST", "/sip-proxies", proxy).want(t, 201)
	if a := c.do("GET", "/sip-proxies/edge", nil).want(t, 200); a.body["password"] != "********" || a.header.Get("ETag") == "" {
		t.Errorf("%s", a.raw)
	}
	if a := c.do("POST", "/locations", map[string]any{"name": "lab", "networks": []string{"10.0.0.0/33"}}).want(t, 422); a.errorAt("body.networks[0]") == "" {
		t.Errorf("%s", a.raw)
	}
	c.do("POST", "/locations", map[string]any{"name": "lab", "networks": []string{"10.1.0.0/16"}, "proxy": "edge"}).want(t, 201)
	c.do("PUT", "/settings/dial-plan", map[string]any{"zone": "Europe/Berlin"}).want(t, 200)
	c.do("POST", "/rules", map[string]any{
		"name": "elsewhere", "match": ".+@.+", "locations": []string{"lab"}, "when": []any{map[string]any{"days": []string{"mon-fri"}, "hours": []string{"08:00-18:00"}}},
		"to": []any{map[string]any{"external": true}}, "open": true,
	}).want(t, 201)
	for _, kind := range []string{"/sip-proxies/edge", "/locations/lab"} {
		c.do("DELETE", kind, nil).want(t, 422) // something leads there
	}
	c.do("POST", "/dial-plan-tests", map[string]any{"name": "x", "to": "a@b.example", "location": "lab", "at": "2026-11-23 10:00", "expect": "external by edge"}).want(t, 201)
	if a := c.do("POST", "/dial-plan-tests", map[string]any{"name": "y", "to": "a@b.example", "location": "lab", "at": "2026-11-22 10:00", "expect": "external"}).want(t, 422); a.errorAt("body.expect") == "" {
		t.Errorf("%s", a.raw)
	}
	if a := c.do("POST", "/route/explain", map[string]any{"to": "x", "source": "nowhere"}).want(t, 422); a.errorAt("body.source") == "" {
		t.Errorf("%s", a.raw)
	}
	if a := c.do("POST", "/route/explain", map[string]any{"to": "x", "at": "tomorrow"}).want(t, 422); a.errorAt("body.at") == "" {
		t.Errorf("%s", a.raw)
	}
	if a := c.do("POST", "/route/explain", map[string]any{"to": "sip:a@b.example", "source": "10.1.2.3", "at": "2026-11-23 10:00"}).want(t, 200); a.text("location") != "lab" || a.text("uri") != "sip:a@b.example" {
		t.Errorf("%s", a.raw)
	}
}
