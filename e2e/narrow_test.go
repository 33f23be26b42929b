package e2e

import (
	"context"
	"errors"
	"image/color"
	"testing"
	"time"

	"tandem/internal/stage"
	sim "tandem/sim/meet"
	"tandem/sim/room"
)

// A room's camera loses its top layer on a narrow path, and gets it back when the path
// is wide again. A machine without a moment to spare is itself a narrow path, so
// this is for `make soak`; media/rtp tells the same in virtual time.
func TestTheTopLayerComesBackWhenThePathIsWide(t *testing.T) {
	if !timed() {
		t.Skip("needs a machine that does nothing else: make soak")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Minute)
	defer cancel()
	st := openMeetings(ctx, t, meetings(), nil)
	p := videoRoom(ctx, t, st, stage.Board, room.Config{Video: []string{"H264"}, Width: 1280, Height: 720, FPS: 10, Kbps: 1000, Name: "BOARD", Colour: color.RGBA{0x20, 0x90, 0x90, 0xff}})
	c, err := p.Call(ctx, meetingPIN)
	if err := errors.Join(err, c.WaitAnswered(ctx)); err != nil {
		t.Fatal(err)
	}
	layer := func(what string, on bool) {
		t.Helper()
		began := time.Now()
		m, err := st.Meetings.WaitFor(ctx, meetingPIN, what, func(m sim.MeetingState) bool {
			return len(m.Devices) == 1 && m.Devices[0].Up.Track("h").Active == on && m.Devices[0].Up.Track("l").Active
		})
		if err != nil {
			m.Devices[0].Journal = nil
			t.Fatalf("%v: %+v", err, m.Devices)
		}
		t.Logf("%s after %v: %d bit/s", what, time.Since(began).Round(10*time.Millisecond), st.Gateway.Meet.Status()[0].Rate)
	}
	layer("the top layer", true)
	if err := st.Meetings.SetFault(sim.Fault{Kind: sim.Narrow, Rate: 300_000, Direction: "up"}); err != nil {
		t.Fatal(err)
	}
	layer("no top layer", false)
	st.Meetings.ClearFaults()
	layer("the top layer again", true)
	if err := errors.Join(c.HangUp(ctx), (&story{Stage: st}).meetClean(ctx, nil)); err != nil {
		t.Error(err)
	}
}
