package gvoice

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"time"

	"tandem/sim/ca"
)

// certLife is for how long certificates of this edge are good.
const certLife = 240 * time.Hour

// serverCert signs a certificate for exactly these names.
func serverCert(a *ca.Authority, expired bool, names ...string) (*tls.Certificate, error) {
	return a.Server(func(t *x509.Certificate) {
		t.NotAfter = time.Now().Add(certLife)
		if expired {
			t.NotBefore, t.NotAfter = t.NotBefore.Add(-48*time.Hour), t.NotBefore.Add(-24*time.Hour)
		}
	}, names...)
}

// CAPEM is the root certificates a client should trust.
func (s *Server) CAPEM() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := ca.PEM(s.ca.Cert.Raw)
	for _, old := range s.oldCAs {
		out = append(out, ca.PEM(old.Cert.Raw)...)
	}
	return out
}

// CertPool is [Server.CAPEM] for Go clients.
func (s *Server) CertPool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(s.CAPEM())
	return pool
}

// ClientKey is the kind of a client certificate's key.
type ClientKey string

// The kinds of keys; OBi devices have RSA-1024 (GV-S2).
const (
	ClientRSA1024 ClientKey = "rsa1024"
	ClientRSA2048 ClientKey = "rsa2048"
	ClientECDSA   ClientKey = "ecdsa"
)

// ClientCertificate makes a client certificate that the obihai hosts accept,
// as PEM. It is signed by the simulator's own authority.
func (s *Server) ClientCertificate(kind ClientKey) (certPEM, keyPEM []byte, err error) {
	var key crypto.Signer
	switch kind {
	case ClientRSA1024:
		key, err = rsa.GenerateKey(rand.Reader, 1024)
	case ClientRSA2048, "":
		key, err = rsa.GenerateKey(rand.Reader, 2048)
	case ClientECDSA:
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	default:
		return nil, nil, fmt.Errorf("client key %q: want rsa1024, rsa2048 or ecdsa", kind)
	}
	if err != nil {
		return nil, nil, err
	}
	t := ca.Template("simulated device")
	t.NotAfter = time.Now().Add(certLife)
	t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	s.mu.Lock()
	authority := s.ca
	s.mu.Unlock()
	cert, err := authority.Sign(t, key.Public())
	if err != nil {
		return nil, nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, nil, err
	}
	return ca.PEM(cert), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}
