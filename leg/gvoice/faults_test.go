package gvoice_test

import (
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"tandem/call"
	"tandem/leg/gvoice"
	sim "tandem/sim/gvoice"
)

func TestAHalfOpenConnectionIsNoticedAndReplaced(t *testing.T) { // GV-S44
	t.Parallel()
	for _, kind := range []sim.FaultKind{sim.HalfOpen, sim.DeadFlow} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			r := newRig(t, newEdge(t, sim.Options{}), func(a *gvoice.Account) {
				a.Timing.KeepAlive, a.Timing.Pong = 100*time.Millisecond, 200*time.Millisecond
			})
			r.registered("home")
			if err := r.edge.SetFault(sim.Fault{Kind: kind}); err != nil {
				t.Fatal(err)
			}
			r.eventually("loss", func() bool { return strings.Contains(r.voice.Status()[0].Problem, "keep-alive") })
			r.eventually("new registration", func() bool { return r.state() == gvoice.Registered && r.voice.Status()[0].Flows > 1 })
			r.edge.ClearFaults()
		})
	}
}

func TestNewRootsAreReadFromTheFile(t *testing.T) { // GV-C1, GV-S44, reference 4.3
	t.Parallel()
	r := newRig(t, newEdge(t, sim.Options{}))
	r.registered("home", "work")
	for _, kind := range []sim.FaultKind{sim.RotateCert, sim.CloseFlows} {
		if err := r.edge.SetFault(sim.Fault{Kind: kind}); err != nil {
			t.Fatal(err)
		}
	}
	r.eventually("diagnosis", func() bool { return strings.Contains(r.voice.Status()[0].Problem, "not trusted") })
	if err := os.WriteFile(r.roots, r.edge.CAPEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	r.eventually("registration", func() bool { return r.state() == gvoice.Registered })
}

func TestADeadAddressOfAHostDoesNotHoldUpTheConnection(t *testing.T) { // GV-S47: signalling; RFC 8305
	t.Parallel()
	edge := newEdge(t, sim.Options{}) // listens on 127.0.0.1 only; localhost may be ::1 first
	_, port, err := net.SplitHostPort(edge.Addr())
	if err != nil {
		t.Fatal(err)
	}
	r := newRig(t, edge, func(a *gvoice.Account) { a.Connect = net.JoinHostPort("localhost", port) })
	r.registered("home")
}

func TestTheThrottleIsWaitedOut(t *testing.T) { // GV-C10, GV-S42
	t.Parallel()
	edge := newEdge(t, sim.Options{})
	r := newRig(t, edge, func(a *gvoice.Account) { a.Timing.Silence = []time.Duration{3 * time.Second, time.Hour} })
	r.registered("home", "work")
	for _, user := range []string{"home", "work"} {
		if err := edge.SetFault(sim.Fault{Kind: sim.RegisterStatus, User: user, Status: 603, Times: 1}); err != nil {
			t.Fatal(err)
		}
	}
	if err := edge.SetFault(sim.Fault{Kind: sim.CloseFlows}); err != nil {
		t.Fatal(err)
	}
	r.eventually("silence", func() bool { return r.state() == gvoice.Silent })
	r.eventually("registration", func() bool { return r.state() == gvoice.Registered })
}

func TestAnExpiredTokenIsReplacedAtOnce(t *testing.T) { // GV-C3, GV-C11, GV-S46
	t.Parallel()
	for _, o := range []sim.Options{{}, {BadToken: sim.BadTokenForbidden}} {
		t.Run("answer "+string(o.BadToken), func(t *testing.T) {
			t.Parallel()
			r := newRig(t, newEdge(t, o))
			r.registered("home", "work")
			for _, kind := range []sim.FaultKind{sim.TokenExpired, sim.CloseFlows} {
				if err := r.edge.SetFault(sim.Fault{Kind: kind}); err != nil {
					t.Fatal(err)
				}
			}
			r.eventually("a new connection", func() bool { return r.voice.Status()[0].Flows > 1 })
			r.eventually("registration", func() bool { return r.state() == gvoice.Registered })
			if n := r.voice.Status()[0].Refused; n != 0 {
				t.Errorf("%d REGISTERs were refused: every one should carry a fresh token", n)
			}
		})
	}
}

func TestTheAnswerToAnInviteBeginsWith100AndKeepsEveryHop(t *testing.T) { // GV-C18, GV-S26
	t.Parallel()
	r := newRig(t, newEdge(t, sim.Options{}))
	r.registered("home", "work")
	r.to = func(call.Request) ([]call.Destination, error) {
		return []call.Destination{{Connector: gvoice.Name, Target: "work", To: "+12025550100"}}, nil
	}
	in, err := r.edge.PlaceCall(r.ctx(), sim.Incoming{To: homeNumber, From: "+12025550147", Talk: sim.Person{TalkFor: 500 * time.Millisecond}})
	if err != nil {
		t.Fatal(err)
	}
	rep, err := in.Wait(r.ctx())
	if err != nil {
		t.Fatal(err)
	}
	var answers []string
	for _, e := range rep.Ladder {
		if strings.HasSuffix(e.Summary, "(INVITE)") && e.Raw != "" {
			answers = append(answers, strings.Fields(e.Summary)[0])
			if n := strings.Count(e.Raw, "\r\nVia: "); n != 3 {
				t.Errorf("%s has %d Via", e.Summary, n)
			}
		}
	}
	if len(answers) < 2 || answers[0] != "100" || answers[len(answers)-1] != "200" {
		t.Errorf("answers %v", answers)
	}
	r.strict()
}

func TestThePhoneHearsOfMediaInactivityByItsName(t *testing.T) { // GV-C25
	t.Parallel()
	r := newRig(t, newEdge(t, sim.Options{}))
	r.registered("home")
	for _, c := range []struct {
		fault sim.Fault
		want  call.Cause
	}{
		{sim.Fault{Status: 603, Reason: "media inactivity"}, call.MediaTimeout},
		{sim.Fault{Status: 603}, call.Rejected},
		{sim.Fault{Status: 504}, call.CauseOfSIP(504)},
		{sim.Fault{Status: 480}, call.CauseOfSIP(480)},
	} {
		c.fault.Kind, c.fault.Times = sim.InviteStatus, 1
		if err := r.edge.SetFault(c.fault); err != nil {
			t.Fatal(err)
		}
		if end := until[call.Ended](r, r.dial("+12025550100")); end.Cause != c.want {
			t.Errorf("%d %s ends as %v, want %v", c.fault.Status, c.fault.Reason, end.Cause, c.want)
		}
	}
	r.strict("fault")
}
