package gvoice_test

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"tandem/call"
	"tandem/leg/gvoice"
	sim "tandem/sim/gvoice"
)

func TestKeysAreSentAtTheClockOfTheCodec(t *testing.T) { // GV-C22
	t.Parallel()
	for codec, o := range map[string]sim.Options{"PCMU": {}, "OPUS": {Opus: true}} {
		t.Run(codec, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, newEdge(t, o))
			r.registered("home")
			l := r.dial("+12025550100", "OPUS", "PCMU")
			if a := until[call.Answered](r, l); a.Codec != codec {
				t.Fatalf("answered with %s", a.Codec)
			}
			for _, key := range "1#" {
				l.Do(call.Digit{Key: key, Hold: 100 * time.Millisecond})
			}
			c, err := r.edge.WaitCall(r.ctx(), 1)
			if err != nil {
				t.Fatal(err)
			}
			r.eventually("the keys", func() bool { return c.Report().Legs[0].Media.Received.DTMF == "1#" })
			l.Do(call.Ended{})
			until[call.Ended](r, l)
			if info := r.report(1).Legs[0].Info; len(info) != 0 {
				t.Errorf("keys by INFO: %q", info)
			}
			r.strict()
		})
	}
}

func TestAudioIsPacedAndTheOwnVoiceMayComeBack(t *testing.T) { // GV-C23, GV-S41
	t.Parallel()
	r := newRig(t, newEdge(t, sim.Options{Echo: true}))
	r.registered("home")
	began := time.Now()
	l := r.dial("+12025550107")
	until[call.Answered](r, l)
	r.eventually("a second of audio both ways", func() bool { return l.Media().Stats().PacketsIn > 60 })
	l.Do(call.Ended{})
	if end := until[call.Ended](r, l); end.Cause != call.NormalClearing {
		t.Errorf("ended with %+v", end)
	}
	rep := r.report(1)
	heard, lasted := rep.Legs[0].Media.Received, rep.Ended.Sub(began) // when the first packet arrives depends on the machine
	if most := int(lasted/(20*time.Millisecond))*5/4 + 10; heard.Packets > most {
		t.Errorf("%d packets within %v: a burst", heard.Packets, lasted)
	}
	if heard.SSRCs != 1 || heard.Lost != 0 {
		t.Errorf("%+v", heard)
	}
}

func TestTheSessionIsRefreshedAsTheEdgeAsks(t *testing.T) { // GV-C17
	t.Parallel()
	edge := newEdge(t, sim.Options{SessionTimer: 90 * time.Second}, sim.Person{Number: "+12025550199", TalkFor: 300 * time.Millisecond})
	r := newRig(t, edge)
	r.registered("home")
	l := r.dial("+12025550199")
	until[call.Answered](r, l)
	until[call.Ended](r, l)
	c, err := edge.WaitCall(r.ctx(), 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range c.Report().Ladder {
		if strings.HasPrefix(e.Summary, "INVITE") && !e.Out && !strings.Contains(e.Raw, "Session-Expires: 90") {
			t.Errorf("the INVITE asks for no session timer:\n%s", e.Raw)
		}
	}
	r.strict()
}

func TestMessageWaitingIsAcknowledged(t *testing.T) { // GV-C28
	t.Parallel()
	r := newRig(t, newEdge(t, sim.Options{MWI: true}))
	r.registered("home")
	r.eventually("the answer to NOTIFY", func() bool {
		for _, e := range r.edge.Ladder() {
			if !e.Out && e.Summary == "200 OK (NOTIFY)" {
				return true
			}
		}
		return false
	})
	r.strict()
}

// lockedBuffer is a log that several goroutines write.
type lockedBuffer struct {
	mu sync.Mutex // guards b
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func TestNoSecretIsLogged(t *testing.T) { // GV-C27
	t.Parallel()
	var log lockedBuffer
	edge := newEdge(t, sim.Options{})
	t.Run("a life of an account", func(t *testing.T) {
		r := newRigLogging(t, edge, slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})))
		r.registered("home", "work")
		l := r.dial("+12025550109")
		until[call.Ended](r, l)
		for _, kind := range []sim.FaultKind{sim.TokenInvalidGrant, sim.CloseFlows} {
			if err := edge.SetFault(sim.Fault{Kind: kind}); err != nil {
				t.Fatal(err)
			}
		}
		r.eventually("loss", func() bool { return r.voice.Status()[0].Flows > 1 })
		r.eventually("registration", func() bool { return r.state() == gvoice.Registered })
	})
	text := log.b.String()
	if !strings.Contains(text, "account") {
		t.Fatalf("nothing was logged: %q", text)
	}
	for _, secret := range []string{"ya29.", "refresh" + homeNumber, "Bearer", "secret"} {
		if strings.Contains(text, secret) {
			t.Errorf("%q is in the log", secret)
		}
	}
}
