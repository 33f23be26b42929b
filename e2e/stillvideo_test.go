package e2e

import (
	"context"
	"errors"
	"fmt"
	"image/color"
	"testing"
	"time"

	"tandem/internal/stage"
	sim "tandem/sim/meet"
	"tandem/sim/picture"
	"tandem/sim/room"
)

// Pictures stop, either way, and the call goes on: who is not sent any more turns grey,
// and of a room that sends nothing the meeting is told that it has no camera.
func TestACallGoesOnWhenPicturesStop(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Minute)
	defer cancel()
	st := openMeetings(ctx, t, meetings(), nil)
	teal := color.RGBA{0x20, 0x90, 0x90, 0xff}
	p := videoRoom(ctx, t, st, stage.Board, room.Config{Video: []string{"VP8"}, FPS: 10, Name: "BOARD", Colour: teal})
	c, err := p.Call(ctx, meetingPIN)
	if err := errors.Join(err, c.WaitAnswered(ctx)); err != nil {
		t.Fatal(err)
	}
	eye := room.Of(c)
	wantSeen(ctx, t, c, "#c03020")
	if err := st.Meetings.SetFault(sim.Fault{Kind: sim.NoVideo}); err != nil {
		t.Fatal(err)
	}
	if err := until(ctx, func() error {
		if r := eye.Report().Common; !grey(r) {
			return fmt.Errorf("the room sees %s, want grey", picture.Hex(r))
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
	st.Meetings.ClearFaults()
	wantSeen(ctx, t, c, "#c03020")
	for _, covered := range []bool{true, false} {
		eye.Cover(covered)
		if _, err := st.Meetings.WaitFor(ctx, meetingPIN, "the room's camera", func(m sim.MeetingState) bool {
			return len(m.Devices) == 1 && m.Devices[0].VideoMuted == covered
		}); err != nil {
			t.Errorf("covered %v: %v", covered, err)
		}
	}
	if err := errors.Join(c.HangUp(ctx), (&story{Stage: st}).meetClean(ctx, nil)); err != nil {
		t.Error(err)
	}
}

// grey says that a colour is neither black nor white nor coloured.
func grey(c color.RGBA) bool {
	low, high := min(c.R, c.G, c.B), max(c.R, c.G, c.B)
	return high-low < 24 && low > 32 && high < 224
}
