package meet

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func TestJoinsThatAreRefused(t *testing.T) {
	s := newEdge(t, func(c *Config) {
		for pin, change := range map[string]func(*Meeting){
			"2000000000001": func(m *Meeting) { m.Ended = true },
			"2000000000002": func(m *Meeting) { m.Refuse = InteropDisabled },
			"2000000000003": func(m *Meeting) { m.Refuse = Encrypted },
			"2000000000004": func(m *Meeting) { m.VideoLocked = true },
			"2000000000005": func(m *Meeting) { m.MaxParticipants = 1; m.People = []Person{{Name: "Ada"}} },
		} {
			m := Meeting{PIN: pin, Tenant: "example"}
			change(&m)
			c.Meetings = append(c.Meetings, m)
		}
	})
	http, id := httpClient(t, s), newIdentity(t, s, GatewayCert{})
	room, phone := readOffer(t, "room-offer.sdp"), readOffer(t, "phone-offer.sdp")
	good := func() joinRequest { return joinRequest{Offer: room, DisplayName: "Board room"} }
	with := func(change func(*joinRequest)) joinRequest { r := good(); change(&r); return r }
	for _, row := range []struct {
		name, alias, access string
		body                any
		code                int
		want                Reason
		rule                string
	}{
		{"no access token", testPIN, "-", good(), 401, AccessMissing, "MEET-S17"},
		{"unknown access token", testPIN, "nobody-knows-this-token", good(), 403, AccessUnknown, "MEET-S17"},
		{"revoked access token", testPIN, "revoked-token-0123456789", good(), 403, AccessRevoked, "MEET-S17"},
		{"token of another type", testPIN, "wrong-type-0123456789", good(), 403, AccessWrongType, "MEET-S17"},
		{"unknown PIN", "9999999999999", "", good(), 404, MeetingNotFound, "MEET-S19"},
		{"short id", "weekly", "", good(), 404, MeetingNotFound, "MEET-S19"},
		{"space id in other case", "jqcffubodn5z", "", good(), 404, MeetingNotFound, "MEET-S19"},
		{"not JSON", testPIN, "", "offer", 400, InvalidRequest, "MEET-S1"},
		{"too large", testPIN, "", with(func(r *joinRequest) { r.Offer = strings.Repeat("a=x\r\n", 60000) }), 400, InvalidRequest, "MEET-S1"},
		{"no name", testPIN, "", with(func(r *joinRequest) { r.DisplayName = "  " }), 400, InvalidRequest, "MEET-S1"},
		{"unknown kind", testPIN, "", with(func(r *joinRequest) { r.Kind = "TOASTER" }), 400, InvalidRequest, "MEET-S1"},
		{"no offer", testPIN, "", with(func(r *joinRequest) { r.Offer = "" }), 400, InvalidRequest, "MEET-S1"},
		{"a telephone with video", testPIN, "", with(func(r *joinRequest) { r.Kind = "PHONE" }), 400, InvalidRequest, "MEET-S1"},
		{"bad offer", testPIN, "", with(func(r *joinRequest) { r.Offer = strings.Replace(room, "actpass", "passive", 1) }), 400, InvalidOffer, "MEET-S5"},
		{"ended", "2000000000001", "", good(), 400, ConferenceEnded, "MEET-S22"},
		{"interop disabled", "2000000000002", "", good(), 403, InteropDisabled, "MEET-S14"},
		{"encrypted", "2000000000003", "", good(), 400, Encrypted, "MEET-S4"},
		{"video locked", "2000000000004", "", good(), 403, VideoLocked, "MEET-S22"},
		{"full", "2000000000005", "", good(), 429, MeetingFull, "MEET-S14"},
		{"a telephone where video is locked", "2000000000004", "", with(func(r *joinRequest) { r.Offer, r.Kind = phone, "PHONE" }), 200, "", ""},
		{"code with capitals", "ABC-MNOP-XYZ", "", good(), 200, "", ""},
		{"code without hyphens", "abcmnopxyz", "", good(), 200, "", ""},
		{"space id", "jQCFfuBOdN5z", "", good(), 200, "", ""},
	} {
		access := or(row.access, trustedToken)
		code, body, _ := ask(t, http, "POST", s.EdgeURL()+"/v1/spaces/"+row.alias+":join?$alt=json", id.token(nil), strings.Trim(access, "-"), row.body)
		reason, rule := reasonOf(body)
		if code != row.code || reason != row.want || rule != row.rule {
			t.Errorf("%s: %d %s %s, want %d %s %s\n%s", row.name, code, reason, rule, row.code, row.want, row.rule, body)
		}
		if row.want != "" && !strings.Contains(string(body), `"message": "`+string(row.want)+": ") {
			t.Errorf("%s: the message does not begin with the reason: %s", row.name, body)
		}
	}
}

