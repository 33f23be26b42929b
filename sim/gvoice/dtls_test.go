package gvoice

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"
	"github.com/pion/stun/v4"

	"tandem/sim/audio"
	"tandem/sim/ca"
)

func TestGVS35TheOfferMayBeAnsweredWithDTLS(t *testing.T) {
	c := registered(t, nil)
	call := place(t, c.s, Incoming{Talk: Person{Tone: 440}})
	invite := c.recv()
	cert := selfSigned(t)
	sdp := c.answerSDP()
	sdp = strings.Replace(sdp, "a=sendrecv\r\n", "a=fingerprint:"+fingerprintOf(cert.Certificate[0])+"\r\na=setup:active\r\na=sendrecv\r\n", 1)
	c.media.close() // this test reads the socket itself
	conn, err := net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(c.s.media.addr4))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	c.send(c.respond(invite, 200, sdp))
	c.recv() // ACK
	d, _ := parseSDP(invite.Body)
	check, _ := stun.Build(stun.TransactionID, stun.BindingRequest, stun.NewUsername(d.ufrag+":abcd"), stun.NewShortTermIntegrity(d.pwd), stun.Fingerprint)
	_, _ = conn.Write(check.Raw)
	buf := make([]byte, 2000)
	if _, err := conn.Read(buf); err != nil {
		t.Fatal(err)
	}
	remoteFingerprint := d.fingerprint
	secure, err := dtls.Client(&connected{conn}, conn.RemoteAddr(), &dtls.Config{
		Certificates: []tls.Certificate{cert}, InsecureSkipVerify: true, ExtendedMasterSecret: dtls.RequireExtendedMasterSecret,
		SRTPProtectionProfiles: []dtls.SRTPProtectionProfile{dtls.SRTP_AES128_CM_HMAC_SHA1_80},
		VerifyPeerCertificate: func(raw [][]byte, _ [][]*x509.Certificate) error {
			if fingerprintOf(raw[0]) != remoteFingerprint {
				t.Errorf("fingerprint %s, offered %s", fingerprintOf(raw[0]), remoteFingerprint)
			}
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := secure.HandshakeContext(soon(t)); err != nil {
		t.Fatal(err)
	}
	state, _ := secure.ConnectionState()
	keys := srtp.Config{Profile: srtp.ProtectionProfileAes128CmHmacSha1_80}
	if err := keys.ExtractSessionKeysFromDTLS(&state, true); err != nil {
		t.Fatal(err)
	}
	// A close_notify that overtakes the end of the edge's handshake ends the
	// association without keys: it stays open while media flows, as a phone's does.
	defer secure.Close()
	hear(t, conn, c, call, keys)
}

// hear checks that the edge decrypts what is encrypted with keys.
func hear(t *testing.T, conn *net.UDPConn, c *client, call *Call, keys srtp.Config) {
	t.Helper()
	out, err := srtp.CreateContext(keys.Keys.LocalMasterKey, keys.Keys.LocalMasterSalt, keys.Profile)
	if err != nil {
		t.Fatal(err)
	}
	sender := audio.Sender{Tone: audio.Tone{Frequency: 850}}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for range 20 {
		<-tick.C
		var p rtp.Packet
		sender.Next(&p, nil)
		raw, _ := p.Marshal()
		sealed, err := out.EncryptRTP(nil, raw, nil)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = conn.Write(sealed)
	}
	c.media.until("what was sent at the edge", func() bool {
		m := call.Report().Legs[0].Media
		return m.Received.Packets >= 15 && m.Received.Tone > 0
	})
	m := call.Report().Legs[0].Media
	if m.Security != "dtls-srtp" || m.Received.Packets < 15 || m.Received.Tone < 845 || m.Received.Tone > 855 || m.Sent == 0 {
		t.Errorf("%+v", m)
	}
}

func selfSigned(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := ca.Template("client")
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// connected makes a net.PacketConn of a connected socket that drops media.
type connected struct{ *net.UDPConn }

func (c *connected) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		n, err := c.Read(b)
		if err != nil || n > 0 && b[0] >= 20 && b[0] <= 63 {
			return n, c.RemoteAddr(), err
		}
	}
}

func (c *connected) WriteTo(b []byte, _ net.Addr) (int, error) { return c.Write(b) }
