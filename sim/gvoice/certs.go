package gvoice

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"time"
)

// authority is a certificate authority made at run time.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(name string) (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	t := template(name)
	t.IsCA, t.BasicConstraintsValid = true, true
	t.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature
	der, err := x509.CreateCertificate(rand.Reader, t, t, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("make root certificate: %w", err)
	}
	cert, err := x509.ParseCertificate(der)
	return &authority{cert, key}, err
}

func template(name string) *x509.Certificate {
	serial, _ := rand.Int(rand.Reader, big.NewInt(1<<62))
	now := time.Now()
	return &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name, Organization: []string{"Simulator"}},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(240 * time.Hour),
	}
}

// server signs a certificate for exactly these names; Asterisk refuses
// wildcards (reference, section 20).
func (a *authority) server(expired bool, names ...string) (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	t := template(names[0])
	t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	t.KeyUsage = x509.KeyUsageDigitalSignature
	for _, n := range names {
		if ip := net.ParseIP(n); ip != nil {
			t.IPAddresses = append(t.IPAddresses, ip)
			continue
		}
		t.DNSNames = append(t.DNSNames, n)
	}
	if expired {
		t.NotBefore, t.NotAfter = t.NotBefore.Add(-48*time.Hour), t.NotBefore.Add(-24*time.Hour)
	}
	return a.sign(t, key)
}

func (a *authority) sign(t *x509.Certificate, key crypto.Signer) (*tls.Certificate, error) {
	der, err := x509.CreateCertificate(rand.Reader, t, a.cert, key.Public(), a.key)
	if err != nil {
		return nil, fmt.Errorf("sign certificate: %w", err)
	}
	return &tls.Certificate{Certificate: [][]byte{der, a.cert.Raw}, PrivateKey: key}, nil
}

func (a *authority) pem() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw})
}

// CAPEM is the root certificates a client should trust.
func (s *Server) CAPEM() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.ca.pem()
	for _, old := range s.oldCAs {
		out = append(out, old.pem()...)
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
	t := template("simulated device")
	t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	t.KeyUsage = x509.KeyUsageDigitalSignature
	s.mu.Lock()
	ca := s.ca
	s.mu.Unlock()
	cert, err := ca.sign(t, key)
	if err != nil {
		return nil, nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, nil, err
	}
	certPEM = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificate[0]})
	return certPEM, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}