func TestGatewayTokensThatAreRefused(t *testing.T) {
	s := newEdge(t, nil)
	http, id := httpClient(t, s), newIdentity(t, s, GatewayCert{})
	now := time.Now()
	claim := func(name string, v any) string {
		return id.token(func(_, c map[string]any) {
			if c[name] = v; v == nil {
				delete(c, name)
			}
		})
	}
	head := func(name string, v any) string { return id.token(func(h, _ map[string]any) { h[name] = v }) }
	other := id
	other.key, _ = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	stranger := newIdentity(t, s, GatewayCert{Stranger: true})
	expired := newIdentity(t, s, GatewayCert{NotBefore: now.Add(-48 * time.Hour), NotAfter: now.Add(-24 * time.Hour)})
	future := newIdentity(t, s, GatewayCert{NotBefore: now.Add(24 * time.Hour)})
	for _, row := range []struct {
		name, token string
		want        Reason
	}{
		{"good", id.token(nil), ""},
		{"good without sub and nbf", id.token(func(_, c map[string]any) { delete(c, "sub"); delete(c, "nbf") }), ""},
		{"good with several audiences", claim("aud", []string{"x", Audience}), ""},
		{"leaf only", head("x5c", id.chain[:1]), ""},
		{"none", "", TokenMissing},
		{"no JWT", "abc", TokenMalformed},
		{"too long", strings.Repeat("a", maxToken) + ".b.c", TokenMalformed},
		{"alg none", head("alg", "none"), TokenMalformed},
		{"alg HS256", head("alg", "HS256"), TokenMalformed},
		{"wrong alg for the key", head("alg", "RS256"), TokenBadSignature},
		{"crit", head("crit", []string{"b64"}), TokenMalformed},
		{"no chain", head("x5c", nil), TokenMalformed},
		{"chain of nonsense", head("x5c", []string{"AAAA"}), TokenMalformed},
		{"chain in base64url", head("x5c", []string{"_-_-"}), TokenMalformed},
		{"unknown authority", stranger.token(nil), CertUntrusted},
		{"the authority's own certificate", head("x5c", id.chain[1:]), TokenBadSignature},
		{"expired certificate", expired.token(nil), CertExpired},
		{"certificate of tomorrow", future.token(nil), CertExpired},
		{"other key", other.token(nil), TokenBadSignature},
		{"wrong issuer", claim("iss", "gateway-2"), TokenWrongIssuer},
		{"wrong subject", claim("sub", "gateway-2"), TokenWrongIssuer},
		{"wrong audience", claim("aud", "https://example.com/"), TokenWrongAudience},
		{"no audience", claim("aud", nil), TokenWrongAudience},
		{"no exp", claim("exp", nil), TokenMalformed},
		{"no iat", claim("iat", nil), TokenMalformed},
		{"expired", claim("exp", now.Add(-2*time.Minute).Unix()), TokenExpired},
		{"just expired, within the skew", claim("exp", now.Add(-30*time.Second).Unix()), ""},
		{"valid for a day", claim("exp", now.Add(24*time.Hour).Unix()), TokenExpired},
		{"not before later", claim("nbf", now.Add(5*time.Minute).Unix()), TokenNotYetValid},
		{"issued later", claim("iat", now.Add(5*time.Minute).Unix()), TokenNotYetValid},
	} {
		code, body, _ := ask(t, http, "GET", s.EdgeURL()+"/v1/spaces/"+testPIN, row.token, trustedToken, nil)
		reason, _ := reasonOf(body)
		if reason != row.want || (code == 200) != (row.want == "") || code != 200 && code != 401 {
			t.Errorf("%s: %d %s, want %s\n%s", row.name, code, reason, row.want, body)
		}
	}
}

