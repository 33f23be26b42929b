package gvoice_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"tandem/call"
	"tandem/leg/gvoice"
	sim "tandem/sim/gvoice"
)

func TestACallComesInOnOneAccountAndGoesOutOnAnother(t *testing.T) {
	t.Parallel()
	r := newRig(t, newEdge(t, sim.Options{}))
	r.registered("home", "work")
	r.to = func(q call.Request) ([]call.Destination, error) {
		if q.From != "+12025550147" || q.To != homeNumber || q.Via != "home" || q.FromName != "caller" {
			t.Errorf("request %+v", q)
		}
		return []call.Destination{{Connector: gvoice.Name, Target: "work", To: "+12025550100"}}, nil
	}
	in, err := r.edge.PlaceCall(r.ctx(), sim.Incoming{To: homeNumber, From: "+12025550147", Name: "caller", Talk: sim.Person{Tone: 700, TalkFor: 4 * time.Second}})
	if err != nil {
		t.Fatal(err)
	}
	rep, err := in.Wait(r.ctx())
	if err != nil {
		t.Fatal(err)
	}
	out := r.report(2)
	if rep.Outcome != "answered" || out.Outcome != "answered" {
		t.Fatalf("outcomes %q and %q", rep.Outcome, out.Outcome)
	}
	heard := out.Legs[0].Media.Received
	if heard.Tone < 690 || heard.Tone > 710 {
		t.Errorf("the person called hears %+v, want the caller's 700 Hz", heard)
	}
	r.strict()
	r.sw.Wait()
	if rec := r.records[0]; rec.Cause != call.NormalClearing || rec.Path != "PCMU relay" || rec.B.Media.PacketsIn == 0 {
		t.Errorf("record %+v", rec)
	}
}

func TestOutgoingCalls(t *testing.T) {
	t.Parallel()
	r := newRig(t, newEdge(t, sim.Options{ConcurrentCalls: -1}), func(a *gvoice.Account) { a.MaxCalls = 0 })
	r.registered("home")
	for _, p := range sim.DefaultPeople() {
		if p.Refuse == 0 {
			continue
		}
		l := r.dial(p.Number)
		end := until[call.Ended](r, l)
		if want := call.CauseOfSIP(p.Refuse); end.Cause != want {
			t.Errorf("%s refuses with %d: ended with %v, want %v", p.Number, p.Refuse, end.Cause, want)
		}
	}
	r.strict()
}

func TestWeSendAudioBeforeTheAnswer(t *testing.T) { // GV-C16, GV-S40
	t.Parallel()
	edge := newEdge(t, sim.Options{}, sim.Person{Number: "+12025550199", AnswerAfter: 5 * time.Second, TalkFor: 500 * time.Millisecond})
	r := newRig(t, edge)
	r.registered("home")
	l := r.dial("+12025550199")
	if p := until[call.Progress](r, l); !p.Early || p.Codec != "PCMU" {
		t.Errorf("progress %+v, want early media in PCMU", p)
	}
	until[call.Answered](r, l)
	until[call.Ended](r, l)
	rep := r.report(1)
	if m := rep.Legs[0].Media; m.RTPBeforeAnswer < 30 || m.Unverified != 0 || !m.Nominated {
		t.Errorf("media %+v, want silence from early on, over a nominated pair", m)
	}
	r.strict()
}

func TestHangingUpWhileItRingsCancels(t *testing.T) { // GV-C7: with the Route headers, or it is ignored
	t.Parallel()
	edge := newEdge(t, sim.Options{}, sim.Person{Number: "+12025550199", NoAnswer: true})
	r := newRig(t, edge)
	r.registered("home")
	l := r.dial("+12025550199")
	until[call.Progress](r, l)
	l.Do(call.Ended{Cause: call.Cancelled})
	if end := until[call.Ended](r, l); end.Cause != call.Cancelled {
		t.Errorf("ended with %v", end)
	}
	if rep := r.report(1); rep.Outcome != "cancelled by client" {
		t.Errorf("the edge saw %q", rep.Outcome)
	}
	r.strict()
}

