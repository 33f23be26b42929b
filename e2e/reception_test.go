package e2e

import (
	"context"
	"errors"
	"testing"
	"time"

	"tandem/config"
	"tandem/internal/stage"
	"tandem/leg/meet"
	"tandem/leg/reception"
	"tandem/route"
	sim "tandem/sim/meet"
	"tandem/sim/phone"
)

const meetingPIN = "1234567890123"

// A telephone calls the reception, types a wrong ID by INFO and the right one by RFC
// 4733, and talks in the meeting.
func TestATelephoneGetsIntoAMeetingByTheReception(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Minute)
	defer cancel()
	s := openMeetings(ctx, t, meetings(), func(c *config.Config) {
		c.Limits.Ports = 2
		c.Receptions = []reception.Config{{Name: "front", Aliases: []string{"meet"}, Token: stage.Trusted, PostMatch: `(\d{13})`, PostReplace: `\1@meet.example`}}
		c.DialPlan.Rules = []route.RuleConfig{{
			Name: "meetings", Match: `(\d{13})@meet\.example`, From: []string{stage.Kitchen}, To: []route.Target{{Meet: stage.Trusted}},
		}}
		if err := c.Validate(); err != nil {
			t.Error(err)
		}
	})
	kitchen, err := s.Phone(ctx, stage.Kitchen, nil)
	if err != nil {
		t.Fatal(err)
	}
	c, err := kitchen.Call(ctx, "meet")
	if err := errors.Join(err, c.WaitAnswered(ctx)); err != nil {
		t.Fatal(err)
	}
	refusedBeyondThePorts(ctx, t, s)
	if err := c.SendInfoDTMF(ctx, "0000000000000#"); err != nil {
		t.Fatal(err)
	}
	eventually(ctx, t, "the sentence that there is no such meeting", told(s, "unknown"))
	c.SendDTMF(meetingPIN + "#")
	eventually(ctx, t, "the sentence that the meeting was found", told(s, "connecting"))
	if _, err := s.Meetings.WaitFor(ctx, meetingPIN, "the telephone", func(m sim.MeetingState) bool {
		return len(m.Devices) == 1 && m.Devices[0].Kind == "PHONE" && !m.Devices[0].Joined.IsZero()
	}); err != nil {
		t.Fatal(err)
	}
	leaves(ctx, t, s, c)
}

// leaves hangs up after the reception has passed the call on, and sees that all is given
// back.
func leaves(ctx context.Context, t *testing.T, s *stage.Stage, c *phone.Call) {
	t.Helper()
	eventually(ctx, t, "the end of the reception's leg", func() bool {
		live := s.Gateway.Switch.Live()
		return len(live) == 1 && live[0].B.Connector == meet.Name
	})
	if err := c.HangUp(ctx); err != nil {
		t.Fatal(err)
	}
	eventually(ctx, t, "free ports", func() bool { return s.Gateway.Capacity.Stats().Used == 0 })
	for _, v := range s.Meetings.Violations() {
		if v.Rule != "MEET-S19" { // the wrong ID
			t.Errorf("the meeting service complains: %+v", v)
		}
	}
}

func refusedBeyondThePorts(ctx context.Context, t *testing.T, s *stage.Stage) {
	t.Helper()
	study, err := s.Phone(ctx, stage.Study, nil)
	if err != nil {
		t.Fatal(err)
	}
	full, err := study.Call(ctx, stage.Kitchen)
	if err != nil {
		t.Fatal(err)
	}
	if r, err := full.Wait(ctx); err != nil || r.Status != 503 {
		t.Errorf("beyond the ports a caller got %d (%v), want 503", r.Status, err)
	}
}

// told says whether receptions have said a sentence.
func told(s *stage.Stage, sentence string) func() bool {
	return func() bool {
		for name, n := range s.Gateway.Receptions.Told() {
			if string(name) == sentence && n > 0 {
				return true
			}
		}
		return false
	}
}

// eventually waits until ok.
func eventually(ctx context.Context, t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("%s did not come", what)
		}
	}
}
