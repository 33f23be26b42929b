package transport

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/ice/v4"
	prtp "github.com/pion/rtp"
	"github.com/pion/srtp/v3"
	"github.com/pion/stun/v4"

	"tandem/media"
	"tandem/media/sdp"
)

const (
	edgeUfrag    = "exampleUfr12"
	edgePassword = "examplePassword012345678"
	// An address that nothing answers at: IPv6 is a black hole here (GV-S47).
	blackHole = "2001:db8::26"
)

// edge is a hand-written ice-lite far end in the shape of Google Voice's: it
// answers authenticated checks, takes media only from addresses that made one
// (GV-S33), and never sends a check.
type edge struct {
	t     *testing.T
	conn  *net.UDPConn
	media chan []byte // RTP and DTLS from confirmed addresses
	ufrag string

	mu        sync.Mutex
	peer      netip.AddrPort
	nominated bool
	bad       int // datagrams that a strict edge refuses
}

func newEdge(t *testing.T, ip netip.Addr, ufrag string) *edge {
	e := &edge{t: t, conn: listen(t, ip), media: make(chan []byte, 256), ufrag: ufrag}
	done := make(chan struct{})
	go func() {
		defer close(done)
		e.run()
	}()
	t.Cleanup(func() {
		_ = e.conn.Close()
		<-done
	})
	return e
}

func (e *edge) run() {
	var b [2048]byte
	for {
		n, from, err := e.conn.ReadFromUDPAddrPort(b[:])
		if err != nil {
			return
		}
		e.mu.Lock()
		switch known := e.peer == from; {
		case b[0] < 4:
			e.check(b[:n], from)
		case !known:
			e.bad++
		default:
			select {
			case e.media <- append([]byte(nil), b[:n]...):
			default:
			}
		}
		e.mu.Unlock()
	}
}

// check answers one connectivity check (RFC 8445 §7.3).
func (e *edge) check(b []byte, from netip.AddrPort) {
	m := &stun.Message{Raw: append([]byte(nil), b...)}
	var user stun.Username
	if m.Decode() != nil || m.Type != stun.BindingRequest || user.GetFrom(m) != nil ||
		!strings.HasPrefix(string(user), e.ufrag+":") || stun.NewShortTermIntegrity(edgePassword).Check(m) != nil {
		e.bad++
		return
	}
	e.peer = from
	if m.Contains(stun.AttrUseCandidate) {
		e.nominated = true
	}
	answer, err := stun.Build(m, stun.BindingSuccess,
		&stun.XORMappedAddress{IP: from.Addr().AsSlice(), Port: int(from.Port())},
		stun.NewShortTermIntegrity(edgePassword), stun.Fingerprint)
	if err != nil {
		e.bad++
		return
	}
	_, _ = e.conn.WriteToUDPAddrPort(answer.Raw, from)
}

func (e *edge) address() (peer netip.AddrPort, nominated bool, bad int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.peer, e.nominated, e.bad
}

// telephony is the offer of reference §8.1, session-level attributes and all.
func (e *edge) telephony(fingerprint string) string {
	a, family := addrOf(e.conn), "IP4 "
	if a.Addr().Is6() {
		family = "IP6 "
	}
	lines := []string{
		"v=0", "o=- 2125604025 1529079021317 IN " + family + a.Addr().String(), "s=SIP Call", "c=IN " + family + a.Addr().String(), "t=0 0",
		"a=ice-lite", "a=ice-pwd:" + edgePassword, "a=ice-ufrag:" + e.ufrag, "a=group:BUNDLE audio",
		"a=fingerprint:sha-256 " + fingerprint, "a=setup:actpass",
		fmt.Sprintf("m=audio %d RTP/AVP 0 101", a.Port()), "a=rtpmap:0 PCMU/8000", "a=rtpmap:101 telephone-event/8000", "a=rtcp-mux",
		fmt.Sprintf("a=candidate:1 1 UDP 1 %s %d typ host", a.Addr(), a.Port()),
		fmt.Sprintf("a=candidate:2 1 UDP 2 %s %d typ host", blackHole, a.Port()),
		"a=mid:audio", "a=sendrecv", "",
	}
	return strings.Join(lines, "\r\n")
}

