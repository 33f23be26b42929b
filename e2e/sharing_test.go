package e2e

import (
	"context"
	"fmt"
	"image"
	"image/color"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"tandem/internal/stage"
	sim "tandem/sim/meet"
	"tandem/sim/picture"
	"tandem/sim/room"
)

// TestARoomSharesItsScreen has a room ask for the floor and share its screen with a
// meeting, lose the floor to somebody there, and see that screen on a second stream.
func TestARoomSharesItsScreen(t *testing.T) {
	teal := color.RGBA{0x20, 0x90, 0x90, 0xff}
	for _, row := range []struct{ codec, floor string }{{"H264", "udp"}, {"VP8", "tcp"}, {"VP8", "dtls"}} {
		t.Run(row.codec+" "+row.floor, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
			defer cancel()
			st, err := stage.Start(ctx, stage.Options{Dir: t.TempDir(), Log: slog.New(slog.DiscardHandler), Meet: meetings()})
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := st.Close(); err != nil {
					t.Error(err)
				}
			}()
			p := videoRoom(ctx, t, st, stage.Board, room.Config{Video: []string{row.codec}, FPS: 10, Name: "BOARD", Colour: teal, Share: row.floor})
			const pin = "1234567890123"
			c, err := p.Call(ctx, pin)
			if err != nil {
				t.Fatal(err)
			}
			if err := c.WaitAnswered(ctx); err != nil {
				t.Fatal(err)
			}
			eye := room.Of(c)
			eye.Share(true)
			wantShare(ctx, t, eye, "the floor", func(r room.ShareReport) bool { return r.Agreed && r.Floor && r.Granted })
			m, err := st.Meetings.WaitFor(ctx, pin, "the room's screen", func(m sim.MeetingState) bool {
				return len(m.Devices) == 1 && m.Devices[0].Presenting && m.Devices[0].Up.Track("content").Decoded > 0
			})
			if err != nil {
				t.Fatalf("%v: %+v", err, eye.Shared())
			}
			img, err := st.Meetings.Picture(pin, m.Devices[0].Name, "content")
			if err != nil {
				t.Fatal(err)
			}
			if got := picture.Common(img); picture.Distance(got, teal) > 40 || img.Bounds().Dx() != 1280 {
				t.Errorf("the meeting sees slides of %s at %v", picture.Hex(got), img.Bounds())
			}
			if err := st.Meetings.Do(pin, "Ada Example", sim.Step{Do: sim.Share}); err != nil {
				t.Fatal(err)
			}
			wantShare(ctx, t, eye, "another's screen", func(r room.ShareReport) bool {
				return !r.Granted && r.Revoked == 1 && r.Presenter == "Ada Example" && r.Frames > 2
			})
			savePicture(t, eye.SharedStill(), "shared "+row.codec)
			savePicture(t, eye.Still(), "main "+row.codec)
			if err := c.HangUp(ctx); err != nil {
				t.Error(err)
			}
			if v := st.Meetings.Violations(); len(v) > 0 {
				t.Errorf("the meeting service complains: %+v", v)
			}
		})
	}
}

func wantShare(ctx context.Context, t *testing.T, e *room.Eye, what string, ok func(room.ShareReport) bool) {
	t.Helper()
	err := until(ctx, func() error {
		if r := e.Shared(); !ok(r) {
			return fmt.Errorf("the room has not %s: %+v", what, r)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// savePicture writes a picture for people to look at, when they said where.
func savePicture(t *testing.T, img *image.YCbCr, name string) {
	t.Helper()
	dir := os.Getenv("TANDEM_PICTURES")
	if dir == "" || img == nil {
		return
	}
	f, err := os.Create(filepath.Join(dir, name+".png"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := picture.PNG(f, img); err != nil {
		t.Fatal(err)
	}
}

// Two rooms share their screens with each other: the one that is called gets the second
// stream and floor control offered; who asks last has the floor.
func TestTwoRoomsShareTheirScreens(t *testing.T) {
	blue, red := color.RGBA{40, 90, 160, 255}, color.RGBA{170, 50, 40, 255}
	ctx, cancel := context.WithTimeout(t.Context(), 45*time.Second)
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
	a := videoRoom(ctx, t, st, stage.Kitchen, room.Config{Video: []string{"VP8"}, FPS: 10, Name: "KITCHEN", Colour: blue, Share: "tcp"})
	b := videoRoom(ctx, t, st, stage.Study, room.Config{Video: []string{"VP8"}, FPS: 10, Name: "STUDY", Colour: red, Share: "udp"})
	out, in := connect(ctx, t, a, b)
	atA, atB := room.Of(out), room.Of(in)
	wantShare(ctx, t, atA, "a second stream", func(r room.ShareReport) bool { return r.Agreed && r.Floor })
	wantShare(ctx, t, atB, "a second stream", func(r room.ShareReport) bool { return r.Agreed && r.Floor })
	atA.Share(true)
	wantShare(ctx, t, atB, "the caller's screen", func(r room.ShareReport) bool {
		return r.Presenter == "The other side" && r.Frames > 2 && shades(r.Common, blue)
	})
	atB.Share(true)
	wantShare(ctx, t, atA, "the callee's screen", func(r room.ShareReport) bool {
		return !r.Granted && r.Revoked == 1 && r.Presenter == "The other side" && r.Frames > 2 && shades(r.Common, red)
	})
	atB.Share(false)
	wantShare(ctx, t, atA, "the news that nobody shares", func(r room.ShareReport) bool { return r.Presenter == "" })
	if err := out.HangUp(ctx); err != nil {
		t.Error(err)
	}
}

// A room without a second screen is called by one that has two: it refuses what it does
// not know, and the call goes on with the cameras.
func TestWhoHasOneScreenRefusesTheSecond(t *testing.T) {
	blue, red := color.RGBA{40, 90, 160, 255}, color.RGBA{170, 50, 40, 255}
	ctx, cancel := context.WithTimeout(t.Context(), 45*time.Second)
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
	a := videoRoom(ctx, t, st, stage.Kitchen, room.Config{Video: []string{"VP8"}, Name: "KITCHEN", Colour: blue, Share: "udp"})
	b := videoRoom(ctx, t, st, stage.Study, room.Config{Video: []string{"VP8"}, Name: "STUDY", Colour: red})
	out, in := connect(ctx, t, a, b)
	atA, atB := room.Of(out), room.Of(in)
	shows(ctx, t, atA, "VP8", red, 640, 360)
	shows(ctx, t, atB, "VP8", blue, 640, 360)
	if r := atA.Shared(); r.Agreed || r.Floor {
		t.Errorf("a screen for nobody: %+v", r)
	}
	if err := out.HangUp(ctx); err != nil {
		t.Error(err)
	}
}

func shades(hex string, want color.RGBA) bool {
	got, err := picture.ParseHex(hex)
	return err == nil && picture.Distance(got, want) < 40
}
