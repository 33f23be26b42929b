package gvoice

import (
	"strings"
	"testing"

	"tandem/sim/wire"
)

// A whole day of an Asterisk with its Google options on: nothing that it sends
// may be refused (reference, section 20). Its Contact, Supported, Bearer and offer
// are those of the golden files.
func TestADayOfAsterisk(t *testing.T) {
	c := dial(t, newEdge(t, nil), "obihai.telephony.goog")
	c.register("register-asterisk.sip")
	first := c.vars["ROUTES"]
	c.send("\r\n\r\n")
	c.register("register-asterisk.sip") // at 3585 s of 3600, with a new token on the same connection
	if c.vars["ROUTES"] != first {
		t.Errorf("a renewal changed the Service-Routes")
	}
	// qualify_frequency: Asterisk decorates OPTIONS as it does INVITE.
	for _, routes := range []string{"$ROUTES\nP-Preferred-Identity: <$IDENTITY>\n", ""} {
		c.send(c.fillText("OPTIONS sip:$DOMAIN SIP/2.0\nVia: SIP/2.0/TLS 192.0.2.10:5061;rport;branch=$BRANCH;alias\n" +
			"From: <sip:gvsip1@192.0.2.10>;tag=q$SEQ\nTo: <sip:$DOMAIN>\nContact: <sip:gvsip1@192.0.2.10:5061;transport=TLS>\n" +
			"Call-ID: qualify$SEQ\nCSeq: 4711 OPTIONS\n" + routes + "Max-Forwards: 70\nUser-Agent: Asterisk PBX 22.10.1\nContent-Length:  0\n\n"))
		c.status(200)
	}

	// timers=required beside 100rel=yes, with early media, hold and a session refresh.
	c.vars["NUMBER"] = answersAt1000Hz
	c.invite("invite-asterisk.sip", "offer-asterisk.sdp", answersAt1000Hz)
	c.media.sound(c.status(183).Body, 440)
	ok := c.status(200)
	c.send(c.inDialog("ACK", ok, "User-Agent: Asterisk PBX 22.10.1\r\n"))
	for _, direction := range []string{"sendonly", "inactive", "sendrecv"} {
		sdp := strings.Replace(c.fill("offer-asterisk.sdp", ""), "a=sendrecv", "a="+direction, 1)
		c.send(c.inDialog("INVITE", ok, c.described(sdp)))
		again := c.status(200)
		c.send(c.inDialog("ACK", again, ""))
	}
	c.send(c.inDialog("UPDATE", ok, "Supported: 100rel, timer, replaces, norefersub, histinfo\r\nSession-Expires: 1800;refresher=uac\r\nMin-SE: 90\r\n"))
	c.status(200)
	c.send(c.inDialog("OPTIONS", ok, ""))
	c.status(200)
	c.send(c.inDialog("BYE", ok, "Reason: Q.850;cause=16\r\nMax-Forwards: 70\r\nUser-Agent: Asterisk PBX 22.10.1\r\n"))
	c.status(200)

	// CANCEL carries the Routes and the identity of its INVITE.
	invite := c.invite("invite-asterisk.sip", "offer-asterisk.sdp", "12025550103")
	c.status(183)
	c.send(cancelOf(invite))
	seen := map[int]bool{c.recv().Status: true}
	refused := c.recv()
	if refused.Status == 180 { // it rings while we give up
		refused = c.recv()
	}
	seen[refused.Status] = true
	if !seen[200] || !seen[487] {
		t.Errorf("a CANCEL got %v, want 200 and 487", seen)
	}

	// At shutdown, and by `pjsip send unregister`.
	c.vars["TOKEN"] = token(t, c.s)
	c.send(strings.Replace(c.fill("register-asterisk.sip", ""), "Expires: 3600", "Expires: 0", 1))
	c.status(200)
	if n := len(c.s.State().Registrations); n != 0 {
		t.Errorf("%d registrations are left", n)
	}
	for _, r := range c.s.Refusals() {
		if !strings.Contains(r.Reason, "Supported has no outbound, path") { // Asterisk's INVITE; Google takes it
			t.Errorf("%s %s: %s (%s)", r.Action, r.What, r.Reason, r.Rule)
		}
	}
}

// described is a body for inDialog.
func (c *client) described(sdp string) string {
	w := wire.Request("INVITE", "sip:x").Add("Contact", "<sip:asterisk@192.0.2.10:5061;transport=TLS>").
		Add("Supported", "100rel, timer, replaces, norefersub, histinfo").Body("application/sdp", sdp)
	_, rest, _ := strings.Cut(string(w), "\r\n")
	return rest
}

// cancelOf is the CANCEL of an INVITE, with its Routes.
func cancelOf(invite string) string {
	head, _, _ := strings.Cut(invite, "\r\n\r\n")
	var kept []string
	for line := range strings.SplitSeq(head, "\r\n") {
		name, _, _ := strings.Cut(line, ":")
		switch name {
		case "Via", "From", "To", "Call-ID", "Route", "P-Preferred-Identity", "Max-Forwards", "User-Agent":
			kept = append(kept, line)
		case "CSeq":
			kept = append(kept, strings.Replace(line, "INVITE", "CANCEL", 1))
		default:
			if strings.HasPrefix(line, "INVITE ") {
				kept = append(kept, "CANCEL "+strings.TrimPrefix(line, "INVITE "))
			}
		}
	}
	return strings.Join(kept, "\r\n") + "\r\nContent-Length:  0\r\n\r\n"
}
