package meet

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/pion/dtls/v3"
	dtlscurve "github.com/pion/dtls/v3/pkg/crypto/elliptic"
	"github.com/pion/srtp/v3"

	"tandem/internal/pipe"
)

// cipherSuites serve RSA and ECDSA certificates of the service.
var cipherSuites = [...]dtls.CipherSuiteID{
	dtls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, dtls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
	dtls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, dtls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
}

// curves begin with the one that is fastest here; every WebRTC peer has it (RFC 8827 §6.5).
var curves = [...]dtlscurve.Curve{dtlscurve.P256, dtlscurve.X25519, dtlscurve.P384}

// srtpProfiles are those of the contract (5), the fastest first; the service chooses.
var srtpProfiles = [...]dtls.SRTPProtectionProfile{
	dtls.SRTP_AEAD_AES_128_GCM, dtls.SRTP_AEAD_AES_256_GCM, dtls.SRTP_AES128_CM_HMAC_SHA1_80,
}

// handshake is DTLS-SRTP as a client (RFC 5764). The connection is returned with
// an error, too, so that it is closed.
func (l *link) handshake(ctx context.Context) (*dtls.Conn, error) {
	check := func(chain [][]byte, _ [][]*x509.Certificate) error { return verify(l.fingerprints, chain) }
	conn, err := dtls.ClientWithOptions(l.records, &net.UDPAddr{IP: net.IPv4zero}, // the pipe knows where to
		dtls.WithCertificates(l.conf.certificate), dtls.WithLoggerFactory(pipe.Quiet()),
		dtls.WithInsecureSkipVerify(true), // the fingerprint says more than any authority
		dtls.WithVerifyPeerCertificate(check), dtls.WithExtendedMasterSecret(dtls.RequireExtendedMasterSecret),
		dtls.WithCipherSuites(cipherSuites[:]...), dtls.WithSRTPProtectionProfiles(srtpProfiles[:]...),
		dtls.WithEllipticCurves(curves[:]...),
		dtls.WithFlightInterval(200*time.Millisecond),
	)
	if err != nil {
		return nil, err
	}
	if err := conn.HandshakeContext(ctx); err != nil {
		return conn, err
	}
	return conn, l.install(conn)
}

// install derives the SRTP keys (RFC 5764 §4.2) and puts them in force.
func (l *link) install(conn *dtls.Conn) error {
	chosen, ok := conn.SelectedSRTPProtectionProfile()
	state, ok2 := conn.ConnectionState()
	if !ok || !ok2 {
		return errors.New("the meeting service agreed to no SRTP profile")
	}
	c := srtp.Config{Profile: srtp.ProtectionProfile(chosen)} // the numbers are one registry's
	if err := c.ExtractSessionKeysFromDTLS(&state, true); err != nil {
		return err
	}
	in, err := newContext(c.Profile, c.Keys.RemoteMasterKey, c.Keys.RemoteMasterSalt)
	if err != nil {
		return err
	}
	out, err := newContext(c.Profile, c.Keys.LocalMasterKey, c.Keys.LocalMasterSalt)
	if err != nil {
		return err
	}
	l.in.Lock()
	l.keysIn = in
	l.in.Unlock()
	l.keysOut.Store(out)
	return nil
}

// verify checks a certificate chain's first certificate against the SDP.
func verify(want []string, chain [][]byte) error {
	if len(chain) == 0 {
		return errors.New("the meeting service sent no DTLS certificate")
	}
	got := fingerprint(chain[0])
	if slices.ContainsFunc(want, func(f string) bool { return strings.EqualFold(f, got) }) {
		return nil
	}
	return errors.New("the meeting service's DTLS certificate is not the one its answer announced")
}

// fingerprint is a certificate's, in SDP's form (RFC 8122).
func fingerprint(der []byte) string {
	sum := sha256.Sum256(der)
	parts := make([]string, len(sum))
	for i, b := range sum {
		parts[i] = fmt.Sprintf("%02X", b)
	}
	return strings.Join(parts, ":")
}

// newIdentity makes the certificate of a connector's DTLS associations. It says
// nothing about the machine.
func newIdentity() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "WebRTC"},
		NotBefore: time.Now().Add(-24 * time.Hour), NotAfter: time.Now().AddDate(5, 0, 0),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}
