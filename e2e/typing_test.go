package e2e

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"tandem/internal/stage"
	sim "tandem/sim/meet"
	"tandem/sim/phone"
)

const (
	wrongID    = "0000000000000#"
	firstTyped = 1234567890123 // PIN of the first of the meetings
)

// Everybody gets into a meeting by the reception, however its telephone sends keys; a
// wrong ID is told, and the next one may be typed into the sentence.
func TestTheReceptionUnderstandsEveryTelephone(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Minute)
	defer cancel()
	st, kitchen, study := typists(ctx, t)
	for i, row := range []struct {
		name  string
		phone *phone.Phone
		enter func(c *phone.Call, pin string) error
	}{
		{"RFC 4733", kitchen, func(c *phone.Call, pin string) error { c.SendDTMF(pin + "#"); return nil }},
		{"INFO, application/dtmf-relay, a wrong ID first", kitchen, func(c *phone.Call, pin string) error {
			return errors.Join(c.SendInfoDTMF(ctx, wrongID), c.SendInfoDTMF(ctx, pin+"#"))
		}},
		{"INFO, application/dtmf, a wrong ID first", kitchen, func(c *phone.Call, pin string) error {
			return errors.Join(c.SendPlainDTMF(ctx, wrongID), c.SendPlainDTMF(ctx, pin+"#"))
		}},
		{"in-band", study, func(c *phone.Call, pin string) error { c.SendDTMF(pin + "#"); return nil }},
		{"RFC 4733 and INFO", kitchen, func(c *phone.Call, pin string) error { return bothWays(ctx, c, pin+"#") }},
	} {
		t.Run(row.name, func(t *testing.T) {
			if row.phone == study && !timed() {
				t.Skip("tones that come in fits and starts are other keys: make soak; leg/reception tells the same in virtual time")
			}
			enters(ctx, t, st, row.phone, firstTyped+i, row.enter)
		})
	}
	t.Run("three wrong IDs", func(t *testing.T) {
		c, err := kitchen.Call(ctx, stage.Reception)
		if err := errors.Join(err, c.WaitAnswered(ctx), c.SendInfoDTMF(ctx, wrongID+wrongID+wrongID)); err != nil {
			t.Fatal(err)
		}
		if rep, err := c.Wait(ctx); err != nil || rep.EndedBy != "far end" {
			t.Errorf("%s: %v", rep.EndedBy, err)
		}
	})
	for _, v := range st.Meetings.Violations() {
		if v.Rule != "MEET-S19" { // the wrong IDs
			t.Errorf("the meeting service complains: %+v", v)
		}
	}
}

// typists are two telephones, the second without telephone-event, and a meeting for each
// way of typing.
func typists(ctx context.Context, t *testing.T) (*stage.Stage, *phone.Phone, *phone.Phone) {
	t.Helper()
	m := meetings()
	m.Meetings = nil
	for i := range 5 {
		m.Meetings = append(m.Meetings, sim.Meeting{PIN: fmt.Sprint(firstTyped + i), Tenant: "example", People: []sim.Person{{Name: "Ada", Colour: "#c03020"}}})
	}
	st := openMeetings(ctx, t, m, nil)
	kitchen, err := st.Phone(ctx, stage.Kitchen, nil)
	if err != nil {
		t.Fatal(err)
	}
	study, err := st.Phone(ctx, stage.Study, func(c *phone.Config) { c.NoEvents = true })
	if err != nil {
		t.Fatal(err)
	}
	return st, kitchen, study
}

// enters calls the reception, types, and waits until the meeting has the telephone.
func enters(ctx context.Context, t *testing.T, st *stage.Stage, p *phone.Phone, id int, enter func(*phone.Call, string) error) {
	t.Helper()
	pin := fmt.Sprint(id)
	c, err := p.Call(ctx, stage.Reception)
	if err := errors.Join(err, c.WaitAnswered(ctx)); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if err := enter(c, pin); err != nil {
		t.Fatal(err)
	}
	if _, err := st.Meetings.WaitFor(ctx, pin, "the telephone", func(m sim.MeetingState) bool {
		return len(m.Devices) == 1 && !m.Devices[0].Joined.IsZero()
	}); err != nil {
		t.Fatal(err)
	}
	t.Logf("in the meeting after %v", time.Since(began).Round(10*time.Millisecond))
	if err := c.HangUp(ctx); err != nil {
		t.Error(err)
	}
}

// bothWays presses each key by telephone-event and by INFO, as soon as the key is let go.
func bothWays(ctx context.Context, c *phone.Call, keys string) error {
	for _, k := range keys {
		c.SendDTMF(string(k))
		err := until(ctx, func() error {
			if c.Dialling() {
				return errors.New("the key is still down")
			}
			return nil
		})
		if err := errors.Join(err, c.SendInfoDTMF(ctx, string(k))); err != nil {
			return err
		}
	}
	return nil
}
