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
	"github.com/pion/srtp/v3"
	"github.com/pion/stun/v4"

	"tandem/internal/pipe"
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
	p := pipe.New(e.conn.LocalAddr(), func(b []byte, _ netip.AddrPort) {
		peer, _, _ := e.address()
		_, _ = e.conn.WriteToUDPAddrPort(b, peer)
	})
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case b := <-e.media:
				if b[0] >= 20 && b[0] < 64 {
					p.Put(b, netip.AddrPort{})
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