// web is the answer of reference §9.2.
func (e *edge) web(fingerprint string) string {
	a := addrOf(e.conn)
	lines := []string{
		"v=0", "o=xavier 1774800000000 1774800001 IN IP4 " + a.Addr().String(), "s=SIP Call", "c=IN IP4 " + a.Addr().String(), "t=0 0",
		"a=sendrecv", "a=ice-lite", "a=ice-ufrag:" + e.ufrag, "a=ice-pwd:" + edgePassword, "a=group:BUNDLE 0",
		"a=fingerprint:sha-256 " + fingerprint, "a=setup:passive",
		fmt.Sprintf("m=audio %d UDP/TLS/RTP/SAVPF 111 110", a.Port()), "a=rtpmap:111 opus/48000/2", "a=rtpmap:110 telephone-event/48000",
		fmt.Sprintf("a=candidate:1 1 UDP 1 %s %d typ host", a.Addr(), a.Port()),
		fmt.Sprintf("a=candidate:2 1 UDP 2 %s %d typ host", blackHole, a.Port()),
		"a=mid:0", "a=sendrecv", "a=rtcp-mux", "",
	}
	return strings.Join(lines, "\r\n")
}

func (e *edge) read() []byte {
	e.t.Helper()
	select {
	case b := <-e.media:
		return b
	case <-time.After(patience):
		e.t.Fatal("no media came to the edge")
	}
	return nil
}

const anyFingerprint = "00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF"

// GV-C16, C20, C21, S32, S33, S35, S47: the telephony edge, plain RTP over ICE.
func TestGoogleVoiceTelephonyEdge(t *testing.T) {
	google := newEdge(t, loop4, edgeUfrag)
	s, events := newTestSession(t, newEngine(t), func(o *Options) {
		o.Capabilities.ICE, o.Capabilities.Mux = sdp.ICEFull, sdp.MuxRequire
		o.ExtraHost, o.FillSilence = netip.MustParseAddr("203.0.113.5"), true
	})
	answer, err := s.AnswerTo([]byte(google.telephony(anyFingerprint)), "")
	if err != nil {
		t.Fatal(err)
	}
	port := portOf(t, answer).Port()
	for _, want := range []string{
		fmt.Sprintf("m=audio %d RTP/AVP 0 101\r\n", port), "a=rtcp-mux\r\n", "a=ice-ufrag:",
		fmt.Sprintf(" 1 UDP 2130706431 203.0.113.5 %d typ host\r\n", port), fmt.Sprintf(" 127.0.0.1 %d typ host\r\n", port),
	} {
		if !strings.Contains(string(answer), want) {
			t.Errorf("the answer lacks %q:\n%s", want, answer)
		}
	}
	began := time.Now()
	events.wait(t, Connected)
	t.Logf("connected after %v", time.Since(began))

	// Silence flows before anybody answers the call.
	for i := range 3 {
		if b := google.read(); len(b) != 172 || b[1]&0x7f != 0 || b[12] != 0xff {
			t.Fatalf("packet %d is not PCMU silence: % x", i, b[:min(len(b), 16)])
		}
	}
	peer, nominated, bad := google.address()
	if !nominated || bad != 0 {
		t.Errorf("nominated %v, %d datagrams refused", nominated, bad)
	}
	got := collect(s)
	_, _ = google.conn.WriteToUDPAddrPort(rtpPacket(1, 1, "from Google"), peer)
	if l := got.wait(t, 1); string(l[0].Payload) != "from Google" {
		t.Fatalf("got %q", l[0].Payload)
	}
	// GV-C24: the same offer again changes nothing.
	again, err := s.AnswerTo([]byte(google.telephony(anyFingerprint)), "")
	if err != nil || string(again) != string(answer) {
		t.Fatalf("%v, another answer:\n%s", err, again)
	}
}

func TestGoogleVoiceOverIPv6(t *testing.T) {
	google := newEdge(t, loop6, edgeUfrag)
	s, events := newTestSession(t, newEngine(t), func(o *Options) {
		o.Capabilities.ICE, o.Capabilities.Mux, o.FillSilence = sdp.ICEFull, sdp.MuxRequire, true
	})
	if _, err := s.AnswerTo([]byte(google.telephony(anyFingerprint)), ""); err != nil {
		t.Fatal(err)
	}
	events.wait(t, Connected)
	google.read()

	s, _ = newTestSession(t, newEngine(t), func(o *Options) {
		o.Capabilities.ICE, o.Capabilities.Mux, o.IPv4Only = sdp.ICEFull, sdp.MuxRequire, true
	})
	answer, err := s.AnswerTo([]byte(google.telephony(anyFingerprint)), "")
	if err != nil || strings.Contains(string(answer), "::1") {
		t.Fatalf("%v, IPv4 only:\n%s", err, answer)
	}
}

