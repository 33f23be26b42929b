package meet

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/pion/webrtc/v4"
)

func TestMessagesThatBreakTheProtocolEndTheSession(t *testing.T) {
	t.Parallel()
	for name, send := range map[string]func(*webrtc.DataChannel) error{
		"not JSON":      func(c *webrtc.DataChannel) error { return c.SendText(`{"request":`) },
		"binary":        func(c *webrtc.DataChannel) error { return c.Send([]byte(`{"request":{"requestId":1,"leave":{}}}`)) },
		"no request":    func(c *webrtc.DataChannel) error { return c.SendText(`{"hello":{}}`) },
		"no requestId":  func(c *webrtc.DataChannel) error { return c.SendText(`{"request":{"leave":{}}}`) },
		"text as id":    func(c *webrtc.DataChannel) error { return c.SendText(`{"request":{"requestId":"1","leave":{}}}`) },
		"number zero":   func(c *webrtc.DataChannel) error { return c.SendText(`{"request":{"requestId":0,"leave":{}}}`) },
		"not even text": func(c *webrtc.DataChannel) error { return c.SendText("\xff\xfe") },
	} {
		s := newEdge(t, nil)
		r := enter(t, s, roomOptions{kind: "PHONE"})
		r.must(send(r.channels[chControl]))
		r.until(chControl, "REASON_PROTOCOL_VIOLATION")
		if v := s.Violations(); len(v) == 0 || v[len(v)-1].Rule != "MEET-S10" {
			t.Errorf("%s: %+v", name, v)
		}
	}
}

func TestWrongRequestsAreAnswered(t *testing.T) {
	s := newEdge(t, func(c *Config) { c.Meetings[0].ChatOff = true; c.Meetings[0].PresentLocked = true })
	r := enter(t, s, roomOptions{content: true, videos: 2})
	canvas := func(v ...map[string]any) map[string]any {
		return map[string]any{"layoutModel": map[string]any{"label": "x", "canvases": v}}
	}
	one := func(id, w, h int, kind string) map[string]any {
		return map[string]any{"id": id, "dimensions": map[string]int{"width": w, "height": h}, kind: map[string]any{}}
	}
	for _, row := range []struct {
		label, verb string
		body        any
		code        int
	}{
		{chControl, "dance", struct{}{}, 12},
		{chChat, "send", map[string]string{"text": "Hi"}, 7},
		{chChat, "send", map[string]string{"text": ""}, 3},
		{chChat, "send", map[string]string{"text": strings.Repeat("é", 2001)}, 3},
		{chContent, "start", struct{}{}, 7},
		{chContent, "stop", struct{}{}, 0},
		{chIndicators, "send", struct{}{}, 12},
		{chAssignment, "setAssignment", canvas(one(1, 100, 100, "relevant"), one(2, 100, 100, "relevant"), one(3, 100, 100, "relevant")), 3},
		{chAssignment, "setAssignment", canvas(one(1, 100, 100, "relevant"), one(1, 100, 100, "relevant")), 3},
		{chAssignment, "setAssignment", canvas(one(0, 100, 100, "relevant")), 3},
		{chAssignment, "setAssignment", canvas(one(1, 8, 100, "relevant")), 3},
	} {
		if resp := r.request(row.label, row.verb, row.body); statusOf(resp) != row.code || resp[row.verb] == nil {
			t.Errorf("%s %s: %v, want %d", row.label, row.verb, resp, row.code)
		}
	}
	r.burst(20, canvas(one(1, 100, 100, "relevant"))) // more than four within a second, however slow we are
	r.wait("an assignment too many", func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return slices.ContainsFunc(r.messages[chAssignment], func(m map[string]any) bool {
			resp, ok := m["response"].(map[string]any)
			return ok && statusOf(resp) == 8
		})
	})
	r.must(r.channels[chChat].SendText(`{"request":{"requestId":1,"send":{"text":"again"}}}`))
	r.wait("a refused number", func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		b, _ := json.Marshal(r.messages[chChat])
		return strings.Contains(string(b), "is not higher than")
	})
}

// burst asks for n assignments without waiting for the answers.
func (r *room) burst(n int, body any) {
	r.t.Helper()
	for range n {
		r.mu.Lock()
		r.lastID[chAssignment]++
		id := r.lastID[chAssignment]
		r.mu.Unlock()
		b, _ := json.Marshal(map[string]any{"request": map[string]any{"requestId": id, "setAssignment": body}})
		r.must(r.channels[chAssignment].SendText(string(b)))
	}
}

