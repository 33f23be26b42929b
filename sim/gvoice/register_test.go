package gvoice

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"tandem/sim/wire"
)

func TestGVS7BearerIsReadInBothSpellings(t *testing.T) {
	for _, file := range []string{"register-seed.sip", "register-asterisk.sip"} {
		s := newEdge(t, nil)
		c := dial(t, s, "obihai.telephony.goog")
		c.register(file)
		if len(s.Registrations()) != 1 {
			t.Errorf("%s: not registered", file)
		}
	}
}

func TestGVS7BadTokensAreRefusedAsTheOptionSays(t *testing.T) {
	for _, row := range []struct {
		mode  BadToken
		edit  func(*client)
		names string
	}{
		{BadTokenChallenge, func(c *client) { c.vars["TOKEN"] = "" }, "empty token, as Asterisk sends after a failed fetch"},
		{BadTokenChallenge, func(c *client) { c.vars["TOKEN"] = "ya29.other" }, "foreign token"},
		{BadTokenForbidden, func(c *client) { c.vars["TOKEN"] = "ya29.other" }, "foreign token"},
		{BadTokenDrop, func(c *client) { c.vars["TOKEN"] = "ya29.other" }, "foreign token"},
		{BadTokenChallenge, func(c *client) { _ = c.s.SetFault(Fault{Kind: TokenExpired}) }, "expired token (GV-S46)"},
	} {
		s := newEdge(t, func(c *Config) { c.Options.BadToken = row.mode })
		c := dial(t, s, "obihai.telephony.goog")
		c.vars["TOKEN"] = token(t, s)
		row.edit(c)
		c.send(c.fill("register-seed.sip", ""))
		switch row.mode {
		case BadTokenDrop:
			c.silence("GV-S7")
		case BadTokenForbidden:
			c.status(403)
		default:
			if got := c.status(401).Get("WWW-Authenticate"); !strings.HasPrefix(got, `Bearer realm="obihai.sip.google.com"`) {
				t.Errorf("%s: challenge is %q", row.names, got)
			}
		}
	}
}

func TestGVS7UserAndRealmMustFit(t *testing.T) {
	s := newEdge(t, nil)
	c := dial(t, s, "obihai.telephony.goog")
	c.vars["TOKEN"] = token(t, s)
	text := c.fill("register-seed.sip", "")
	c.send(strings.Replace(text, `username="gv`, `username="xx`, 1))
	c.status(401)
	c.send(strings.Replace(c.fill("register-seed.sip", ""), `realm="obihai`, `realm="voice`, 1))
	c.status(401)
}

func TestGVS9RegisterNeedsPathAndOutboundAndSoDoesUnregister(t *testing.T) {
	for mode, want := range map[RefusalMode]int{Refuse421: 421, Refuse400: 400, RefuseDrop: 0} {
		s := newEdge(t, func(c *Config) { c.Options.MissingOutbound = mode })
		c := dial(t, s, "obihai.telephony.goog")
		c.register("register-seed.sip")
		bad := strings.Replace(c.fill("register-seed.sip", ""), "Supported: outbound, path", "Supported: path", 1)
		c.send(strings.Replace(bad, "Expires: 3600", "Expires: 0", 1))
		if want == 0 {
			c.silence("GV-S9")
			continue
		}
		if m := c.status(want); want == 421 && m.Get("Require") != "outbound" {
			t.Errorf("421 without Require: %s", m.Raw)
		}
		if len(s.Registrations()) != 1 {
			t.Error("the binding is gone although the un-REGISTER was refused")
		}
		c.send(strings.Replace(c.fill("register-seed.sip", ""), "Expires: 3600", "Expires: 0", 1))
		c.status(200)
		if len(s.Registrations()) != 0 {
			t.Error("still registered")
		}
	}
}

