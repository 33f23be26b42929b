package meet_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"tandem/call"
	"tandem/media"
	sim "tandem/sim/meet"
)

func TestTheGatewayTokenIsCheckedByTheService(t *testing.T) {
	for _, test := range []struct {
		name string
		cert sim.GatewayCert
	}{
		{"signed by a stranger", sim.GatewayCert{Stranger: true}},
	} {
		r := newRig(t, changes{cert: test.cert})
		c := r.dial("acme", pin, true)
		c.ended(call.CredentialsWrong)
		if a := r.alarms.Active(); len(a) != 1 || a[0].Key != "meet/gateway-token/refused" {
			t.Errorf("%s: alarms %+v", test.name, a)
		}
	}
}

func TestATroubledServiceIsAskedAgainWithinTheLimit(t *testing.T) {
	for _, test := range []struct {
		name  string
		fault sim.Fault
		want  call.Cause    // NormalClearing: the call comes up
		limit time.Duration // where it is the limit that ends it
	}{
		{"503 twice", sim.Fault{Kind: sim.HTTPStatus, Status: 503, Times: 2}, call.NormalClearing, 0},
		{"500 once", sim.Fault{Kind: sim.HTTPStatus, Status: 500, Times: 1}, call.NormalClearing, 0},
		{"500 twice", sim.Fault{Kind: sim.HTTPStatus, Status: 500, Times: 2}, call.Unavailable, 0},
		{"503 for ever", sim.Fault{Kind: sim.HTTPStatus, Status: 503}, call.Unavailable, 5 * time.Second},
		{"slow", sim.Fault{Kind: sim.HTTPSlow, Delay: time.Second}, call.NormalClearing, 0},
		{"silent", sim.Fault{Kind: sim.HTTPSilent}, call.Unavailable, 5 * time.Second},
		{"garbage", sim.Fault{Kind: sim.HTTPGarbage}, call.ProtocolError, 0},
		{"no SDP", sim.Fault{Kind: sim.BadAnswer}, call.ProtocolError, 0},
		{"full", sim.Fault{Kind: sim.JoinRefused, Reason: "MEETING_FULL"}, call.MeetingFull, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, changes{conf: func(c *conf) {
				if test.limit > 0 {
					c.Join = test.limit
				}
			}})
			must(t, r.edge.SetFault(test.fault))
			c := r.dial("acme", pin, true)
			if test.want != call.NormalClearing {
				c.ended(test.want)
			} else {
				c.answered()
				c.hangup()
			}
		})
	}
}

func TestTheTransportFailsWithACause(t *testing.T) {
	for _, kind := range []sim.FaultKind{sim.ICEDead, sim.DTLSFingerprint} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			r := newRig(t, changes{})
			r.faulty = []string{"MEET-S7"}
			r.conn.ConnectWithin(3 * time.Second)
			must(t, r.edge.SetFault(sim.Fault{Kind: kind}))
			c := r.dial("acme", pin, false)
			c.ended(call.MediaFailed)
			st, err := r.edge.Meeting(pin)
			must(t, err)
			if len(st.Devices) != 0 {
				t.Error("the service was not told that we left")
			}
		})
	}
}

