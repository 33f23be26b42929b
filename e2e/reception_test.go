package e2e

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"tandem/config"
	"tandem/internal/stage"
	"tandem/leg/meet"
	"tandem/leg/reception"
	"tandem/route"
	sim "tandem/sim/meet"
	"tandem/token"
)

const (
	meetingPIN  = "1234567890123"
	accessToken = "reception-token-0123456789"
)

// startMeet starts the simulated meeting service, and returns the way to it.
func startMeet(t *testing.T) (*sim.Server, meet.Config) {
	t.Helper()
	edge := &sim.Server{Config: sim.Config{
		Tokens: []sim.AccessToken{{Value: accessToken, Tenant: "example", Trusted: true}},
		Meetings: []sim.Meeting{{PIN: meetingPIN, Title: "Weekly planning", Tenant: "example", People: []sim.Person{
			{Name: "Ada", Colour: "#c03020", Tone: 440, Talking: true},
		}}},
		Options: sim.Options{FPS: 10},
	}}
	if err := edge.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = edge.Close() })
	dir := t.TempDir()
	roots := filepath.Join(dir, "meet-ca.pem")
	if err := os.WriteFile(roots, edge.CAPEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	gateway := &token.Gateway{Dir: filepath.Join(dir, "gateway")}
	csr, err := gateway.Request("gw.example.com", false)
	if err != nil {
		t.Fatal(err)
	}
	chain, err := edge.SignGateway(csr, sim.GatewayCert{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := gateway.Install(chain, true); err != nil {
		t.Fatal(err)
	}
	return edge, meet.Config{
		Edge: edge.EdgeURL(), Roots: roots, Gateway: gateway.Dir, Notice: 100 * time.Millisecond,
		Tokens: []token.Access{{Name: "acme", Secret: accessToken, Trusted: true}},
	}
}

// A telephone calls the reception, types a wrong ID by INFO and the right one by RFC
// 4733, and talks in the meeting.
func TestATelephoneGetsIntoAMeetingByTheReception(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	edge, way := startMeet(t)
	s, err := stage.Start(ctx, stage.Options{Dir: t.TempDir(), Log: storyLog(), Change: func(c *config.Config) {
		c.Meet = way
		c.Limits.Ports = 2
		c.Receptions = []reception.Config{{Name: "front", Aliases: []string{"meet"}, Token: "acme", PostMatch: `(\d{13})`, PostReplace: `\1@meet.example`}}
		c.DialPlan.Rules = append(c.DialPlan.Rules, route.RuleConfig{
			Name: "meetings", Match: `(\d{13})@meet\.example`, From: []string{stage.Kitchen}, To: []route.Target{{Meet: "acme"}},
		})
		if err := c.Validate(); err != nil {
			t.Error(err)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	kitchen, err := s.Phone(ctx, stage.Kitchen, nil)
	if err != nil {
		t.Fatal(err)
	}
	study, err := s.Phone(ctx, stage.Study, nil)
	if err != nil {
		t.Fatal(err)
	}
	c, err := kitchen.Call(ctx, "meet")
	if err != nil {
		t.Fatal(err)
	}
	if err := c.WaitAnswered(ctx); err != nil {
		t.Fatal(err)
	}
	full, err := study.Call(ctx, stage.Kitchen)
	if err != nil {
		t.Fatal(err)
	}
	if r, err := full.Wait(ctx); err != nil || r.Status != 503 {
		t.Errorf("beyond the ports a caller got %d (%v), want 503", r.Status, err)
	}
	told := func(sentence string) func() bool {
		return func() bool {
			for name, n := range s.Gateway.Receptions.Told() {
				if string(name) == sentence && n > 0 {
					return true
				}
			}
			return false
		}
	}
	if err := c.SendInfoDTMF(ctx, "0000000000000#"); err != nil {
		t.Fatal(err)
	}
	eventually(ctx, t, "the sentence that there is no such meeting", told("unknown"))
	c.SendDTMF(meetingPIN + "#")
	eventually(ctx, t, "the sentence that the meeting was found", told("connecting"))
	if _, err := edge.WaitFor(ctx, meetingPIN, "the telephone", func(m sim.MeetingState) bool {
		return len(m.Devices) == 1 && m.Devices[0].Kind == "PHONE" && !m.Devices[0].Joined.IsZero()
	}); err != nil {
		t.Fatal(err)
	}
	eventually(ctx, t, "the end of the reception's leg", func() bool {
		live := s.Gateway.Switch.Live()
		return len(live) == 1 && live[0].B.Connector == meet.Name
	})
	if err := c.HangUp(ctx); err != nil {
		t.Fatal(err)
	}
	eventually(ctx, t, "free ports", func() bool { return s.Gateway.Capacity.Stats().Used == 0 })
	for _, v := range edge.Violations() {
		if v.Rule != "MEET-S19" { // the wrong ID
			t.Errorf("the meeting service complains: %+v", v)
		}
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