func TestTheModesOfGatewayTokens(t *testing.T) {
	for mode, want := range map[JWTMode]int{JWTRequired: 401, JWTTransition: 200, JWTOff: 200} {
		s := newEdge(t, func(c *Config) { c.Options.JWT = mode })
		code, _, _ := ask(t, httpClient(t, s), "GET", s.EdgeURL()+"/v1/spaces/"+testPIN, "", trustedToken, nil)
		if code != want {
			t.Errorf("%q: %d", mode, code)
		}
		if noted := len(s.Violations()); (noted > 0) != (mode != JWTOff) {
			t.Errorf("%q: %d violations", mode, noted)
		}
	}
}

func TestRSAGatewaysAreTaken(t *testing.T) {
	s := newEdge(t, nil)
	token, err := rsaToken(s)
	if err != nil {
		t.Fatal(err)
	}
	if code, body, _ := ask(t, httpClient(t, s), "GET", s.EdgeURL()+"/v1/spaces/"+testPIN, token, trustedToken, nil); code != 200 {
		t.Errorf("%d %s", code, body)
	}
}

func TestResolvingTellsWhetherToKnock(t *testing.T) {
	s := newEdge(t, nil)
	http, id := httpClient(t, s), newIdentity(t, s, GatewayCert{})
	for token, knock := range map[string]bool{trustedToken: false, untrustedToken: true, "of-another-tenant-012345": true} {
		code, body, _ := ask(t, http, "GET", s.EdgeURL()+"/v1/spaces/abc-mnop-xyz", id.token(nil), token, nil)
		var info spaceInfo
		if json.Unmarshal(body, &info) != nil || code != 200 || info.Knock != knock || info.Title != "Weekly planning" || info.State != "ACTIVE" || info.Participants != 2 {
			t.Errorf("%s: %d %s", token, code, body)
		}
	}
}

func TestARepeatedJoinMakesNoGhost(t *testing.T) {
	s := newEdge(t, nil)
	http, id := httpClient(t, s), newIdentity(t, s, GatewayCert{})
	body := joinRequest{Offer: readOffer(t, "room-offer.sdp"), DisplayName: "Board room", RequestID: "once"}
	var first string
	for range 3 {
		code, answer, _ := ask(t, http, "POST", s.EdgeURL()+"/v1/spaces/"+testPIN+":join", id.token(nil), trustedToken, body)
		if first = or(first, string(answer)); code != 200 || string(answer) != first {
			t.Errorf("%d %s", code, answer)
		}
	}
	if st, _ := s.Meeting(testPIN); len(st.Devices) != 1 {
		t.Errorf("%d devices", len(st.Devices))
	}
}