// GV-C21, C22, S36: the web edge. It has an RSA certificate, one cipher suite and
// one SRTP profile; we are the DTLS client.
func TestGoogleVoiceWebEdge(t *testing.T) {
	google := newEdge(t, loop4, edgeUfrag)
	certificate := rsaCertificate(t)
	s, events := newTestSession(t, newEngine(t), func(o *Options) {
		o.Capabilities = sdp.Capabilities{
			Audio:    []sdp.Codec{{Name: "OPUS", Clock: 48000, Channels: 2, PayloadType: 111}},
			Events:   []media.Event{{PayloadType: 110, Clock: 48000}},
			Security: sdp.DTLS, ICE: sdp.ICEFull, Mux: sdp.MuxRequire,
		}
		o.FillSilence = true
	})
	if _, err := s.Offer(); err != nil {
		t.Fatal(err)
	}
	if err := s.SetAnswer([]byte(google.web(hash("sha-256", certificate.Certificate[0])))); err != nil {
		t.Fatal(err)
	}
	conn := google.dtlsServer(certificate)
	events.wait(t, Connected)
	in, _ := contexts(t, conn, srtp.ProtectionProfileAes128CmHmacSha1_80)
	for {
		b := google.read()
		if b[0]&0xc0 != 0x80 {
			continue
		}
		plain, err := in.DecryptRTP(nil, b, new(prtp.Header))
		if err != nil {
			t.Fatal(err)
		}
		if string(plain[12:]) != "\xf8\xff\xfe" || plain[1]&0x7f != 111 {
			t.Fatalf("not Opus silence: % x", plain)
		}
		break
	}
}

