package meet_test

import (
	"slices"
	"testing"
	"time"

	"tandem/call"
	"tandem/media"
	sim "tandem/sim/meet"
)

func TestATrustedRoomIsInHearsAndSees(t *testing.T) {
	r := newRig(t, changes{})
	c := r.dial("acme", pin, true)
	voice, picture := listen(source(t, c.meet, "a0")), listen(source(t, c.meet, "v0"))
	c.meet.Show([]media.View{{Width: 640, Height: 360}})
	c.answered()
	r.wait("two people with names and voices", func() bool { // they come on two channels, in any order
		p := c.meet.Roster().People
		return len(p) == 2 && p[0].AudioCSRC != 0 && p[1].AudioCSRC != 0 && p[0].Name != "Guest" && p[1].Name != "Guest"
	})
	roster := c.meet.Roster()
	if roster.Stage != media.Joined || roster.Title != "Weekly planning" || roster.People[0].Name != "Ada" || roster.People[1].Name != "Bob" {
		t.Errorf("%+v", roster)
	}
	ada := roster.People[0]
	r.wait("Ada's voice", func() bool { return voice.from(ada.AudioCSRC) > 10 })
	r.wait("Ada's picture", func() bool { return picture.from(ada.VideoCSRC) > 10 })
	d := r.device()
	if d.DisplayName != "Board room" || d.Kind != "ROOM" || len(d.Views) != 1 || d.Views[0].Wanted != "640x360" {
		t.Errorf("%+v", d)
	}
	c.hangup()
	st, err := r.edge.Meeting(pin)
	must(t, err)
	if len(st.Devices) != 0 || len(st.Past) != 1 || st.Past[0].Reason != "REASON_CLIENT_LEFT" {
		t.Errorf("devices %+v, past %+v", st.Devices, st.Past)
	}
	r.clean()
}

func TestATelephoneIsInTheMeetingWithoutVideo(t *testing.T) {
	r := newRig(t, changes{})
	c := r.dialAs(call.Destination{To: pin + "@its.domain", Token: "acme"}, call.Request{From: "+12025550147"}).answered()
	r.wait("the device", func() bool { return r.device().Kind == "PHONE" })
	if d := r.device(); d.DisplayName != "+•••••••••47" {
		t.Errorf("%q is shown", d.DisplayName)
	}
	if n := len(c.meet.Sinks()); n != 1 || len(c.meet.Sources()) != 16 {
		t.Errorf("%d sinks, %d sources", n, len(c.meet.Sources()))
	}
	c.hangup()
	r.clean()
}

// Who calls without an offer may be a room; where no video is wanted it is a telephone.
func TestACallerWithALateOfferIsATelephoneWhereVideoIsLocked(t *testing.T) {
	r := newRig(t, changes{edge: func(c *sim.Config) { c.Meetings[0].VideoLocked = true }})
	c := r.dialAs(call.Destination{To: pin, Token: "acme"}, call.Request{From: "+12025550147", Video: true}).answered()
	r.wait("the telephone", func() bool { return r.device().Kind == "PHONE" })
	if n := len(c.leg.Media().Sinks()); n != 1 {
		t.Errorf("%d sinks", n)
	}
	if d := r.device(); d.DisplayName != "+•••••••••47" {
		t.Errorf("%q is shown", d.DisplayName)
	}
	if !c.has(func(e call.Event) bool { a, ok := e.(call.Answered); return ok && a.Video.None }) {
		t.Error("the caller may still have pictures")
	}
	c.hangup()
}

func TestRefusalsAreToldByTheirCause(t *testing.T) {
	r := newRig(t, changes{edge: func(c *sim.Config) {
		c.Meetings = append(c.Meetings,
			sim.Meeting{PIN: "1111111111111", Tenant: "example", Ended: true},
			sim.Meeting{PIN: "2222222222222", Tenant: "example", Refuse: "INTEROP_DISABLED"},
			sim.Meeting{PIN: "3333333333333", Tenant: "example", VideoLocked: true},
			sim.Meeting{PIN: "4444444444444", Tenant: "example", Refuse: "MEETING_FULL"},
		)
	}})
	for _, test := range []struct {
		token, to string
		want      call.Cause
	}{
		{"acme", "9999999999999", call.MeetingUnknown},
		{"acme", "1111111111111", call.MeetingOver},
		{"acme", "2222222222222", call.Forbidden},
		{"acme", "3333333333333", call.VideoRefused},
		{"acme", "4444444444444", call.MeetingFull},
		{"old", pin, call.CredentialsWrong},
	} {
		c := r.dial(test.token, test.to, true)
		if end := c.ended(test.want); end.Text == "" {
			t.Errorf("%s %s: nothing is said", test.token, test.to)
		}
		if stage := c.meet.Roster().Stage; stage != media.Refused {
			t.Errorf("%s %s: stage %v", test.token, test.to, stage)
		}
	}
	if a := r.alarms.Active(); len(a) != 1 || a[0].Subject != "old" {
		t.Errorf("alarms %+v", a)
	}
}

