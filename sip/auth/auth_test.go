package auth

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"tandem/sip"
)

func TestDigestVectors(t *testing.T) {
	const rfc7616 = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"
	for _, row := range []struct {
		name, method, password string
		d                      Digest
		want                   string
	}{
		{"RFC 7616 §3.9.1 MD5", "GET", "Circle of Life", Digest{
			Username: "Mufasa", Realm: "http-auth@example.org", Nonce: rfc7616, URI: "/dir/index.html",
			Algorithm: "MD5", QOP: "auth", NC: 1, CNonce: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
		}, "8ca523f5e9506fed4657c9700eebdbec"},
		{"RFC 7616 §3.9.1 SHA-256", "GET", "Circle of Life", Digest{
			Username: "Mufasa", Realm: "http-auth@example.org", Nonce: rfc7616, URI: "/dir/index.html",
			Algorithm: "SHA-256", QOP: "auth", NC: 1, CNonce: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
		}, "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"},
		{"RFC 2617 §3.5", "GET", "Circle Of Life", Digest{
			Username: "Mufasa", Realm: "testrealm@host.com", Nonce: "dcd98b7102dd2f0e8b11d0f600bfb0c093",
			URI: "/dir/index.html", QOP: "auth", NC: 1, CNonce: "0a4f113b",
		}, "6629fae49393a05397450978507c4ef1"},
		{"RFC 2069, reference §5.2", "REGISTER", "ZXhhbXBsZS1ub3QtcmVhbA==", Digest{
			Username: "AXZexampleUserTokenNotReal0000000000000000000000000000A=",
			Realm:    "web.c.pbx.voice.sip.google.com", Nonce: "MDEyMzQ1Njc4OWFiY2RlZg==", URI: "sip:web.c.pbx.voice.sip.google.com", Algorithm: "MD5",
		}, "c599a2ff0778a0ed2010d1d99552d693"},
	} {
		got, ok := row.d.response(HA1(row.d.Algorithm, row.d.Username, row.d.Realm, Secret(row.password)), row.method, nil)
		if !ok || got != row.want {
			t.Errorf("%s: %s, want %s", row.name, got, row.want)
		}
	}
}

func TestBearerBothSpellings(t *testing.T) { // GV-C3
	for _, row := range []struct {
		value string
		want  Bearer
	}{
		{`Bearer username="me",realm="obihai.sip.google.com",token="ya29.x"`, Bearer{"me", "obihai.sip.google.com", "ya29.x", false}},
		{`Bearer token="ya29.x", username="me", realm="obihai.sip.google.com"`, Bearer{"me", "obihai.sip.google.com", "ya29.x", true}},
		{`Bearer eyJhbGciOi.J9-_~+/==`, Bearer{Token: "eyJhbGciOi.J9-_~+/=="}},
	} {
		got, err := ParseBearer(row.value)
		if err != nil || got != row.want {
			t.Errorf("%s: %+v %v", row.value, got, err)
		}
		if got.Value() != row.value {
			t.Errorf("written %s, want %s", got.Value(), row.value)
		}
	}
	for _, value := range []string{"", "Bearer", "Basic abc", `Bearer username="me"`, `Bearer token="a",token="b"`, `Bearer token="a`} {
		if _, err := ParseBearer(value); !errors.Is(err, ErrMalformed) {
			t.Errorf("%q: %v, want ErrMalformed", value, err)
		}
	}
}

func TestSecretsDoNotPrint(t *testing.T) {
	b := Bearer{Username: "me", Token: "canary"}
	c := Client{Password: "canary"}
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "token", b.Token, "client", &c)
	if all := fmt.Sprintf("%v %+v %#v %v", b, b, b, &c) + log.String(); strings.Contains(all, "canary") {
		t.Error(all)
	}
}

func register() *sip.Message {
	m := sip.NewRequest("REGISTER", sip.URI{Scheme: "sip", Host: "example.com"})
	m.Add("Via", "SIP/2.0/TCP a.example.com;branch=z9hG4bK1")
	m.Add("From", "<sip:bob@example.com>;tag=1")
	m.Add("To", "<sip:bob@example.com>")
	m.Add("Call-ID", "1")
	m.Add("CSeq", "1 REGISTER")
	return m
}