func TestRingingAfterEarlyMediaIsReported(t *testing.T) { // GV-C15
	t.Parallel()
	edge := newEdge(t, sim.Options{}, sim.Person{Number: "+12025550199", NoEarlyMedia: true, Ring: 200 * time.Millisecond, AnswerAfter: time.Second, TalkFor: 300 * time.Millisecond})
	r := newRig(t, edge)
	r.registered("home")
	l := r.dial("+12025550199")
	if p := until[call.Progress](r, l); !p.Early {
		t.Errorf("first %+v, want early media", p)
	}
	if p := until[call.Progress](r, l); p.Early {
		t.Errorf("then %+v, want ringing", p)
	}
	until[call.Answered](r, l)
	until[call.Ended](r, l)
}

func TestEdgesOfManyKinds(t *testing.T) { // section 17: the client works with each value
	t.Parallel()
	for name, o := range map[string]sim.Options{
		"reliable provisionals":             {Reliable: true},
		"an empty 200 after a reliable 183": {Reliable: true, EmptyAnswer: true}, // GV-C14
		"session timer":                     {SessionTimer: 90 * time.Second},
		"contact rewritten":                 {RewriteContact: true},
		"routes change at every REGISTER":   {RotateRoutes: true},
		"strict about Supported":            {StrictSupported: true},
		"opus first":                        {Opus: true},
		"own voice comes back":              {Echo: true},
		"short expiry":                      {Expires: 60},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			edge := newEdge(t, o, sim.Person{Number: "+12025550199", AnswerAfter: 100 * time.Millisecond, TalkFor: 500 * time.Millisecond})
			r := newRig(t, edge)
			r.registered("home")
			l := r.dial("+12025550199", "OPUS", "PCMU")
			a := until[call.Answered](r, l)
			if want := map[bool]string{true: "OPUS", false: "PCMU"}[o.Opus]; a.Codec != want {
				t.Errorf("answered with %q, want %q", a.Codec, want)
			}
			if end := until[call.Ended](r, l); end.Cause != call.NormalClearing {
				t.Errorf("ended with %+v", end)
			}
			r.strict()
		})
	}
}

func TestEncryptedMediaWhenAskedFor(t *testing.T) { // GV-C21, GV-S35
	t.Parallel()
	edge := newEdge(t, sim.Options{})
	r := newRig(t, edge, func(a *gvoice.Account) { a.Encrypt = true })
	r.registered("home", "work")
	r.to = func(call.Request) ([]call.Destination, error) {
		return []call.Destination{{Connector: gvoice.Name, Target: "work", To: "+12025550100"}}, nil
	}
	in, err := edge.PlaceCall(r.ctx(), sim.Incoming{To: homeNumber, From: "+12025550147", Talk: sim.Person{Tone: 700, TalkFor: 6 * time.Second}})
	if err != nil {
		t.Fatal(err)
	}
	rep, err := in.Wait(r.ctx())
	if err != nil || rep.Outcome != "answered" {
		t.Fatalf("%v, outcome %q", err, rep.Outcome)
	}
	if m := rep.Legs[0].Media; m.Security != "dtls-srtp" || m.Received.Packets < 50 {
		t.Errorf("media %+v, want DTLS-SRTP that flows", m)
	}
	if heard := r.report(2).Legs[0].Media.Received; heard.Tone < 690 || heard.Tone > 710 {
		t.Errorf("the person called hears %+v", heard)
	}
	r.strict()
}

