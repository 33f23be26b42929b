package meet

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

var guest = roomOptions{kind: "PHONE", token: untrustedToken}

func TestAGuestWaitsAndIsAdmitted(t *testing.T) {
	s := newEdge(t, nil)
	r := newRoom(t, s, guest).join(guest)
	if r.answer.Admission != "LOBBY" || r.answer.LobbyTimeout != "30s" || !r.answer.Space.Knock {
		t.Errorf("%+v", r.answer)
	}
	waiting := r.until(chControl, "STATE_WAITING")
	if !strings.Contains(waiting, `"canBeAdmitted":true`) || !strings.Contains(waiting, `"position":1`) {
		t.Error(waiting)
	}
	if resp := r.request(chChat, "send", map[string]string{"text": "let me in"}); statusOf(resp) != 9 {
		t.Error(resp)
	}
	if resp := r.request(chControl, "setMediaState", map[string]bool{"audioMuted": true}); statusOf(resp) != 0 {
		t.Error(resp)
	}
	if st, _ := s.Meeting(testPIN); len(st.Devices) != 1 || st.Devices[0].State != "waiting" {
		t.Errorf("%+v", st.Devices)
	}
	if r.stream(6666).packets > 0 {
		t.Error("the lobby hears the meeting")
	}
	if err := s.Admit(testPIN, "Board room"); err != nil {
		t.Fatal(err)
	}
	r.until(chControl, "STATE_JOINED")
	r.until(chParticipants, "Ada")
	r.wait("sound", func() bool { return r.stream(6666).packets > 3 })
}

func TestTheLobbyRunsOut(t *testing.T) {
	s := newEdge(t, func(c *Config) { c.Meetings[0].LobbyTimeout = 300 * time.Millisecond })
	r := newRoom(t, s, guest).join(guest)
	r.until(chControl, "REASON_KNOCK_TIMEOUT")
	r.wait("end", func() bool { st, _ := s.Meeting(testPIN); return len(st.Devices) == 0 })
}

func TestPeopleAnswerKnocksByThemselves(t *testing.T) {
	t.Parallel()
	for action, want := range map[string]string{"admit": "STATE_JOINED", "deny": "REASON_KNOCK_DENIED"} {
		s := newEdge(t, func(c *Config) { c.Meetings[0].Admit = Admission{50 * time.Millisecond, action} })
		newRoom(t, s, guest).join(guest).until(chControl, want)
	}
}

func TestNobodyCanAdmitWhereOnlyGuestsAre(t *testing.T) {
	s := newEdge(t, func(c *Config) {
		c.Meetings[0].People = []Person{{Name: "Guest", Kind: Anonymous}, {Name: "Host", Absent: true, Steps: []Step{{At: 0, Do: Leave}}}}
		c.Meetings[0].Admit = Admission{0, "admit"}
	})
	r := newRoom(t, s, guest).join(guest)
	r.until(chControl, `"canBeAdmitted":false`)
	if err := s.Do(testPIN, "Host", Step{Do: Join}); err != nil {
		t.Fatal(err)
	}
	r.until(chControl, "STATE_JOINED")
}

func TestKnockingAgainKeepsTheNameAndHasALimit(t *testing.T) {
	s := newEdge(t, func(c *Config) {
		c.Meetings[0].Admit = Admission{0, "deny"}
		c.Timing.FirstCheck = 100 * time.Millisecond // nobody connects
	})
	http, id := httpClient(t, s), newIdentity(t, s, GatewayCert{})
	device := ""
	knock := func() (int, []byte, string) {
		code, body, h := ask(t, http, "POST", s.EdgeURL()+"/v1/spaces/"+testPIN+":join", id.token(nil), untrustedToken,
			joinRequest{Offer: readOffer(t, "phone-offer.sdp"), DisplayName: "A", Kind: "PHONE", Device: device})
		return code, body, h.Get("Retry-After")
	}
	for i := range maxKnocks {
		code, body, _ := knock()
		var a joinAnswer
		if json.Unmarshal(body, &a) != nil || code != 200 || device != "" && a.Device != device {
			t.Fatalf("knock %d: %d %s", i, code, body)
		}
		device = a.Device
		if _, err := s.WaitFor(soon(t), testPIN, "the refusal", func(m MeetingState) bool { return len(m.Devices) == 0 }); err != nil {
			t.Fatal(err)
		}
	}
	code, body, after := knock()
	if reason, _ := reasonOf(body); code != 429 || reason != TooManyKnocks || after == "" || !strings.Contains(string(body), `"retryDelay"`) {
		t.Errorf("%d %q %s", code, after, body)
	}
}

