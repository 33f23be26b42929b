package token

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// A Gateway is the gateway token: the key and the certificate by which this
// gateway proves to the meeting service that it is one. The key is made here and
// never leaves its folder; the certificate is what the service's operator signed.
//
// One credential is active. A second one may be staged: it takes over when the
// active one has less than a day left, or when it is told to. Fill in the fields,
// then call Load. All methods are safe for concurrent use.
type Gateway struct {
	Dir    string // holds keys and certificates; made when it is missing
	Alarms Alarms // told before the certificate expires; may be nil

	mu     sync.Mutex // guards what follows
	active *credential
	staged *credential
	minted minted
}

// The files of the folder. A key and its certificate are two files of one name.
const (
	requestKey, requestCSR = "request.key", "request.csr"
	activeKey, activeCert  = "active.key", "active.pem"
	stagedKey, stagedCert  = "staged.key", "staged.pem"
)

// takeOver is how long before the end of the active certificate a staged one
// takes its place.
const takeOver = 24 * time.Hour

// ErrNoGateway says that no certificate is installed.
var ErrNoGateway = errors.New("this gateway has no certificate of the meeting service; make a request with `tandem meet-token csr`, have it signed, and install the answer")

// A GatewayStatus is what a person may know of the gateway token.
type GatewayStatus struct {
	Requested bool              `json:"requested"` // a request was made and not answered yet
	Active    CertificateStatus `json:"active"`
	Staged    CertificateStatus `json:"staged"`
}

// A CertificateStatus describes an installed certificate; the zero value is none.
type CertificateStatus struct {
	Installed bool      `json:"installed"`
	Subject   string    `json:"subject,omitempty"` // common name: the issuer of our tokens
	Issuer    string    `json:"issuer,omitempty"`
	Key       string    `json:"key,omitempty"` // "ECDSA P-256", "RSA 2048"
	From      time.Time `json:"from,omitzero"`
	Until     time.Time `json:"until,omitzero"`
}

// Request makes a new key and returns a certificate signing request for it (PEM,
// RFC 2986). What is installed goes on working; a request before this one cannot
// be answered any more. useRSA makes an RSA key of 2048 bits instead of a P-256 one.
func (g *Gateway) Request(name string, useRSA bool) ([]byte, error) {
	if name == "" {
		return nil, errors.New("a gateway token needs a name, such as the gateway's host name")
	}
	key, err := newKey(useRSA)
	if err != nil {
		return nil, fmt.Errorf("make the key: %w", err)
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: name}}, key)
	if err != nil {
		return nil, fmt.Errorf("make the request: %w", err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("write the key: %w", err)
	}
	csr := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der})
	g.mu.Lock()
	defer g.mu.Unlock()
	return csr, errors.Join(
		g.write(requestKey, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})),
		g.write(requestCSR, csr),
	)
}

func newKey(useRSA bool) (crypto.Signer, error) {
	if useRSA {
		return rsa.GenerateKey(rand.Reader, 2048)
	}
	return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
}

// Install takes the certificate the operator has signed, with its chain (PEM, in
// any order). It becomes the active one at once when there is no other that is
// valid, or when now is true; else it is staged.
func (g *Gateway) Install(chain []byte, now bool) (GatewayStatus, error) {
	certs, err := readChain(chain)
	if err != nil {
		return GatewayStatus{}, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := g.loadLocked(); err != nil {
		return GatewayStatus{}, err
	}
	c, keyPEM, err := g.matchLocked(certs)
	if err != nil {
		return GatewayStatus{}, err
	}
	if err := c.check(time.Now()); err != nil {
		return GatewayStatus{}, err
	}
	if err := errors.Join(g.write(stagedKey, keyPEM), g.write(stagedCert, c.pem())); err != nil {
		return GatewayStatus{}, err
	}
	if held, err := os.ReadFile(g.path(requestKey)); err == nil && bytes.Equal(held, keyPEM) {
		_ = os.Remove(g.path(requestKey))
		_ = os.Remove(g.path(requestCSR))
	}
	g.staged = c
	if now || g.active == nil || !g.active.valid(time.Now()) {
		err = g.promoteLocked()
	}
	return g.statusLocked(), err
}

// matchLocked finds the key of ours that the certificates are about.
func (g *Gateway) matchLocked(certs []*x509.Certificate) (*credential, []byte, error) {
	found := false
	for _, name := range []string{requestKey, stagedKey, activeKey} {
		text, err := os.ReadFile(g.path(name))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, nil, fmt.Errorf("read the key: %w", err)
		}
		key, err := readKey(text)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", g.path(name), err)
		}
		found = true
		c, err := newCredential(key, certs)
		if errors.Is(err, errOtherKey) {
			continue
		}
		return c, text, err
	}
	if !found {
		return nil, nil, errors.New("there is no key here: make a request with `tandem meet-token csr` first; the certificate must be the answer to it")
	}
	return nil, nil, errOtherKey
}

// promoteLocked makes the staged credential the active one.
func (g *Gateway) promoteLocked() error {
	err := errors.Join(
		os.Rename(g.path(stagedKey), g.path(activeKey)),
		os.Rename(g.path(stagedCert), g.path(activeCert)),
	)
	if err != nil {
		return fmt.Errorf("put the certificate in force: %w", err)
	}
	g.active, g.staged, g.minted = g.staged, nil, minted{}
	return nil
}

// Load reads the folder again; what another process has installed counts from then
// on. An empty folder is no error.
func (g *Gateway) Load() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.loadLocked()
}

func (g *Gateway) loadLocked() error {
	active, err := g.read(activeKey, activeCert)
	if err != nil {
		return err
	}
	staged, err := g.read(stagedKey, stagedCert)
	if err != nil {
		return err
	}
	if !active.equal(g.active) {
		g.minted = minted{}
	}
	g.active, g.staged = active, staged
	now := time.Now()
	if staged != nil && staged.valid(now) && (active == nil || !active.valid(now.Add(takeOver))) {
		return g.promoteLocked()
	}
	return nil
}

// read is nil for files that are not there.
func (g *Gateway) read(keyName, certName string) (*credential, error) {
	keyPEM, err := os.ReadFile(g.path(keyName))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the gateway token: %w", err)
	}
	key, err := readKey(keyPEM)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", g.path(keyName), err)
	}
	text, err := os.ReadFile(g.path(certName))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the gateway token: %w", err)
	}
	certs, err := readChain(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", g.path(certName), err)
	}
	c, err := newCredential(key, certs)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", g.path(certName), err)
	}
	return c, nil
}

// Status describes what is installed.
func (g *Gateway) Status() GatewayStatus {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.statusLocked()
}

func (g *Gateway) statusLocked() GatewayStatus {
	_, err := os.Stat(g.path(requestKey))
	return GatewayStatus{Requested: err == nil, Active: g.active.status(), Staged: g.staged.status()}
}

func (g *Gateway) path(name string) string { return filepath.Join(g.Dir, name) }

// write replaces a file at once, readable by nobody else.
func (g *Gateway) write(name string, text []byte) error {
	if err := os.MkdirAll(g.Dir, 0o700); err != nil {
		return fmt.Errorf("make the folder of the gateway token: %w", err)
	}
	f, err := os.CreateTemp(g.Dir, name+".*") // mode 0600
	if err != nil {
		return fmt.Errorf("write the gateway token: %w", err)
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), g.path(name))
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return fmt.Errorf("write the gateway token: %w", err)
	}
	return nil
}
