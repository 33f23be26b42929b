package gvoice

import (
	"testing"
	"time"
)

func TestGVS40NoEarlyMediaFromTheClientEndsTheCallWith603(t *testing.T) {
	c := registered(t, func(c *Config) { c.Timing.EarlyMedia = time.Second }) // it rings long before
	c.invite("invite-seed.sip", "offer-seed.sdp", "12025550103")
	c.status(183)
	c.status(180)
	if m := c.status(603); m.Reason != "media inactivity" {
		t.Errorf("reason %q", m.Reason)
	}
	c.refused("GV-S40")
}

func TestGVS40ACallWhoseMediaStopsIsHungUp(t *testing.T) {
	c := registered(t, func(c *Config) { c.Timing.AnsweredMedia = 300 * time.Millisecond })
	c.invite("invite-seed.sip", "offer-seed.sdp", answersAt1000Hz)
	c.status(183)
	ok := c.status(200)
	c.send(c.inDialog("ACK", ok, ""))
	if m := c.recv(); m.Method != "BYE" {
		t.Errorf("got %s", m.Summary())
	}
	c.refused("GV-S40")
}

func TestGVS48LimitsAndBillingAreOptions(t *testing.T) {
	t.Parallel()
	c := registered(t, func(c *Config) { c.Options.Billing = Billing403; c.Options.CallLength = 3 * time.Second })
	c.invite("invite-seed.sip", "offer-seed.sdp", "011442079460000")
	c.status(403)
	<-c.lastCall().Done()
	c.invite("invite-seed.sip", "offer-seed.sdp", answersAt1000Hz)
	c.media.sound(c.status(183).Body, 500)
	c.invite("invite-seed.sip", "offer-seed.sdp", answersAt1000Hz)
	one, other := c.recv(), c.recv() // the answer of the first call may overtake the refusal of the second
	if one.Status == 200 {
		one, other = other, one
	}
	if one.Status != 486 { // limits.concurrent_calls
		t.Errorf("the second call got %s", one.Summary())
	}
	ok := other
	c.send(c.inDialog("ACK", ok, ""))
	if m := c.recv(); m.Method != "BYE" {
		t.Errorf("got %s", m.Summary())
	}
	c.refused("GV-S48")
}

func TestInviteFaults(t *testing.T) {
	c := registered(t, nil)
	_ = c.s.SetFault(Fault{Kind: InviteStatus, Status: 480, Reason: "Not Today", Times: 1})
	c.invite("invite-seed.sip", "offer-seed.sdp", answersAt1000Hz)
	if m := c.status(480); m.Reason != "Not Today" {
		t.Errorf("reason %q", m.Reason)
	}
	_ = c.s.SetFault(Fault{Kind: InviteSilent, Times: 1})
	c.invite("invite-seed.sip", "offer-seed.sdp", answersAt1000Hz)
	c.silence("fault")
	_ = c.s.SetFault(Fault{Kind: EarlyHangup})
	c.invite("invite-seed.sip", "offer-seed.sdp", answersAt1000Hz)
	c.media.sound(c.status(183).Body, 500)
	ok := c.status(200)
	c.send(c.inDialog("ACK", ok, ""))
	if m := c.recv(); m.Method != "BYE" {
		t.Errorf("got %s", m.Summary())
	}
}

func TestACallMayFollowTheEndOfAnother(t *testing.T) {
	c := registered(t, func(c *Config) { c.Options.Billing = Billing403 })
	c.invite("invite-seed.sip", "offer-seed.sdp", "011442079460000")
	c.status(403) // the edge still waits for its ACK
	c.invite("invite-seed.sip", "offer-seed.sdp", answersAt1000Hz)
	c.status(183)
	ok := c.status(200)
	c.send(c.inDialog("ACK", ok, ""))
	c.send(c.inDialog("BYE", ok, ""))
	c.status(200)
	c.invite("invite-seed.sip", "offer-seed.sdp", answersAt1000Hz)
	c.status(183)
}
