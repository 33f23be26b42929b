package gvoice_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tandem/call"
	"tandem/leg/gvoice"
	sim "tandem/sim/gvoice"
)

func TestRegistersAndUnregisters(t *testing.T) { // GV-C3, GV-C5, GV-C6, GV-C26
	t.Parallel()
	edge := newEdge(t, sim.Options{})
	t.Run("while it runs", func(t *testing.T) {
		r := newRig(t, edge)
		r.registered("home", "work")
		for _, reg := range edge.Registrations() {
			if reg.OBN != "Tandem" || reg.RegID != "1" || !strings.Contains(reg.Instance, "urn:uuid:") || reg.SNI != "voice.telephony.goog" {
				t.Errorf("registration %+v", reg)
			}
		}
		if n := len(edge.State().Connections); n != 2 { // GV-C2
			t.Errorf("%d connections for two accounts", n)
		}
		r.eventually("status", func() bool { return r.state() == gvoice.Registered })
		r.strict()
	})
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for _, u := range []string{"home", "work"} {
		if err := edge.WaitUnregistered(ctx, u); err != nil {
			t.Errorf("%s: %v", u, err)
		}
	}
}

// Within a second, says TestAClosedConnectionIsReplacedWithinASecond in virtual time.
func TestALostConnectionIsReplaced(t *testing.T) { // goals R-8
	t.Parallel()
	for _, kind := range []sim.FaultKind{sim.Reset, sim.CloseFlows} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			r := newRig(t, newEdge(t, sim.Options{}))
			r.registered("home", "work")
			r.eventually("registration", func() bool { return r.state() == gvoice.Registered })
			if err := r.edge.SetFault(sim.Fault{Kind: kind}); err != nil {
				t.Fatal(err)
			}
			r.eventually("a new connection", func() bool { return r.voice.Status()[0].Flows > 1 })
			r.eventually("new registration", func() bool { return r.state() == gvoice.Registered })
		})
	}
}

func TestAMissingPongIsADeadFlow(t *testing.T) { // GV-C9
	t.Parallel()
	r := newRig(t, newEdge(t, sim.Options{}), func(a *gvoice.Account) {
		a.Timing.KeepAlive, a.Timing.Pong = 100*time.Millisecond, 200*time.Millisecond
	})
	r.registered("home")
	r.eventually("registration", func() bool { return r.state() == gvoice.Registered })
	if err := r.edge.SetFault(sim.Fault{Kind: sim.NoPong}); err != nil {
		t.Fatal(err)
	}
	r.eventually("loss", func() bool { return strings.Contains(r.voice.Status()[0].Problem, "keep-alive") })
	r.edge.ClearFaults()
	r.eventually("recovery", func() bool { return r.state() == gvoice.Registered && r.voice.Status()[0].Flows > 1 })
}

func TestDecliningStartsASilence(t *testing.T) { // GV-C10, GV-S42
	t.Parallel()
	edge := newEdge(t, sim.Options{})
	if err := edge.SetFault(sim.Fault{Kind: sim.RegisterStatus, Status: 603}); err != nil {
		t.Fatal(err)
	}
	r := newRig(t, edge, func(a *gvoice.Account) { a.Timing.Silence = []time.Duration{8 * time.Second, time.Minute} })
	r.eventually("silence", func() bool { return r.state() == gvoice.Silent })
	tries := r.voice.Status()[0].Tries
	if err := edge.SetFault(sim.Fault{Kind: sim.CloseFlows}); err != nil { // recovery must not register either
		t.Fatal(err)
	}
	edge.ClearFaults()
	if len(r.board.Active()) == 0 {
		t.Error("no alarm")
	}
	r.eventually("registration after the silence", func() bool { return r.state() == gvoice.Registered })
	if got := r.voice.Status()[0].Tries; got != tries+1 {
		t.Errorf("%d REGISTERs, want one more than %d", got, tries)
	}
	r.eventually("the alarm's end", func() bool {
		for _, a := range r.board.Active() {
			if a.Subject == "home" {
				return false
			}
		}
		return true
	})
}