func TestGVS10ObnIsTheLabelAndTheContactIsKeptVerbatim(t *testing.T) {
	s := newEdge(t, nil)
	c := dial(t, s, "obihai.telephony.goog")
	c.register("register-asterisk.sip")
	got := s.Registrations()[0]
	if got.Contact != "sip:s@192.0.2.10:5061;transport=TLS;line=abcdefg" || got.OBN != "asterisk" {
		t.Errorf("got %+v", got)
	}
	if d := s.State().Accounts[0].Devices; len(d) != 1 || d[0].Label != "asterisk" {
		t.Errorf("devices %+v", d)
	}
}

func TestGVS11TheAnswerHasGooglesHeadersInGooglesOrder(t *testing.T) {
	s := newEdge(t, nil)
	c := dial(t, s, "obihai.telephony.goog")
	m := c.register("register-seed.sip")
	var names []string
	for _, h := range m.Headers {
		names = append(names, h.Name)
	}
	want := "Via Service-Route Service-Route Require Contact To From Call-ID CSeq Allow P-Associated-URI P-Associated-URI Content-Length"
	if got := strings.Join(names, " "); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if via := m.Get("Via"); !strings.Contains(via, ";rport=") || !strings.HasSuffix(via, ";received=127.0.0.1;alias") {
		t.Errorf("Via %s", via)
	}
	if contact := m.Get("Contact"); contact != `<sip:gv12025550123@192.0.2.10:38250;transport=tls>;obn=identifier;reg-id=1;+sip.instance="unique-ID";expires=3600` {
		t.Errorf("Contact %s", contact)
	}
	if m.All("P-Associated-URI")[1] != "<sip:gv12025550123@obihai.sip.google.com>" || m.Get("Require") != "outbound" {
		t.Errorf("got %s", m.Raw)
	}
}

func TestGVS12NamesAreEncodedAsGoogleDoes(t *testing.T) {
	const vector = "BIGWO5RRGIYDENJVGUYDCMRTCIKDAMBQGAYDAMBQGAYDAMBQGAYDAMBQGAYQ"
	if got := encodedUser("gv12025550123", "00000000000000000001"); got != vector {
		t.Errorf("got %s, want %s", got, vector)
	}
	for _, row := range []struct{ bytes, host, econt int }{{contactBytes, 63, 29}, {viaBytes, 63, 57}} {
		n := newEncodedName(row.bytes)
		if len(n.host) != row.host || len(n.econt) != row.econt || !strings.HasPrefix(n.host, "ACZQQLQO") {
			t.Errorf("%d bytes: %+v", row.bytes, n)
		}
	}
	if tag := serverTag(); len(tag) < 64 || len(tag) > 80 || !strings.HasPrefix(tag, "BI") {
		t.Errorf("tag %s (%d)", tag, len(tag))
	}
	s := newEdge(t, nil)
	c := dial(t, s, "obihai.telephony.goog")
	c.vars["USER"] = "gv1%3D"
	if m := c.register("register-seed.sip"); !strings.Contains(m.Get("From"), "sip:gv1=@") {
		t.Errorf("From %s", m.Get("From"))
	}
}

func TestGVS13TheBindingGoesWithItsConnection(t *testing.T) {
	s := newEdge(t, nil)
	c := dial(t, s, "obihai.telephony.goog")
	c.register("register-seed.sip")
	first := c.vars["ROUTES"]
	c.register("register-seed.sip")
	if got := s.Registrations(); len(got) != 1 || got[0].Refreshes != 1 || c.vars["ROUTES"] != first {
		t.Errorf("re-REGISTER on the same connection made %+v", got)
	}
	_ = c.c.Close()
	if err := s.WaitUnregistered(soon(t), "gv12025550123"); err != nil {
		t.Error(err)
	}
}

func TestGVS14APingIsAnsweredAndASilentConnectionIsClosed(t *testing.T) {
	t.Parallel()
	s := newEdge(t, func(c *Config) { c.Options.IdleTimeout = 2 * time.Second })
	c := dial(t, s, "voice.telephony.goog")
	for _, parts := range [][]string{{"\r\n\r\n"}, {"\r\n", "\r\n"}} {
		for _, p := range parts {
			c.send(p)
		}
		if f, err := c.r.Next(); err != nil || !f.Pong {
			t.Fatalf("got %+v, %v; want a pong", f, err)
		}
	}
	if _, err := c.r.Next(); err == nil {
		t.Fatal("want the connection closed")
	}
	c.refused("GV-S14")
}

