package meet

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/sctp"
	"github.com/pion/srtp/v3"

	"tandem/sim/pipe"
)

// secure is DTLS-SRTP (RFC 5764) and SCTP over it; it returns when the session ends.
func (s *session) secure() {
	defer s.pipe.Close()
	conn, err := s.handshake()
	if err != nil {
		if s.ctx.Err() == nil {
			s.mu.Lock()
			s.dtlsError = err.Error()
			s.mu.Unlock()
			s.dev.violation("MEET-S7", "refused", "DTLS handshake", err.Error())
			s.dev.lost("the DTLS handshake failed")
		}
		return
	}
	s.mux.srv.spawn(func() {
		<-s.ctx.Done()
		_ = conn.Close()
	})
	defer s.close()
	if s.ctx.Err() != nil { // the server closes: nothing watches ctx for us
		_ = conn.Close()
		return
	}
	assoc, err := sctp.ServerWithOptions(sctp.WithNetConn(conn), sctp.WithLoggerFactory(quiet{}),
		sctp.WithMaxMessageSize(maxMessage), sctp.WithMaxReceiveBufferSize(4*maxMessage))
	if err != nil {
		s.dev.lost("SCTP did not come up")
		return
	}
	s.dev.acceptChannels(assoc)
	_ = assoc.Close()
	s.dev.lost("the client closed the DTLS association")
}

func (s *session) handshake() (*dtls.Conn, error) {
	peer, err := s.peer()
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	want := s.offer.get(s.offer.sections[0], "fingerprint")
	s.mu.Unlock()
	config := &dtls.Config{
		Certificates:         []tls.Certificate{*s.mux.cert},
		CipherSuites:         []dtls.CipherSuiteID{dtls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256},
		ExtendedMasterSecret: dtls.RequireExtendedMasterSecret,
		ClientAuth:           dtls.RequireAnyClientCert,
		InsecureSkipVerify:   true, // the fingerprint is what counts
		LoggerFactory:        quiet{},
		SRTPProtectionProfiles: []dtls.SRTPProtectionProfile{
			dtls.SRTP_AEAD_AES_256_GCM, dtls.SRTP_AEAD_AES_128_GCM, dtls.SRTP_AES128_CM_HMAC_SHA1_80,
		},
		VerifyPeerCertificate: func(raw [][]byte, _ [][]*x509.Certificate) error {
			if len(raw) == 0 || !strings.EqualFold(fingerprint(raw[0]), want) {
				return errors.New("the certificate does not match the fingerprint of the offer")
			}
			return nil
		},
	}
	conn, err := dtls.Server(s.pipe.Unclosed(), peer, config)
	if err != nil {
		return nil, err
	}
	if err := conn.HandshakeContext(s.ctx); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	if err := s.keys(conn); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

var srtpProfiles = map[dtls.SRTPProtectionProfile]srtp.ProtectionProfile{
	dtls.SRTP_AEAD_AES_256_GCM:       srtp.ProtectionProfileAeadAes256Gcm,
	dtls.SRTP_AEAD_AES_128_GCM:       srtp.ProtectionProfileAeadAes128Gcm,
	dtls.SRTP_AES128_CM_HMAC_SHA1_80: srtp.ProtectionProfileAes128CmHmacSha1_80,
}

// keys makes the SRTP contexts.
func (s *session) keys(conn *dtls.Conn) error {
	chosen, ok := conn.SelectedSRTPProtectionProfile()
	if !ok {
		return errors.New("no SRTP profile in common (use_srtp, RFC 5764)")
	}
	state, ok := conn.ConnectionState()
	if !ok {
		return errors.New("no keys after the handshake")
	}
	config := srtp.Config{Profile: srtpProfiles[chosen]}
	if err := config.ExtractSessionKeysFromDTLS(&state, false); err != nil {
		return err
	}
	in, err := srtp.CreateContext(config.Keys.RemoteMasterKey, config.Keys.RemoteMasterSalt, config.Profile, srtp.SRTPReplayProtection(1024), srtp.SRTCPReplayProtection(1024))
	if err != nil {
		return err
	}
	out, err := srtp.CreateContext(config.Keys.LocalMasterKey, config.Keys.LocalMasterSalt, config.Profile)
	if err != nil {
		return err
	}
	s.in.open(in)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.out, s.secured = out, time.Now()
	s.profile = fmt.Sprint(config.Profile)
	return nil
}

// maxPipe is how many packets wait for DTLS.
const maxPipe = 256

func newPacketPipe(s *session) *pipe.Pipe {
	return pipe.New(s.mux.conn.LocalAddr(), maxPipe, func(b []byte, to netip.AddrPort) {
		if _, silent := s.mux.srv.fault(DTLSSilent, s.dev); !silent && !s.silent.Load() {
			s.send(b, to)
		}
	})
}

// peer waits for the ClientHello and says where it came from.
func (s *session) peer() (net.Addr, error) {
	select {
	case <-s.pipe.Began():
		return s.pipe.Peer(), nil
	case <-s.ctx.Done():
		return nil, fmt.Errorf("no ClientHello came: %w", s.ctx.Err())
	case <-s.pipe.Closed():
		return nil, net.ErrClosed
	}
}
