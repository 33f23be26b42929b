package sipua_test

import (
	"testing"
	"time"
)

func TestRequestsOutsideOfCalls(t *testing.T) {
	r := newRig(t, devices("100"))
	p := r.phone("100", "udp")
	for _, row := range []struct {
		method string
		status int
		header string
	}{
		{"OPTIONS", 200, "Accept"}, {"MESSAGE", 405, "Allow"}, {"PUBLISH", 405, "Allow"}, {"FLY", 501, "Allow"}, {"NOTIFY", 200, ""}, {"SUBSCRIBE", 401, "WWW-Authenticate"},
	} {
		m := p.message(row.method, domain)
		m.Set("Call-ID", row.method)
		resp := p.send(m)
		if resp.Status != row.status || row.header != "" && !resp.Has(row.header) {
			t.Errorf("%s: %s", row.method, resp)
		}
	}
}

// What an address that may be forged is sent is little; who has a connection, or has
// shown who they are, is told all that we can do.
func TestOPTIONSFromAForgeableAddressIsAnsweredShortly(t *testing.T) {
	r := newRig(t, devices("100"))
	for _, row := range []struct {
		network    string
		registered bool
		whole      bool
	}{{"udp", false, false}, {"udp", true, true}, {"tcp", false, true}} {
		p := r.phone("100", row.network)
		if row.registered {
			p.mustRegister()
		}
		resp := p.send(p.message("OPTIONS", domain))
		if !resp.Has("Allow") || !resp.Has("Accept") || resp.Has("Supported") != row.whole || resp.Has("Accept-Encoding") != row.whole {
			t.Errorf("%+v: %s", row, resp)
		}
		p.close()
	}
}

func TestMessageSummaryIsEmpty(t *testing.T) {
	r := newRig(t, devices("100"))
	p := r.phone("100", "tcp")
	p.mustRegister()
	m := p.message("SUBSCRIBE", domain, "Event", "message-summary", "Expires", "600", "Contact", "<"+p.contact(p.flow).String()+">")
	if resp := p.send(m); resp.Status != 200 || resp.Get("Expires") != "600" {
		t.Fatalf("%s", resp)
	}
	select {
	case s := <-p.other:
		if q := s.Request(); q.Method != "NOTIFY" || string(q.Body) != "Messages-Waiting: no\r\n" || q.Get("Subscription-State") != "active;expires=600" {
			t.Errorf("%s", q)
		}
	case <-time.After(time.Minute):
		t.Error("no NOTIFY")
	}
	m = p.message("SUBSCRIBE", domain, "Event", "presence")
	if resp := p.send(m); resp.Status != 489 {
		t.Errorf("presence: %d", resp.Status)
	}
}

func TestADeviceThatIsTakenOutOfTheConfigurationIsGone(t *testing.T) {
	r := newRig(t, devices("100", "200"))
	p := r.phone("100", "udp")
	p.mustRegister()
	if err := r.Apply(devices("200")); err != nil {
		t.Fatal(err)
	}
	if n := r.Stats().Registered; n != 0 {
		t.Errorf("%d registered", n)
	}
	if s := p.register().Status; s != 401 {
		t.Errorf("answered %d, want 401", s)
	}
}
