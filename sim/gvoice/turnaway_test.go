package gvoice

import (
	"strings"
	"testing"
	"time"
)

// refusedInvite sends an INVITE to a fault and returns its text and the ACK that
// belongs to the refusal.
func refusedInvite(t *testing.T, change func(*Config)) (c *client, invite, ack string) {
	t.Helper()
	c = registered(t, change)
	_ = c.s.SetFault(Fault{Kind: InviteStatus, Status: 503})
	invite = c.invite("invite-seed.sip", "offer-seed.sdp", answersAt1000Hz)
	m := c.status(503)
	head, _, _ := strings.Cut(invite, "Content-Type:")
	ack = strings.NewReplacer("INVITE sip", "ACK sip", "INVITE\r\nContact", "ACK\r\nContact",
		"To: <sip:12025550100@obihai.sip.google.com>", "To: "+m.Get("To")).Replace(head) + "Content-Length: 0\r\n\r\n"
	return c, invite, ack
}

func TestTheACKOfARefusalIsExpected(t *testing.T) {
	c, invite, ack := refusedInvite(t, nil)
	c.send(invite) // a retransmission gets the same refusal
	c.again()
	c.send(ack)
	c.send(ack)
	c.silence("fault")
	var rules []string
	for _, r := range c.s.Refusals() {
		rules = append(rules, r.Rule)
	}
	if got := strings.Join(rules, ", "); got != "fault, RFC 3261" { // the second ACK belongs to nothing
		t.Errorf("noted by %s", got)
	}
}

func TestAWrongACKOfARefusalIsNoted(t *testing.T) {
	for name, change := range map[string][2]string{
		"CSeq":   {"CSeq: ", "CSeq: 7"},
		"To tag": {";tag=BI", ";tag=XX"},
		"Route":  {"Route: ", "X-Route: "},
	} {
		t.Run(name, func(t *testing.T) {
			c, _, ack := refusedInvite(t, nil)
			c.send(strings.Replace(ack, change[0], change[1], 1))
			if r, err := c.s.WaitRefusal(soon(t), "RFC 3261"); err != nil || !strings.Contains(r.Reason, "the ACK of a refusal has "+name) {
				t.Errorf("%+v, %v", r, err)
			}
		})
	}
}

func TestAMissingACKOfARefusalIsNoted(t *testing.T) {
	c, _, _ := refusedInvite(t, func(c *Config) { c.Timing.T1 = 2 * time.Millisecond })
	if r, err := c.s.WaitRefusal(soon(t), "RFC 3261"); err != nil || !strings.Contains(r.Reason, "no ACK") {
		t.Errorf("%+v, %v", r, err)
	}
}
