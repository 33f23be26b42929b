package gvoice

import (
	"bytes"
	"math"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/pion/stun/v4"
)

// early is a call in early media, without a packet sent yet.
func early(t *testing.T, number string, change func(*Config)) (*client, []byte) {
	t.Helper()
	c := registered(t, change)
	c.invite("invite-seed.sip", "offer-seed.sdp", number)
	return c, c.status(183).Body
}

func TestGVS33NoMediaWithoutAnAuthenticatedCheck(t *testing.T) {
	c, sdp := early(t, "12025550103", nil)
	d, err := parseSDP(sdp)
	if err != nil {
		t.Fatal(err)
	}
	to := net.UDPAddrFromAddrPort(c.s.media.addr4)
	_, _ = c.media.conn.WriteTo(append([]byte{0x80, 0}, make([]byte, 170)...), to)
	wrong, _ := stun.Build(stun.TransactionID, stun.BindingRequest, stun.NewUsername(d.ufrag+":abcd"), stun.NewShortTermIntegrity("wrong"), stun.Fingerprint)
	_, _ = c.media.conn.WriteTo(wrong.Raw, to)
	c.media.until("the refusal of the check", func() bool { c.media.mu.Lock(); defer c.media.mu.Unlock(); return c.media.bad == 1 })
	if h := c.media.heard(); h.Packets != 0 {
		t.Errorf("%d packets went to an unverified address", h.Packets)
	}
	m := c.lastCall().Report().Legs[0].Media
	if m.Unverified != 1 || m.BadChecks != 1 || m.Checks != 0 {
		t.Errorf("%+v", m)
	}
	c.media.check(sdp)
	c.media.until("early media", func() bool { return c.media.heard().Packets > 3 })
	if m := c.lastCall().Report().Legs[0].Media; m.Nominated || m.Pair != c.media.conn.LocalAddr().String() {
		t.Errorf("media must flow without nomination (section 20): %+v", m)
	}
}

func TestGVS33LatePacketsOfAnEndedCallAreNotBlamedOnTheOther(t *testing.T) {
	c, sdp := early(t, "12025550103", func(c *Config) { c.Options.ConcurrentCalls = -1 })
	c.media.check(sdp)
	first, old := c.lastCall(), c.media
	c.media.until("early media", func() bool { return old.heard().Packets > 3 })
	first.HangUp()
	c.status(480)
	if _, err := first.Wait(soon(t)); err != nil {
		t.Fatal(err)
	}
	c.media = nil
	c.invite("invite-seed.sip", "offer-seed.sdp", "12025550103")
	d, err := parseSDP(c.status(183).Body)
	if err != nil {
		t.Fatal(err)
	}
	to := net.UDPAddrFromAddrPort(c.s.media.addr4)
	_, _ = old.conn.WriteTo(append([]byte{0x80, 0}, make([]byte, 170)...), to)
	wrong, _ := stun.Build(stun.TransactionID, stun.BindingRequest, stun.NewUsername(d.ufrag+":abcd"), stun.NewShortTermIntegrity("wrong"), stun.Fingerprint)
	_, _ = old.conn.WriteTo(wrong.Raw, to)
	old.until("the answer to what came after it", func() bool { old.mu.Lock(); defer old.mu.Unlock(); return old.bad == 1 })
	if m := c.lastCall().Report().Legs[0].Media; m.Unverified != 0 {
		t.Errorf("the late packet was put down to the second call: %+v", m)
	}
}

func TestSection20AControlledClientIsAccepted(t *testing.T) {
	c, sdp := early(t, "12025550103", nil)
	c.media.check(sdp, stun.RawAttribute{Type: stun.AttrICEControlled, Value: make([]byte, 8)}, stun.RawAttribute{Type: stun.AttrPriority, Value: []byte{0x7e, 0, 0, 1}})
	c.media.until("early media", func() bool { return c.media.heard().Packets > 3 })
}

func TestGVS34And33OffersWithoutMuxOrICEAreRefused(t *testing.T) {
	for line, rule := range map[string]string{"a=rtcp-mux\r\n": "GV-S34", "a=ice-ufrag:abcd\r\n": "GV-S33"} {
		c := registered(t, nil)
		c.media = newMedia(t)
		c.vars["NUMBER"], c.vars["CALLID"], c.vars["UFRAG"], c.vars["PWD"] = answersAt1000Hz, "x", c.media.ufrag, c.media.pwd
		c.send(c.fill("invite-seed.sip", strings.Replace(c.fill("offer-seed.sdp", ""), line, "", 1)))
		c.status(488)
		c.refused(rule)
	}
}

