package demo

import (
	"context"
	"fmt"
	"image"
	"image/color"
	"os"
	"path/filepath"
	"time"

	"tandem/call"
	"tandem/internal/stage"
	"tandem/sim/meet"
	"tandem/sim/phone"
	"tandem/sim/picture"
	"tandem/sim/room"
)

// The meetings of the acts. Who does what in the first one, the act says; the others
// are examples of the simulator.
const (
	planning = "2345678901234"
	example  = "1234567890123"
	opens    = "1234567890124"
	refuses  = "1234567890125"
	deaf     = "1234567890126"
)

const (
	lobby    = 8 * time.Second // the default, 30 s, is long to watch
	roomTone = 520             // Hz
)

var boardColour = color.RGBA{0x20, 0x90, 0x90, 0xff}

func meetings() *meet.Config {
	people := []meet.Person{
		{Name: "Ada Example", Colour: "#c03020", Tone: 300},
		{Name: "Bob Example", Colour: "#2060c0", Tone: 350},
		{Name: "Cy Example", Colour: "#208040", Tone: 400},
		{Name: "Di Example", Colour: "#e0a020", Tone: 450, NoCamera: true},
		{Name: "Ed Example", Kind: meet.Anonymous, Colour: "#8030a0", Absent: true},
	}
	return &meet.Config{
		Meetings: append(meet.ExampleMeetings(), meet.Meeting{PIN: planning, Title: "Quarterly planning", Tenant: "example", People: people}),
		Options:  meet.Options{FPS: 15},
	}
}

// furnish registers the room.
func (s *show) furnish(ctx context.Context) error {
	look, err := room.Config{
		Video: []string{"H264"}, Width: 1280, Height: 720, FPS: 15, Kbps: 1500, Name: "BOARD ROOM", Colour: boardColour,
	}.Picture()
	if err != nil {
		return err
	}
	s.board, err = s.Phone(ctx, stage.Board, func(c *phone.Config) {
		c.Tone, c.Picture, c.Display = roomTone, look, "Board room"
	})
	if err != nil {
		return err
	}
	s.say("  room  %q is registered at udp %s: H.264, 1280x720", stage.Board, s.SIP("udp"))
	s.say("  Google Meet's edge is %s, the gateway has its certificate", s.Meetings.EdgeURL())
	return nil
}

// visit is one room's call into a meeting.
type visit struct {
	*show
	pin   string
	call  *phone.Call
	eye   *room.Eye
	began time.Time
	sc    *scene
}

func (s *show) visit(ctx context.Context, dialled, pin string) (*visit, error) {
	c, err := s.board.Call(ctx, dialled)
	if err != nil {
		return nil, err
	}
	v := &visit{show: s, pin: pin, call: c, eye: room.Of(c), began: time.Now(), sc: &scene{who: stage.Board}}
	s.say("   the room dials %s", dialled)
	if err := c.WaitAnswered(ctx); err != nil {
		return v, err
	}
	v.tell("answered")
	if v.eye == nil {
		return v, fmt.Errorf("the room has no video")
	}
	return v, v.wait(ctx, "the first picture", func() bool { return v.eye.Report().Frames > 0 })
}

// tell prints what happened, and when.
func (v *visit) tell(format string, args ...any) {
	v.say("   %6v  %s", since(v.began), fmt.Sprintf(format, args...))
}

// wait waits for what has no event, and tells that it came.
func (v *visit) wait(ctx context.Context, what string, ok func() bool) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w", what, ctx.Err())
		}
	}
	v.tell("%s", what)
	return nil
}

// sees reports whether most of the room's picture has a colour.
func (v *visit) sees(hex string) func() bool {
	want, _ := picture.ParseHex(hex)
	return func() bool { return picture.Distance(v.eye.Report().Common, want) < 40 }
}

// device is what the meeting knows of the room.
func (v *visit) device() meet.DeviceState {
	m, err := v.Meetings.Meeting(v.pin)
	if err != nil {
		return meet.DeviceState{}
	}
	for _, list := range [][]meet.DeviceState{m.Devices, m.Past} {
		for _, d := range list {
			if d.Kind != "PHONE" {
				return d
			}
		}
	}
	return meet.DeviceState{}
}

// settle lets some more pictures come, so that a still shows what has just begun.
func (v *visit) settle(ctx context.Context, pictures int) error {
	from := v.eye.Report().Frames
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for v.eye.Report().Frames < from+pictures {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("waiting for %d pictures: %w", pictures, ctx.Err())
		}
	}
	return nil
}

// still writes what the room sees.
func (v *visit) still(name string) { v.write("room-"+name, v.eye.Still(), nil) }