func TestGVS42TooManyRegistersThrottleTheAccountUntilSilence(t *testing.T) {
	s := newEdge(t, func(c *Config) { c.Options.RegisterRate = 3; c.Timing.ThrottleRelease = 150 * time.Millisecond })
	c := dial(t, s, "obihai.telephony.goog")
	for range 3 {
		c.register("register-seed.sip")
	}
	c.vars["TOKEN"] = token(t, s)
	c.send(c.fill("register-seed.sip", ""))
	if m := c.status(603); m.Reason != "Declined" {
		t.Errorf("reason %q", m.Reason)
	}
	<-time.After(160 * time.Millisecond) // the silence itself is what is tested
	c.send(c.fill("register-seed.sip", ""))
	c.status(200)
}

func TestGVS43AMalformedMessageGets400WithEmptyTo(t *testing.T) {
	s := newEdge(t, nil)
	c := dial(t, s, "obihai.telephony.goog")
	c.send("REGISTER sip:obihai.sip.google.com SIP/2.0\r\nVia: SIP/2.0/TLS 192.0.2.10;branch=z9hG4bKx\r\nCSeq: x REGISTER\r\nContent-Length: 0\r\n\r\n")
	f, err := c.r.Next()
	if err != nil || !strings.HasPrefix(string(f.Raw), "SIP/2.0 400 ") || !strings.Contains(string(f.Raw), "\r\nTo:") {
		t.Errorf("got %q, %v", f.Raw, err)
	}
	c.refused("GV-S43")
}

func TestGVS5TheTokenEndpointGrantsAndRefuses(t *testing.T) {
	s := newEdge(t, nil)
	if got := token(t, s); len(got) < 1000 {
		t.Errorf("token of %d characters; Google's answers were larger than 1 KiB", len(got))
	}
	post := func(body string) *http.Response {
		resp, err := http.Post(s.PlainTokenURL(), "application/x-www-form-urlencoded", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		return resp
	}
	good := "client_id=client&client_secret=secret&refresh_token=1//refresh&grant_type=refresh_token"
	for _, row := range []struct {
		name, body string
		fault      FaultKind
		want       int
	}{
		{"not URL-encoded, as Asterisk sends it", good, "", 200},
		{"URL-encoded", "client_id=client&client_secret=secret&refresh_token=" + url.QueryEscape("1//refresh") + "&grant_type=refresh_token", "", 200},
		{"unknown refresh token", strings.Replace(good, "1//refresh", "1//stale", 1), "", 400},
		{"wrong client", strings.Replace(good, "secret=secret", "secret=x", 1), "", 401},
		{"wrong grant", strings.Replace(good, "=refresh_token", "=password", 1), "", 400},
		{"invalid_grant", good, TokenInvalidGrant, 400},
		{"server error", good, TokenError, 503},
		{"garbage", good, TokenGarbage, 200},
	} {
		s.ClearFaults()
		if row.fault != "" {
			_ = s.SetFault(Fault{Kind: row.fault})
		}
		if got := post(row.body).StatusCode; got != row.want {
			t.Errorf("%s: HTTP %d, want %d", row.name, got, row.want)
		}
	}
	s.ClearFaults()
	_ = s.SetFault(Fault{Kind: TokenSlow, Delay: 80 * time.Millisecond})
	began := time.Now()
	post(good)
	if took := time.Since(began); took < 80*time.Millisecond {
		t.Errorf("slow mode took %v", took)
	}
}

func TestSecretsStayOutOfTheLadder(t *testing.T) {
	s := newEdge(t, nil)
	c := dial(t, s, "obihai.telephony.goog")
	c.register("register-seed.sip")
	for _, e := range s.Ladder() {
		if strings.Contains(e.Raw, c.vars["TOKEN"]) {
			t.Fatalf("the token is in %s", wire.Text([]wire.Event{e}))
		}
	}
}
