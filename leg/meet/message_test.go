package meet

import (
	"bufio"
	"os"
	"strings"
	"testing"
	"time"

	"tandem/media"
)

// goldenMessages are the messages of the contract (section 8), one in a line.
func goldenMessages(t testing.TB) []string {
	t.Helper()
	f, err := os.Open("testdata/messages.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var out []string
	for s := bufio.NewScanner(f); s.Scan(); {
		out = append(out, s.Text())
	}
	return out
}

func TestTheMessagesOfTheContractAreRead(t *testing.T) {
	r := roster{self: "participants/p9"}
	now := time.Date(2026, 11, 21, 15, 0, 0, 0, time.UTC)
	var last *sessionStatus
	var conf *configuration
	for i, text := range goldenMessages(t) {
		m, err := parseMessage([]byte(text))
		if err != nil {
			t.Fatalf("line %d: %v", i+1, err)
		}
		r.apply(m, now)
		for _, v := range m.Resources {
			if v.SessionStatus != nil {
				last = v.SessionStatus
			}
			if v.Configuration != nil {
				conf = v.Configuration
			}
		}
	}
	people := r.list()
	want := []media.Person{
		{ID: "spaces/jQCFfuBOdN5z/devices/1", Name: "Ada Example", AudioCSRC: 1001, VideoCSRC: 1002, ContentCSRC: 1003, Presenting: true},
		{ID: "spaces/jQCFfuBOdN5z/devices/2", Name: "+1 •••-•••-••47", AudioMuted: true, VideoMuted: true, Telephone: true},
	}
	if len(people) != 2 || people[0] != want[0] || people[1] != want[1] {
		t.Errorf("people %+v", people)
	}
	if len(r.chat) != 1 || r.chat[0].Text != "Hi" || r.chat[0].From != "Ada Example" || r.chat[0].At.Nanosecond() != 123e6 {
		t.Errorf("chat %+v", r.chat)
	}
	if !r.signs.Recording || r.signs.Streaming || !r.content.Own || r.content.State != contentStarted {
		t.Errorf("%+v %+v", r.signs, r.content)
	}
	if last.ConnectionState != stateDisconnected || last.DisconnectReason != "REASON_CLIENT_LEFT" {
		t.Errorf("%+v", last)
	}
	if conf == nil || conf.Seconds != 10 || len(conf.Allowlist["inbound-rtp"].Keys) != 7 {
		t.Errorf("%+v", conf)
	}
}

func TestRequestsAreAsTheContractSays(t *testing.T) {
	var b strings.Builder
	yes := &struct{}{}
	v := views{videos: 8, content: true}
	v.show([]media.View{{Width: 1280, Height: 720}, {Width: 640, Height: 360}, {Width: 1920, Height: 1080, Content: true}})
	set := v.assignment()
	conf := configuration{Allowlist: map[string]allowlist{
		"inbound-rtp": {Keys: []string{"id", "ssrc", "kind", "packetsReceived", "framesDecoded", "codecId"}}, "transport": {Keys: []string{"selectedCandidatePairId"}},
	}}
	stats := conf.sections([]streamFigures{{id: "I7777", ssrc: 7777, kind: "video", packets: 1203}}, pathFigures{})
	for i, r := range []request{
		{Leave: yes},
		{State: &mediaState{AudioMuted: true}},
		{Set: &set},
		{Send: &sendChat{"Hello"}},
		{Start: &startContent{"Laptop"}},
		{Stop: yes},
		{Stats: &uploadStats{stats}},
	} {
		r.ID = int64(i + 1)
		text, err := r.text()
		if err != nil {
			t.Fatal(err)
		}
		b.Write(append(text, '\n'))
	}
	golden(t, "requests.jsonl", b.String())
}

func TestMessagesOutOfBoundsAreRefused(t *testing.T) {
	for _, text := range []string{"", "x", "[]", `{"resources":1}`, `{"resources":[{"id":"7"}]}`, strings.Repeat(" ", maxMessage+1)} {
		if _, err := parseMessage([]byte(text)); err == nil {
			t.Errorf("%.20q is read", text)
		}
	}
	if m, err := parseMessage([]byte(`{"resources":[{"future":{"x":1},"id":3}],"more":true}`)); err != nil || len(m.Resources) != 1 {
		t.Errorf("a message of a future version: %v", err)
	}
}

func FuzzMessage(f *testing.F) {
	for _, text := range goldenMessages(f) {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := parseMessage(b)
		if err != nil {
			return
		}
		var r roster
		r.apply(m, time.Time{})
		r.apply(m, time.Time{})
		if len(r.list()) > 2*maxPeople || len(r.chat) > maxChat {
			t.Error("more is kept than should be")
		}
	})
}

func TestEntriesAndParticipantsComeInAnyOrder(t *testing.T) {
	var r roster
	apply := func(text string) {
		t.Helper()
		m, err := parseMessage([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		r.apply(m, time.Time{})
	}
	apply(`{"resources":[{"id":11,"mediaEntry":{"participantKey":"participants/p1","audioCsrc":5,"videoCsrcs":[6]}}]}`)
	if p := r.list(); len(p) != 1 || p[0].Name != "Guest" || p[0].AudioCSRC != 5 {
		t.Errorf("%+v", p)
	}
	apply(`{"resources":[{"id":1,"participant":{"participantKey":"participants/p1","anonymousUser":{"displayName":"A\u202eb\nc"}}}]}`)
	if p := r.list(); p[0].Name != "Ab c" || p[0].ID != "participants/p1" {
		t.Errorf("%+v", p)
	}
	apply(`{"deletedResources":[{"id":11,"mediaEntry":true}]}`)
	if p := r.list(); len(p) != 1 || p[0].AudioCSRC != 0 || !p[0].VideoMuted {
		t.Errorf("%+v", p)
	}
	apply(`{"deletedResources":[{"id":1,"participant":true}]}`)
	if p := r.list(); len(p) != 0 {
		t.Errorf("%+v", p)
	}
}
