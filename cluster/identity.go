package cluster

import (
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"time"
)

// MinSecret is the least length of a cluster's secret, in bytes.
const MinSecret = 16

// An Identity is how one machine shows the others who it is: mutual TLS, with
// certificates of an authority that is made of the cluster's secret. Who knows the
// secret is a machine of the cluster; nobody else can talk to one.
type Identity struct {
	Name string
	CA   *x509.Certificate
	cert tls.Certificate
}

// NewIdentity makes the identity of the machine called name.
func NewIdentity(secret, name string) (*Identity, error) {
	if len(secret) < MinSecret {
		return nil, fmt.Errorf("the cluster's secret has %d characters, it needs at least %d", len(secret), MinSecret)
	}
	seed, err := hkdf.Key(sha256.New, []byte(secret), nil, "tandem cluster authority", ed25519.SeedSize)
	if err != nil {
		return nil, err
	}
	authority := ed25519.NewKeyFromSeed(seed)
	ca, err := authorityCert(authority)
	if err != nil {
		return nil, err
	}
	public, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	leaf := &x509.Certificate{
		SerialNumber: serial(),
		Subject:      pkix.Name{CommonName: name},
		DNSNames:     []string{ServerName(name)},
		NotBefore:    authorityBegins(), NotAfter: authorityEnds(), // clocks of machines may differ
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, leaf, ca, public, authority)
	if err != nil {
		return nil, err
	}
	return &Identity{name, ca, tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}}, nil
}

// The authority is the same on all machines, to the last bit.
func authorityCert(key ed25519.PrivateKey) (*x509.Certificate, error) {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "Tandem cluster"},
		NotBefore:    authorityBegins(), NotAfter: authorityEnds(),
		KeyUsage: x509.KeyUsageCertSign, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(nil, template, template, key.Public(), key) // Ed25519 needs no chance
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

func authorityBegins() time.Time { return time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC) }
func authorityEnds() time.Time   { return time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC) }

func serial() *big.Int {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return new(big.Int).SetBytes(b[:])
}

// ServerName is the name in the certificate of the machine called name.
func ServerName(name string) string {
	h := sha256.Sum256([]byte(name))
	return hex.EncodeToString(h[:16]) + ".node.tandem.invalid"
}

func (id *Identity) roots() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(id.CA)
	return pool
}

// Server is for the listener that takes other machines' connections, and no others.
func (id *Identity) Server() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{id.cert},
		ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: id.roots(),
		SessionTicketsDisabled: true, // every connection shows its certificate
	}
}

// Client is for connections to other machines; set its ServerName by [ServerName].
func (id *Identity) Client() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{id.cert}, RootCAs: id.roots()}
}

var errNotOurs = errors.New("the far end is no machine of the cluster")

// Peer returns which machine is at the far end of a TLS connection that was made
// with Server or Client.
func (id *Identity) Peer(s *tls.ConnectionState) (name string, err error) {
	if s == nil || len(s.VerifiedChains) == 0 {
		return "", errNotOurs
	}
	chain := s.VerifiedChains[0]
	if !chain[len(chain)-1].Equal(id.CA) || chain[0].Subject.CommonName == "" {
		return "", errNotOurs
	}
	return chain[0].Subject.CommonName, nil
}
