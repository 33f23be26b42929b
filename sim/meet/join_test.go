package meet

import (
	"encoding/json"
	"strings"
	"testing"
)

func canvases(kind string, sizes ...[2]int) map[string]any {
	var list []map[string]any
	for i, s := range sizes {
		list = append(list, map[string]any{"id": i + 1, "dimensions": map[string]int{"width": s[0], "height": s[1]}, kind: map[string]any{}})
	}
	return map[string]any{"layoutModel": map[string]any{"label": "main", "canvases": list}}
}

func TestATrustedRoomJoinsHearsAndSees(t *testing.T) {
	s := newEdge(t, nil)
	r := enter(t, s, roomOptions{})
	if r.answer.Admission != "JOINED" || r.answer.Space.Title != "Weekly planning" || r.answer.Space.Knock {
		t.Errorf("%+v %+v", r.answer, r.answer.Space)
	}
	people := r.until(chParticipants, `"displayName":"Ada"`)
	if !strings.Contains(people, `"user":"users/u1"`) || !strings.Contains(people, `"displayName":"Bob"`) {
		t.Error(people)
	}
	r.until(chEntries, `"audioCsrc":1011`)
	r.until(chIndicators, `"recording":false`)
	r.until(chContent, "STATE_STOPPED")
	r.until(chStats, `"uploadIntervalSeconds":10`)
	r.wait("Ada's voice", func() bool { return r.stream(6666).csrcs[1011] > 10 })
	if got := r.stream(6666); got.csrcs[42] == 0 || got.gaps > 0 || got.jumps > 0 {
		t.Errorf("%+v", got.csrcs)
	}
	if n := r.stream(7777).packets; n != 0 {
		t.Errorf("%d video packets before an assignment", n)
	}
	if resp := r.request(chAssignment, "setAssignment", canvases("relevant", [2]int{640, 360}, [2]int{320, 180})); statusOf(resp) != 0 {
		t.Fatal(resp)
	}
	r.until(chAssignment, `"mediaEntryId":11`)
	r.wait("two pictures", func() bool { return r.stream(7777).frames > 3 && r.stream(7779).frames > 3 })
	for ssrc, want := range map[uint32]struct {
		csrc         uint32
		colour, size string
	}{7777: {1012, "#c03020", "640x360"}, 7779: {1022, "#2060c0", "320x180"}} {
		got := r.stream(ssrc)
		if !near(t, got.pictures[want.csrc], want.colour) || got.sizes[want.size] == 0 || got.errors > 0 || len(got.csrcs) != 1 {
			t.Errorf("%d: %+v", ssrc, got)
		}
	}
}

func TestALeaveIsAnsweredInOneMessageAndTheSessionIsTornDown(t *testing.T) {
	s := newEdge(t, nil)
	r := enter(t, s, roomOptions{kind: "PHONE"})
	r.request(chControl, "leave", struct{}{})
	m := r.until(chControl, "REASON_CLIENT_LEFT")
	if !strings.Contains(m, `"response"`) || !strings.Contains(m, "STATE_DISCONNECTED") {
		t.Error(m)
	}
	r.wait("end of the channel", func() bool { r.mu.Lock(); defer r.mu.Unlock(); return r.closed[chControl] })
	st, err := s.WaitFor(soon(t), testPIN, "no device", func(m MeetingState) bool { return len(m.Devices) == 0 })
	if err != nil {
		t.Fatal(err)
	}
	if d, _ := st.Device(r.device); d.Reason != ClientLeft || d.State != "ended" {
		b, _ := json.Marshal(d)
		t.Errorf("%s", b)
	}
}
