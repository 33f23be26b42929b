package meet

import (
	"encoding/json"
	"image/png"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestTheControlEndpointRunsAMeetingWithCurlAlone(t *testing.T) {
	s := newEdge(t, nil)
	c := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	base := s.ControlURL()
	for _, row := range []struct {
		method, path, body string
		want               int
		text               string
	}{
		{"POST", "/tokens", `{"value":"another-token-0123456789","tenant":"second","trusted":true}`, 200, ""},
		{"POST", "/tokens", `{"value":"short"}`, 400, "16 to 100"},
		{"POST", "/meetings", `{"pin":"3000000000001","title":"Second","tenant":"second","lobby_timeout":"2.5s","people":[{"name":"Cy","steps":[{"at":"1.5s","do":"talk","for":"3s"}]}]}`, 200, `"space": "spaces/`},
		{"POST", "/meetings", `{"pin":"3000000000001"}`, 400, "taken"},
		{"POST", "/meetings", `{"pin":"12"}`, 400, "13 digits"},
		{"POST", "/meetings", `{"pin":"3000000000002","people":[{"name":"A"},{"name":"A"}]}`, 400, "two people"},
		{"POST", "/meetings", `{"pni":"3000000000002"}`, 400, "unknown field"},
		{"POST", "/meetings/3000000000001/people", `{"name":"Di","colour":"#102030"}`, 200, ""},
		{"POST", "/meetings/3000000000001/people", `{"name":"Di"}`, 400, "already"},
		{"POST", "/meetings/3000000000001/people", `{"name":"Ed","colour":"blue"}`, 400, "#rrggbb"},
		{"POST", "/meetings/3000000000001/do", `{"person":"Di","do":"share"}`, 200, ""},
		{"POST", "/meetings/3000000000001/do", `{"person":"Di","do":"fly"}`, 400, "unknown"},
		{"POST", "/meetings/3000000000001/do", `{"person":"Ed","do":"talk"}`, 400, "no such person"},
		{"POST", "/meetings/none/do", `{"person":"Ed","do":"talk"}`, 400, "no such meeting"},
		{"POST", "/meetings/3000000000001/indicators", `{"recording":true}`, 200, ""},
		{"POST", "/meetings/3000000000001/video-lock", `{"locked":true}`, 200, ""},
		{"POST", "/meetings/3000000000001/admit", `{"device":"nobody"}`, 400, "no such device"},
		{"POST", "/meetings/3000000000001/mute", `{"device":"nobody"}`, 400, "no such device"},
		{"GET", "/meetings/3000000000001", "", 200, `"presenter": "Di"`},
		{"GET", "/meetings/none", "", 404, "no meeting"},
		{"GET", "/meetings/3000000000001/pictures/h.png?device=nobody", "", 404, "no device"},
		{"POST", "/meetings/3000000000001/end", "", 200, ""},
		{"POST", "/faults", `{"kind":"loss","percent":5,"direction":"up","meeting":"3000000000001"}`, 200, ""},
		{"POST", "/faults", `{"kind":"delay","delay":"soon"}`, 400, "duration"},
		{"DELETE", "/faults?kind=loss", "", 204, ""},
		{"POST", "/media-api-tokens", `{"value":"ya29.x","scopes":["meetings.conference.media.readonly"]}`, 200, ""},
		{"POST", "/tokens/revoke", `{"value":"another-token-0123456789"}`, 200, ""},
		{"POST", "/tokens/revoke", `{"value":"nobody-has-this-token"}`, 400, "no such"},
		{"POST", "/gateway-certificates", "no request", 400, "certificate request"},
		{"GET", "/ca.pem", "", 200, "BEGIN CERTIFICATE"},
		{"GET", "/violations", "", 200, ""},
		{"GET", "/", "", 200, "Weekly planning"},
		{"GET", "/state", "", 200, `"revoked": true`},
	} {
		code, body, _ := ask(t, c, row.method, base+row.path, "", "", row.body)
		if code != row.want || !strings.Contains(string(body), row.text) {
			t.Errorf("%s %s %s: %d %s", row.method, row.path, row.body, code, body)
		}
	}
	st := s.State()
	if len(st.Meetings) != 2 || !st.Meetings[1].Over || len(st.Faults) != 0 || len(st.Tokens) != 6 {
		t.Errorf("%+v", st)
	}
	if b, _ := json.Marshal(st); strings.Contains(string(b), trustedToken) {
		t.Error("the state shows a token")
	}
}

func TestTheLastPictureIsServedAsPNG(t *testing.T) {
	t.Parallel()
	s := newEdge(t, nil)
	r := enter(t, s, roomOptions{})
	r.filmAll("#208040")
	if _, err := s.WaitFor(soon(t), testPIN, "a picture", func(m MeetingState) bool { d, _ := m.Device("Board room"); return d.Up.Track("h").Decoded > 0 }); err != nil {
		t.Fatal(err)
	}
	resp, err := http.Get(s.ControlURL() + "/meetings/" + testPIN + "/pictures/h.png?device=Board%20room")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	defer http.DefaultClient.CloseIdleConnections()
	img, err := png.Decode(resp.Body)
	if err != nil || img.Bounds().Dx() != 640 {
		t.Error(err)
	}
}

func TestTheMediaAPIGivesThreeVoicesAndPictures(t *testing.T) {
	s := newEdge(t, nil)
	_ = s.AddOAuthToken(OAuthToken{Value: "ya29.all", Scopes: []string{"https://www.googleapis.com/auth/meetings.conference.media.readonly"}})
	_ = s.AddOAuthToken(OAuthToken{Value: "ya29.audio", Scopes: []string{"meetings.conference.media.audio.readonly"}})
	_ = s.AddOAuthToken(OAuthToken{Value: "ya29.none", Scopes: []string{"meetings.space.readonly"}})
	c, offer := httpClient(t, s), readOffer(t, "media-api-offer.sdp")
	url := s.EdgeURL() + "/v2beta/spaces/jQCFfuBOdN5z:connectActiveConference?$alt=json%3Benum-encoding=int"
	for _, row := range []struct {
		name, token string
		body        any
		code        int
		want        Reason
	}{
		{"no token", "", map[string]string{"offer": offer}, 401, Unauthenticated},
		{"no scope", "ya29.none", map[string]string{"offer": offer}, 403, ScopeMissing},
		{"bad offer", "ya29.all", map[string]string{"offer": readOffer(t, "room-offer.sdp")}, 400, InvalidOffer},
		{"long prompt", "ya29.all", map[string]any{"offer": offer, "config": map[string]string{"confirmationTimeout": "301s"}}, 400, InvalidRequest},
		{"good", "ya29.audio", map[string]string{"offer": offer}, 200, ""},
		{"a second client", "ya29.all", map[string]string{"offer": offer}, 429, Exhausted},
	} {
		code, body, h := ask(t, c, "POST", url, row.token, "", row.body)
		if reason, _ := reasonOf(body); code != row.code || reason != row.want || h.Get("Access-Control-Allow-Origin") == "" {
			t.Errorf("%s: %d %s", row.name, code, body)
		}
		if row.want == "" && strings.Contains(string(body), "virtual-video") {
			t.Errorf("the audio scope has video: %s", body)
		}
	}
	code, _, h := ask(t, c, "OPTIONS", url, "", "", nil)
	if code != 204 || h.Get("Access-Control-Allow-Methods") != "POST" {
		t.Errorf("preflight: %d %v", code, h)
	}
}

func TestConfigurationsThatCannotWork(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]Config{
		"token":   {Tokens: []AccessToken{{Value: "has a blank in the token"}}},
		"meeting": {Meetings: []Meeting{{PIN: "1"}}},
		"code":    {Meetings: []Meeting{{PIN: testPIN, Code: "abc"}}},
		"reason":  {Meetings: []Meeting{{PIN: testPIN, Refuse: "BECAUSE"}}},
		"admit":   {Meetings: []Meeting{{PIN: testPIN, Admit: Admission{0, "maybe"}}}},
		"consent": {Meetings: []Meeting{{PIN: testPIN, Consent: "perhaps"}}},
		"kind":    {Meetings: []Meeting{{PIN: testPIN, People: []Person{{Name: "A", Kind: "robot"}}}}},
		"camera":  {Meetings: []Meeting{{PIN: testPIN, People: []Person{{Name: "A", Width: 333}}}}},
		"step":    {Meetings: []Meeting{{PIN: testPIN, People: []Person{{Name: "A", Steps: []Step{{Do: "fly"}}}}}}},
		"fps":     {Options: Options{FPS: 7}},
		"port":    {MediaPort: 70000},
	} {
		s := &Server{Config: c}
		if err := s.Start(t.Context()); err == nil {
			t.Errorf("%s: started", name)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestCloseEndsEverything(t *testing.T) {
	s := newEdge(t, nil)
	r := enter(t, s, roomOptions{})
	r.request(chAssignment, "setAssignment", canvases("relevant", [2]int{320, 180}))
	r.wait("a picture", func() bool { return r.stream(7777).frames > 0 })
	done := make(chan error)
	go func() { done <- s.Close() }()
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(time.Minute):
		t.Fatal("Close hangs")
	}
	if err := s.Close(); err != nil {
		t.Error("a second Close fails:", err)
	}
}