func rsaCertificate(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// dtlsServer shakes hands as the edge does.
func (e *edge) dtlsServer(certificate tls.Certificate) *dtls.Conn {
	e.t.Helper()
	p := newPipe(e.conn.LocalAddr(), func(b []byte, _ netip.AddrPort) error {
		peer, _, _ := e.address()
		_, err := e.conn.WriteToUDPAddrPort(b, peer)
		return err
	})
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case b := <-e.media:
				if b[0] >= 20 && b[0] < 64 {
					p.put(b, netip.AddrPort{})
				}
			case <-stop:
				return
			}
		}
	}()
	conn, err := dtls.ServerWithOptions(p, &net.UDPAddr{},
		dtls.WithCertificates(certificate), dtls.WithClientAuth(dtls.RequireAnyClientCert), dtls.WithInsecureSkipVerify(true),
		dtls.WithCipherSuites(dtls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256),
		dtls.WithSRTPProtectionProfiles(dtls.SRTP_AES128_CM_HMAC_SHA1_80), dtls.WithExtendedMasterSecret(dtls.RequireExtendedMasterSecret))
	if err != nil {
		e.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := conn.HandshakeContext(ctx); err != nil {
		e.t.Fatal(err)
	}
	close(stop)
	<-done
	e.t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// contexts are the server's SRTP contexts.
func contexts(t *testing.T, conn *dtls.Conn, profile srtp.ProtectionProfile) (in, out *srtp.Context) {
	t.Helper()
	state, _ := conn.ConnectionState()
	c := srtp.Config{Profile: profile}
	if err := c.ExtractSessionKeysFromDTLS(&state, false); err != nil {
		t.Fatal(err)
	}
	in, err := newContext(profile, c.Keys.RemoteMasterKey, c.Keys.RemoteMasterSalt)
	if err != nil {
		t.Fatal(err)
	}
	out, err = newContext(profile, c.Keys.LocalMasterKey, c.Keys.LocalMasterSalt)
	if err != nil {
		t.Fatal(err)
	}
	return in, out
}

// An independent agent: pion's, in its lite mode, on its own socket.
func TestICEAgainstAnIceLiteAgent(t *testing.T) {
	far, err := ice.NewAgentWithOptions(ice.WithICELite(true), ice.WithIncludeLoopback(), ice.WithNetworkTypes([]ice.NetworkType{ice.NetworkTypeUDP4}),
		ice.WithCandidateTypes([]ice.CandidateType{ice.CandidateTypeHost}), ice.WithMulticastDNSMode(ice.MulticastDNSModeDisabled),
		ice.WithIPFilter(func(a net.IP) bool { return a.IsLoopback() }), ice.WithLoggerFactory(quiet{}))
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	found := make(chan ice.Candidate, 8)
	if err := far.OnCandidate(func(c ice.Candidate) { found <- c }); err != nil {
		t.Fatal(err)
	}
	if err := far.GatherCandidates(); err != nil {
		t.Fatal(err)
	}
	candidate := <-found
	ufrag, password, _ := far.GetLocalUserCredentials()
	s, events := newTestSession(t, newEngine(t), func(o *Options) {
		o.Capabilities.ICE, o.Capabilities.Mux = sdp.ICEFull, sdp.MuxRequire
	})
	offer := strings.Join([]string{
		"v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "c=IN IP4 127.0.0.1", "t=0 0", "a=ice-lite",
		"a=ice-ufrag:" + ufrag, "a=ice-pwd:" + password, "m=audio 9 RTP/AVP 0", "a=rtcp-mux",
		"a=candidate:" + strings.TrimPrefix(candidate.Marshal(), "candidate:"), "",
	}, "\r\n")
	if _, err := s.AnswerTo([]byte(offer), ""); err != nil {
		t.Fatal(err)
	}
	conn, err := far.StartAccept(s.credits.ufrag, s.credits.password)
	if err != nil {
		t.Fatal(err)
	}
	events.wait(t, Connected)
	talk(s, 1)
	var b [1500]byte
	n, err := conn.Read(b[:])
	if err != nil || string(b[12:n]) != "packet 0" {
		t.Fatalf("%q %v", b[:n], err)
	}
	got := collect(s)
	if _, err := conn.Write(rtpPacket(3, 1, "back")); err != nil {
		t.Fatal(err)
	}
	got.wait(t, 1)
}

// A far end that is controlling and never nominates (reference §20.5): one
// authenticated check is enough for media both ways.
func TestAFarEndThatNeverNominates(t *testing.T) {
	s, events := newTestSession(t, newEngine(t), func(o *Options) {
		o.Capabilities.ICE, o.Capabilities.Mux = sdp.ICEFull, sdp.MuxRequire
	})
	far := listen(t, loop4)
	a := addrOf(far)
	offer := strings.Join([]string{
		"v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "c=IN IP4 127.0.0.1", "t=0 0",
		"a=ice-ufrag:" + edgeUfrag, "a=ice-pwd:" + edgePassword, fmt.Sprintf("m=audio %d RTP/AVP 0", a.Port()), "a=rtcp-mux",
		fmt.Sprintf("a=candidate:1 1 UDP 1 127.0.0.1 %d typ host", a.Port()), "",
	}, "\r\n")
	answer, err := s.AnswerTo([]byte(offer), "")
	if err != nil {
		t.Fatal(err)
	}
	at := portOf(t, answer)
	check, err := stun.Build(stun.TransactionID, stun.BindingRequest, stun.NewUsername(s.credits.ufrag+":"+edgeUfrag),
		ice.AttrControlling(1), ice.PriorityAttr(1), stun.NewShortTermIntegrity(s.credits.password), stun.Fingerprint)
	if err != nil {
		t.Fatal(err)
	}
	got := collect(s)
	_, _ = far.WriteToUDPAddrPort(rtpPacket(1, 1, "before the check"), at)
	_, _ = far.WriteToUDPAddrPort(check.Raw, at)
	events.wait(t, Connected)
	_, _ = far.WriteToUDPAddrPort(rtpPacket(1, 2, "after it"), at)
	if l := got.wait(t, 1); string(l[0].Payload) != "after it" {
		t.Fatalf("got %q", l[0].Payload)
	}
	talk(s, 1)
	for {
		b := read(t, far, patience)
		if b == "" {
			t.Fatal("no media came")
		}
		if b[0] == 0x80 {
			break
		}
	}
}

// A far end that is not there: an event says so, in time.
func TestICEThatFindsNobodyFails(t *testing.T) {
	s, events := newTestSession(t, newEngine(t), func(o *Options) {
		o.Capabilities.ICE, o.Capabilities.Mux, o.ConnectTimeout = sdp.ICEFull, sdp.MuxRequire, time.Second
	})
	silent := &edge{t: t, conn: listen(t, loop4), ufrag: edgeUfrag}
	if _, err := s.AnswerTo([]byte(silent.telephony(anyFingerprint)), ""); err != nil {
		t.Fatal(err)
	}
	events.wait(t, Failed)
}

// The far end restarts ICE with new credentials on another port.
func TestICERestart(t *testing.T) {
	one, two := newEdge(t, loop4, edgeUfrag), newEdge(t, loop4, "anotherUfr34")
	s, events := newTestSession(t, newEngine(t), func(o *Options) {
		o.Capabilities.ICE, o.Capabilities.Mux, o.FillSilence = sdp.ICEFull, sdp.MuxRequire, true
	})
	first, err := s.AnswerTo([]byte(one.telephony(anyFingerprint)), "")
	if err != nil {
		t.Fatal(err)
	}
	events.wait(t, Connected)
	one.read()
	second, err := s.AnswerTo([]byte(two.telephony(anyFingerprint)), "")
	if err != nil {
		t.Fatal(err)
	}
	if ufrag(first) == ufrag(second) {
		t.Fatalf("the credentials stayed %s", ufrag(first))
	}
	events.wait(t, Connected)
	two.read()
}

func ufrag(description []byte) string {
	_, after, _ := strings.Cut(string(description), "a=ice-ufrag:")
	value, _, _ := strings.Cut(after, "\r\n")
	return value
}
