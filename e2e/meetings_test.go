package e2e

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"testing"
	"time"

	"tandem/config"
	"tandem/internal/stage"
	sim "tandem/sim/meet"
	"tandem/sim/picture"
)

// meetings are the meetings of stories, with quicker hosts than the simulator's own.
func meetings() *sim.Config {
	ada := sim.Person{Name: "Ada Example", Colour: "#c03020", Tone: 700, Talking: true}
	bob := sim.Person{Name: "Bob Example", Colour: "#2060c0", Tone: 900}
	lobby := func(pin, title string, a sim.Admission) sim.Meeting {
		return sim.Meeting{PIN: pin, Title: title, Tenant: "example", People: []sim.Person{ada}, Admit: a}
	}
	return &sim.Config{
		Meetings: []sim.Meeting{
			{PIN: "1234567890123", Title: "Weekly planning", Tenant: "example", People: []sim.Person{ada, bob}},
			lobby("1234567890124", "Admitted", sim.Admission{}),
			lobby("1234567890125", "Refused", sim.Admission{After: time.Second, Action: "deny"}),
			lobby("1234567890126", "Nobody opens", sim.Admission{}),
			{PIN: "1234567890127", Title: "Yesterday", Tenant: "example", Ended: true},
			{PIN: "1234567890128", Title: "Without rooms", Tenant: "example", People: []sim.Person{ada}, VideoLocked: true},
		},
		Options: sim.Options{FPS: 10},
	}
}

// openMeetings starts a gateway with meetings, until the test ends.
func openMeetings(ctx context.Context, t *testing.T, m *sim.Config, change func(*config.Config)) *stage.Stage {
	t.Helper()
	st, err := stage.Start(ctx, stage.Options{Dir: t.TempDir(), Log: storyLog(), Meet: m, Change: change})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	return st
}

// meet does something in a meeting, or waits for what the meeting knows of its newest
// caller: meet PIN has|waits|left [REASON]|hears HZ|sees COLOUR|layers|muted|unmuted|ends|removes|admits.
func (s *story) meet(ctx context.Context, args []string) error {
	if s.Meetings == nil {
		return errors.New("the stage has no meetings; begin with: stage meet")
	}
	pin, what, rest := args[0], args[1], args[2:]
	switch what {
	case "ends":
		return s.Meetings.EndMeeting(pin)
	case "removes", "admits":
		st, err := s.Meetings.Meeting(pin)
		if err != nil || len(st.Devices) == 0 {
			return errors.Join(err, errors.New("nobody is there"))
		}
		if what == "admits" {
			return s.Meetings.Admit(pin, st.Devices[0].Name)
		}
		return s.Meetings.Remove(pin, st.Devices[0].Name)
	}
	if what == "sees" && len(rest) == 1 {
		return s.meetSees(ctx, pin, rest[0])
	}
	ok, err := wish(what, rest)
	if err != nil {
		return err
	}
	var last sim.DeviceState
	_, err = s.Meetings.WaitFor(ctx, pin, what, func(m sim.MeetingState) bool {
		for _, list := range [][]sim.DeviceState{m.Devices, m.Past} {
			if n := len(list); n > 0 {
				last = list[n-1]
				return ok(last)
			}
		}
		return false
	})
	if err != nil {
		last.Journal = nil
		return fmt.Errorf("%w: %+v", err, last)
	}
	return nil
}

// meetSees waits until the meeting has had pictures of its newest caller in three layers,
// and all of them are of a colour.
func (s *story) meetSees(ctx context.Context, pin, hex string) error {
	want, err := picture.ParseHex("#" + hex)
	if err != nil {
		return err
	}
	m, err := s.Meetings.WaitFor(ctx, pin, "three layers", func(m sim.MeetingState) bool {
		n := len(m.Devices)
		return n > 0 && len(decoded(m.Devices[n-1])) == 3
	})
	if err != nil {
		return err
	}
	d := m.Devices[len(m.Devices)-1]
	for _, track := range decoded(d) {
		img, err := s.Meetings.Picture(pin, d.Name, track.Name)
		if err != nil {
			return err
		}
		if got := picture.Common(img); picture.Distance(got, want) > 40 {
			return fmt.Errorf("the meeting sees %s at %d lines, want %s", picture.Hex(got), track.Height, hex)
		}
	}
	return nil
}

// decoded are the camera's layers of which there were pictures.
func decoded(d sim.DeviceState) (list []sim.TrackReport) {
	for _, t := range d.Up.Tracks {
		if t.Decoded > 0 && t.Name != "content" {
			list = append(list, t)
		}
	}
	return list
}

// wish is what a story may want to become true of a caller.
func wish(what string, args []string) (func(sim.DeviceState) bool, error) {
	switch what {
	case "has":
		return func(d sim.DeviceState) bool { return !d.Joined.IsZero() && d.Ended.IsZero() }, nil
	case "waits":
		return func(d sim.DeviceState) bool { return d.Joined.IsZero() && d.Ended.IsZero() }, nil
	case "left":
		return func(d sim.DeviceState) bool {
			return !d.Ended.IsZero() && (len(args) == 0 || string(d.Reason) == args[0])
		}, nil
	case "muted":
		return func(d sim.DeviceState) bool { return d.AudioMuted }, nil
	case "unmuted":
		return func(d sim.DeviceState) bool { return !d.AudioMuted }, nil
	case "layers":
		return func(d sim.DeviceState) bool { return len(decoded(d)) == 3 }, nil
	case "hears":
		if len(args) == 0 {
			break
		}
		want, err := strconv.ParseFloat(args[0], 64)
		return func(d sim.DeviceState) bool { return toneNow(d, want) }, err
	}
	return nil, fmt.Errorf("a meeting knows no %q", what)
}

// toneNow reports whether the last thing heard of a caller that lasted is a tone, at a
// level that a person hears.
func toneNow(d sim.DeviceState, want float64) bool {
	heard := d.Up.Track("audio").Heard
	for _, h := range slices.Backward(heard) {
		if h.To-h.From >= 400*time.Millisecond {
			return math.Abs(h.Frequency-want) < 15 && h.Level > -40
		}
	}
	return false
}

// meetClean fails when the meeting service complained about the gateway.
func (s *story) meetClean(context.Context, []string) error {
	if v := s.Meetings.Violations(); len(v) > 0 {
		return fmt.Errorf("the meeting service complains: %+v", v)
	}
	return nil
}
