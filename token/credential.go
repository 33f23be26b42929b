package token

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"time"
)

// A credential is a key with the certificate chain that speaks for it.
type credential struct {
	key   crypto.Signer
	chain []*x509.Certificate // the leaf first
}

const maxChain = 10 // certificates

// What is wrong with a certificate, as a person can mend it.
var (
	errOtherKey = errors.New("the certificate is for another key than the ones of this gateway; install the answer to the request that was made here last (`tandem meet-token csr` makes a new one)")
	errIsCSR    = errors.New("this is the request, not its answer: send it to the operator of the meeting service and install the certificate that comes back")
	errIsKey    = errors.New("this is a private key; install the certificate, and keep the key to yourself")
)

// readChain reads the certificates of a PEM text.
func readChain(text []byte) ([]*x509.Certificate, error) {
	var out []*x509.Certificate
	for rest := text; ; {
		var b *pem.Block
		if b, rest = pem.Decode(rest); b == nil {
			break
		}
		switch b.Type {
		case "CERTIFICATE":
		case "CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST":
			return nil, errIsCSR
		case "PRIVATE KEY", "EC PRIVATE KEY", "RSA PRIVATE KEY", "ENCRYPTED PRIVATE KEY":
			return nil, errIsKey
		default:
			continue
		}
		c, err := x509.ParseCertificate(b.Bytes)
		if err != nil {
			return nil, fmt.Errorf("the certificate cannot be read: %w", err)
		}
		if len(out) == maxChain {
			return nil, fmt.Errorf("there are more than %d certificates", maxChain)
		}
		out = append(out, c)
	}
	if len(out) == 0 {
		return nil, errors.New("there is no certificate in PEM form (-----BEGIN CERTIFICATE-----) in it")
	}
	return out, nil
}

func readKey(text []byte) (crypto.Signer, error) {
	b, _ := pem.Decode(text)
	if b == nil {
		return nil, errors.New("there is no key in PEM form in it")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(b.Bytes)
	if err != nil {
		return nil, errors.New("the key cannot be read; it is not PKCS #8")
	}
	switch key := parsed.(type) {
	case *ecdsa.PrivateKey:
		if key.Curve == elliptic.P256() {
			return key, nil
		}
	case *rsa.PrivateKey:
		if key.N.BitLen() >= 2048 {
			return key, nil
		}
	}
	return nil, errors.New("the key is neither P-256 nor RSA of 2048 bits or more")
}

// newCredential puts the chain in order: the certificate of the key, its issuer,
// the issuer's issuer. Others are left out.
func newCredential(key crypto.Signer, certs []*x509.Certificate) (*credential, error) {
	mine := func(c *x509.Certificate) bool { return samePublic(c.PublicKey, key.Public()) }
	i := slices.IndexFunc(certs, mine)
	if i < 0 {
		return nil, errOtherKey
	}
	c := &credential{key: key, chain: []*x509.Certificate{certs[i]}}
	for last := certs[i]; len(c.chain) <= len(certs) && !selfSigned(last); {
		issuer := slices.IndexFunc(certs, func(o *x509.Certificate) bool {
			return bytes.Equal(o.RawSubject, last.RawIssuer) && last.CheckSignatureFrom(o) == nil
		})
		if issuer < 0 {
			break // the root need not be there
		}
		last = certs[issuer]
		c.chain = append(c.chain, last)
	}
	return c, nil
}

func samePublic(a, b any) bool {
	k, ok := a.(interface{ Equal(crypto.PublicKey) bool })
	return ok && k.Equal(b)
}

func selfSigned(c *x509.Certificate) bool { return bytes.Equal(c.RawSubject, c.RawIssuer) }

// check says what speaks against installing the credential.
func (c *credential) check(now time.Time) error {
	leaf := c.chain[0]
	switch {
	case leaf.Subject.CommonName == "":
		return errors.New("the certificate has no common name; the meeting service knows the gateway by it")
	case leaf.IsCA:
		return errors.New("the certificate is an authority's own; install the one that was made for this gateway")
	case leaf.KeyUsage != 0 && leaf.KeyUsage&x509.KeyUsageDigitalSignature == 0:
		return errors.New("the certificate is not made for digital signatures (key usage digitalSignature)")
	}
	for _, cert := range c.chain {
		if now.After(cert.NotAfter) {
			return fmt.Errorf("the certificate of %s expired on %s", cert.Subject.CommonName, cert.NotAfter.Format(time.DateOnly))
		}
	}
	return nil
}

// valid reports whether every certificate of the chain is valid at an instant.
func (c *credential) valid(at time.Time) bool {
	for _, cert := range c.chain {
		if at.Before(cert.NotBefore) || at.After(cert.NotAfter) {
			return false
		}
	}
	return true
}

// until is when the first certificate of the chain expires.
func (c *credential) until() time.Time {
	end := c.chain[0].NotAfter
	for _, cert := range c.chain[1:] {
		if cert.NotAfter.Before(end) {
			end = cert.NotAfter
		}
	}
	return end
}

func (c *credential) equal(o *credential) bool {
	if c == nil || o == nil {
		return c == o
	}
	return slices.EqualFunc(c.chain, o.chain, (*x509.Certificate).Equal)
}

func (c *credential) pem() []byte {
	var out []byte
	for _, cert := range c.chain {
		out = append(out, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})...)
	}
	return out
}

func (c *credential) status() CertificateStatus {
	if c == nil {
		return CertificateStatus{}
	}
	kind := "ECDSA P-256"
	if k, ok := c.key.(*rsa.PrivateKey); ok {
		kind = fmt.Sprintf("RSA %d", k.N.BitLen())
	}
	leaf := c.chain[0]
	return CertificateStatus{
		Installed: true, Subject: leaf.Subject.CommonName, Issuer: leaf.Issuer.CommonName,
		Key: kind, From: leaf.NotBefore, Until: c.until(),
	}
}
