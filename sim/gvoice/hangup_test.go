package gvoice

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestGVS28TheCallerHangsUpWhileItRings(t *testing.T) {
	c := registered(t, nil)
	call := place(t, c.s, Incoming{CancelAfter: 100 * time.Millisecond})
	m := c.recv()
	c.send(c.respond(m, 180, ""))
	cancel := c.recv()
	if cancel.Method != "CANCEL" || cancel.Branch() != m.Branch() || cancel.URI != m.URI {
		t.Fatalf("got %s", cancel.Raw)
	}
	c.send(answerTo(cancel, 200, cancel.All("Via")))
	c.send(c.respond(m, 487, ""))
	if ack := c.recv(); ack.Method != "ACK" {
		t.Errorf("got %s", ack.Summary())
	}
	if r, err := call.Wait(soon(t)); err != nil || r.Outcome != "cancelled by caller" || len(r.Refusals) != 0 {
		t.Errorf("%s %+v, %v", r.Outcome, r.Refusals, err)
	}
}

func TestGVS28ACallerWhoLeavesAfterTheAnswerOnlyStopsItsMedia(t *testing.T) {
	t.Parallel()
	c := registered(t, func(c *Config) { c.Timing.AnsweredMedia = 400 * time.Millisecond })
	place(t, c.s, Incoming{CancelAfter: 3 * time.Second, Talk: Person{Tone: 440}}) // answered long before
	m := c.recv()
	sdp := c.answerSDP()
	c.send(c.respond(m, 200, sdp))
	c.recv() // ACK
	c.media.sound(m.Body, 900)
	if bye := c.recv(); bye.Method != "BYE" {
		t.Errorf("got %s, want no CANCEL but a late BYE", bye.Summary())
	}
}

func TestGVS27VoicemailTakesOverByCancel(t *testing.T) {
	c := registered(t, func(c *Config) { c.Timing.RingTime = 150 * time.Millisecond })
	call := place(t, c.s, Incoming{})
	m := c.recv()
	cancel := c.recv()
	if cancel.Method != "CANCEL" {
		t.Fatalf("got %s", cancel.Summary())
	}
	c.send(answerTo(cancel, 200, cancel.All("Via")))
	c.send(c.respond(m, 487, ""))
	if r, err := call.Wait(soon(t)); err != nil || !strings.HasPrefix(r.Outcome, "voicemail") {
		t.Errorf("%s, %v", r.Outcome, err)
	}
}

func TestGVS27AllDevicesRingAndTheLosersAreCancelled(t *testing.T) {
	c := registered(t, func(c *Config) {
		c.Accounts[0].Devices = []Device{{User: "gvmuted", NoInbound: true}}
	})
	second, muted := dial(t, c.s, "fi.telephony.goog"), dial(t, c.s, "obihai.telephony.goog")
	second.vars["USER"], muted.vars["USER"] = "gvsecond", "gvmuted"
	second.register("register-seed.sip")
	muted.register("register-seed.sip")
	call := place(t, c.s, Incoming{Talk: Person{TalkFor: 10 * time.Millisecond}})
	m, m2 := c.recv(), second.recv()
	sdp := c.answerSDP()
	c.send(c.respond(m, 200, sdp))
	c.recv() // ACK
	cancel := second.recv()
	if cancel.Method != "CANCEL" {
		t.Fatalf("got %s", cancel.Summary())
	}
	second.send(answerTo(cancel, 200, cancel.All("Via")))
	second.send(second.respond(m2, 487, ""))
	bye := c.recv()
	c.send(answerTo(bye, 200, bye.All("Via")))
	r, err := call.Wait(soon(t))
	if err != nil || len(r.Legs) != 2 || r.Outcome != "answered" {
		t.Errorf("%+v, %v", r, err)
	}
	for _, e := range c.s.Ladder(m.CallID(), m2.CallID()) {
		if strings.HasPrefix(e.Peer, "3 ") {
			t.Errorf("the device without inbound got %s", e.Summary)
		}
	}
}

func TestGVS22TheCalledClientMustNotReverseTheRouteSet(t *testing.T) {
	c := registered(t, nil)
	call := place(t, c.s, Incoming{Talk: Person{Tone: 440}})
	m := c.recv()
	sdp := c.answerSDP()
	c.send(c.respond(m, 200, sdp))
	c.recv() // ACK
	c.media.sound(m.Body, 900)
	rr := m.All("Record-Route")
	bye := c.uasDialog("BYE", m, "")
	c.send(swap(bye, rr[0], rr[1]))
	c.send(c.uasDialog("INFO", m, ""))
	if got := c.status(200); !strings.HasSuffix(got.Get("CSeq"), "INFO") {
		t.Errorf("the reversed BYE was answered: %s", got.Summary())
	}
	c.refused("GV-S22")
	c.send(bye)
	c.status(200)
	if r, err := call.Wait(soon(t)); err != nil || r.EndedBy != "client" {
		t.Errorf("%s, %v", r.EndedBy, err)
	}
}