func TestOneAnswerToAChallengeNotMore(t *testing.T) { // GV-C11
	t.Parallel()
	edge := newEdge(t, sim.Options{})
	if err := edge.SetFault(sim.Fault{Kind: sim.RegisterStatus, Status: 401}); err != nil {
		t.Fatal(err)
	}
	r := newRig(t, edge, func(a *gvoice.Account) { a.Timing.Backoff, a.Timing.MaxWait = time.Hour, time.Hour })
	r.eventually("giving up", func() bool { return r.state() == gvoice.Waiting })
	if got := r.voice.Status()[0].Tries; got != 2 {
		t.Errorf("%d REGISTERs, want two", got)
	}
	if a := r.board.Active(); len(a) == 0 || !strings.Contains(a[0].Do, "token") {
		t.Errorf("alarms %+v, want one that says what to do", a)
	}
}

func TestTheRegisterIsSentEvenIfTheTokenCannotBeRefreshed(t *testing.T) { // GV-C3
	t.Parallel()
	r := newRig(t, newEdge(t, sim.Options{}))
	r.registered("home", "work")
	r.eventually("registration", func() bool { return r.state() == gvoice.Registered })
	if err := r.edge.SetFault(sim.Fault{Kind: sim.TokenInvalidGrant}); err != nil {
		t.Fatal(err)
	}
	if err := r.edge.SetFault(sim.Fault{Kind: sim.CloseFlows}); err != nil {
		t.Fatal(err)
	}
	r.eventually("loss", func() bool { return r.voice.Status()[0].Flows > 1 })
	r.eventually("registration with the old token", func() bool { return r.state() == gvoice.Registered })
	if a := r.board.Active(); len(a) == 0 {
		t.Error("no alarm although the refresh token is dead")
	}
}

func TestARefusedConsentIsNotTakenForARefusedRegister(t *testing.T) {
	t.Parallel()
	r := newRig(t, newEdge(t, sim.Options{}))
	r.registered("home", "work")
	for _, f := range []sim.Fault{{Kind: sim.TokenInvalidGrant}, {Kind: sim.RegisterStatus, Status: 401}, {Kind: sim.CloseFlows}} {
		if err := r.edge.SetFault(f); err != nil {
			t.Fatal(err)
		}
	}
	var do, detail string
	r.eventually("an alarm", func() bool {
		for _, a := range r.board.Active() {
			if a.Key == "gvoice/home/registration" && strings.Contains(a.Detail, "401") {
				do, detail = a.Do, a.Detail
			}
		}
		return do != ""
	})
	if !strings.HasPrefix(do, "Give consent again") || !strings.Contains(detail, "invalid_grant") {
		t.Errorf("the alarm says %q, to do is %q", detail, do)
	}
}

func TestWithoutATokenTheAlarmSaysWhatToDo(t *testing.T) {
	t.Parallel()
	edge := newEdge(t, sim.Options{})
	if err := edge.SetFault(sim.Fault{Kind: sim.TokenInvalidGrant}); err != nil {
		t.Fatal(err)
	}
	r := newRig(t, edge)
	r.eventually("alarm", func() bool {
		for _, a := range r.board.Active() {
			if strings.Contains(a.Do, "consent") {
				return true
			}
		}
		return false
	})
	_, err := r.voice.Dial(context.Background(), call.Destination{Target: "home", To: "+12025550100"}, call.Request{})
	var ref *call.RefusalError
	if !errors.As(err, &ref) || ref.Cause != call.Unavailable || ref.Retry <= 0 {
		t.Errorf("dialling gives %v, want unavailable with a time to retry", err)
	}
}

func TestAlternateHostsTakeOver(t *testing.T) { // GV-C12, GV-S45
	t.Parallel()
	edge := newEdge(t, sim.Options{})
	if err := edge.SetFault(sim.Fault{Kind: sim.HostDown, Host: "voice.telephony.goog"}); err != nil {
		t.Fatal(err)
	}
	r := newRig(t, edge)
	r.registered("home")
	for _, reg := range edge.Registrations() {
		if reg.SNI != "alt1.voice.telephony.goog" {
			t.Errorf("registered at %s", reg.SNI)
		}
	}
}