// newServer knows bob; its clock is *now.
func newServer(now *time.Time) *Server {
	return &Server{Realm: "example.com", Now: func() time.Time { return *now }, Lookup: func(user string) (Account, bool) {
		return Account{Password: "secret"}, user == "bob"
	}}
}

func check(t *testing.T, s *Server, req *sip.Message, want Result) {
	t.Helper()
	if _, got := s.Check(req); got != want {
		t.Errorf("%v, want %v", got, want)
	}
}

// Phones that know MD5 alone fail a whole answer in which another algorithm is
// offered, wherever it stands (libre 1.1, SIPp 3.6).
func TestAloneMD5IsOffered(t *testing.T) {
	now := time.Unix(1700000000, 0)
	s := newServer(&now)
	got := s.Challenge(register(), false).Values("WWW-Authenticate")
	if len(got) != 1 || !strings.Contains(got[0], "algorithm=MD5") {
		t.Errorf("challenges %q, want one for MD5", got)
	}
	strict := newServer(&now)
	strict.Algorithms = []string{"SHA-256"}
	bob := &Client{Username: "bob", Password: "secret", Realms: []string{"example.com"}}
	weak, err := bob.Authorize(register(), s.Challenge(register(), false))
	if err != nil {
		t.Fatal(err)
	}
	check(t, strict, weak, Refused) // no downgrade
}

// SIPp writes the server it sends to, whomever it calls.
func TestDigestMayNameTheServer(t *testing.T) {
	ours := func(host string) bool { return host == "192.0.2.1" }
	for digest, want := range map[string]bool{
		"sip:carol@example.com": true, "sip:example.com": true, "sip:192.0.2.1:5060": true, "sip:carol@192.0.2.1": true,
		"sip:dave@example.com": false, "sip:192.0.2.2": false, "carol": false,
	} {
		if got := sameResource(sip.URI{Scheme: "sip", User: "carol", Host: "example.com"}, digest, ours); got != want {
			t.Errorf("%s: %v, want %v", digest, got, want)
		}
	}
}

func TestRegisterWithChallenge(t *testing.T) {
	now := time.Unix(1700000000, 0)
	s := newServer(&now)
	s.Algorithms = []string{"SHA-256", "MD5"}
	bob := &Client{Username: "bob", Password: "secret", Realms: []string{"example.com"}}
	req := register()
	check(t, s, req, Missing)
	resp := s.Challenge(req, false)
	again, err := bob.Authorize(req, resp)
	if err != nil {
		t.Fatal(err)
	}
	if cseq, _ := again.CSeq(); cseq.Seq != 2 || again.Has("Via") {
		t.Errorf("CSeq %v, Via %q: want 2 and none", cseq, again.Get("Via"))
	}
	if d, _ := ParseDigest(again.Get("Authorization")); d.Algorithm != "SHA-256" {
		t.Errorf("answered %s, want the first that was offered", d.Algorithm)
	}
	check(t, s, again, Accepted)
	check(t, s, again, Stale) // a replay
	if _, err := bob.Authorize(again, s.Challenge(again, false)); !errors.Is(err, ErrRefused) {
		t.Errorf("%v, want ErrRefused: a realm is answered once", err)
	}
	fresh, err := bob.Authorize(again, s.Challenge(again, true))
	if err != nil || len(fresh.Values("Authorization")) != 1 {
		t.Fatalf("stale: %v", err)
	}
	now = now.Add(time.Minute)
	check(t, s, fresh, Stale)
}

func TestServerRefuses(t *testing.T) {
	now := time.Unix(1700000000, 0)
	s := newServer(&now)
	for _, c := range []*Client{
		{Username: "bob", Password: "wrong", Realms: []string{"example.com"}},
		{Username: "nobody", Password: "secret", Realms: []string{"example.com"}},
	} {
		again, err := c.Authorize(register(), s.Challenge(register(), false))
		if err != nil {
			t.Fatal(err)
		}
		check(t, s, again, Refused)
	}
	bob := &Client{Username: "bob", Password: "secret", Realms: []string{"example.com"}}
	other := newServer(&now)
	again, _ := bob.Authorize(register(), other.Challenge(register(), false))
	check(t, s, again, Stale) // a nonce that we did not issue, before a restart perhaps
	again, _ = bob.Authorize(register(), s.Challenge(register(), false))
	again.URI.Host = "elsewhere.example.com"
	check(t, s, again, Refused)
}