// The media never comes up, but it is not why the call ends.
func TestWhatHappenedBeforeTheChannelsWereOpenIsTold(t *testing.T) {
	for _, test := range []struct {
		name  string
		token string
		edge  func(*sim.Config)
		do    func(*rig) error
		want  call.Cause
		text  string
	}{
		{"refused", "guest", func(c *sim.Config) { c.Meetings[0].Admit = sim.Admission{Action: "deny"} }, nil, call.NotAdmitted, "REASON_KNOCK_DENIED"},
		{"nobody there", "guest", func(c *sim.Config) { c.Meetings[0].LobbyTimeout = time.Second }, nil, call.LobbyTimeout, "REASON_KNOCK_TIMEOUT"},
		{"the meeting ends", "acme", nil, func(r *rig) error { return r.edge.EndMeeting(pin) }, call.MeetingOver, "REASON_CONFERENCE_ENDED"},
		{"removed", "acme", nil, func(r *rig) error { return r.edge.Remove(pin, "Board room") }, call.Removed, "REASON_USER_STOPPED"},
		{"token revoked", "acme", nil, func(r *rig) error { return r.edge.RevokeToken(trusted) }, call.CredentialsWrong, "ACCESS_TOKEN_REVOKED"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, changes{edge: func(c *sim.Config) {
				c.Timing.Handshake = time.Minute
				if test.edge != nil {
					test.edge(c)
				}
			}})
			r.faulty = []string{"MEET-S7"}
			r.conn.ConnectWithin(6 * time.Second) // it must happen before
			must(t, r.edge.SetFault(sim.Fault{Kind: sim.DTLSSilent}))
			c := r.dial(test.token, pin, true)
			r.wait("the device", func() bool { return r.device().Name != "" })
			if test.do != nil {
				must(t, test.do(r))
			}
			if end := c.ended(test.want); !strings.Contains(end.Text, test.text) {
				t.Errorf("%+v", end)
			}
		})
	}
}

func TestABrokenPathIsMendedByAnICERestart(t *testing.T) {
	t.Parallel()
	r := newRig(t, changes{})
	c := r.dial("acme", pin, false)
	voice := listen(source(t, c.meet, "a0"))
	c.answered()
	must(t, r.edge.SetFault(sim.Fault{Kind: sim.ICEDead}))
	r.wait("an ICE restart", func() bool { return r.device().Transport.Restarts > 0 })
	r.edge.ClearFaults()
	checks := r.device().Transport.Checks
	r.wait("checks again", func() bool { return r.device().Transport.Checks > checks+3 })
	voice.mu.Lock()
	before := voice.packets
	voice.mu.Unlock()
	r.wait("voices again", func() bool { voice.mu.Lock(); defer voice.mu.Unlock(); return voice.packets > before+20 })
	if c.meet.Roster().Stage != media.Joined {
		t.Errorf("stage %v", c.meet.Roster().Stage)
	}
	c.hangup()
}

func TestAPathThatStaysBrokenEndsTheCall(t *testing.T) {
	t.Parallel()
	r := newRig(t, changes{})
	r.faulty = []string{"MEET-S7", "MEET-S10"}
	c := r.dial("acme", pin, false).answered()
	must(t, r.edge.SetFault(sim.Fault{Kind: sim.Blocked}))
	c.ended(call.NetworkFailure)
}

func TestGarbageOnTheChannelsIsPassedOver(t *testing.T) {
	r := newRig(t, changes{})
	c := r.dial("acme", pin, true).answered()
	_, err := r.edge.WaitFor(t.Context(), pin, "the chat channel", func(st sim.MeetingState) bool {
		d, ok := st.Device("Board room")
		return ok && slices.Contains(d.Channels, "chat")
	})
	must(t, err)
	must(t, r.edge.SetFault(sim.Fault{Kind: sim.ChannelGarbage}))
	must(t, r.edge.Do(pin, "Ada", sim.Step{Do: sim.Say, Text: "still here?"}))
	r.wait("the chat after it", func() bool { return len(c.meet.Roster().Chat) == 1 })
	c.hangup()
}

func TestStatusAndResolve(t *testing.T) {
	r := newRig(t, changes{})
	c := r.dial("acme", pin, true).answered()
	if st := r.conn.Status(); len(st) != 1 || st[0].Stage != "joined" || st[0].Token != "acme" || st[0].Space != "spaces/jQCFfuBOdN5z" {
		t.Errorf("%+v", st)
	}
	c.hangup()
	if _, err := r.conn.Resolve(t.Context(), "acme", "abc-mnop-xyz"); err != nil {
		t.Error(err)
	}
	s, err := r.conn.Resolve(t.Context(), "guest", pin)
	must(t, err)
	if !s.Knock || s.Title != "Weekly planning" {
		t.Errorf("%+v", s)
	}
	for _, typed := range []string{"123", "9999999999999"} {
		_, err := r.conn.Resolve(t.Context(), "acme", typed)
		if no := (*call.RefusalError)(nil); !errors.As(err, &no) || no.Cause != call.MeetingUnknown {
			t.Errorf("%s: %v", typed, err)
		}
	}
}