func TestDevicesCannotBeControlled(t *testing.T) {
	s := newEdge(t, nil)
	http, id := httpClient(t, s), newIdentity(t, s, GatewayCert{})
	_, answer, _ := ask(t, http, "POST", s.EdgeURL()+"/v1/spaces/"+testPIN+":join", id.token(nil), trustedToken, joinRequest{Offer: readOffer(t, "phone-offer.sdp"), DisplayName: "A"})
	var joined joinAnswer
	if err := json.Unmarshal(answer, &joined); err != nil {
		t.Fatal(err)
	}
	st, _ := s.Meeting(testPIN)
	for _, row := range []struct {
		method, path string
		code         int
		want         Reason
	}{
		{"PATCH", joined.Device, 403, DeviceControl},
		{"POST", joined.Device + ":mute", 403, DeviceControl},
		{"DELETE", st.People[0].Device, 403, DeviceControl},
		{"DELETE", "spaces/jQCFfuBOdN5z/devices/none", 404, DeviceNotFound},
		{"DELETE", "spaces/none/devices/none", 404, DeviceNotFound},
		{"DELETE", joined.Device, 200, ""},
		{"DELETE", joined.Device, 200, ""}, // and why it was gone already
		{"POST", joined.Device + ":restart", 404, DeviceNotFound},
		{"POST", "spaces/" + testPIN + ":dance", 400, InvalidRequest},
	} {
		code, body, _ := ask(t, http, row.method, s.EdgeURL()+"/v1/"+row.path, id.token(nil), trustedToken, nil)
		if reason, _ := reasonOf(body); code != row.code || reason != row.want {
			t.Errorf("%s %s: %d %s", row.method, row.path, code, body)
		}
	}
}

func TestFaultsOfTheHTTPSEdge(t *testing.T) {
	s := newEdge(t, nil)
	http, id := httpClient(t, s), newIdentity(t, s, GatewayCert{})
	get := func() (int, string) {
		code, body, _ := ask(t, http, "GET", s.EdgeURL()+"/v1/spaces/"+testPIN, id.token(nil), trustedToken, nil)
		return code, string(body)
	}
	for _, row := range []struct {
		fault Fault
		code  int
		body  string
	}{
		{Fault{Kind: HTTPStatus, Times: 1}, 503, ""},
		{Fault{Kind: HTTPStatus, Status: 500, Reason: Internal, Times: 1}, 500, "INTERNAL: "},
		{Fault{Kind: HTTPGarbage, Times: 1}, 200, "<html>"},
		{Fault{Kind: HTTPSlow, Delay: time.Millisecond, Times: 1}, 200, "Weekly"},
	} {
		if err := s.SetFault(row.fault); err != nil {
			t.Fatal(err)
		}
		if code, body := get(); code != row.code || !strings.Contains(body, row.body) {
			t.Errorf("%+v: %d %s", row.fault, code, body)
		}
		if code, _ := get(); code != 200 {
			t.Errorf("%+v has stayed: %d", row.fault, code)
		}
	}
	if err := s.SetFault(Fault{Kind: JoinRefused, Reason: RateLimited, Times: 1}); err != nil {
		t.Fatal(err)
	}
	code, body, _ := ask(t, http, "POST", s.EdgeURL()+"/v1/spaces/"+testPIN+":join", id.token(nil), trustedToken, joinRequest{Offer: readOffer(t, "phone-offer.sdp"), DisplayName: "A"})
	if reason, _ := reasonOf(body); code != 429 || reason != RateLimited {
		t.Errorf("%d %s", code, body)
	}
	for _, bad := range []Fault{{Kind: "no-such"}, {Kind: JoinRefused}, {Kind: Loss, Direction: "sideways"}, {Kind: JoinRefused, Reason: "NO_SUCH"}} {
		if s.SetFault(bad) == nil {
			t.Errorf("%+v was taken", bad)
		}
	}
}

func FuzzVerifyJWT(f *testing.F) {
	part := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
	f.Add(part(`{"alg":"ES256","x5c":["AAAA"]}`) + "." + part(`{"iss":"a","exp":1e300}`) + ".AAAA")
	f.Fuzz(func(t *testing.T, token string) {
		if _, no := verifyJWT(token, nil, time.Unix(1764000000, 0)); no == nil {
			t.Error("taken without any authority")
		}
	})
}