func TestGVC24AReinviteOfTheEdgeHasUnchangedSDP(t *testing.T) {
	c := registered(t, nil)
	call := place(t, c.s, Incoming{})
	m := c.recv()
	sdp := c.answerSDP()
	c.send(c.respond(m, 200, sdp))
	c.recv() // ACK
	c.media.sound(m.Body, 900)
	call.Reinvite()
	again := c.recv()
	if again.Method != "INVITE" || string(again.Body) != string(m.Body) || again.ToTag() != "calleetag" {
		t.Fatalf("got %s", again.Raw)
	}
	c.send(c.respond(again, 200, sdp))
	if ack := c.recv(); ack.Method != "ACK" || !strings.HasPrefix(ack.Get("CSeq"), strings.Fields(again.Get("CSeq"))[0]+" ") {
		t.Errorf("got %s", ack.Raw)
	}
	call.HangUp()
	if bye := c.recv(); bye.Method != "BYE" {
		t.Errorf("got %s", bye.Summary())
	}
}

func TestAnInDialogRequestMayComeOnTheNextFlow(t *testing.T) {
	c := registered(t, nil)
	place(t, c.s, Incoming{Talk: Person{Tone: 440}})
	m := c.recv()
	sdp := c.answerSDP()
	c.send(c.respond(m, 200, sdp))
	c.recv() // ACK
	c.media.sound(m.Body, 900)
	_ = c.s.SetFault(Fault{Kind: Reset})
	next := dial(t, c.s, "obihai.telephony.goog")
	next.register("register-seed.sip")
	next.seq = c.seq
	next.send(next.uasDialog("BYE", m, ""))
	next.status(200)
}

func TestGVS28AnAnswerThatCrossesTheCancelIsHungUp(t *testing.T) {
	c := registered(t, nil)
	call := place(t, c.s, Incoming{CancelAfter: 50 * time.Millisecond})
	m := c.recv()
	cancel := c.recv()
	sdp := c.answerSDP()
	c.send(c.respond(m, 200, sdp))
	c.send(answerTo(cancel, 200, cancel.All("Via")))
	if ack := c.recv(); ack.Method != "ACK" {
		t.Errorf("got %s", ack.Summary())
	}
	bye := c.recv()
	if bye.Method != "BYE" {
		t.Fatalf("got %s", bye.Summary())
	}
	c.send(answerTo(bye, 200, bye.All("Via")))
	if r, err := call.Wait(soon(t)); err != nil || r.Outcome != "cancelled by caller" {
		t.Errorf("%s, %v", r.Outcome, err)
	}
}

func TestHoldByDirectionIsAnsweredMirroredAndStopsTheMedia(t *testing.T) {
	c := registered(t, nil)
	c.invite("invite-seed.sip", "offer-seed.sdp", answersAt1000Hz)
	c.media.sound(c.status(183).Body, 500)
	ok := c.status(200)
	c.send(c.inDialog("ACK", ok, ""))
	for direction, want := range map[string]string{"sendonly": "recvonly", "inactive": "inactive"} {
		sdp := strings.Replace(c.fill("offer-seed.sdp", ""), "a=sendrecv", "a="+direction, 1)
		c.send(c.inDialog("INVITE", ok, fmt.Sprintf("Contact: <sip:gv12025550123@192.0.2.10:38250;transport=TLS>\r\nContent-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s", len(sdp), sdp)))
		held := c.status(200)
		if !strings.Contains(string(held.Body), "a="+want+"\r\n") {
			t.Errorf("%s was answered with %s", direction, held.Body)
		}
		c.send(c.inDialog("ACK", held, ""))
	}
	more := func() {
		had := c.lastCall().Report().Legs[0].Media.Received.Packets
		c.media.until("more of the client's audio", func() bool {
			return c.lastCall().Report().Legs[0].Media.Received.Packets > had+5
		})
	}
	more() // what was on its way is sent
	sent := c.lastCall().Report().Legs[0].Media.Sent
	more()
	if r := c.lastCall().Report().Legs[0]; r.Media.Sent != sent || r.Reinvites != 2 {
		t.Errorf("%d packets were sent to a client on hold; %d re-INVITEs", r.Media.Sent-sent, r.Reinvites)
	}
}

func TestSipURIsWithEmptyUserDoNotConfuseTheCaller(t *testing.T) {
	c := registered(t, func(c *Config) { c.Options.Withheld = WithheldEmptyUser })
	place(t, c.s, Incoming{Display: NumberWithheld})
	if m := c.recv(); m.Get("Privacy") != "id" || m.Get("P-Asserted-Identity") != "" {
		t.Errorf("got %s", m.Raw)
	}
}