// How long an answer takes tells nobody who exists: the same hashes are made.
func TestAnUnknownUserCostsTheSameWork(t *testing.T) {
	now := time.Unix(1700000000, 0)
	s := newServer(&now)
	work := func(user string) float64 {
		c := &Client{Username: user, Password: "wrong", Realms: []string{"example.com"}}
		req, err := c.Authorize(register(), s.Challenge(register(), false))
		if err != nil {
			t.Fatal(err)
		}
		return testing.AllocsPerRun(100, func() { check(t, s, req, Refused) })
	}
	if known, unknown := work("bob"), work("rob"); unknown < known || unknown > 1.3*known {
		t.Errorf("%v allocations for a user, %v for nobody", known, unknown)
	}
}

func TestNoncesAreBounded(t *testing.T) {
	now := time.Unix(1700000000, 0)
	s := newServer(&now)
	s.MaxNonces = 2
	bob := &Client{Username: "bob", Password: "secret", Realms: []string{"example.com"}}
	for i, want := range []Result{Accepted, Accepted, Stale} {
		again, err := bob.Authorize(register(), s.Challenge(register(), false))
		if err != nil {
			t.Fatal(i, err)
		}
		check(t, s, again, want)
	}
	if s.Dropped() != 1 {
		t.Errorf("%d dropped, want 1", s.Dropped())
	}
	now = now.Add(time.Minute)
	again, _ := bob.Authorize(register(), s.Challenge(register(), false))
	check(t, s, again, Accepted)
}

func TestUnknownSchemeIsChallenged(t *testing.T) { // RFC 4475 §3.3.7
	now := time.Unix(1700000000, 0)
	req := register()
	req.Add("Authorization", "NoOneKnowsThisScheme opaque-data=here")
	check(t, newServer(&now), req, Missing)
}

func TestNoAnswerToStrangers(t *testing.T) {
	challenge := func(value string) *sip.Message {
		resp := sip.NewResponse(register(), 401, "")
		resp.Add("WWW-Authenticate", value)
		return resp
	}
	c := &Client{Username: "bob", Password: "secret", Realms: []string{"example.com"}, Hosts: []string{"example.com"}}
	for _, value := range []string{
		`Digest realm="evil.example", nonce="1"`,
		`Digest realm="EXAMPLE.COM", nonce="1"`,
		`Digest realm="example.com", realm="evil.example", nonce="1"`,
		`Digest realm="example.com", nonce="1", algorithm=CRC`,
		`Digest realm="example.com", nonce="1", qop="auth-conf"`,
		`Basic realm="example.com"`,
	} {
		if _, err := c.Authorize(register(), challenge(value)); !errors.Is(err, ErrNoChallenge) {
			t.Errorf("%s: %v, want ErrNoChallenge", value, err)
		}
	}
	google := challenge(`Digest nonce="MDEy",algorithm=MD5,realm="example.com"`)
	again, err := c.Authorize(register(), google)
	if err != nil || strings.Contains(again.Get("Authorization"), "qop") {
		t.Errorf("%v: want the form of RFC 2069", err)
	}
	elsewhere := register()
	elsewhere.URI.Host = "evil.example"
	if _, err := c.Authorize(elsewhere, google); !errors.Is(err, ErrNoChallenge) {
		t.Errorf("%v, want ErrNoChallenge for another host", err)
	}
}

func FuzzCredentials(f *testing.F) {
	for _, s := range []string{
		`Digest nonce="MDEy",algorithm=MD5,realm="web.c.pbx.voice.sip.google.com"`,
		`Digest username="a\"b", realm="r", nonce="n", uri="sip:a", response="0", qop=auth, nc=00000001, cnonce="c"`,
		`Bearer username="me",realm="obihai.sip.google.com",token="…"`,
		"Digest realm=\"B\xfcro\"", "Bearer abc==", "Digest ,", "Digest a=\"",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if c, err := ParseChallenge(s); err == nil {
			_ = c.String()
		}
		if b, err := ParseBearer(s); err == nil {
			_ = b.Value()
		}
		d, err := ParseDigest(s)
		if err != nil || strings.ContainsAny(s, "\r\n") || strings.ContainsAny(d.QOP+d.Algorithm, "=, \t\\") {
			return
		}
		if again, err := ParseDigest(d.String()); err != nil || again != d {
			t.Errorf("%q: written %q, read %+v %v", s, d, again, err)
		}
	})
}
