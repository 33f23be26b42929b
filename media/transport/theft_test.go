package transport

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/pion/dtls/v3"

	"tandem/internal/pipe"
	"tandem/media/rtp"
	"tandem/media/sdp"
)

// attacker sprays what it can at a port: RTP with the right SSRC and payload type,
// RTCP BYE, SRTP junk, STUN without credentials, a DTLS hello.
func attack(t *testing.T, c *net.UDPConn, at netip.AddrPort, ssrc uint32, rounds int) {
	t.Helper()
	stun := append([]byte{0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42}, make([]byte, 12)...)
	hello := append([]byte{22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 40, 1}, make([]byte, 39)...)
	bye := rtp.AppendBye(rtp.AppendReceiverReport(nil, ssrc), ssrc, "")
	for i := range rounds {
		for _, b := range [][]byte{rtpPacket(ssrc, 1000+i, "injected"), bye, rtpPacket(ssrc+1, i, "injected, another SSRC"), stun, hello, {255}, {128}, {0x80, 0, 0, 1, 0}} {
			_, _ = c.WriteToUDPAddrPort(b, at)
		}
	}
}

// strangers get nothing and inject nothing, before, during and after the far
// end speaks.
func TestStrangersGetNothingOfAPlainCall(t *testing.T) {
	for _, signalled := range []bool{false, true} {
		t.Run(fmt.Sprint("signalling address known ", signalled), func(t *testing.T) {
			s, _ := newTestSession(t, newEngine(t), func(o *Options) {
				if signalled {
					o.Remote = loop4
				}
			})
			p, thief := newPhone(t, loop4), listen(t, loop4)
			answer, err := s.AnswerTo([]byte(p.sdp()), "")
			if err != nil {
				t.Fatal(err)
			}
			at, got := portOf(t, answer), collect(s)
			attack(t, thief, at, 1, 20)
			talk(s, 5)
			const n = 200
			for i := range n {
				p.send(at, 1, i, "legitimate")
				if i%4 == 0 {
					attack(t, thief, at, 1, 1)
				}
				if i%20 == 0 {
					talk(s, 1)
					got.wait(t, i) // keeps the socket's buffer from overflowing
				}
			}
			got.wait(t, n)
			s.Close()
			if l := got.list(); len(l) != n {
				t.Errorf("%d packets came, want %d", len(l), n)
			}
			for _, q := range got.list() {
				if string(q.Payload) != "legitimate" {
					t.Fatalf("injected: %q", q.Payload)
				}
			}
			if b := read(t, thief, 100*time.Millisecond); b != "" {
				t.Fatalf("the thief got %q", b)
			}
		})
	}
}

func TestStrangersGetNothingOfAnSRTPCall(t *testing.T) {
	for _, security := range []sdp.Security{sdp.SDES, sdp.DTLS} {
		for _, ice := range []sdp.ICEMode{sdp.ICENone, sdp.ICEFull} {
			t.Run(fmt.Sprint(security, " ice ", ice), func(t *testing.T) {
				e := newEngine(t)
				policy := func(o *Options) {
					o.Capabilities.Security, o.Capabilities.ICE, o.Capabilities.Mux = security, ice, sdp.MuxRequire
				}
				a, ea := newTestSession(t, e, policy)
				b, eb := newTestSession(t, e, policy)
				thief := listen(t, loop4)
				offer, err := a.Offer()
				if err != nil {
					t.Fatal(err)
				}
				attack(t, thief, portOf(t, offer), 1, 3)
				answer, err := b.AnswerTo(offer, "")
				if err != nil {
					t.Fatal(err)
				}
				attack(t, thief, portOf(t, answer), 1, 3)
				if err := a.SetAnswer(answer); err != nil {
					t.Fatal(err)
				}
				ea.wait(t, Connected)
				eb.wait(t, Connected)
				attack(t, thief, portOf(t, answer), 1, 20)
				bothWays(t, a, b)
				if got := read(t, thief, 50*time.Millisecond); got != "" && got[0]&0xc0 == 0x80 {
					t.Fatalf("the thief got media: %q", got)
				}
			})
		}
	}
}

