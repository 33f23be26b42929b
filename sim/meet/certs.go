package meet

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"time"

	"tandem/sim/ca"
)

// names is what the edge's certificate is for.
func (s *Server) names() []string {
	return []string{"meet.googleapis.com", "meetings.googleapis.com", "hangouts.clients6.google.com", "localhost", s.cfg.Bind}
}

// CAPEM is the root certificate that clients of the edge should trust.
func (s *Server) CAPEM() []byte { return ca.PEM(s.ca.Cert.Raw) }

// CertPool is [Server.CAPEM] for Go clients.
func (s *Server) CertPool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(s.ca.Cert)
	return pool
}

// GatewayCert says how a gateway's certificate is signed. The zero value is a good
// one for 60 days.
type GatewayCert struct {
	NotBefore, NotAfter time.Time
	Stranger            bool // signed by an authority the edge does not trust
}

// SignGateway signs a gateway's certificate request (PEM or DER, RFC 2986) and
// returns the chain as PEM, leaf first (MEET-S18).
func (s *Server) SignGateway(request []byte, how GatewayCert) ([]byte, error) {
	if block, _ := pem.Decode(request); block != nil {
		if !strings.Contains(block.Type, "CERTIFICATE REQUEST") {
			return nil, fmt.Errorf("the PEM block is a %s, want CERTIFICATE REQUEST", block.Type)
		}
		request = block.Bytes
	}
	csr, err := x509.ParseCertificateRequest(request)
	if err != nil {
		return nil, fmt.Errorf("certificate request: %w", err)
	}
	if err := csr.CheckSignature(); err != nil {
		return nil, fmt.Errorf("certificate request: %w", err)
	}
	if csr.Subject.CommonName == "" {
		return nil, errors.New("certificate request: the subject has no common name")
	}
	if err := checkGatewayKey(csr.PublicKey); err != nil {
		return nil, err
	}
	return s.signGateway(csr, how)
}

func (s *Server) signGateway(csr *x509.CertificateRequest, how GatewayCert) ([]byte, error) {
	t := ca.Template(csr.Subject.CommonName)
	t.Subject = csr.Subject
	t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	t.NotAfter = time.Now().Add(60 * 24 * time.Hour)
	if !how.NotBefore.IsZero() {
		t.NotBefore = how.NotBefore
	}
	if !how.NotAfter.IsZero() {
		t.NotAfter = how.NotAfter
	}
	authority := s.gatewayCA
	if how.Stranger {
		authority = s.stranger
	}
	der, err := authority.Sign(t, csr.PublicKey)
	if err != nil {
		return nil, fmt.Errorf("the gateway's certificate: %w", err)
	}
	return ca.PEM(der, authority.Cert.Raw), nil
}

// checkGatewayKey: RSA of 2048 bits or more, or P-256.
func checkGatewayKey(key crypto.PublicKey) error {
	switch k := key.(type) {
	case *rsa.PublicKey:
		if k.N.BitLen() >= 2048 {
			return nil
		}
		return fmt.Errorf("the RSA key has %d bits, want 2048 or more", k.N.BitLen())
	case *ecdsa.PublicKey:
		if k.Curve == elliptic.P256() {
			return nil
		}
		return errors.New("the elliptic curve is not P-256")
	}
	return fmt.Errorf("a %T; want RSA or P-256", key)
}

// dtlsCert is the edge's identity in DTLS: self-signed RSA with CN=hangouts, as
// public captures show it.
func dtlsCert() (*tls.Certificate, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	t := ca.Template("hangouts")
	der, err := x509.CreateCertificate(rand.Reader, t, t, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("make DTLS certificate: %w", err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}

// fingerprint is the SDP form of a certificate's hash (RFC 8122 section 5).
func fingerprint(der []byte) string {
	sum := sha256.Sum256(der)
	parts := make([]string, len(sum))
	for i, b := range sum {
		parts[i] = fmt.Sprintf("%02X", b)
	}
	return "sha-256 " + strings.Join(parts, ":")
}
