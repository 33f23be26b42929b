package e2e

import (
	"context"
	"image/color"
	"log/slog"
	"testing"
	"time"

	"tandem/internal/stage"
	"tandem/sim/phone"
	"tandem/sim/picture"
	"tandem/sim/room"
)

// TestTwoRoomsSeeEachOther joins two video rooms over loopback: what one films the
// other shows, in either format, with keyframes asked for across the gateway.
func TestTwoRoomsSeeEachOther(t *testing.T) {
	blue, red := color.RGBA{40, 90, 160, 255}, color.RGBA{170, 50, 40, 255}
	for _, row := range []struct {
		name     string
		caller   []string
		callee   []string
		codec    string // "" when there is no common one
		feedback bool
	}{
		{"VP8", []string{"VP8"}, []string{"VP8"}, "VP8", true},
		{"H.264", []string{"H264"}, []string{"H264"}, "H264", true},
		{"the callee's choice among the caller's", []string{"H264", "VP8"}, []string{"VP8"}, "VP8", true},
		{"keyframes by INFO", []string{"H264"}, []string{"H264"}, "H264", false},
		{"nothing in common: the call has sound alone", []string{"H264"}, []string{"VP8"}, "", true},
	} {
		t.Run(row.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
			defer cancel()
			st, err := stage.Start(ctx, stage.Options{Dir: t.TempDir(), Log: slog.New(slog.DiscardHandler)})
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := st.Close(); err != nil {
					t.Error(err)
				}
			}()
			a := videoRoom(ctx, t, st, stage.Kitchen, room.Config{Video: row.caller, Colour: blue, Name: "KITCHEN", NoFeedback: !row.feedback})
			b := videoRoom(ctx, t, st, stage.Study, room.Config{Video: row.callee, Colour: red, Name: "STUDY", Width: 480, Height: 270, NoFeedback: !row.feedback})
			out, in := connect(ctx, t, a, b)
			atA, atB := room.Of(out), room.Of(in)
			if row.codec == "" {
				checkAudioOnly(ctx, t, out, in, atA, atB)
				return
			}
			shows(ctx, t, atA, row.codec, red, 480, 270)
			shows(ctx, t, atB, row.codec, blue, 640, 360)
			if r := atA.Report(); r.AskedOfUs == 0 || row.feedback != (r.Refreshed == 0) {
				t.Errorf("keyframes asked of the caller: %d, of these %d by INFO", r.AskedOfUs, r.Refreshed)
			}
			if err := out.HangUp(ctx); err != nil {
				t.Error(err)
			}
		})
	}
}

func videoRoom(ctx context.Context, t *testing.T, st *stage.Stage, user string, c room.Config) *phone.Phone {
	t.Helper()
	look, err := c.Picture()
	if err != nil {
		t.Fatal(err)
	}
	p, err := st.Phone(ctx, user, func(o *phone.Config) { o.Picture, o.Tone = look, 440 })
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func connect(ctx context.Context, t *testing.T, a, b *phone.Phone) (out, in *phone.Call) {
	t.Helper()
	out, err := a.Call(ctx, stage.Study)
	if err != nil {
		t.Fatal(err)
	}
	if in, err = b.NextCall(ctx); err != nil {
		t.Fatal(err)
	}
	if err := out.WaitAnswered(ctx); err != nil {
		t.Fatalf("%v: %+v", err, summary(out))
	}
	return out, in
}

// shows waits until a room has shown two seconds' worth of pictures, and looks at them.
func shows(ctx context.Context, t *testing.T, e *room.Eye, codec string, want color.RGBA, width, height int) {
	t.Helper()
	poll(ctx, func() bool { return e.Report().Frames >= 20 })
	r := e.Report()
	if r.Codec != codec || r.Frames < 20 || len(r.Sizes) != 1 || r.Sizes[0].X != width || r.Sizes[0].Y != height {
		t.Fatalf("want %s at %dx%d: %+v", codec, width, height, r)
	}
	if d := picture.Distance(r.Common, want); d > 24 {
		t.Errorf("the picture is %s, want %s", picture.Hex(r.Common), picture.Hex(want))
	}
	if r.Lost > 0 || timed() && r.FirstAfter > 500*time.Millisecond {
		t.Errorf("first picture after %v, %d packets lost", r.FirstAfter, r.Lost) // media/bridge tells the time in virtual time
	}
}

func checkAudioOnly(ctx context.Context, t *testing.T, out, in *phone.Call, atA, atB *room.Eye) {
	t.Helper()
	poll(ctx, func() bool { return out.Heard().Packets > 20 && in.Heard().Packets > 20 })
	if out.Heard().Packets <= 20 || in.Heard().Packets <= 20 {
		t.Error("no sound")
	}
	if a, b := atA.Report(), atB.Report(); a.Codec != "" || a.Sent+b.Sent+a.Frames+b.Frames != 0 {
		t.Errorf("pictures though there is no common format: %+v %+v", a, b)
	}
}

func poll(ctx context.Context, done func() bool) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}