// A phone behind a NAT: its SDP shows its private address.
func TestAPhoneBehindANATIsHeard(t *testing.T) {
	s, _ := newTestSession(t, newEngine(t), func(o *Options) { o.Remote = loop4 })
	p := newPhone(t, loop4)
	offer := strings.Replace(p.sdp(), "c=IN IP4 127.0.0.1", "c=IN IP4 127.0.0.99", 1)
	answer, err := s.AnswerTo([]byte(offer), "")
	if err != nil {
		t.Fatal(err)
	}
	got := collect(s)
	p.send(portOf(t, answer), 1, 1, "from behind")
	got.wait(t, 1)
	talk(s, 1)
	if got := p.readPayload(); got != "packet 0" {
		t.Fatalf("got %q", got)
	}
}

// A stranger who knows the port is first with a true ClientHello, and has a true
// certificate: the far end takes its place, and no key is the stranger's.
func TestAStrangersHandshakeDoesNotKeepTheFarEndOut(t *testing.T) {
	e, other := newEngine(t), newEngine(t)
	policy := func(o *Options) {
		o.Capabilities.Security, o.Capabilities.ICE, o.Capabilities.Mux = sdp.DTLS, sdp.ICENone, sdp.MuxRequire
	}
	a, ea := newTestSession(t, e, policy)
	b, eb := newTestSession(t, other, policy)
	offer, err := a.Offer()
	if err != nil {
		t.Fatal(err)
	}
	thief := listen(t, loop4)
	stolen := make(chan error, 1)
	ctx, stop := context.WithTimeout(t.Context(), patience)
	defer stop()
	go func() { stolen <- handshakeAsStranger(ctx, thief, portOf(t, offer)) }()
	answer, err := b.AnswerTo(offer, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := a.SetAnswer(answer); err != nil {
		t.Fatal(err)
	}
	ea.wait(t, Connected)
	eb.wait(t, Connected)
	bothWays(t, a, b)
	stop()
	if err := <-stolen; err == nil {
		t.Fatal("the stranger's handshake came to an end")
	}
	if got := read(t, thief, 50*time.Millisecond); got != "" && got[0]&0xc0 == 0x80 {
		t.Fatalf("the thief got media: %q", got)
	}
}

// handshakeAsStranger shakes hands with a certificate nobody has announced, and
// again, until it succeeds or ctx ends.
func handshakeAsStranger(ctx context.Context, c *net.UDPConn, at netip.AddrPort) error {
	id, err := newIdentity()
	if err != nil {
		return err
	}
	conn, err := dtls.ClientWithOptions(c, net.UDPAddrFromAddrPort(at), dtls.WithCertificates(id.certificate),
		dtls.WithInsecureSkipVerify(true), dtls.WithSRTPProtectionProfiles(srtpProfiles[:]...),
		dtls.WithFlightInterval(10*time.Millisecond), dtls.WithLoggerFactory(pipe.Quiet()))
	if err != nil {
		return err
	}
	defer conn.Close()
	return conn.HandshakeContext(ctx)
}

func TestADTLSCertificateThatWasNotAnnouncedGetsNoKeys(t *testing.T) {
	e, other := newEngine(t), newEngine(t)
	policy := func(o *Options) {
		o.Capabilities.Security, o.Capabilities.ICE, o.Capabilities.Mux = sdp.DTLS, sdp.ICEFull, sdp.MuxRequire
	}
	a, ea := newTestSession(t, e, policy)
	b, _ := newTestSession(t, other, policy)
	offer, err := a.Offer()
	if err != nil {
		t.Fatal(err)
	}
	answer, err := b.AnswerTo(offer, "")
	if err != nil {
		t.Fatal(err)
	}
	forged := strings.Replace(string(answer), other.identity.fingerprint.Value, e.identity.fingerprint.Value, 1)
	if err := a.SetAnswer([]byte(forged)); err != nil {
		t.Fatal(err)
	}
	if ev := ea.wait(t, Failed); !strings.Contains(ev.Err.Error(), "certificate") {
		t.Fatal(ev.Err)
	}
	got := collect(b)
	talk(a, 3)
	if len(got.list()) != 0 || a.Stats().PacketsOut != 0 {
		t.Fatal("media left without keys")
	}
}
