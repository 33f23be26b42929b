package gvoice

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/srtp/v3"

	"tandem/sim/ca"
	"tandem/sim/pipe"
)

// dtlsIdentity is the edge's DTLS certificate: RSA, self-signed (GV-S36).
type dtlsIdentity struct{ cert tls.Certificate }

func newDTLSIdentity() (dtlsIdentity, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return dtlsIdentity{}, err
	}
	t := ca.Template("simulated media")
	der, err := x509.CreateCertificate(rand.Reader, t, t, key.Public(), key)
	if err != nil {
		return dtlsIdentity{}, fmt.Errorf("make DTLS certificate: %w", err)
	}
	return dtlsIdentity{tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}}, nil
}

// fingerprintOf is the SDP form (RFC 8122 section 5).
func fingerprintOf(der []byte) string {
	sum := sha256.Sum256(der)
	out := "sha-256 "
	for i, b := range sum {
		if i > 0 {
			out += ":"
		}
		out += fmt.Sprintf("%02X", b)
	}
	return out
}

// secureMedia is DTLS-SRTP on a session (RFC 5764). open and seal are called
// with the session's mutex held.
type secureMedia struct {
	pipe *pipe.Pipe
	stop context.CancelFunc
	in   atomic.Pointer[srtp.Context]
	out  atomic.Pointer[srtp.Context]
}

const dtlsTimeout = 30 * time.Second

// startDTLS begins the handshake; it waits for the client's ClientHello unless
// the client is passive.
func startDTLS(s *session, fingerprint string, weAreClient bool) *secureMedia {
	ctx, cancel := context.WithTimeout(s.relay.srv.ctx, dtlsTimeout)
	m := &secureMedia{pipe: pipe.New(s.relay.conn4.LocalAddr(), maxPipe, s.relay.send), stop: cancel}
	s.relay.srv.work.Go(func() {
		defer cancel()
		if err := m.handshake(ctx, s, s.relay.dtls, fingerprint, weAreClient); err != nil && s.relay.srv.ctx.Err() == nil {
			s.refuse("GV-S35", "DTLS: "+err.Error())
		}
	})
	return m
}

func (m *secureMedia) handshake(ctx context.Context, s *session, id dtlsIdentity, fingerprint string, weAreClient bool) error {
	peer, err := m.peer(ctx, s, weAreClient)
	if err != nil {
		return err
	}
	config := &dtls.Config{
		Certificates:           []tls.Certificate{id.cert},
		CipherSuites:           []dtls.CipherSuiteID{dtls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256},
		SRTPProtectionProfiles: []dtls.SRTPProtectionProfile{dtls.SRTP_AES128_CM_HMAC_SHA1_80},
		ExtendedMasterSecret:   dtls.RequireExtendedMasterSecret,
		ClientAuth:             dtls.RequireAnyClientCert,
		InsecureSkipVerify:     true, // the fingerprint is what counts
		VerifyPeerCertificate: func(raw [][]byte, _ [][]*x509.Certificate) error {
			if len(raw) == 0 || !sameFingerprint(fingerprintOf(raw[0]), fingerprint) {
				return fmt.Errorf("the certificate does not match the fingerprint of the session description")
			}
			return nil
		},
	}
	open := dtls.Server
	if weAreClient {
		open = dtls.Client
	}
	c, err := open(m.pipe, peer, config)
	if err != nil {
		return err
	}
	if err := c.HandshakeContext(ctx); err != nil {
		return err
	}
	return m.serve(c, weAreClient)
}

// serve makes the SRTP keys and keeps the DTLS association until the call ends.
func (m *secureMedia) serve(c *dtls.Conn, weAreClient bool) error {
	state, ok := c.ConnectionState()
	if !ok {
		return fmt.Errorf("no keys after the handshake")
	}
	config := srtp.Config{Profile: srtp.ProtectionProfileAes128CmHmacSha1_80}
	if err := config.ExtractSessionKeysFromDTLS(&state, weAreClient); err != nil {
		return err
	}
	in, err := srtp.CreateContext(config.Keys.RemoteMasterKey, config.Keys.RemoteMasterSalt, config.Profile)
	if err != nil {
		return err
	}
	out, err := srtp.CreateContext(config.Keys.LocalMasterKey, config.Keys.LocalMasterSalt, config.Profile)
	if err != nil {
		return err
	}
	m.in.Store(in)
	m.out.Store(out)
	<-m.pipe.Closed()
	return c.Close()
}

func (m *secureMedia) feed(b []byte, from netip.AddrPort) { m.pipe.Feed(b, from) }

func (m *secureMedia) open(b []byte) ([]byte, bool) {
	c := m.in.Load()
	if c == nil {
		return nil, false
	}
	var plain []byte
	var err error
	if len(b) > 1 && b[1] >= 192 && b[1] <= 223 {
		plain, err = c.DecryptRTCP(nil, b, nil)
	} else {
		plain, err = c.DecryptRTP(nil, b, nil)
	}
	return plain, err == nil
}

func (m *secureMedia) seal(b []byte) ([]byte, bool) {
	c := m.out.Load()
	if c == nil {
		return nil, false
	}
	out, err := c.EncryptRTP(nil, b, nil)
	return out, err == nil
}

func (m *secureMedia) close() {
	m.stop()
	_ = m.pipe.Close()
}

// peer waits until it is known where to send.
func (m *secureMedia) peer(ctx context.Context, s *session, weAreClient bool) (net.Addr, error) {
	for {
		s.mu.Lock()
		pair := s.pair
		s.mu.Unlock()
		if weAreClient && pair.IsValid() {
			m.pipe.Toward(pair)
			return m.pipe.Peer(), nil
		}
		select {
		case <-m.pipe.Began():
			return m.pipe.Peer(), nil
		case <-ctx.Done():
			return nil, fmt.Errorf("no ClientHello came: %w", ctx.Err())
		case <-m.pipe.Closed():
			return nil, net.ErrClosed
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// maxPipe is how many packets wait for DTLS.
const maxPipe = 32