func TestAShutdownLeavesTheMeeting(t *testing.T) {
	r := newRig(t, changes{})
	ctx, stop := context.WithCancel(r.ctx)
	leg, err := r.conn.Dial(ctx, call.Destination{To: pin, Token: "acme"}, call.Request{Video: true})
	must(t, err)
	for ev := range leg.Events() {
		switch ev := ev.(type) {
		case call.Answered:
			stop()
		case call.Ended:
			if ev.Cause != call.Shutdown {
				t.Errorf("%+v", ev)
			}
		}
	}
	stop()
	st, err := r.edge.Meeting(pin)
	must(t, err)
	if len(st.Devices) != 0 || st.Past[0].Reason != "REASON_CLIENT_LEFT" {
		t.Errorf("%+v", st.Devices)
	}
}

func TestAHangupWhileJoiningLeavesNoGhost(t *testing.T) {
	r := newRig(t, changes{})
	must(t, r.edge.SetFault(sim.Fault{Kind: sim.HTTPSlow, Delay: 500 * time.Millisecond}))
	for _, after := range []time.Duration{0, 100 * time.Millisecond, 550 * time.Millisecond} {
		c := r.dial("acme", pin, true)
		timer := time.NewTimer(after)
		<-timer.C
		c.hangup()
		st, err := r.edge.Meeting(pin)
		must(t, err)
		if len(st.Devices) != 0 {
			t.Errorf("hung up after %v: %d devices are still there", after, len(st.Devices))
		}
	}
}

// bandwidth is what a simulcast encoder asks.
type bandwidth interface{ Bandwidth() int }

func TestANarrowPathLeavesLessBandwidth(t *testing.T) {
	r := newRig(t, changes{})
	c := r.dial("acme", pin, true).answered()
	film(t, c.meet, 90)
	r.wait("three layers", func() bool { return r.device().Up.Track("h").Decoded > 5 })
	b := c.meet.(bandwidth)
	if wide := b.Bandwidth(); wide > 2_000_000-64_000 {
		t.Errorf("%d bit/s are over the ceiling", wide)
	}
	must(t, r.edge.SetFault(sim.Fault{Kind: sim.Narrow, Rate: 100_000, Direction: "up"}))
	r.wait("less bandwidth", func() bool { return b.Bandwidth() < 300_000 })
	r.edge.ClearFaults()
	must(t, r.edge.SetFault(sim.Fault{Kind: sim.LowREMB, Rate: 200_000}))
	r.wait("REMB", func() bool { return b.Bandwidth() < 200_000 })
}

func TestACallSurvivesTwentyPercentLoss(t *testing.T) {
	r := newRig(t, changes{})
	c := r.dial("acme", pin, true)
	voice, picture := listen(source(t, c.meet, "a0")), listen(source(t, c.meet, "v0"))
	c.meet.Show([]media.View{{Width: 320, Height: 180}})
	must(t, r.edge.SetFault(sim.Fault{Kind: sim.Loss, Percent: 20}))
	must(t, r.edge.SetFault(sim.Fault{Kind: sim.Reorder, Percent: 5}))
	c.answered()
	film(t, c.meet, 90)
	r.wait("media both ways", func() bool {
		d := r.device()
		voice.mu.Lock()
		defer voice.mu.Unlock()
		picture.mu.Lock()
		defer picture.mu.Unlock()
		return d.Up.Track("l").Decoded > 5 && d.Up.Track("audio").Packets > 50 && voice.packets > 50 && picture.packets > 20
	})
	c.hangup()
}
