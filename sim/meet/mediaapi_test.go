package meet

import (
	"encoding/json"
	"testing"

	"github.com/pion/webrtc/v4"
)

// listener is a client of the public Media API.
func listener(t *testing.T, s *Server, token string) *room {
	t.Helper()
	r := newRoom(t, s, roomOptions{listener: true, audios: 3, videos: 1})
	r.sdp = r.offer(roomOptions{})
	code, body, _ := ask(t, r.http, "POST", s.EdgeURL()+"/v2beta/spaces/jQCFfuBOdN5z:connectActiveConference", token, "", map[string]string{"offer": r.sdp})
	if code != 200 {
		t.Fatalf("connect: %d %s\n%s", code, body, r.sdp)
	}
	r.must(json.Unmarshal(body, &r.answer))
	r.must(r.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: r.answer.Answer}))
	return r
}

func mediaEdge(t *testing.T, consent string) *Server {
	t.Helper()
	s := newEdge(t, func(c *Config) { c.Meetings[0].Consent = consent })
	if err := s.AddOAuthToken(OAuthToken{Value: "ya29.all", Scopes: []string{"meetings.conference.media.readonly"}}); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestTheMediaAPIUsesTheSameEngine(t *testing.T) {
	t.Parallel()
	s := mediaEdge(t, "auto")
	r := listener(t, s, "ya29.all")
	r.until(chControl, "STATE_JOINED")
	people := r.until(chParticipants, "Ada")
	r.wait("Ada's voice", func() bool { return r.stream(6666).csrcs[1011] > 5 && r.stream(6666).csrcs[42] > 0 })
	if r.stream(7777).packets > 0 {
		t.Error("video before an assignment")
	}
	twice := canvases("relevant", [2]int{320, 180})
	model := twice["layoutModel"].(map[string]any)
	model["canvases"] = append(model["canvases"].([]map[string]any), model["canvases"].([]map[string]any)[0]) // as the public client does
	r.request(chAssignment, "setAssignment", twice)
	r.wait("a picture", func() bool { return r.stream(7777).frames > 3 })
	r.wait("chat to be closed", func() bool { r.mu.Lock(); defer r.mu.Unlock(); return r.closed[chChat] })
	for _, ours := range []string{`"device"`, `"own"`} {
		if json.Valid([]byte(people)) && contains(people, ours) {
			t.Errorf("%s is not the Media API's: %s", ours, people)
		}
	}
	if st, _ := s.Meeting(testPIN); len(st.Devices) != 1 || len(st.People) != 2 {
		t.Errorf("%+v", st)
	}
	room := enter(t, s, roomOptions{kind: "PHONE"})
	if got := room.until(chParticipants, "Ada"); contains(got, "Media API") {
		t.Errorf("the client is shown as a participant: %s", got)
	}
	r.request(chControl, "leave", struct{}{})
	r.until(chControl, "REASON_CLIENT_LEFT")
}

func TestTheMediaAPINeedsConsent(t *testing.T) {
	t.Parallel()
	s := mediaEdge(t, "manual")
	r := listener(t, s, "ya29.all")
	if got := r.until(chControl, "STATE_WAITING"); contains(got, "lobby") {
		t.Error(got)
	}
	if err := s.Admit(testPIN, "Media API client"); err != nil {
		t.Fatal(err)
	}
	r.until(chControl, "STATE_JOINED")
	denied := mediaEdge(t, "denied")
	listener(t, denied, "ya29.all").until(chControl, "STATE_DISCONNECTED")
}
