package e2e

import (
	"context"
	"fmt"
	"image/color"
	"log/slog"
	"testing"
	"time"

	"tandem/internal/stage"
	sim "tandem/sim/meet"
	"tandem/sim/phone"
	"tandem/sim/picture"
	"tandem/sim/room"
)

// TestARoomInAMeeting has a video room in a meeting, in either format: it sees who
// talks, the meeting sees it in three layers, and the keys work.
func TestARoomInAMeeting(t *testing.T) {
	teal := color.RGBA{0x20, 0x90, 0x90, 0xff}
	for _, codec := range []string{"H264", "VP8"} {
		t.Run(codec, func(t *testing.T) {
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
			p := videoRoom(ctx, t, st, stage.Board, room.Config{Video: []string{codec}, Width: 1280, Height: 720, FPS: 10, Kbps: 1000, Name: "BOARD", Colour: teal})
			const pin = "1234567890123"
			c, err := p.Call(ctx, pin)
			if err != nil {
				t.Fatal(err)
			}
			if err := c.WaitAnswered(ctx); err != nil {
				t.Fatal(err)
			}
			wantSeen(ctx, t, c, "#c03020")
			wantLayers(ctx, t, st, pin, teal)
			wantKeys(ctx, t, st, pin, c)
			if err := c.HangUp(ctx); err != nil {
				t.Error(err)
			}
			if v := st.Meetings.Violations(); len(v) > 0 {
				t.Errorf("the meeting service complains: %+v", v)
			}
		})
	}
}

// wantSeen waits until a colour fills most of what the room sees.
func wantSeen(ctx context.Context, t *testing.T, c *phone.Call, hex string) {
	t.Helper()
	want, err := picture.ParseHex(hex)
	if err != nil {
		t.Fatal(err)
	}
	err = until(ctx, func() error {
		r := room.Of(c).Report()
		if r.Frames == 0 || picture.Distance(r.Common, want) > 40 {
			return fmt.Errorf("the room sees %s, want %s: %+v", picture.Hex(r.Common), hex, r)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// wantLayers waits until the meeting has had pictures of the room in all three sizes.
func wantLayers(ctx context.Context, t *testing.T, st *stage.Stage, pin string, want color.RGBA) {
	t.Helper()
	m, err := st.Meetings.WaitFor(ctx, pin, "three layers", func(m sim.MeetingState) bool {
		return len(m.Devices) == 1 && len(layers(m.Devices[0])) == 3
	})
	if err != nil {
		t.Fatalf("%v: %+v", err, m.Devices)
	}
	for name, height := range layers(m.Devices[0]) {
		img, err := st.Meetings.Picture(pin, m.Devices[0].Name, name)
		if err != nil {
			t.Error(err)
		} else if got := picture.Common(img); picture.Distance(got, want) > 40 {
			t.Errorf("the meeting sees %s at %d lines, want %s", picture.Hex(got), height, picture.Hex(want))
		}
	}
}

// layers are the heights of the pictures that came, by the layers' names.
func layers(d sim.DeviceState) map[string]int {
	have := make(map[string]int)
	for _, track := range d.Up.Tracks {
		if track.Decoded > 0 && (track.Height == 180 || track.Height == 360 || track.Height == 720) {
			have[track.Name] = track.Height
		}
	}
	return have
}

// wantKeys mutes by *6 and goes to another layout by *8, for which the gateway asks for
// pictures of other sizes.
func wantKeys(ctx context.Context, t *testing.T, st *stage.Stage, pin string, c *phone.Call) {
	t.Helper()
	c.SendDTMF("*6")
	m, err := st.Meetings.WaitFor(ctx, pin, "muted", func(m sim.MeetingState) bool { return m.Devices[0].AudioMuted })
	if err != nil {
		t.Fatal(err)
	}
	sizes := views(m.Devices[0])
	c.SendDTMF("*8*8")
	if _, err := st.Meetings.WaitFor(ctx, pin, "pictures of another size", func(m sim.MeetingState) bool {
		return views(m.Devices[0]) != sizes
	}); err != nil {
		t.Fatal(err)
	}
}

// views are the sizes that the gateway asks for.
func views(d sim.DeviceState) (sizes string) {
	for _, v := range d.Views {
		sizes += v.Wanted + " "
	}
	return sizes
}