func TestWhatEndsACall(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name string
		do   func(*Server) error
		room roomOptions
		want Disconnect
	}{
		{"the host ends the meeting", func(s *Server) error { return s.EndMeeting(testPIN) }, roomOptions{kind: "PHONE"}, MeetingOver},
		{"the same as a fault", func(s *Server) error { return s.SetFault(Fault{Kind: MeetingEnds}) }, roomOptions{kind: "PHONE"}, MeetingOver},
		{"everybody else leaves", func(s *Server) error {
			_ = s.Do(testPIN, "Ada", Step{Do: Leave})
			return s.Do(testPIN, "Bob", Step{Do: Leave})
		}, roomOptions{kind: "PHONE"}, MeetingOver},
		{"a host removes the room", func(s *Server) error { return s.Remove(testPIN, "Board room") }, roomOptions{kind: "PHONE"}, UserStopped},
		{"the token is revoked", func(s *Server) error { return s.RevokeToken(trustedToken) }, roomOptions{kind: "PHONE"}, TokenGone},
		{"the same as a fault", func(s *Server) error { return s.SetFault(Fault{Kind: TokenRevoked, Token: trustedToken}) }, roomOptions{kind: "PHONE"}, TokenGone},
		{"video is locked", func(s *Server) error { return s.LockVideo(testPIN, true) }, roomOptions{}, CameraLocked},
	} {
		s := newEdge(t, nil)
		r := enter(t, s, row.room)
		if err := row.do(s); err != nil {
			t.Fatal(err)
		}
		r.until(chControl, string(row.want))
		if t.Failed() {
			t.Log(row.name)
		}
	}
}

func TestVideoLockSparesTelephones(t *testing.T) {
	s := newEdge(t, nil)
	r := enter(t, s, roomOptions{kind: "PHONE"})
	if err := s.LockVideo(testPIN, true); err != nil {
		t.Fatal(err)
	}
	r.until(chIndicators, `"videoLocked":true`)
	if st, _ := s.Meeting(testPIN); len(st.Devices) != 1 || !st.VideoLocked {
		t.Errorf("%+v", st)
	}
}

func TestSessionsThatAreNotKeptUpEnd(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name   string
		timing Timing
		option Options
		fault  FaultKind
		want   string
	}{
		{"no check comes", Timing{FirstCheck: 100 * time.Millisecond}, Options{}, ICEDead, "no valid STUN check"},
		{"DTLS is silent", Timing{Handshake: 100 * time.Millisecond}, Options{}, DTLSSilent, "DTLS handshake"},
	} {
		s := newEdge(t, func(c *Config) { c.Timing = row.timing })
		if err := s.SetFault(Fault{Kind: row.fault}); err != nil {
			t.Fatal(err)
		}
		newRoom(t, s, guest).join(guest)
		st, err := s.WaitFor(soon(t), testPIN, row.name, func(m MeetingState) bool { return len(m.Past) == 1 })
		if err != nil {
			t.Fatal(err)
		}
		if d := st.Past[0]; d.Reason != SessionLost || !strings.Contains(d.Why, row.want) {
			t.Errorf("%s: %s %s", row.name, d.Reason, d.Why)
		}
	}
}

func TestICEThatDiesEndsTheCall(t *testing.T) {
	t.Parallel()
	s := newEdge(t, func(c *Config) { c.Timing.Consent = 6 * time.Second })
	r := enter(t, s, roomOptions{kind: "PHONE"})
	if err := s.SetFault(Fault{Kind: Blocked, Device: "Board room"}); err != nil {
		t.Fatal(err)
	}
	r.wait("the end", func() bool { st, _ := s.Meeting(testPIN); return len(st.Past) == 1 })
	if st, _ := s.Meeting(testPIN); st.Past[0].Reason != SessionUnhealthy {
		t.Errorf("%+v", st.Past[0])
	}
}

func TestStatisticsAreWanted(t *testing.T) {
	t.Parallel()
	s := newEdge(t, func(c *Config) { c.Options.StatsInterval = time.Second })
	r := enter(t, s, roomOptions{kind: "PHONE"})
	r.until(chStats, `"uploadIntervalSeconds":1`)
	for i, row := range []struct {
		section map[string]any
		code    int
	}{
		{map[string]any{"id": "IT1", "inbound_rtp": map[string]any{"ssrc": 6666, "packets_received": 10}}, 0},
		{map[string]any{"id": "IT1", "inbound-rtp": map[string]any{"ssrc": "6666", "packetsReceived": "10"}}, 0},
		{map[string]any{"inbound_rtp": map[string]any{"ssrc": 6666}}, 3},
		{map[string]any{"id": "x", "weather": map[string]any{"rain": true}}, 3},
		{map[string]any{"id": "x", "codec": map[string]any{"channels": 2}}, 3},
		{map[string]any{"id": "x", "codec": map[string]any{}, "transport": map[string]any{}}, 3},
	} {
		resp := r.request(chStats, "uploadMediaStats", map[string]any{"sections": []any{row.section}})
		if statusOf(resp) != row.code {
			t.Errorf("row %d: %v", i, resp)
		}
	}
	r.until(chControl, string(SessionUnhealthy))
}
