package gvoice

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

func ask(t *testing.T, method, url, body string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(soon(t), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b)
}

func TestTheControlEndpointRunsACallWithCurlAlone(t *testing.T) {
	c := registered(t, func(c *Config) { c.Timing.RingTime = 100 * time.Millisecond })
	base := c.s.ControlURL()
	code, body := ask(t, "POST", base+"/calls", `{"to":"+12025550123","from":"+12025550147","talk":{"tone":440,"talk_for":"1.5s"}}`)
	var placed struct{ ID string }
	if err := json.Unmarshal([]byte(body), &placed); code != 200 || err != nil || placed.ID == "" {
		t.Fatalf("%d %s", code, body)
	}
	invite := c.recv()
	cancel := c.recv()
	c.send(answerTo(cancel, 200, cancel.All("Via")))
	c.send(c.respond(invite, 487, ""))
	code, body = ask(t, "GET", base+"/calls/"+placed.ID+"?wait=60s", "")
	var r Report
	if err := json.Unmarshal([]byte(body), &r); code != 200 || err != nil || !strings.HasPrefix(r.Outcome, "voicemail") || len(r.Ladder) < 4 {
		t.Errorf("%d %v %s", code, err, body)
	}
	if _, text := ask(t, "GET", base+"/ladder?format=text&call="+placed.ID, ""); !strings.Contains(text, "<-- INVITE sip:") || !strings.Contains(text, "--> 487") {
		t.Errorf("ladder\n%s", text)
	}
	_, state := ask(t, "GET", base+"/state", "")
	if !strings.Contains(state, `"sni": "obihai.telephony.goog"`) || !strings.Contains(state, `"obn": "identifier"`) || strings.Contains(state, "1//refresh") {
		t.Errorf("state %s", state)
	}
}

func TestTheControlEndpointSetsFaultsPeopleAndAccounts(t *testing.T) {
	s := newEdge(t, nil)
	for _, row := range []struct {
		method, path, body string
		want               int
	}{
		{"POST", "/faults", `{"kind":"late-answer","delay":"2s","times":1}`, 200},
		{"POST", "/faults", `{"kind":"no-such"}`, 400},
		{"POST", "/faults", `{"kind":"late-answer","delay":"soon"}`, 400},
		{"POST", "/faults", `{"kid":"late-answer"}`, 400},
		{"DELETE", "/faults?kind=late-answer", "", 204},
		{"POST", "/people", `{"number":"+12025550190","answer_after":"20ms","refuse":486}`, 200},
		{"POST", "/people", `{}`, 400},
		{"POST", "/accounts", `{"number":"+12025550199","client_id":"c","client_secret":"s","refresh_token":"r"}`, 200},
		{"POST", "/accounts", `{"number":"2025550199"}`, 400},
		{"POST", "/calls", `{"to":"+19995550100","from":"+12025550147"}`, 400},
		{"GET", "/calls/none", "", 404},
		{"GET", "/ca.pem", "", 200},
		{"GET", "/client.pem?key=rsa1024", "", 200},
		{"GET", "/client.pem?key=dsa", "", 400},
	} {
		if code, body := ask(t, row.method, s.ControlURL()+row.path, row.body); code != row.want {
			t.Errorf("%s %s %s: %d %s", row.method, row.path, row.body, code, body)
		}
	}
	if p := s.personFor("+12025550190"); p.Refuse != 486 || p.AnswerAfter != 20*time.Millisecond {
		t.Errorf("%+v", p)
	}
	if st := s.State(); len(st.Accounts) != 2 || len(st.Faults) != 0 {
		t.Errorf("%+v", st)
	}
}

func TestOptionMWINotifiesAfterRegister(t *testing.T) {
	c := registered(t, func(c *Config) { c.Options.MWI = true })
	m := c.recv()
	if m.Method != "NOTIFY" || m.Get("Event") != "message-summary" {
		t.Fatalf("got %s", m.Summary())
	}
	c.send(answerTo(m, 200, m.All("Via")))
	c.send(c.fillText("OPTIONS sip:$DOMAIN SIP/2.0\nVia: SIP/2.0/TLS 192.0.2.10;branch=$BRANCH\nFrom: <sip:probe@x>;tag=1\nTo: <sip:probe@x>\nCall-ID: probe\nCSeq: 1 OPTIONS\nMax-Forwards: 70\nContent-Length: 0\n\n"))
	c.status(200)
	if r := c.s.Refusals(); len(r) != 0 {
		t.Errorf("%+v", r)
	}
}

func TestGVS17OptionsMayNeedTheRoutes(t *testing.T) {
	c := registered(t, func(c *Config) { c.Options.OptionsRoute = true })
	text := "OPTIONS sip:$DOMAIN SIP/2.0\n$ROUTES\nVia: SIP/2.0/TLS 192.0.2.10;branch=$BRANCH\nFrom: <sip:probe@x>;tag=1\nTo: <sip:probe@x>\nCall-ID: q$SEQ\nCSeq: 1 OPTIONS\nMax-Forwards: 70\nContent-Length: 0\n\n"
	c.send(drop(c.fillText(text), "Route: "))
	c.send(c.fillText(text))
	if m := c.status(200); m.CallID() != "q"+c.vars["SEQ"] {
		t.Error("the OPTIONS without Route was answered")
	}
	c.refused("GV-S17")
}

func TestOptionTransferAcceptsREFER(t *testing.T) {
	for accept, want := range map[bool]int{false: 501, true: 202} {
		c := registered(t, func(c *Config) { c.Options.AcceptRefer = accept })
		c.invite("invite-seed.sip", "offer-seed.sdp", answersAt1000Hz)
		c.media.sound(c.status(183).Body, 500)
		ok := c.status(200)
		c.send(c.inDialog("ACK", ok, ""))
		c.send(c.inDialog("REFER", ok, "Refer-To: <sip:12025550101@obihai.sip.google.com>\r\n"))
		c.status(want)
		if !accept {
			continue
		}
		for _, body := range []string{"SIP/2.0 100", "SIP/2.0 200"} {
			m := c.recv()
			if m.Method != "NOTIFY" || !bytes.HasPrefix(m.Body, []byte(body)) {
				t.Errorf("got %s %q", m.Summary(), m.Body)
			}
			c.send(answerTo(m, 200, m.All("Via")))
		}
	}
}

func FuzzParseSDP(f *testing.F) {
	f.Add([]byte("v=0\r\no=- 1 1 IN IP4 1.2.3.4\r\ns=-\r\nm=audio 1 RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\na=ice-ufrag:abcd\r\na=group:BUNDLE 0\r\n"))
	f.Fuzz(func(_ *testing.T, b []byte) {
		if d, err := parseSDP(b); err == nil {
			_, _ = d.check()
			_, _, _ = d.choose(true)
		}
	})
}