func TestAnIPv6PathThatLosesEverythingIsAvoided(t *testing.T) { // GV-S47
	t.Parallel()
	for _, kind := range []sim.FaultKind{sim.IPv6BlackHole, sim.IPv6NoMedia} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			edge := newEdge(t, sim.Options{}, sim.Person{Number: "+12025550199", AnswerAfter: 100 * time.Millisecond, Tone: 500, TalkFor: 4 * time.Second})
			if err := edge.SetFault(sim.Fault{Kind: kind}); err != nil {
				t.Fatal(err)
			}
			r := newRig(t, edge)
			r.registered("home")
			l := r.dial("+12025550199")
			until[call.Answered](r, l)
			until[call.Ended](r, l)
			if m := r.report(1).Legs[0].Media; m.Received.Packets < 30 {
				t.Errorf("media %+v", m)
			}
			if s := l.Media().Stats(); s.PacketsIn < 30 {
				t.Errorf("we got %d packets", s.PacketsIn)
			}
		})
	}
}

func TestTheCallerHangsUpWhileItRings(t *testing.T) { // GV-C18
	t.Parallel()
	r := newRig(t, newEdge(t, sim.Options{}))
	r.registered("home", "work")
	r.to = func(call.Request) ([]call.Destination, error) {
		return []call.Destination{{Connector: gvoice.Name, Target: "work", To: "+12025550197"}}, nil
	}
	in, err := r.edge.PlaceCall(r.ctx(), sim.Incoming{To: homeNumber, From: "+12025550147", CancelAfter: 300 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	rep, err := in.Wait(r.ctx())
	if err != nil {
		t.Fatal(err)
	}
	r.sw.Wait()
	if rec := r.records[0]; rec.Cause != call.Cancelled {
		t.Errorf("record %+v, edge %q", rec, rep.Outcome)
	}
	r.strict()
}

func TestAReinviteWithUnchangedDescriptionChangesNothing(t *testing.T) { // GV-C24
	t.Parallel()
	edge := newEdge(t, sim.Options{}, sim.Person{Number: "+12025550199", AnswerAfter: 50 * time.Millisecond, Tone: 500, TalkFor: 2 * time.Second})
	r := newRig(t, edge)
	r.registered("home")
	l := r.dial("+12025550199")
	until[call.Answered](r, l)
	c, err := edge.WaitCall(r.ctx(), 1)
	if err != nil {
		t.Fatal(err)
	}
	c.Reinvite()
	if end := until[call.Ended](r, l); end.Cause != call.NormalClearing {
		t.Errorf("ended with %+v", end)
	}
	if m := r.report(1).Legs[0].Media.Received; m.SSRCs != 1 || m.Lost != 0 || m.Duplicates != 0 {
		t.Errorf("the audio was disturbed: %+v", m)
	}
	r.strict()
}

func TestDialRefusals(t *testing.T) {
	t.Parallel()
	r := newRig(t, newEdge(t, sim.Options{}), func(a *gvoice.Account) { a.MaxCalls = 1 })
	r.voice.Emergency = func(n string) bool { return n == "911" }
	r.registered("home")
	cause := func(target, to string) call.Cause {
		l, err := r.voice.Dial(context.Background(), call.Destination{Target: target, To: to}, call.Request{})
		var ref *call.RefusalError
		if !errors.As(err, &ref) {
			t.Fatalf("dialling %s over %s gives %v, %v", to, target, l, err)
		}
		return ref.Cause
	}
	if got := cause("nobody", "+12025550100"); got != call.NoRoute {
		t.Errorf("unknown account: %v", got)
	}
	if got := cause("home", "911"); got != call.Emergency { // reference 14.2
		t.Errorf("emergency number: %v", got)
	}
	first := r.dial("+12025550197")
	if got := cause("home", "+12025550100"); got != call.Congestion {
		t.Errorf("second call of one: %v", got)
	}
	first.Do(call.Ended{Cause: call.Cancelled})
	until[call.Ended](r, first)
	if n := r.voice.Status()[0].Calls; n != 0 {
		t.Errorf("%d calls are counted, none runs", n)
	}
}
