package e2e

import (
	"context"
	"errors"
	"fmt"
	"image/color"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"tandem/alarm"
	"tandem/call"
	"tandem/config"
	"tandem/internal/stage"
	sim "tandem/sim/meet"
	"tandem/sim/phone"
	"tandem/sim/picture"
	"tandem/sim/room"
)

// A caller in a meeting takes two ports. Who finds none gets 503 with a sentence; there is
// an alarm while it lasts, and a figure.
func TestAFullGatewayRefusesWithASentence(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	st := openMeetings(ctx, t, meetings(), func(c *config.Config) { c.Limits.Ports = 2 })
	kitchen, err1 := st.Phone(ctx, stage.Kitchen, func(*phone.Config) {})
	study, err2 := st.Phone(ctx, stage.Study, func(*phone.Config) {})
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	first, err := kitchen.Call(ctx, meetingPIN)
	if err := errors.Join(err, first.WaitAnswered(ctx)); err != nil {
		t.Fatal(err)
	}
	if n := st.Gateway.Capacity.Stats().Used; n != 2 {
		t.Errorf("%d ports are taken by one caller, want 2", n)
	}
	second, err := study.Call(ctx, meetingPIN)
	if err != nil {
		t.Fatal(err)
	}
	rep, err := second.Wait(ctx)
	if err != nil {
		t.Fatal(err)
	}
	last := rep.Ladder[0].Raw
	for _, e := range rep.Ladder {
		if strings.HasPrefix(e.Raw, "SIP/2.0 503 ") {
			last = e.Raw
		}
	}
	if rep.Status != 503 || !strings.Contains(last, call.Congestion.Sentence()) || !strings.Contains(last, "Retry-After:") {
		t.Errorf("%d\n%s", rep.Status, last)
	}
	w := httptest.NewRecorder()
	st.Gateway.Metrics.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if !strings.Contains(w.Body.String(), `tandem_admission_refusals_total{reason="ports"} 1`+"\n") {
		t.Errorf("no figure:\n%s", tandems(w.Body.String()))
	}
	full := func() bool {
		return slices.ContainsFunc(st.Gateway.Alarms.Active(), func(a alarm.Alarm) bool { return strings.Contains(a.Title, "all ports are taken") })
	}
	if !full() {
		t.Errorf("no alarm: %+v", st.Gateway.Alarms.Active())
	}
	if err := first.HangUp(ctx); err != nil {
		t.Error(err)
	}
	eventually(ctx, t, "the end of the alarm", func() bool { return !full() })
}

// What a bad network does not take from a room: it is seen and sees, in the right colours.
func TestARoomSeesAndIsSeenOverABadNetwork(t *testing.T) {
	t.Parallel()
	teal := color.RGBA{0x20, 0x90, 0x90, 0xff}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	st := openMeetings(ctx, t, meetings(), nil)
	p := videoRoom(ctx, t, st, stage.Board, room.Config{Video: []string{"H264"}, FPS: 10, Name: "BOARD", Colour: teal})
	c, err := p.Call(ctx, meetingPIN)
	if err := errors.Join(err, c.WaitAnswered(ctx)); err != nil {
		t.Fatal(err)
	}
	for _, f := range []sim.Fault{
		{Kind: sim.Loss, Percent: 1},
		{Kind: sim.Loss, Percent: 5},
		{Kind: sim.Loss, Percent: 20},
		{Kind: sim.Reorder, Percent: 20},
	} {
		if err := st.Meetings.SetFault(f); err != nil {
			t.Fatal(err)
		}
		m, err := st.Meetings.WaitFor(ctx, meetingPIN, "the room", func(m sim.MeetingState) bool { return len(m.Devices) == 1 })
		if err != nil {
			t.Fatal(err)
		}
		before, shown := m.Devices[0].Up.Track("l").Decoded, room.Of(c).Report().Frames
		if m, err = st.Meetings.WaitFor(ctx, meetingPIN, "pictures of the room", func(m sim.MeetingState) bool {
			return m.Devices[0].Up.Track("l").Decoded > before+10
		}); err != nil {
			t.Fatalf("%s %v: %v", f.Kind, f.Percent, err)
		}
		if img, err := st.Meetings.Picture(meetingPIN, m.Devices[0].Name, "l"); err != nil || picture.Distance(picture.Common(img), teal) > 40 {
			t.Errorf("%s %v: the meeting sees another room: %v", f.Kind, f.Percent, err)
		}
		wantSeen(ctx, t, c, "#c03020")
		if err := until(ctx, func() error {
			if n := room.Of(c).Report().Frames; n < shown+10 {
				return fmt.Errorf("%s %v: the room was shown %d pictures", f.Kind, f.Percent, n-shown)
			}
			return nil
		}); err != nil {
			t.Error(err)
		}
		st.Meetings.ClearFaults()
	}
	if err := c.HangUp(ctx); err != nil {
		t.Error(err)
	}
}
