package meet

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

func TestExchangesSayWhatPasses(t *testing.T) {
	var got []Exchange
	tr := trace(func(x Exchange) { got = append(got, x) })
	r := &http.Request{Method: http.MethodPost, URL: &url.URL{Path: "/v1/spaces/1:join"}, Header: http.Header{"Authorization": {"Bearer s3cret"}, "Meet-Access-Token": {"s3cret"}}}
	tr.asked(r, []byte(`{"offer":"v=0\r\na=ice-pwd:s3cret\r\na=mid:0\r\n","kind":"ROOM"}`))
	tr.told(r, &http.Response{Status: "200 OK", Header: http.Header{}}, []byte(`{"answer":"v=0\r\na=ice-pwd:s3cret"}`), nil)
	tr.told(r, nil, nil, &url.Error{Op: "Post", URL: "https://x/s3cret", Err: errors.New("connection refused")})
	tr.channel(true, chChat, []byte(`{"request":{"requestId":1,"send":{"text":"s3cret"}}}`))
	tr.channel(false, chControl, []byte(`{"resources":[{"id":1,"sessionStatus":{"connectionState":"STATE_JOINED"}}]}`))
	tr.channel(false, chParticipants, []byte(`{"resources":[{"id":1,"participant":{}},{"id":2,"participant":{}}],"deletedResources":[{"id":3}]}`))
	tr.channel(false, chAssignment, []byte(`{"response":{"requestId":2,"status":{"code":8}}}`))
	tr.channel(false, chStats, []byte(`{"response":{}}`))
	tr.channel(false, chControl, []byte("\x00not JSON"))
	want := []string{
		"POST /v1/spaces/1:join +sdp", "200 OK (POST) +sdp", "no answer (POST)", "chat: send", "session-control: sessionStatus, STATE_JOINED",
		"participants: 2 × participant, 1 deleted", "video-assignment: refused, code 8", "session-control: cannot be read",
	}
	for i, x := range got {
		if i >= len(want) || x.Summary != want[i] {
			t.Errorf("%d: %q", i, x.Summary)
		}
		if strings.Contains(x.Text+x.Summary, "s3cret") || strings.Contains(x.Text, "\x00") {
			t.Errorf("shown: %q", x.Text)
		}
	}
	if len(got) != len(want) || !strings.Contains(got[0].Text, "\n    a=mid:0\n") {
		t.Errorf("%d exchanges; %q", len(got), got[0].Text)
	}
	trace(nil).channel(true, chChat, nil)
}

func FuzzExchange(f *testing.F) {
	f.Add([]byte(`{"resources":[{"sessionStatus":{"connectionState":"STATE_WAITING","lobby":{"position":1}}}]}`))
	f.Add([]byte(`{"request":{"requestId":1,"send":{"text":"x"}}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(spoken(b)) > 400 || strings.Contains(readable(b), "a=ice-pwd:secret") {
			t.Errorf("%q", b)
		}
	})
}