func TestBadCertificatesGetNoByteOfSIP(t *testing.T) { // goals R-8
	t.Parallel()
	for kind, want := range map[sim.FaultKind]string{
		sim.UnknownCA:   "not trusted",
		sim.ExpiredCert: "expired",
		sim.WrongName:   "another name",
	} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			edge := newEdge(t, sim.Options{})
			if err := edge.SetFault(sim.Fault{Kind: kind}); err != nil {
				t.Fatal(err)
			}
			r := newRig(t, edge)
			r.eventually("diagnosis", func() bool { return strings.Contains(r.voice.Status()[0].Problem, want) })
			for _, e := range edge.Ladder() {
				if e.Raw != "" {
					t.Errorf("the edge got %s", e.Summary)
				}
			}
			edge.ClearFaults()
			r.eventually("registration", func() bool { return r.state() == gvoice.Registered })
		})
	}
}

func TestClientCertificates(t *testing.T) { // GV-C1, GV-S2
	t.Parallel()
	edge := newEdge(t, sim.Options{})
	file := func(kind sim.ClientKey) string {
		cert, key, err := edge.ClientCertificate(kind)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), string(kind)+".pem")
		if err := os.WriteFile(path, append(cert, key...), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	t.Run("missing", func(t *testing.T) {
		r := newRig(t, edge, func(a *gvoice.Account) { a.Profile = "obihai" })
		r.eventually("diagnosis", func() bool { return strings.Contains(r.voice.Status()[0].Problem, "client_cert") })
	})
	t.Run("good", func(t *testing.T) {
		path := file(sim.ClientECDSA)
		r := newRig(t, edge, func(a *gvoice.Account) { a.Profile, a.ClientCert = "obihai", path })
		r.registered("home")
		l := r.dial("+12025550100") // GV-C13: dialled without plus
		until[call.Answered](r, l)
		l.Do(call.Ended{})
		until[call.Ended](r, l)
		if rep := r.report(1); !strings.HasPrefix(rep.Dialled, "sip:12025550100@") {
			t.Errorf("dialled %q", rep.Dialled)
		}
	})
	t.Run("weak", func(t *testing.T) {
		path := file(sim.ClientRSA1024)
		a := gvoice.Account{Name: "x", Number: homeNumber, ClientID: "c", RefreshToken: "r", ClientCert: path}
		if err := a.Validate(); err == nil || !strings.Contains(err.Error(), "weak_keys") {
			t.Errorf("a weak key is taken without being asked for: %v", err)
		}
		r := newRig(t, edge, func(a *gvoice.Account) { a.Profile, a.ClientCert, a.WeakKeys = "obihai", path, true })
		r.registered("home")
		if !r.voice.Status()[0].Weak {
			t.Error("the status does not show the weak key")
		}
	})
}

func TestACallSurvivesTheLossOfItsConnection(t *testing.T) { // reference 6.5
	t.Parallel()
	edge := newEdge(t, sim.Options{}, sim.Person{Number: "+12025550199", AnswerAfter: 50 * time.Millisecond, Tone: 500})
	r := newRig(t, edge)
	r.registered("home")
	l := r.dial("+12025550199")
	until[call.Answered](r, l)
	if err := edge.SetFault(sim.Fault{Kind: sim.Reset, User: "home"}); err != nil {
		t.Fatal(err)
	}
	r.eventually("loss", func() bool { return r.voice.Status()[0].Flows > 1 })
	r.eventually("registration", func() bool { return r.state() == gvoice.Registered })
	before := l.Media().Stats().PacketsIn
	r.eventually("audio goes on", func() bool { return l.Media().Stats().PacketsIn > before+10 })
	l.Do(call.Ended{})
	if end := until[call.Ended](r, l); end.Cause != call.NormalClearing {
		t.Errorf("ended with %+v", end)
	}
}

func TestApplyStartsStopsAndChangesAccounts(t *testing.T) {
	t.Parallel()
	r := newRig(t, newEdge(t, sim.Options{}))
	r.registered("home", "work")
	changed := r.account("work", workNumber)
	changed.Label = "Workshop"
	if err := r.voice.Apply([]gvoice.Account{changed}); err != nil {
		t.Fatal(err)
	}
	if err := r.edge.WaitUnregistered(r.ctx(), "home"); err != nil {
		t.Error(err)
	}
	r.eventually("the new label", func() bool {
		for _, reg := range r.edge.Registrations() {
			if reg.User == "work" && reg.OBN == "Workshop" {
				return true
			}
		}
		return false
	})
	if s := r.voice.Status(); len(s) != 1 || s[0].Account != "work" {
		t.Errorf("status %+v", s)
	}
}
