package main

import (
	"testing"
	"time"

	"tandem/call"
	"tandem/config"
	"tandem/leg/gvoice"
	"tandem/leg/sipua"
	"tandem/route"
	"tandem/sim/audio"
	"tandem/sim/phone"
	"tandem/sim/wire"
)

func TestExplainAsksAsTheConnectorsWould(t *testing.T) {
	conf := &config.Config{
		SIP: sipua.Config{
			Devices: []sipua.Device{{Name: "kitchen", CallerID: "+12025550123"}, {Name: "study"}},
			Trunks:  []sipua.Trunk{{Name: "pbx"}},
		},
		Voice: []config.VoiceAccount{{Account: gvoice.Account{Name: "home"}}},
	}
	for _, c := range []struct {
		ask  explainCmd
		want call.Request
	}{
		{explainCmd{Via: "kitchen"}, call.Request{Connector: route.SIP, Via: "kitchen", From: "+12025550123", Registered: true}},
		{explainCmd{Via: "study"}, call.Request{Connector: route.SIP, Via: "study", From: "study", Registered: true}},
		{explainCmd{Via: "kitchen", From: "x"}, call.Request{Connector: route.SIP, Via: "kitchen", From: "x", Registered: true}},
		{explainCmd{Via: "pbx", From: "200"}, call.Request{Connector: route.SIP, Via: "pbx", From: "200"}},
		{explainCmd{Via: "home"}, call.Request{Connector: route.GoogleVoice, Via: "home", From: "home"}},
		{explainCmd{}, call.Request{Connector: route.SIP}},
	} {
		got, err := conf.Request(c.ask.question())
		if err != nil || got.Connector != c.want.Connector || got.Via != c.want.Via || got.From != c.want.From || got.Registered != c.want.Registered {
			t.Errorf("%+v: got %+v, %v, want %+v", c.ask, got, err, c.want)
		}
	}
	if _, err := conf.Request(config.Question{Via: "kitchne"}); err == nil {
		t.Error("a name that nothing has was taken")
	}
}

func TestARefusedCallTellsTheSentence(t *testing.T) {
	rep := phone.Report{Ladder: []wire.Event{
		{Raw: "SIP/2.0 404 Not Found\r\nWarning: 399 tandem \"Nobody has this number.\"\r\nReason: Q.850;cause=1\r\n"},
		{Out: true, Raw: "ACK sip:x SIP/2.0\r\n"},
	}}
	if got := sentence(rep); got != ": Nobody has this number." {
		t.Errorf("got %q", got)
	}
	if got := sentence(phone.Report{}); got != "" {
		t.Errorf("got %q, want nothing", got)
	}
}

func TestEveryToneOfACallIsHeard(t *testing.T) {
	at := func(from, to time.Duration, f float64) audio.Segment {
		return audio.Segment{From: from, To: to, Frequency: f}
	}
	var rep phone.Report
	if got := frequencies(tones(rep)); got != "no tone" {
		t.Errorf("got %q", got)
	}
	rep.Received.Heard = []audio.Segment{
		at(0, 2*time.Second, 440), at(2*time.Second, 2100*time.Millisecond, 610), at(2100*time.Millisecond, 3*time.Second, 0),
		at(3*time.Second, 4*time.Second, 800), at(4*time.Second, 5*time.Second, 803),
	}
	if got := frequencies(tones(rep)); got != "440 Hz, then 800 Hz" {
		t.Errorf("got %q", got)
	}
}