func TestTheLobbyAdmitsRefusesAndTimesOut(t *testing.T) {
	for _, test := range []struct {
		name  string
		host  func(r *rig) error // answers the knock; nil: nobody does
		limit time.Duration
		edge  time.Duration
		want  call.Cause
	}{
		{"admitted", func(r *rig) error { return r.edge.Admit(pin, "Guest room") }, patience, patience, call.NormalClearing},
		{"refused", func(r *rig) error { return r.edge.Deny(pin, "Guest room") }, patience, patience, call.NotAdmitted},
		{"the service's limit", nil, 6 * time.Second, 6 * time.Second, call.LobbyTimeout},
		{"our limit", nil, 6 * time.Second, patience, call.LobbyTimeout},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, changes{
				edge: func(c *sim.Config) { c.Meetings[0].LobbyTimeout = test.edge },
				conf: func(c *conf) { c.Lobby = test.limit },
			})
			c := r.dialAs(call.Destination{To: pin, Token: "guest"}, call.Request{FromName: "Guest room", Video: true})
			r.wait("lobby", func() bool {
				return c.has(func(e call.Event) bool { p, ok := e.(call.Progress); return ok && p.Lobby && p.Early })
			})
			if test.host != nil {
				must(t, test.host(r))
			}
			if test.want == call.NormalClearing {
				c.answered()
				c.hangup()
				r.clean()
				return
			}
			c.ended(test.want)
			if refused := c.meet.Roster(); refused.Stage != media.Refused || refused.Notice == "" {
				t.Errorf("the screen says %+v", refused)
			}
			r.clean()
		})
	}
}

func TestANewKnockFollowsTheServicesLimit(t *testing.T) {
	t.Parallel()
	r := newRig(t, changes{
		edge: func(c *sim.Config) { c.Meetings[0].LobbyTimeout = 3 * time.Second },
		conf: func(c *conf) { c.Lobby = 15 * time.Second },
	})
	c := r.dial("guest", pin, true)
	r.wait("second knock", func() bool { // or a later one, where this machine is slow
		st, _ := r.edge.Meeting(pin)
		return len(st.Past) >= 1 && len(st.Devices) == 1 && st.Devices[0].State == "waiting" && r.edge.Admit(pin, "Board room") == nil
	})
	c.answered()
	c.hangup()
	r.clean()
}

// MEET-S14: three knocks in vain within a minute, not one more; also when the service's
// limit is over before the channels are open.
func TestKnocksNeverRunIntoTheServicesRefusal(t *testing.T) {
	t.Parallel()
	for _, limit := range []time.Duration{10 * time.Millisecond, 500 * time.Millisecond} {
		t.Run(limit.String(), func(t *testing.T) {
			t.Parallel()
			r := newRig(t, changes{
				edge: func(c *sim.Config) { c.Meetings[0].LobbyTimeout = limit },
				conf: func(c *conf) { c.Lobby = 6 * time.Second },
			})
			began := time.Now()
			r.dial("guest", pin, true).ended(call.LobbyTimeout)
			if took := time.Since(began); took < 3*time.Second {
				t.Errorf("the caller was given up after %v", took)
			}
			if st, err := r.edge.Meeting(pin); err != nil || len(st.Past) < 2 || len(st.Past) > 3 {
				t.Errorf("%d knocks: %v", len(st.Past), err)
			}
			r.clean()
		})
	}
}

func TestARefusedKnockIsRepeatedWhenTheServiceSays(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		after time.Duration // Retry-After
		want  call.Cause
	}{
		{"within the caller's limit", 2 * time.Second, call.NormalClearing},
		{"after the caller's limit", time.Minute, call.LobbyTimeout},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, changes{
				edge: func(c *sim.Config) { c.Meetings[0].LobbyTimeout = time.Second },
				conf: func(c *conf) { c.Lobby = 10 * time.Second },
			})
			c := r.dial("guest", pin, true)
			r.wait("lobby", func() bool { return c.meet.Roster().Stage == media.Waiting })
			must(t, r.edge.SetFault(sim.Fault{Kind: sim.JoinRefused, Reason: "TOO_MANY_KNOCKS", Delay: test.after, Times: 1}))
			if test.want == call.NormalClearing {
				r.admitWhenThere()
				c.answered()
				c.hangup()
				return
			}
			r.wait("the notice", func() bool {
				return c.meet.Roster().Notice == "You asked to be admitted too often. Wait a minute, then dial again."
			})
			c.ended(test.want)
		})
	}
}

// admitWhenThere opens to the next who knocks.
func (r *rig) admitWhenThere() {
	r.t.Helper()
	r.wait("somebody admitted", func() bool {
		st, err := r.edge.Meeting(pin)
		refused := slices.ContainsFunc(r.edge.Violations(), func(v sim.Violation) bool { return v.Rule == "MEET-S14" })
		return err == nil && refused && len(st.Devices) == 1 && st.Devices[0].State == "waiting" && r.edge.Admit(pin, "Board room") == nil
	})
}

func TestACallerRefusedWhileStillConnectingIsTold(t *testing.T) {
	t.Parallel()
	for range 10 {
		r := newRig(t, changes{edge: func(c *sim.Config) { c.Meetings[0].Admit = sim.Admission{Action: "deny"} }})
		r.dial("guest", pin, true).ended(call.NotAdmitted)
		r.clean()
	}
}

func TestTheMeetingEndsTheCall(t *testing.T) {
	for _, test := range []struct {
		name string
		do   func(*rig) error
		want call.Cause
	}{
		{"ended for all", func(r *rig) error { return r.edge.EndMeeting(pin) }, call.MeetingOver},
		{"removed", func(r *rig) error { return r.edge.Remove(pin, "Board room") }, call.Removed},
		{"video locked", func(r *rig) error { return r.edge.LockVideo(pin, true) }, call.VideoRefused},
		{"token revoked", func(r *rig) error { return r.edge.RevokeToken(trusted) }, call.CredentialsWrong},
		{"dropped without a word", func(r *rig) error { return r.edge.SetFault(sim.Fault{Kind: sim.SessionDrop}) }, call.NetworkFailure},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := newRig(t, changes{})
			c := r.dial("acme", pin, true).answered()
			must(t, test.do(r))
			c.ended(test.want)
		})
	}
}