func TestChatGoesBothWays(t *testing.T) {
	s := newEdge(t, nil)
	a := enter(t, s, roomOptions{name: "Room A", kind: "PHONE"})
	b := enter(t, s, roomOptions{name: "Room B", kind: "PHONE"})
	resp := a.request(chChat, "send", map[string]string{"text": "Hello from A"})
	if statusOf(resp) != 0 || resp["send"].(map[string]any)["messageId"] != "m1" {
		t.Error(resp)
	}
	got := b.until(chChat, "Hello from A")
	if !strings.Contains(got, `"displayName":"Room A"`) || !strings.Contains(got, `"participantKey":"`+a.answer.ParticipantKey+`"`) {
		t.Error(got)
	}
	if err := s.Do(testPIN, "Ada", Step{Do: Say, Text: "Hi all"}); err != nil {
		t.Fatal(err)
	}
	a.until(chChat, "Hi all")
	a.mu.Lock()
	defer a.mu.Unlock()
	if echo, _ := json.Marshal(a.messages[chChat]); strings.Contains(string(echo), "Hello from A") {
		t.Errorf("the own message came back: %s", echo)
	}
}

func TestHostsMuteAndIndicatorsShow(t *testing.T) {
	s := newEdge(t, nil)
	r := enter(t, s, roomOptions{kind: "PHONE"})
	if err := s.MuteDevice(testPIN, "Board room", "Ada"); err != nil {
		t.Fatal(err)
	}
	r.until(chControl, `{"audioMuted":true,"by":"participants/p1"}`)
	r.speak(500)
	if _, err := s.WaitFor(soon(t), testPIN, "muted packets", func(m MeetingState) bool { d, _ := m.Device("Board room"); return d.AudioMuted && d.Up.Muted > 5 }); err != nil {
		t.Fatal(err)
	}
	r.request(chControl, "setMediaState", map[string]bool{"audioMuted": false})
	if _, err := s.WaitFor(soon(t), testPIN, "the room's voice", func(m MeetingState) bool { d, _ := m.Device("Board room"); return !d.AudioMuted }); err != nil {
		t.Fatal(err)
	}
	if err := s.SetIndicators(testPIN, Signs{Recording: true, Notes: true}); err != nil {
		t.Fatal(err)
	}
	r.until(chIndicators, `"notes":true,"recording":true,"streaming":false,"transcription":false`)
}

func TestGarbageAndFutureMessagesAreSentOnce(t *testing.T) {
	s := newEdge(t, nil)
	r := enter(t, s, roomOptions{kind: "PHONE"})
	r.until(chIndicators, "recording")
	if err := s.SetFault(Fault{Kind: ChannelGarbage}); err != nil {
		t.Fatal(err)
	}
	r.until(chIndicators, "hologram")
	r.until(chControl, `"bad"`)
}

func TestAnICERestartGoesOnWithTheSameKeys(t *testing.T) {
	s := newEdge(t, nil)
	r := enter(t, s, roomOptions{kind: "PHONE"})
	r.wait("sound", func() bool { return r.stream(6666).packets > 5 })
	offer, err := r.pc.CreateOffer(&webrtc.OfferOptions{ICERestart: true})
	r.must(err)
	gathered := webrtc.GatheringCompletePromise(r.pc)
	r.must(r.pc.SetLocalDescription(offer))
	<-gathered
	code, body, _ := ask(t, r.http, "POST", s.EdgeURL()+"/v1/"+r.device+":restart", r.id.token(nil), trustedToken, joinRequest{Offer: r.pc.LocalDescription().SDP})
	var a joinAnswer
	if json.Unmarshal(body, &a) != nil || code != 200 {
		t.Fatalf("%d %s", code, body)
	}
	r.must(r.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: a.Answer}))
	before := r.stream(6666).packets
	r.wait("sound after the restart", func() bool { return r.stream(6666).packets > before+20 })
	st, _ := s.Meeting(testPIN)
	if d, _ := st.Device("Board room"); d.Transport.Restarts != 1 || d.State != "joined" {
		t.Errorf("%+v", d.Transport)
	}
	if got := r.stream(6666); got.gaps > 25 { // while there was no nominated pair
		t.Errorf("%d gaps", got.gaps)
	}
	if resp := r.request(chChat, "send", map[string]string{"text": "still here"}); statusOf(resp) != 0 {
		t.Error(resp)
	}
}

func FuzzParseRequest(f *testing.F) {
	f.Add([]byte(`{"request":{"requestId":1,"leave":{}}}`))
	f.Add([]byte(`{"request":{"requestId":1,"setAssignment":{"layoutModel":{"label":"main","canvases":[{"id":1,"dimensions":{"height":720,"width":1280},"relevant":{}}]}}}}`))
	f.Add([]byte(`{"request":{"requestId":1,"uploadMediaStats":{"sections":[{"id":"T01","transport":{"selected_candidate_pair_id":"CPx"}}]}}}`))
	d := &device{srv: &Server{}, cameras: []*stream{{}}}
	f.Fuzz(func(_ *testing.T, b []byte) {
		r, err := parseRequest(b)
		if err != nil {
			return
		}
		_, _ = parseAssignment(r.body, d)
		var in struct {
			Sections []map[string]json.RawMessage `json:"sections"`
		}
		if json.Unmarshal(r.body, &in) == nil {
			for _, s := range in.Sections {
				_, _, _, _ = readStats(s)
			}
		}
	})
}
