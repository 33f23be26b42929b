package gvoice_test

import (
	"testing"
	"time"

	"tandem/call"
	"tandem/leg/gvoice"
	sim "tandem/sim/gvoice"
)

// An account that another machine takes over is unregistered at once, and its calls
// go on over the connection they have, to their end.
func TestAnAccountIsHandedOverUnderACall(t *testing.T) {
	t.Parallel()
	edge := newEdge(t, sim.Options{}, sim.Person{Number: "+12025550199", AnswerAfter: 50 * time.Millisecond, Tone: 500})
	r := newRig(t, edge)
	r.registered("home", "work")
	l := r.dial("+12025550199")
	until[call.Answered](r, l)
	select {
	case <-r.voice.Gone("work"): // it was never there to be left out
	default:
		t.Error("what nobody left out is not gone")
	}
	if err := r.voice.Apply([]gvoice.Account{r.account("work", workNumber)}); err != nil {
		t.Fatal(err)
	}
	select {
	case <-r.voice.Gone("home"):
	case <-time.After(patience):
		t.Fatal("the account is not let go of")
	}
	for _, reg := range edge.Registrations() {
		if reg.User == "home" {
			t.Errorf("still registered: %+v", reg)
		}
	}
	before := l.Media().Stats().PacketsIn
	r.eventually("audio goes on", func() bool { return l.Media().Stats().PacketsIn > before+10 })
	if n := len(edge.State().Connections); n != 2 {
		t.Errorf("%d connections, want that of the call, too", n)
	}
	edge.Calls()[0].HangUp() // what Google sends still arrives
	if end := until[call.Ended](r, l); end.Cause != call.NormalClearing {
		t.Errorf("ended with %+v", end)
	}
	r.eventually("the connection's end", func() bool { return len(edge.State().Connections) == 1 })
	if err := r.voice.Apply([]gvoice.Account{r.account("home", homeNumber), r.account("work", workNumber)}); err != nil {
		t.Fatal(err)
	}
	r.registered("home", "work")
	if n := edge.State().Counters[sim.TakenOver]; n != 0 {
		t.Errorf("%d registrations were doubled", n)
	}
}
