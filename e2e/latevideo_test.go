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
	"tandem/sim/phone"
	"tandem/sim/room"
)

// lateRoom is a room whose offer, or picture, comes late.
type lateRoom struct {
	name             string
	late, later, add bool // the offer; the picture; by re-INVITE
	kind             string
}

// A room whose picture comes late is seen and sees all the same: a caller that offered
// sound alone is there as a telephone, and becomes a room.
func TestARoomWhosePictureComesLate(t *testing.T) {
	t.Parallel()
	for _, row := range []lateRoom{
		{"a late offer", true, false, false, "ROOM"},
		{"a late offer answered without a picture, then a re-INVITE with one", true, true, true, "ROOM"},
		{"an offer without a picture, then a re-INVITE with one", false, true, true, "PHONE"}, // becomes a ROOM
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(context.Background(), 4*time.Minute)
			defer cancel()
			st := openMeetings(ctx, t, meetings(), nil)
			row.play(ctx, t, st)
		})
	}
}

func (row *lateRoom) play(ctx context.Context, t *testing.T, st *stage.Stage) {
	t.Helper()
	look, err := room.Config{Video: []string{"VP8"}, FPS: 10, Name: "BOARD", Colour: color.RGBA{0x20, 0x90, 0x90, 0xff}}.Picture()
	if err != nil {
		t.Fatal(err)
	}
	p, err := st.Phone(ctx, stage.Board, func(c *phone.Config) { c.Picture, c.Late, c.PictureLater = look, row.late, row.later })
	if err != nil {
		t.Fatal(err)
	}
	c, err := p.Call(ctx, meetingPIN)
	if err := errors.Join(err, c.WaitAnswered(ctx)); err != nil {
		t.Fatal(err)
	}
	m, err := st.Meetings.WaitFor(ctx, meetingPIN, "the caller", func(m sim.MeetingState) bool { return len(m.Devices) == 1 && !m.Devices[0].Joined.IsZero() })
	if err != nil || m.Devices[0].Kind != row.kind {
		t.Fatalf("%v: %+v", err, m.Devices)
	}
	if row.add {
		if err := c.AddPicture(ctx); err != nil {
			t.Fatal(err)
		}
	}
	row.look(ctx, t, st, c)
	if row.add {
		row.again(ctx, t, st, c)
	}
	if err := (&story{Stage: st, calls: map[string]*phone.Call{"board": c}}).hears(ctx, []string{"board", "700"}); err != nil {
		t.Error(err)
	}
	if err := errors.Join(c.HangUp(ctx), (&story{Stage: st}).meetClean(ctx, nil)); err != nil {
		t.Error(err)
	}
}

// look holds what each side sees against what it should.
func (row *lateRoom) look(ctx context.Context, t *testing.T, st *stage.Stage, c *phone.Call) {
	t.Helper()
	wantSeen(ctx, t, c, "#c03020")
	if _, err := st.Meetings.WaitFor(ctx, meetingPIN, "pictures of the room", func(m sim.MeetingState) bool {
		return m.Devices[0].Kind == "ROOM" && m.Devices[0].Up.Track("l").Decoded > 0 && !m.Devices[0].VideoMuted
	}); err != nil {
		t.Error(err)
	}
}

// again takes the picture away, and brings it back.
func (row *lateRoom) again(ctx context.Context, t *testing.T, st *stage.Stage, c *phone.Call) {
	t.Helper()
	room.Of(c).Cover(true)
	if err := c.DropPicture(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := st.Meetings.WaitFor(ctx, meetingPIN, "the room without a picture", func(m sim.MeetingState) bool {
		return m.Devices[0].VideoMuted && len(m.Devices[0].Views) == 0
	}); err != nil {
		t.Error(err)
	}
	before := room.Of(c).Report().Frames
	room.Of(c).Cover(false)
	if err := c.AddPicture(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := st.Meetings.WaitFor(ctx, meetingPIN, "the room with a picture again", func(m sim.MeetingState) bool {
		return !m.Devices[0].VideoMuted && len(m.Devices[0].Views) > 0
	}); err != nil {
		t.Error(err)
	}
	if err := until(ctx, func() error {
		if n := room.Of(c).Report().Frames; n < before+5 {
			return fmt.Errorf("the room has been shown %d pictures, %d before", n, before)
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
}