// write writes a picture for people.
func (v *visit) write(name string, img *image.YCbCr, err error) {
	if err != nil || img == nil {
		v.fail("no picture %s: %v", name, err)
		return
	}
	path := filepath.Join(v.Stills, name+".png")
	f, err := os.Create(path)
	if err == nil {
		err = picture.PNG(f, img)
		if e := f.Close(); err == nil {
			err = e
		}
	}
	if err != nil {
		v.fail("%v", err)
		return
	}
	b := img.Bounds()
	v.say("           still %s, %dx%d", path, b.Dx(), b.Dy())
}

// end hangs up and gathers the figures.
func (v *visit) end(ctx context.Context) (*scene, error) {
	err := v.call.HangUp(ctx)
	v.tell("the room hung up")
	rep, werr := v.call.Wait(ctx)
	v.sc.phone = &rep
	v.figures()
	if err == nil {
		err = werr
	}
	return v.sc, err
}

// figures adds what both ends saw to the report.
func (v *visit) figures() {
	line := func(format string, args ...any) { v.sc.lines = append(v.sc.lines, fmt.Sprintf(format, args...)) }
	if v.eye != nil {
		r := v.eye.Report()
		line("room     %s: %d pictures %v, %.0f a second, %.0f kbit/s, %d packets lost, longest pause %v",
			r.Codec, r.Frames, r.Sizes, r.FPS, r.Kbps, r.Lost, r.Longest.Round(time.Millisecond))
	}
	for _, t := range v.device().Up.Tracks {
		if t.Frames > 0 {
			line("Meet     layer %s: %dx%d, %d frames, %d kbit/s, %d decoding errors, mostly %s",
				t.Name, t.Width, t.Height, t.Frames, t.Bitrate/1000, t.DecodeErrors, t.Colour)
		}
	}
	if violations := v.Meetings.Violations(); len(violations) > 0 {
		v.fail("Google Meet's edge complains: %+v", violations)
	}
}

// wantLayers checks and keeps what Meet receives of the room's camera.
func (v *visit) wantLayers() {
	d := v.device()
	heights := map[int]bool{180: true, 360: true, 720: true}
	for _, t := range d.Up.Tracks {
		if t.Frames == 0 {
			continue
		}
		delete(heights, t.Height)
		img, err := v.Meetings.Picture(v.pin, d.Name, t.Name)
		v.write(fmt.Sprintf("meet-layer-%dp", t.Height), img, err)
		if img != nil {
			if c := picture.Common(img); picture.Distance(c, boardColour) > 40 {
				v.fail("Meet sees %s of the room at %dp, want %s", picture.Hex(c), t.Height, picture.Hex(boardColour))
			}
		}
	}
	if len(heights) > 0 {
		v.fail("Meet receives no layers of %v lines", heights)
	}
}

func admitted(ctx context.Context, s *show) (*scene, error) {
	v, err := s.visit(ctx, stage.Knock+opens, opens)
	if err != nil {
		return nil, err
	}
	if err := v.settle(ctx, 5); err != nil {
		return nil, err
	}
	v.still("in-the-lobby")
	for _, step := range []struct {
		what string
		ok   func() bool
	}{
		{"Ada Example admits the room", func() bool { return !v.device().Joined.IsZero() }},
		{"the room sees Ada", v.sees("#c03020")},
	} {
		if err := v.wait(ctx, step.what, step.ok); err != nil {
			return v.sc, err
		}
	}
	return v.end(ctx)
}

func turnedAway(ctx context.Context, s *show) (*scene, error) {
	return s.outside(ctx, refuses, "turned-away", call.NotAdmitted)
}

func nobodyOpens(ctx context.Context, s *show) (*scene, error) {
	s.say("   (the lobby's limit is %v in this demo; the default is 30s)", lobby)
	return s.outside(ctx, deaf, "nobody-opened", call.LobbyTimeout)
}

// outside is a visit that ends in the lobby.
func (s *show) outside(ctx context.Context, pin, name string, want call.Cause) (*scene, error) {
	v, err := s.visit(ctx, stage.Knock+pin, pin)
	if err != nil {
		return nil, err
	}
	rec := func() bool { d := v.device(); return !d.Ended.IsZero() }
	if err := v.wait(ctx, "it is over; the room still sees why", rec); err != nil {
		return v.sc, err
	}
	if err := v.settle(ctx, 2); err != nil {
		return v.sc, err
	}
	v.still(name)
	rep, err := v.call.Wait(ctx)
	v.sc.phone = &rep
	v.tell("the gateway hung up")
	if r := s.record(v.sc); r != nil && r.Cause != want {
		s.fail("the call's cause is %s, want %s", r.Cause, want)
	}
	v.sc.lines = append(v.sc.lines, "the room reads: "+want.Sentence())
	return v.sc, err
}
