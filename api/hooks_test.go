package api

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"tandem/identity"
)

func TestAWebhookIsKeptAndTried(t *testing.T) {
	r := newRig(t)
	c := r.as(identity.Administrator)
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusAccepted) }))
	defer receiver.Close()
	hook := map[string]any{"name": "crm", "url": receiver.URL, "secret": "0123456789abcdef", "enabled": true, "allow_private": true}
	a := c.do("POST", "/webhooks", hook).want(t, 201)
	if a.text("secret") != "********" || strings.Contains(string(a.raw), "0123456789abcdef") {
		t.Errorf("%s", a.raw)
	}
	c.do("POST", "/webhooks", hook).want(t, 409)
	if a := c.do("POST", "/webhooks/crm/test", map[string]any{}).want(t, 200); a.body["status"] != 202.0 {
		t.Errorf("%s", a.raw)
	}
	etag := a.header.Get("ETag")
	hook["secret"], hook["allow_private"], hook["url"] = "********", false, "https://127.0.0.1:1/"
	c.do("PUT", "/webhooks/crm", hook, "If-Match", etag).want(t, 200)
	c.do("PUT", "/webhooks/crm", hook, "If-Match", etag).want(t, 412)
	if a := c.do("POST", "/webhooks/crm/test", map[string]any{}).want(t, 200); !strings.Contains(a.text("error"), "private network") {
		t.Errorf("%s", a.raw)
	}
	hook["url"] = "gopher://x"
	if a := c.do("PUT", "/webhooks/crm", hook).want(t, 422); a.errorAt("body.url") == "" {
		t.Errorf("%s", a.raw)
	}
	if a := c.do("GET", "/webhooks/crm/dead-letters", nil).want(t, 200); len(a.items()) != 0 {
		t.Errorf("%s", a.raw)
	}
	c.do("DELETE", "/webhooks/crm", nil).want(t, 204)
	c.do("GET", "/webhooks/crm", nil).want(t, 404)
}
