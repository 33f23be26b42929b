package demo

import (
	"context"
	"time"

	"tandem/internal/stage"
	"tandem/sim/meet"
)

// roomJoins is a meeting with everything that happens in one: people talk, share, come
// and mute; the room films, mutes itself and changes the layout; a phone comes by.
func roomJoins(ctx context.Context, s *show) (*scene, error) {
	v, err := s.visit(ctx, planning, planning)
	if err != nil {
		return nil, err
	}
	for _, part := range []func(context.Context) error{v.talks, v.phoneComesBy, v.presents, v.layouts} {
		if err := part(ctx); err != nil {
			return v.sc, err
		}
	}
	v.wantLayers()
	return v.end(ctx)
}

// do makes somebody in the meeting do something.
func (v *visit) do(name string, a meet.Action) error {
	return v.Meetings.Do(v.pin, name, meet.Step{Do: a})
}

func (v *visit) talks(ctx context.Context) error {
	if err := v.do("Ada Example", meet.Talk); err != nil {
		return err
	}
	if err := v.wait(ctx, "the room sees Ada, who talks", v.sees("#c03020")); err != nil {
		return err
	}
	if err := v.call.WaitTone(ctx, 300, time.Second); err != nil {
		return err
	}
	v.tell("the room hears Ada")
	v.still("1-ada-talks")
	heard := func() bool { return near(v.device().Up.Track("audio").Tone, roomTone) }
	if err := v.wait(ctx, "Meet hears the room", heard); err != nil {
		return err
	}
	if err := v.do("Ada Example", meet.Hush); err != nil {
		return err
	}
	if err := v.do("Bob Example", meet.Talk); err != nil {
		return err
	}
	if err := v.wait(ctx, "Bob talks, and is the big picture", v.sees("#2060c0")); err != nil {
		return err
	}
	v.still("2-bob-talks")
	return nil
}

// near reports whether two tones are the same to an ear.
func near(a, b float64) bool { return a > b-15 && a < b+15 }

func (v *visit) phoneComesBy(ctx context.Context) error {
	v.call.SendDTMF("*6")
	if err := v.wait(ctx, "the room pressed *6: Meet shows it muted", func() bool { return v.device().AudioMuted }); err != nil {
		return err
	}
	c, err := v.kitchen.Call(ctx, v.pin)
	if err != nil {
		return err
	}
	if err := c.WaitAnswered(ctx); err != nil {
		return err
	}
	v.tell("the phone in the kitchen is in the meeting, too")
	if err := c.WaitTone(ctx, 350, time.Second); err != nil {
		return err
	}
	v.tell("the phone hears Bob")
	if err := v.call.WaitTone(ctx, 0, 100*time.Millisecond); err != nil { // two tones at once are none
		return err
	}
	if err := c.HangUp(ctx); err != nil {
		return err
	}
	v.tell("the phone hung up")
	return nil
}

func (v *visit) presents(ctx context.Context) error {
	if err := v.do("Di Example", meet.Share); err != nil {
		return err
	}
	shared := func() bool {
		for _, w := range v.device().Views {
			if w.Share && w.Sent > 3 {
				return true
			}
		}
		return false
	}
	if err := v.wait(ctx, "Di shares a screen", shared); err != nil {
		return err
	}
	if err := v.settle(ctx, 15); err != nil {
		return err
	}
	v.still("3-di-shares")
	return v.do("Di Example", meet.Unshare)
}

func (v *visit) layouts(ctx context.Context) error {
	if err := v.do("Cy Example", meet.Mute); err != nil {
		return err
	}
	if err := v.do("Ed Example", meet.Join); err != nil {
		return err
	}
	if err := v.settle(ctx, 15); err != nil {
		return err
	}
	v.tell("Cy has muted, Ed has come")
	v.still("4-ed-comes")
	for range 2 {
		v.call.SendDTMF("*8")
		if err := v.settle(ctx, 15); err != nil {
			return err
		}
	}
	v.tell("the room pressed *8 twice")
	v.still("5-another-layout")
	return nil
}

// asks is a room that types the meeting's ID at the reception.
func asks(ctx context.Context, s *show) (*scene, error) {
	v, err := s.visit(ctx, stage.Reception, example)
	if err != nil {
		return nil, err
	}
	v.call.SendDTMF(example + "#")
	v.tell("the room types %s#", example)
	if err := v.settle(ctx, 8); err != nil {
		return v.sc, err
	}
	v.still("at-the-reception")
	joined := func() bool { return !v.device().Joined.IsZero() }
	if err := v.wait(ctx, "the room is in the meeting", joined); err != nil {
		return v.sc, err
	}
	if err := v.wait(ctx, "the room sees Ada", v.sees("#c03020")); err != nil {
		return v.sc, err
	}
	return v.end(ctx)
}
