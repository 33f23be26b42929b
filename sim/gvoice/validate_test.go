package gvoice

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestAConfigFileNamesTheReferencesOptions(t *testing.T) {
	c, err := ParseConfig([]byte(`{
		"accounts": [{"number": "+12025550123", "client_id": "c", "client_secret": "s", "refresh_token": "r"}],
		"people": [{"number": "+12025550190", "answer_after": "2s", "tone": 800}],
		"options": {"telephony.bad_token": "403", "limits.register_per_minute": 20, "telephony.session_timer": "90s", "mwi.notify": true},
		"timing": {"throttle_release": "20s"}
	}`))
	if err != nil {
		t.Fatal(err)
	}
	o := c.Options
	if o.BadToken != BadTokenForbidden || o.RegisterRate != 20 || o.SessionTimer != 90*time.Second || !o.MWI ||
		c.Timing.ThrottleRelease != 20*time.Second || c.People[0].AnswerAfter != 2*time.Second {
		t.Errorf("%+v", c)
	}
}

func TestAConfigThatCannotWorkIsRefusedByName(t *testing.T) {
	for text, want := range map[string]string{
		`{"options": {"telephony.bad_token": "407"}}`:   "telephony.bad_token",
		`{"options": {"bad_token": "403"}}`:             "bad_token",
		`{"options": {"telephony.alt_hosts": 9}}`:       "telephony.alt_hosts",
		`{"timing": {"t1": "-1s"}}`:                     "t1",
		`{"timing": {"t1": "soon"}}`:                    "t1",
		`{"sip_port": 70000}`:                           "sip_port",
		`{"people": [{"number": "kitchen"}]}`:           "kitchen",
		`{"people": [{"number": "+*", "refuse": 200}]}`: "refuse",
		`{"accounts": [{"number": "+12025550123"}]}`:    "refresh_token",
		`{} {}`: "follows",
		`[1,2`:  "JSON",
	} {
		if _, err := ParseConfig([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want something about %s", text, err, want)
		}
	}
}

func TestTheControlEndpointRefusesWhatCannotBe(t *testing.T) {
	c := registered(t, nil)
	c.invite("invite-seed.sip", "offer-seed.sdp", "12025550103")
	c.status(183)
	id := c.lastCall().ID()
	for _, row := range []struct{ path, body string }{
		{"/faults", `{"kind":"invite-status","status":200}`},
		{"/faults", `{"kind":"invite-status","reason":"x\r\nContact: <sip:evil@h>"}`},
		{"/faults", `{"kind":"late-answer","delay":"-1s"}`},
		{"/faults", `{"kind":"no-pong","times":-1}`},
		{"/faults", `{"kind":"no-pong"} {}`},
		{"/faults", `{"kind":"no-pong","host":"` + strings.Repeat("x", 1000) + `"}`},
		{"/calls", `{"to":"+12025550123","from":"x>\r\nVia: y"}`},
		{"/calls", `{"to":"+12025550123","from":"+12025550147","name":"a\nb"}`},
		{"/calls", `{"to":"+12025550123","from":"+12025550147","display":"loud"}`},
		{"/calls", `{"to":"+12025550123","from":"+12025550147","cancel_after":"99h"}`},
		{"/people", `{"number":"+12025550190","tone":-1}`},
		{"/people", `{"number":"+12025550190","dtmf":"x"}`},
		{"/people", `{"note":"` + strings.Repeat("x", maxBody) + `"}`},
		{"/calls/" + id + "/dtmf", `{"digits":"12x"}`},
		{"/calls/" + id + "/dtmf", `{}{}`},
	} {
		if code, body := ask(t, http.MethodPost, c.s.ControlURL()+row.path, row.body); code != 400 || !strings.Contains(body, "error") {
			t.Errorf("POST %s %.80s: %d %s", row.path, row.body, code, body)
		}
	}
	for _, query := range []string{"/calls/" + id + "?wait=soon"} {
		if code, body := ask(t, http.MethodGet, c.s.ControlURL()+query, ""); code != 400 {
			t.Errorf("GET %s: %d %s", query, code, body)
		}
	}
	if code, _ := ask(t, http.MethodDelete, c.s.ControlURL()+"/faults?kind=none", ""); code != 400 {
		t.Errorf("DELETE of an unknown kind: %d", code)
	}
	if n := len(c.s.State().Faults); n != 0 {
		t.Errorf("%d faults are on", n)
	}
}

func TestWhatTheControlEndpointKeepsIsBounded(t *testing.T) {
	s := newEdge(t, nil)
	for range 3 {
		if err := s.SetFault(Fault{Kind: NoPong}); err != nil {
			t.Fatal(err)
		}
		if err := s.AddPerson(Person{Number: "+12025550190"}); err != nil {
			t.Fatal(err)
		}
		if err := s.SetFault(Fault{Kind: RotateCert}); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(s.State().Faults); n != 1 || len(s.people) != 1 {
		t.Errorf("%d faults, %d people; a repeated one replaces the old", n, len(s.people))
	}
	var err error
	for i := 0; i <= maxFaults && err == nil; i++ {
		err = s.SetFault(Fault{Kind: NoPong, User: strings.Repeat("u", i+1)})
	}
	if err == nil {
		t.Error("faults are not bounded")
	}
	for range 2 * maxOldCAs {
		_ = s.SetFault(Fault{Kind: RotateCert})
	}
	if n := strings.Count(string(s.CAPEM()), "BEGIN"); n != maxOldCAs+1 {
		t.Errorf("%d roots", n)
	}
}