func TestGVS37CodecsAndPayloadTypesAreTheClients(t *testing.T) {
	for _, row := range []struct {
		opus bool
		want string
	}{{false, "m=audio %d RTP/AVP 0 101"}, {true, "m=audio %d RTP/AVP 107 102"}} {
		c := registered(t, func(c *Config) { c.Options.Opus = row.opus })
		c.invite("invite-asterisk.sip", "offer-asterisk.sdp", "12025550103")
		m := c.status(183)
		if got := string(m.Body); !strings.Contains(got, row.want[strings.Index(row.want, " RTP"):]+"\r\n") {
			t.Errorf("opus %v: %s", row.opus, got)
		}
		c.media.in.Audio = 107
		c.media.check(m.Body)
		c.media.until("media", func() bool { return c.media.heard().Packets > 3 })
		if row.opus && c.media.heard().Payloads[107] == 0 {
			t.Errorf("payload types %v", c.media.heard().Payloads)
		}
	}
}

func TestGVS38NothingOfWebRTCIsInTheAnswer(t *testing.T) {
	_, sdp := early(t, "12025550103", nil)
	for _, no := range []string{"a=ssrc", "a=msid", "a=extmap", "a=rtcp-fb", "a=fingerprint", "a=setup"} {
		if bytes.Contains(sdp, []byte(no)) {
			t.Errorf("%s in the answer to a plain offer", no)
		}
	}
}

func TestGVS35ASecureOfferGetsASecureAnswer(t *testing.T) {
	for setup, want := range map[string]string{"actpass": "passive", "active": "passive", "passive": "active"} {
		c := registered(t, nil)
		c.media = newMedia(t)
		c.vars["NUMBER"], c.vars["CALLID"], c.vars["UFRAG"], c.vars["PWD"] = "12025550103", "x", c.media.ufrag, c.media.pwd
		offer := c.fill("offer-seed.sdp", "") + "a=fingerprint:" + c.s.media.fingerprint + "\r\na=setup:" + setup + "\r\na=mid:0\r\n"
		offer = strings.Replace(offer, "t=0 0\r\n", "t=0 0\r\na=group:BUNDLE 0\r\n", 1)
		c.send(c.fill("invite-seed.sip", strings.Replace(offer, "RTP/AVP", "UDP/TLS/RTP/SAVPF", 1)))
		got := string(c.status(183).Body)
		for _, line := range []string{"a=setup:" + want, "a=fingerprint:" + c.s.media.fingerprint, "a=mid:0", "a=group:BUNDLE 0"} {
			if !strings.Contains(got, line+"\r\n") {
				t.Errorf("setup:%s: no %s in %s", setup, line, got)
			}
		}
		if !strings.Contains(got, " UDP/TLS/RTP/SAVPF 0 101\r\n") {
			t.Errorf("m-line in %s", got)
		}
	}
}

func TestGVS41Echo(t *testing.T) {
	c := registered(t, func(c *Config) { c.Options.Echo = true })
	c.invite("invite-seed.sip", "offer-seed.sdp", answersAt1000Hz)
	c.media.sound(c.status(183).Body, 777)
	ok := c.status(200)
	c.send(c.inDialog("ACK", ok, ""))
	c.media.until("the own voice", func() bool { return math.Abs(c.media.heard().Tone-777) < 5 })
}

func TestGVS47TheIPv6CandidateCanBeABlackHole(t *testing.T) {
	s := newEdge(t, nil)
	if s.media.conn6 == nil {
		t.Skip("no IPv6 here")
	}
	c := dial(t, s, "obihai.telephony.goog")
	c.register("register-seed.sip")
	c.invite("invite-seed.sip", "offer-seed.sdp", "12025550103")
	sdp := c.status(183).Body
	if !bytes.Contains(sdp, []byte("a=candidate:2 1 UDP 2 ::1 ")) {
		t.Fatalf("no IPv6 candidate in %s", sdp)
	}
	d, _ := parseSDP(sdp)
	conn, err := net.DialUDP("udp6", nil, net.UDPAddrFromAddrPort(s.media.addr6))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ask := func() {
		m, _ := stun.Build(stun.TransactionID, stun.BindingRequest, stun.NewUsername(d.ufrag+":abcd"), stun.NewShortTermIntegrity(d.pwd), stun.Fingerprint)
		_, _ = conn.Write(m.Raw)
	}
	_ = s.SetFault(Fault{Kind: IPv6BlackHole, Times: 1})
	ask() // swallowed
	ask()
	buf := make([]byte, 1500)
	n, err := conn.Read(buf)
	if err != nil || !stun.IsMessage(buf[:n]) {
		t.Fatal(err)
	}
	if m := c.lastCall().Report().Legs[0].Media; m.Checks != 1 || netip.MustParseAddrPort(m.Pair).Addr().Is4() {
		t.Errorf("%+v", m)
	}
}

func TestMediaBlockedLosesAllMediaButNoCheck(t *testing.T) {
	c, sdp := early(t, "12025550103", nil)
	_ = c.s.SetFault(Fault{Kind: MediaBlocked})
	c.media.sound(sdp, 500)
	c.media.until("the check", func() bool { c.media.mu.Lock(); defer c.media.mu.Unlock(); return c.media.ok == 1 })
	if m := c.lastCall().Report().Legs[0].Media; m.Received.Packets != 0 || m.Sent != 0 {
		t.Errorf("%+v", m)
	}
}
